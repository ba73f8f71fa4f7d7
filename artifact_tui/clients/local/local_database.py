"""`registry.db`: how it is made, checked, brought up to date and opened.

A database of an older format gets new columns and tables when it is opened for writing, nothing
else. Opened for reading it is left alone: a copy of it, brought up to date, is read.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import sqlite3
import stat
import time
import uuid
from contextlib import closing, suppress
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.clients.local.local_folder import (
    FORMAT_TEXT,
    gc_lock,
    no_locks,
    not_a_database,
    our_errors,
    sync_folder,
)
from artifact_tui.database import (
    RESERVE_FOLDER,
    open_database,
    open_to_read,
    strange_object,
    without_locks,
)
from artifact_tui.errors import ArtifactTuiError, NotFoundError, RegistryError, UsageError
from artifact_tui.model import schema_sql

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.clients.local.local_folder import Layout


APPLICATION_ID = 1095914068
_HEADER = 100
_WRITING = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -32768",
    f"journal_size_limit = {64 << 20}",
)

_LOG_LOCKED_OUT = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
"""What SQLite answers while its log has the bits of another user's umask."""
_MAKING_S = 1.0
"""Seconds that the making of a log may take; it takes far less than one."""
_PAUSE_S = 0.01

PRESENT_FORMAT = 4

_COLUMNS_AFTER = {
    1: (
        "collection ADD COLUMN links INTEGER NOT NULL DEFAULT 0 CHECK(links IN (0,1))",
        "version ADD COLUMN ttl_inherited INTEGER NOT NULL DEFAULT 0 CHECK(ttl_inherited IN (0,1))",
        "version ADD COLUMN used_count INTEGER CHECK(used_count >= 0)",
        "version ADD COLUMN stored INTEGER CHECK(stored >= 0)",
        "version ADD COLUMN kept TEXT NOT NULL DEFAULT ''",
    ),
    2: ("version ADD COLUMN generated INTEGER NOT NULL DEFAULT 0 CHECK(generated IN (0,1))",),
    3: ("blob ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK(held IN (0,1))",),
}
"""By an older format: the columns that came after it."""

_MADE = re.compile(r"^CREATE (?:TABLE|INDEX) (\w+).*?;", re.MULTILINE | re.DOTALL)


def _bring_up_to_date(conn: sqlite3.Connection, layout: Layout) -> None:
    """Do it in one transaction, unless it was done; what is not ours then is left as it was."""
    if _format(conn) not in _COLUMNS_AFTER:
        return
    conn.execute("BEGIN IMMEDIATE")
    try:
        if (old := _format(conn)) in _COLUMNS_AFTER:  # nobody was faster
            for step in range(old, PRESENT_FORMAT):
                for column in _COLUMNS_AFTER[step]:
                    conn.execute(f"ALTER TABLE {column}")
            _make_missing(conn)
            _check_schema(conn, layout)
            conn.execute(f"PRAGMA user_version = {PRESENT_FORMAT}")
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise
    with suppress(ArtifactTuiError, OSError):  # only those copied it who could not do this
        _copy_of_older(layout).unlink(missing_ok=True)


