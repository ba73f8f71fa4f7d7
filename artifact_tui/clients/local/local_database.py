"""`registry.db`: how it is made, checked, brought up to date and opened, and its transactions.

A database of an older format gets new columns and tables when it is opened for writing, nothing
else. Threads borrow connections from a pool, one thread each at a time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import sqlite3
import threading
import uuid
from contextlib import closing, contextmanager
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from artifact_tui import config, database
from artifact_tui.clients.local import local_folder
from artifact_tui.clients.local.local_folder import (
    FAN_OUT,
    FORMAT_TEXT,
    Layout,
    no_locks,
    not_a_database,
    our_errors,
    sync_folder,
)
from artifact_tui.database import SQLITE_TEXT, open_to_read, strange_object, without_locks
from artifact_tui.errors import (
    ArtifactTuiError,
    NoRoomError,
    NotFoundError,
    RegistryError,
    UncertainError,
    UsageError,
)
from artifact_tui.model import schema_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


FIRST_FORMAT = 1
"""The format before versions had links, a run count and what is charged for them."""
SECOND_FORMAT = 2
"""The format before versions told whether their registry made them by itself."""
OLD_FORMATS = frozenset({FIRST_FORMAT, SECOND_FORMAT})
PRESENT_FORMAT = 3

_COLUMNS_OF_SECOND = """
ALTER TABLE collection ADD COLUMN links INTEGER NOT NULL DEFAULT 0 CHECK(links IN (0,1));
ALTER TABLE version ADD COLUMN
  ttl_inherited INTEGER NOT NULL DEFAULT 0 CHECK(ttl_inherited IN (0,1));
ALTER TABLE version ADD COLUMN used_count INTEGER CHECK(used_count >= 0);
ALTER TABLE version ADD COLUMN stored INTEGER CHECK(stored >= 0);
ALTER TABLE version ADD COLUMN kept TEXT NOT NULL DEFAULT '';
"""
_COLUMNS_OF_PRESENT = """
ALTER TABLE version ADD COLUMN generated INTEGER NOT NULL DEFAULT 0 CHECK(generated IN (0,1));
"""
_MADE = re.compile(r"^CREATE (?:TABLE|INDEX) (\w+).*?;", re.MULTILINE | re.DOTALL)


def bring_up_to_date(conn: sqlite3.Connection, check: Callable[[sqlite3.Connection], None]) -> None:
    """Do it in one transaction, unless it was done; the connection is in autocommit mode.

    `check` refuses what came of it by raising: then nothing was changed.
    """
    if _format(conn) not in OLD_FORMATS:
        return
    conn.execute("BEGIN IMMEDIATE")
    try:
        if (old := _format(conn)) in OLD_FORMATS:  # nobody was faster
            columns = (_COLUMNS_OF_SECOND if old == FIRST_FORMAT else "") + _COLUMNS_OF_PRESENT
            for statement in columns.split(";\n"):
                conn.execute(statement)
            _make_missing(conn)
            check(conn)
            conn.execute(f"PRAGMA user_version = {PRESENT_FORMAT}")
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def _make_missing(conn: sqlite3.Connection) -> None:
    """Make the tables and indexes of `model.sql` that are not there, and indexes that changed."""
    there = dict(conn.execute("SELECT name, sql FROM sqlite_schema"))
    for made in _MADE.finditer(schema_sql()):
        if made[0].startswith("CREATE INDEX") and there.get(made[1]) != made[0].rstrip(";"):
            conn.execute(f"DROP INDEX IF EXISTS {made[1]}")
        elif made[1] in there:
            continue
        conn.execute(made[0])


def _format(conn: sqlite3.Connection) -> int:
    """The format of the database."""
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


APPLICATION_ID = 1095914068
BUSY_MS = 15_000

_HEADER = 100
_WRITING = "mode=rw"


def check_file(layout: Layout) -> None:
    """Look at the head of the database, so that nothing can change.

    SQLite itself does, as of a file that never changes: to close the file in any other way would
    give up the locks that another connection of this process has on it.

    Raises:
        NotFoundError: there is no registry here.
        RegistryError: there is, but it is not ours, or of a newer format.
    """
    try:
        size = layout.db.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"There is no registry at {layout.root}.",
            hint="Make one: artifact-tui add SOURCE NAME --type model --create --registry "
            + shlex.quote(f"local:{layout.root}"),
        ) from error
    except OSError as error:
        raise _unreadable(layout, error.strerror or str(error)) from error
    if not os.access(layout.db, os.R_OK):
        raise _unreadable(layout, os.strerror(errno.EACCES))
    if size < _HEADER:
        raise not_a_database(layout)
    with our_errors(layout), contextlib.closing(_connect(layout.db, "mode=ro&immutable=1")) as conn:
        try:
            (application,) = conn.execute("PRAGMA application_id").fetchone()
            (version,) = conn.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            return  # pages that it lacks may be in the write-ahead log: whoever opens it will see
    if version in OLD_FORMATS:  # whoever may write brings it up to date; it may be done
        version = PRESENT_FORMAT
    check_format(layout, application, version)


def _unreadable(layout: Layout, why: str) -> RegistryError:
    return RegistryError(
        f"{layout.db} cannot be read: {why}. Nothing was changed.",
        hint="Ask its owner to let you read that folder and its files.",
    )


def check_format(layout: Layout, application: int, version: int) -> None:
    """Refuse a database of another program, or of another artifact-tui.

    Raises:
        RegistryError: it is one of these; nothing was changed.
    """
    if application != APPLICATION_ID:
        raise RegistryError(
            f"{layout.db} is the database of another program. Nothing was changed.",
            hint="Name the folder of a registry that artifact-tui made.",
        )
    if version in OLD_FORMATS:
        raise RegistryError(
            f"{layout.db} has the older format {version} and has to be brought up to date first. "
            "Nothing was changed.",
            hint="Open it once for writing, as a user who may write there.",
        )
    if version != PRESENT_FORMAT:
        raise RegistryError(
            f"{layout.db} has format {version}; this artifact-tui knows format {PRESENT_FORMAT}. "
            "Nothing was changed.",
            hint="Use the newer artifact-tui that made it: `pip install -U artifact-tui`.",
        )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection in autocommit mode that several threads may use, one at a time."""
    conn = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    _set_up(conn)
    return conn


