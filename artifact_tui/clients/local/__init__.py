"""The embedded registry: SQLite and content-addressed blobs in one folder."""

from artifact_tui.clients.local.local_client import KIND, LocalClient, create, open_registry

__all__ = ["KIND", "LocalClient", "create", "open_registry"]
