"""Connections that threads borrow, one thread each at a time, and the transactions on them."""

from __future__ import annotations

import threading
import uuid
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from artifact_tui import places, room
from artifact_tui.clients.local.trouble import told
from artifact_tui.errors import ArtifactTuiError, NoRoomError, RegistryError, UncertainError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from artifact_tui.clients.local.layout import Layout

_MARK = "INSERT OR REPLACE INTO meta(name, value) VALUES('last_write', ?)"
_MARKED = "SELECT 1 FROM meta WHERE name = 'last_write' AND value = ?"
_KEEP = 4
"""Idle connections kept open."""

T = TypeVar("T")


class Pool:
    """Opens connections when needed and keeps a few of them."""

    def __init__(
        self,
        layout: Layout,
        opener: Callable[[], sqlite3.Connection],
        spare: Callable[[], sqlite3.Connection] | None = None,
    ) -> None:
        """A pool of the connections that `opener` gives.

        Args:
            layout: the registry they are to.
            opener: opens one.
            spare: opens one that can only read, where the disk lacks room for more.
        """
        self._layout = layout
        self._opener = opener
        self._spare = spare
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise RegistryError(f"{self._layout.root} was closed.", hint="Open it again.")
            if self._idle:
                return self._idle.pop()
        return self._with_reserve(self._opener)

    def _give(self, conn: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed and len(self._idle) < _KEEP:
                self._idle.append(conn)
                return
        conn.close()

    def _with_reserve(self, work: Callable[[], T]) -> T:
        return room.with_reserve(work, self._layout.root, *places.reserves())

    @contextmanager
    def _borrowed(self, *, spare: bool) -> Iterator[sqlite3.Connection]:
        """A connection of the pool; with `spare`, one of its own where there is no room for it."""
        try:
            conn = self._take()
        except NoRoomError:
            if self._spare is None or not spare:
                raise
            with closing(self._spare()) as conn:
                yield conn
            return
        try:
            yield conn
        finally:
            self._give(conn)

    @contextmanager
    def _transaction(self, begin: str, *, spare: bool = False) -> Iterator[sqlite3.Connection]:
        with self._borrowed(spare=spare) as conn, told(self._layout):
            conn.execute(begin)
            try:
                yield conn
                conn.execute("COMMIT")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """One unchanging view of the database for as long as the block lasts."""
        return self._transaction("BEGIN", spare=True)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it happens when the block ends well, nothing otherwise.

        Each leaves a mark of its own: a commit that failed at the end is looked at again.

        Raises:
            UncertainError: the commit failed, and nobody can look whether it was done.
        """
        mark, marked = uuid.uuid4().hex, False
        try:
            with self._transaction("BEGIN IMMEDIATE") as conn:
                yield conn
                conn.execute(_MARK, (mark,))
                marked = True
        except ArtifactTuiError as error:
            if not marked or not self._is_there(mark, error):
                raise

    def _is_there(self, mark: str, error: ArtifactTuiError) -> bool:
        """Whether the transaction with this mark was done, although an error came."""
        try:
            with closing(self._opener()) as conn, told(self._layout):
                return conn.execute(_MARKED, (mark,)).fetchone() is not None
        except ArtifactTuiError:
            if isinstance(error, NoRoomError):
                return False  # what found no room was not written
            raise UncertainError(
                f"{self._layout.db} could not be written to the end, nor read again: whether this"
                " was done is not known.",
                hint=f"Look when the disk is well again. The first trouble was: {error}",
            ) from error

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in a transaction; on a full disk with the room that the reserve gives."""

        def once() -> T:
            with self.writing() as conn:
                return work(conn)

        def in_the_log_there_is() -> T:
            try:
                return once()
            except NoRoomError:
                with self._borrowed(spare=False) as conn, told(self._layout):
                    conn.execute("PRAGMA wal_checkpoint(PASSIVE)")
                return once()  # the log is written from its beginning again

        return self._with_reserve(in_the_log_there_is)

    def close(self) -> None:
        """Close what is idle now, and the rest as it comes back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()