def _set_up(conn: sqlite3.Connection) -> None:
    conn.text_factory = SQLITE_TEXT
    conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    conn.execute("PRAGMA trusted_schema = OFF")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA temp_store = MEMORY")


def _check_usable(conn: sqlite3.Connection, layout: Layout, *, writable: bool) -> None:
    """Read from the database once: that shows whether it can be used at all.

    One of the first format is brought up to date, where it may be written.
    """
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    if writable and application == APPLICATION_ID:
        bring_up_to_date(conn, partial(_check_schema, layout=layout))
    (version,) = conn.execute("PRAGMA user_version").fetchone()
    check_format(layout, application, version)
    _check_schema(conn, layout)
    conn.execute("SELECT value FROM meta WHERE name = 'uid'").fetchone()


def _check_schema(conn: sqlite3.Connection, layout: Layout) -> None:
    """Refuse a database in which a statement might do more than it says.

    Raises:
        RegistryError: it has a trigger, view, table or constraint that is not ours, or lacks one.
    """
    if strange := strange_object(conn, schema_sql(), _private_sql()):
        raise RegistryError(
            f"{layout.db} is not as artifact-tui makes it: {strange}. Nothing was changed.",
            hint="Somebody changed it: ask whose registry it is, or restore a backup.",
        )


@cache
def _private_sql() -> str:
    return files("artifact_tui.clients.local").joinpath("local.sql").read_text("utf-8")


def _open_checked(layout: Layout, mode: str) -> sqlite3.Connection:
    conn = _connect(layout.db, mode)
    try:
        _check_usable(conn, layout, writable=mode == _WRITING)
    except BaseException:
        conn.close()
        raise
    return conn


def open_for_writing(layout: Layout) -> sqlite3.Connection:
    """A connection that reads and writes; the database must exist."""
    with our_errors(layout):
        conn = _open_checked(layout, _WRITING)
        try:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("PRAGMA synchronous = FULL")
            conn.execute("PRAGMA cache_size = -32768")
            conn.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        except BaseException:
            conn.close()
            raise
        return conn


