"""Connections that threads borrow, one thread each at a time, and the transactions on them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artifact_tui.clients.local.trouble import told
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from artifact_tui.clients.local.layout import Layout

_KEEP = 4
"""Idle connections kept open."""


class Pool:
    """Opens connections when needed and keeps a few of them."""

    def __init__(self, layout: Layout, opener: Callable[[], sqlite3.Connection]) -> None:
        self._layout = layout
        self._opener = opener
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise RegistryError(f"{self._layout.root} was closed.", hint="Open it again.")
            if self._idle:
                return self._idle.pop()
        return self._opener()

    def _give(self, conn: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed and len(self._idle) < _KEEP:
                self._idle.append(conn)
                return
        conn.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        conn = self._take()
        try:
            with told(self._layout):
                conn.execute(begin)
                try:
                    yield conn
                    conn.execute("COMMIT")
                except BaseException:
                    if conn.in_transaction:
                        conn.execute("ROLLBACK")
                    raise
        finally:
            self._give(conn)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """One unchanging view of the database for as long as the block lasts."""
        return self._transaction("BEGIN")

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction: all of it happens when the block ends well, nothing otherwise."""
        return self._transaction("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Close what is idle now, and the rest as it comes back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()
