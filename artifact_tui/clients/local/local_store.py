"""An open embedded registry: its connections and its transactions.

Several processes and threads may use one registry at once; a connection belongs to one thread at a
time. What is done with one is in `local_reading`, `local_edits`, `local_trash`, `adding`, `fsck`.
"""

from __future__ import annotations

import getpass
import os
import threading
import uuid
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from artifact_tui import config, database
from artifact_tui.clients.local import local_database, local_folder, local_trash
from artifact_tui.clients.local.local_folder import Layout, our_errors
from artifact_tui.database import without_locks
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ArtifactTuiError,
    NoRoomError,
    ReadOnlyError,
    RegistryError,
    UncertainError,
)
from artifact_tui.model import Outcome, Result, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from sqlite3 import Connection


_IDLE_KEPT = 4
"""Idle connections kept open."""

_MARK = "INSERT OR REPLACE INTO meta(name, value) VALUES('last_write', ?)"
_MARKED = "SELECT 1 FROM meta WHERE name = 'last_write' AND value = ?"

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


class LocalStore:
    """One open registry."""

    page_size = 1000
    """Versions on a page of its listing."""

    def __init__(
        self,
        layout: Layout,
        *,
        read_only: bool = False,
        actor: str = "",
        clock: Callable[[], int] = now_us,
    ) -> None:
        """Open a registry that is there; nothing in it is changed.

        Args:
            layout: where it lies.
            read_only: True refuses every write.
            actor: recorded with what is deleted; the user's name unless given.
            clock: gives the time now, in microseconds.

        Raises:
            NotFoundError: there is no registry.
            RegistryError: it cannot be used.
        """
        self.layout = layout
        self.clock = clock
        self.actor = actor or _user()
        self._opened_read_only = read_only
        self._no_locks = without_locks(layout.root)
        places = (layout.root, layout.db, layout.blobs, layout.tmp)
        self.unwritable = ""
        """Why nothing can be written here, when it is the file system: words for people."""
        if self._no_locks:
            self.unwritable = "its file system has no locks"
        elif not all(os.access(place, os.W_OK) for place in places if place.exists()):
            self.unwritable = "you may not write to its folder"
        self.read_only = read_only or bool(self.unwritable)
        self._idle: list[Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        with our_errors(layout):
            local_database.check_file(layout)
        if self.read_only:
            local_database.read_copy_of_older(layout)
        database.know_reserve(layout.root)
        if not self.read_only:
            database.make_reserve(layout.root)
        try:
            with self.reading() as conn:
                rows = dict(conn.execute("SELECT name, value FROM meta"))
        except BaseException:
            self.close()
            raise
        self.uid = str(rows.get("uid", ""))

    @classmethod
    def create(
        cls,
        root: str | os.PathLike[str],
        *,
        actor: str = "",
        clock: Callable[[], int] = now_us,
    ) -> Self:
        """Open the registry at a folder for writing, made when it is not there.

        Raises:
            UsageError: the folder holds other files.
            RegistryError: it cannot be made or used.
        """
        layout = Layout(root)
        local_database.make_registry(layout, clock())
        return cls(layout, actor=actor, clock=clock)

    def check_writable(self) -> None:
        """Refuse to go on in a registry that may only be read.

        Raises:
            ReadOnlyError: it may only be read.
        """
        if self._opened_read_only:
            raise ReadOnlyError(
                f"{self.layout.root} is open for reading only. Nothing was changed.",
                hint=READ_ONLY_HINT,
            )
        if self._no_locks:
            raise local_folder.no_locks(self.layout, self._no_locks)
        if self.read_only:
            raise local_folder.write_denied(self.layout, ": the folder is not writable")

    def close(self) -> None:
        """Close the connections that are idle now, and the rest as they come back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()

    def _open(self) -> Connection:
        if self.read_only:
            return local_database.open_for_reading(self.layout)
        return local_database.open_for_writing(self.layout)

    @contextmanager
    def _connection(self, *, spare: bool = False) -> Iterator[Connection]:
        """A connection for one thread; with `spare`, one that only reads where there is no room."""
        with self._guard:
            if self._closed:
                raise RegistryError(f"{self.layout.root} was closed.", hint="Open it again.")
            conn = self._idle.pop() if self._idle else None
        kept = True
        if conn is None:
            try:
                conn = config.with_reserve(self._open, self.layout.root)
            except NoRoomError:
                if not spare or self.read_only:
                    raise
                conn, kept = local_database.open_for_reading(self.layout), False
        try:
            yield conn
        finally:
            with self._guard:
                kept = kept and not self._closed and len(self._idle) < _IDLE_KEPT
                if kept:
                    self._idle.append(conn)
            if not kept:
                conn.close()

    @contextmanager
    def _transaction(self, begin: str, *, spare: bool = False) -> Iterator[Connection]:
        with self._connection(spare=spare) as conn, our_errors(self.layout):
            conn.execute(begin)
            try:
                yield conn
                conn.execute("COMMIT")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise

    def reading(self) -> AbstractContextManager[Connection]:
        """One unchanging view of the database for as long as the block lasts."""
        return self._transaction("BEGIN", spare=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it happens when the block ends well, nothing otherwise.

        Each leaves a mark of its own: a commit that failed at the end is looked at again.

        Raises:
            ReadOnlyError: this registry may only be read.
            UncertainError: the commit failed, and nobody can look whether it was done.
        """
        self.check_writable()
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
            with closing(self._open()) as conn, our_errors(self.layout):
                return conn.execute(_MARKED, (mark,)).fetchone() is not None
        except ArtifactTuiError:
            if isinstance(error, NoRoomError):
                return False  # what found no room was not written
            raise UncertainError(
                f"{self.layout.db} could not be written to the end, nor read again: whether this"
                " was done is not known.",
                hint=f"Look when the disk is well again. The first trouble was: {error}",
            ) from error

    def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do work in a transaction; on a full disk with every bit of room that can be made.

        Raises:
            ReadOnlyError: this registry may only be read.
            NoRoomError: there is no room, and none could be made.
        """

        def once() -> T:
            with self.writing() as conn:
                return work(conn, *args, **kwargs)

        return database.with_room(once, self.layout.root, self._more_room())

    def _more_room(self) -> Iterator[None]:
        """Make some room at each step: in the log, of a reserve, of what adds and sweeps left."""
        self._empty_log()
        yield
        for _ in config.spent_reserve(self.layout.root):
            yield
            self._empty_log()
            yield
        if local_trash.remove_leftovers(self):
            yield
            self._empty_log()
            yield

    def _empty_log(self) -> None:
        """Have the log written from its beginning again."""
        with suppress(NoRoomError), self._connection() as conn, our_errors(self.layout):
            conn.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def write_in_parts(
        self,
        items: Sequence[S],
        work: Callable[[Connection, Sequence[S]], list[Outcome]],
        *,
        key: Callable[[S], str],
        most: int = 0,
    ) -> list[Outcome]:
        """Do work on items in as few transactions as the disk has room for; the rest has failed.

        Raises:
            NoRoomError: there is no room to do it for one of them.
        """
        outcomes: list[Outcome] = []
        size = most or max(1, len(items))
        while rest := items[len(outcomes) :]:
            part = rest[:size]
            try:
                outcomes += self.write(work, part)
            except NoRoomError as error:
                if len(part) > 1:
                    size = len(part) // 2
                elif outcomes:
                    why = str(error)
                    return outcomes + [Outcome(key(one), Result.FAILED, why) for one in rest]
                else:
                    raise
        return outcomes