def open_for_reading(layout: Layout) -> sqlite3.Connection:
    """A connection that can only read; also where nothing can be written or locked."""

    def look(conn: sqlite3.Connection) -> None:
        _set_up(conn)
        _check_usable(conn, layout, writable=False)

    def stuck() -> bool:
        return not os.access(layout.root, os.W_OK) or database.is_full(layout.root)

    with our_errors(layout):
        return open_to_read(layout.db, sqlite3.Connection, look, stuck=stuck)


def _refuse_strangers(layout: Layout) -> None:
    """Refuse to make a registry among somebody's files."""
    ours = {"FORMAT", "gc.lock", "blobs", "tmp", database.RESERVE_FOLDER}
    strangers = sorted(
        name
        for name in os.listdir(layout.root)  # noqa: PTH208 - names are all that is needed
        if name not in ours and not name.startswith("registry.db")
    )
    if strangers:
        raise UsageError(
            f"{layout.root} is a folder with other files in it ({strangers[0]!r}). "
            "Nothing was changed.",
            hint="Name a new or an empty folder for the registry.",
        )


def _make_folders(layout: Layout) -> None:
    layout.folder(layout.tmp)
    layout.folder(layout.blobs)
    for name in FAN_OUT:
        layout.folder(layout.blobs / name)
    sync_folder(layout.blobs)


def _make_database(layout: Layout, now_us: int) -> None:
    """Write the whole database under another name, then rename it: it is there or it is not."""
    for name in ("", "-wal", "-shm", "-journal"):
        layout.unfinished.with_name(layout.unfinished.name + name).unlink(missing_ok=True)
    layout.file(layout.unfinished)  # SQLite gives its log and its index the bits of the database
    with contextlib.closing(_connect(layout.unfinished, _WRITING)) as conn:
        (journal,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
        if journal != "wal":
            raise RegistryError(
                f"SQLite cannot keep a write-ahead log in {layout.root}.",
                hint="Keep the registry on a local disk, not on a network folder.",
            )
        conn.execute("PRAGMA synchronous = FULL")
        conn.executescript(f"BEGIN;\n{schema_sql()}\n{_private_sql()}\nCOMMIT;")
        conn.executemany(
            "INSERT INTO meta(name, value) VALUES(?, ?)",
            [("uid", str(uuid.uuid4())), ("kind", "local"), ("created_us", str(now_us))],
        )
    layout.unfinished.rename(layout.db)
    sync_folder(layout.root)


def make_registry(layout: Layout, now_us: int) -> None:
    """Make a registry in a new or empty folder; one that is already there is left as it is.

    Raises:
        UsageError: the folder holds other files.
        RegistryError: it cannot be made there.
    """
    with our_errors(layout):
        if layout.root.exists() and not layout.root.is_dir():
            raise UsageError(
                f"{layout.root} is a file. Nothing was changed.",
                hint="Name a new or an empty folder for the registry.",
            )
        layout.make()
        if layout.db.exists():
            return
        _refuse_strangers(layout)
        if why := without_locks(layout.root):
            raise no_locks(layout, why)
        layout.file(layout.lock)
        with local_folder.lock_alone(layout):
            if not layout.db.exists():
                layout.file(layout.format)
                layout.format.write_text(FORMAT_TEXT, encoding="utf-8")
                _make_folders(layout)
                _make_database(layout, now_us)


def may_write(layout: Layout) -> bool:
    """Whether this user may write to the registry."""
    places = (layout.root, layout.db, layout.blobs, layout.tmp)
    return all(os.access(place, os.W_OK) for place in places if place.exists())


_MARK = "INSERT OR REPLACE INTO meta(name, value) VALUES('last_write', ?)"
_MARKED = "SELECT 1 FROM meta WHERE name = 'last_write' AND value = ?"
_IDLE_KEPT = 4
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
            if not self._closed and len(self._idle) < _IDLE_KEPT:
                self._idle.append(conn)
                return
        conn.close()

    def _with_reserve(self, work: Callable[[], T]) -> T:
        return database.with_reserve(work, self._layout.root, *config.reserve_folders())

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
        with self._borrowed(spare=spare) as conn, our_errors(self._layout):
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
            with closing(self._opener()) as conn, our_errors(self._layout):
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
                with self._borrowed(spare=False) as conn, our_errors(self._layout):
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
