"""What a connection to W&B may be told: who we are, how fast, how patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.clients.web.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.clients.storage.settings import StorageSettings

USUAL_AT_ONCE = 32
"""Requests at once, at most, when nothing else is configured."""

MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Options:
    """How to speak to one server; times in seconds, sizes in bytes."""

    key: Secret = field(default_factory=lambda: Secret(""))
    """The API key; empty with `token_file`, or to ask as nobody."""
    key_place: str = ""
    """Where the key or the token file was named, for the sentence that asks for another."""
    token_file: Path | None = None
    """A file with an identity token (JWT), which is exchanged for access tokens."""
    notices: tuple[str, ...] = ()
    """What the user should know about the credentials, in whole sentences."""
    admin: bool = False
    """Send `Use-Admin-Privileges`."""
    registries: bool = True
    """With the address of an entity, list the registries of its organisation too."""
    concurrency: int = USUAL_AT_ONCE
    """Requests at once, at most: the pace starts with few."""
    batch: bool = True
    """Several deletions in one document, where the server bears it."""
    ca_file: Path | None = None
    """Certificates of a private authority, trusted beside the usual ones."""
    connect_s: float = 10.0
    answer_s: float = 60.0
    """Longest silence of the server."""
    whole_s: float = 120.0
    """Longest duration of one request with its whole answer."""
    answer_limit: int = 64_000_000
    """Largest decoded answer."""
    storage: StorageSettings | None = None
    """The bucket of a self-hosted server, when it is configured: only looked at."""