def _copy_of_older(layout: Layout) -> Path:
    return config.catalog_file(f"local:{layout.root}")


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
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def _application(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA application_id").fetchone()[0])


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

    def look(conn: sqlite3.Connection) -> None:
        try:
            application, version = _application(conn), _format(conn)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            return  # pages that it lacks may be in the write-ahead log: whoever opens it will see
        # an older format is brought up to date by whoever may write; it may be done
        _check_format(layout, application, PRESENT_FORMAT if version in _COLUMNS_AFTER else version)

    with our_errors(layout):
        open_database(layout.db, "ro&immutable=1", sqlite3.Connection, look).close()


def _unreadable(layout: Layout, why: str) -> RegistryError:
    return RegistryError(
        f"{layout.db} cannot be read: {why}. Nothing was changed.",
        hint="Ask its owner to let you read that folder and its files.",
    )


def _check_format(layout: Layout, application: int, version: int) -> None:
    """Refuse a database of another program, or of another artifact-tui.

    Raises:
        RegistryError: it is one of these; nothing was changed.
    """
    if application != APPLICATION_ID:
        raise RegistryError(
            f"{layout.db} is the database of another program. Nothing was changed.",
            hint="Name the folder of a registry that artifact-tui made.",
        )
    if version in _COLUMNS_AFTER:
        raise RegistryError(
            f"{layout.db} has the older format {version} and has to be brought up to date first. "
            "Nothing was changed.",
            hint="Free some room on its disk, or read it with --read-only.",
        )
    if version != PRESENT_FORMAT:
        raise RegistryError(
            f"{layout.db} has format {version}; this artifact-tui knows format {PRESENT_FORMAT}. "
            "Nothing was changed.",
            hint="Use the newer artifact-tui that made it: `pip install -U artifact-tui`.",
        )


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


def _set_up(conn: sqlite3.Connection, layout: Layout, *, writable: bool) -> None:
    """Check that a database is ours and as it should be; a read shows whether it can be used.

    One of an older format is brought up to date, where it may be written.
    """
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA temp_store = MEMORY")
    application = _application(conn)
    if writable and application == APPLICATION_ID:
        _bring_up_to_date(conn, layout)
    _check_format(layout, application, _format(conn))
    _check_schema(conn, layout)
    conn.execute("SELECT value FROM meta WHERE name = 'uid'").fetchone()
    if writable:
        for pragma in _WRITING:
            conn.execute(f"PRAGMA {pragma}")
        _begin_once(conn)


def _begin_once(conn: sqlite3.Connection) -> None:
    """Begin to write, and end at once: SQLite says only then that it may just read its log."""
    (wait,) = conn.execute("PRAGMA busy_timeout").fetchone()
    conn.execute("PRAGMA busy_timeout = 0")
    try:
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
    finally:
        conn.execute(f"PRAGMA busy_timeout = {wait}")


def _patiently(layout: Layout, opening: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Open the database; again for a while, where another user is just making the log beside it.

    SQLite makes it with the bits that the umask of that user leaves, and corrects them then.
    """
    until = time.monotonic() + _MAKING_S
    with our_errors(layout):
        while True:
            try:
                return opening()
            except sqlite3.OperationalError as error:
                ours = os.access(layout.root, os.W_OK) and os.access(layout.db, os.W_OK)
                known = error.sqlite_errorcode & 0xFF in _LOG_LOCKED_OUT
                if not known or not ours or time.monotonic() >= until:
                    raise
            time.sleep(_PAUSE_S)


def open_for_writing(layout: Layout) -> sqlite3.Connection:
    """A connection that reads and writes; the database must exist."""

    def set_up(conn: sqlite3.Connection) -> None:
        _set_up(conn, layout, writable=True)

    return _patiently(layout, lambda: open_database(layout.db, "rw", sqlite3.Connection, set_up))


def open_for_reading(layout: Layout) -> sqlite3.Connection:
    """A connection that can only read; also where nothing can be written or locked."""

    def set_up(conn: sqlite3.Connection) -> None:
        _set_up(conn, layout, writable=False)

    return _patiently(layout, lambda: open_to_read(layout.db, sqlite3.Connection, set_up))


def read_copy_of_older(layout: Layout) -> None:
    """Let a database of an older format be read as a copy that is brought up to date.

    The copy lies where this user's catalogs do, and is made anew each time; the registry is not
    changed.

    Raises:
        RegistryError: it is not ours, or its copy cannot be made.
    """
    try:
        with closing(open_to_read(layout.db, sqlite3.Connection, _format)) as conn:
            if _format(conn) not in _COLUMNS_AFTER or _application(conn) != APPLICATION_ID:
                return
            copy = _copy_of_older(layout)
            making = copy.with_name(f"{copy.name}.{uuid.uuid4().hex}.new")
            try:
                os.close(os.open(making, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                with closing(sqlite3.connect(making)) as new:
                    conn.backup(new)
                    new.execute("PRAGMA journal_mode = DELETE")
                open_database(
                    making, "rw", sqlite3.Connection, lambda new: _bring_up_to_date(new, layout)
                ).close()
                making.replace(copy)
            finally:
                making.unlink(missing_ok=True)
    except (sqlite3.Error, OSError) as error:
        raise RegistryError(
            f"{layout.db} has an older format, and no copy of it can be made to read:"
            f" {error}. Nothing was changed.",
            hint="Make room for one below ~/.cache, or set XDG_CACHE_HOME to a folder with room.",
        ) from error
    layout.db = copy


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
        with gc_lock(layout, alone=True):
            if layout.db.exists():
                return
            layout.file(layout.format)
            layout.format.write_text(FORMAT_TEXT, encoding="utf-8")
            layout.tmp.mkdir(exist_ok=True)
            if stat.S_IMODE(layout.tmp.stat().st_mode) != layout.mode:
                layout.tmp.chmod(layout.mode)  # new, or of somebody who was killed
            layout.folder(layout.blobs)
            _make_database(layout, now_us)


def _refuse_strangers(layout: Layout) -> None:
    """Refuse to make a registry among somebody's files."""
    ours = {"FORMAT", "gc.lock", "blobs", "tmp", RESERVE_FOLDER}
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


def _make_database(layout: Layout, now_us: int) -> None:
    """Write the whole database under another name, then rename it: it is there or it is not."""

    def fill(conn: sqlite3.Connection) -> None:
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

    for name in ("", "-wal", "-shm", "-journal"):
        layout.unfinished.with_name(layout.unfinished.name + name).unlink(missing_ok=True)
    layout.file(layout.unfinished)  # SQLite gives its log and its index the bits of the database
    open_database(layout.unfinished, "rw", sqlite3.Connection, fill).close()
    layout.unfinished.rename(layout.db)
    sync_folder(layout.root)
