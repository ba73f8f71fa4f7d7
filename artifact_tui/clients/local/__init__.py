"""The embedded registry: SQLite and content-addressed blobs in one folder."""

from artifact_tui.clients.local.client import LocalClient
from artifact_tui.clients.local.kind import KIND, create, open_registry

__all__ = ["KIND", "LocalClient", "create", "open_registry"]
