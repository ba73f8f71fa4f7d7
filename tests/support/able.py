"""A client that can do what a test says, and does nothing."""

from __future__ import annotations

from artifact_tui.clients.base import Client


class Able(Client):
    """It can do these things, and its listing tells these."""

    def __init__(self, *able: str, tells: tuple[str, ...] = (), freeing: str = "") -> None:
        self._able = able
        self.tells = frozenset(tells)
        self.freeing = freeing

    def can(self, what: str, of_type: str = "") -> bool:
        del of_type
        return hasattr(Client, what) and what in self._able


LIKE_LOCAL = Able("restore", "purge", "collect_garbage", tells=("trash",))
