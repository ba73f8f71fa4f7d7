"""Which registries can change what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from artifact_tui.clients.base import Editable

if TYPE_CHECKING:
    from artifact_tui.clients.base import Client

    What = Literal["aliases", "tags", "ttl"]


def editor(client: Client, *whats: What) -> Editable | None:
    """The client as one that can change any of these; None when it cannot."""
    can = client.capabilities
    able = {"aliases": can.edit_aliases, "tags": can.edit_tags, "ttl": can.edit_ttl}
    if not isinstance(client, Editable) or not any(able[what] for what in whats):
        return None
    return client
