"""The plan file as SQLite: made, opened with suspicion, and hashed.

A plan may come from someone else, by mail, years later. So its schema must be ours to the letter
(no trigger or view can hide in it), and what was reviewed is covered by a hash.
The file uses a rollback journal, not WAL: it stays one file that can be copied once nobody applies
it, works from a read-only folder and on network file systems; EXTRA makes each commit survive a
power cut.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import stat
import time
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar

import msgspec

from artifact_tui import places, room
from artifact_tui.database import newer_needed, without_locks
from artifact_tui.errors import BusyError, NotFoundError, PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

APPLICATION_ID = 0x41545550
"""`ATUP`: marks the file as a plan."""

FORMAT = 4
"""The plan format that this program writes, and the only one that it applies."""

LONGEST = 10_000
"""Characters of a text in a plan, but for the facts and for what a registry said."""

PATIENCE = 30.0
"""Seconds to wait while another process reads or writes the plan; it takes milliseconds."""

_LEFT = 10.0
"""Seconds after which a lock that does not change is nobody's; each is held for milliseconds."""

T = TypeVar("T")

_REVIEWED = (
    "SELECT name, value FROM plan WHERE name <> 'hash' ORDER BY name",
    "SELECT * FROM item ORDER BY seq",
    "SELECT * FROM outside ORDER BY seq, key",
)

_PRAGMAS = (
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "synchronous=EXTRA",
)


_OF_THE_DISK = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY,
}  # fmt: skip
"""Errors that say nothing about what is in the file."""

_NOT_OURS = (
    ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError,
)  # fmt: skip
"""What reading a file raises that no plan of ours is like."""


@contextmanager
def trouble(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about a plan file into ours, naming the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise BusyError(
                f"Another process is writing the plan {path}.", hint="Try again in a moment."
            ) from error
        if room.lacks(error, path.parent):
            raise full(path) from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _OF_THE_DISK:
            raise _damaged(path, text, error) from error
        raise PlanError(
            f"The plan {path} could not be read or written: {text}.",
            hint="Mend the disk or the permissions, then resume. "
            "Nothing is deleted while its plan cannot be written.",
        ) from error
    except (*_NOT_OURS, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise _not_a_plan(path) from error
        raise _damaged(path, str(error), error) from error


_HEAD = 16_000_000
"""Characters of what a plan says about itself: it names every collection that is emptied."""

_WRONG = {
    "an item": f"""SELECT 1 FROM item WHERE seq NOT BETWEEN 1 AND 1000000000
        OR level NOT BETWEEN 0 AND 1000000000 OR kind NOT IN ('version','object','collection')
        OR verdict NOT IN ('delete','consent','blocked') OR added NOT IN (0,1)
        OR size NOT BETWEEN 0 AND {(1 << 62) - 1} OR typeof(size) NOT IN ('integer','null')
        OR length(CAST(key AS BLOB)) NOT BETWEEN 1 AND {LONGEST} OR length(collection) > {LONGEST}
        OR length(label) > {LONGEST} OR length(type) > {LONGEST} OR length(detail) > {LONGEST}
        OR instr(CAST(key AS BLOB), x'00') OR NOT json_valid(facts)""",
    "what an item belongs to": """SELECT 1 FROM item i JOIN item o ON o.seq = i.belongs
        WHERE (i.kind, o.kind) NOT IN (VALUES('version','collection'),('object','version'))""",
    "the state of an item": f"""SELECT 1 FROM item i LEFT JOIN progress p USING(seq)
        WHERE p.seq IS NULL OR attempts NOT BETWEEN 0 AND 1000000000
        OR retryable NOT IN (0,1) OR coalesce(sent_us, 0) NOT BETWEEN 0 AND {1 << 60}
        OR coalesce(done_us, 0) NOT BETWEEN 0 AND {1 << 60}""",
    "a run": f"""SELECT 1 FROM run WHERE coalesce(ended_us, 0) NOT BETWEEN 0 AND {1 << 60}
        OR started_us NOT BETWEEN 0 AND {1 << 60} OR heartbeat_us NOT BETWEEN 0 AND {1 << 60}
        OR pid NOT BETWEEN 1 AND {1 << 31}""",
}
"""By what is wrong then: rows that no plan of ours has."""


def full(path: Path) -> PlanError:
    """The error for a plan whose folder has no room left."""
    return PlanError(
        f"There is no room left in {path.parent}, where the plan {path.name} is to be written.",
        hint="Nothing is deleted without a record. Free 1 MB there; or let plans lie on another "
        "disk: -o FILE, or ARTIFACT_TUI_STATE=FOLDER for all of them.",
    )


def with_room(path: Path, work: Callable[[], T]) -> T:
    """Write in a plan, all of it or nothing; on a full disk with the room of a reserve."""
    return room.with_reserve(work, path.parent, *places.reserves())


@lru_cache
def _schema() -> str:
    return files("artifact_tui.deletion").joinpath("plan.sql").read_text(encoding="utf-8")


def _objects(conn: sqlite3.Connection) -> list[tuple[str, ...]]:
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    return conn.execute(sql).fetchall()


@lru_cache
def _expected_objects() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(_schema())
        return _objects(conn)


def create(path: Path) -> sqlite3.Connection:
    """Make an empty plan file, mode 0600, and open it inside a transaction.

    Raises:
        PlanError: something has that name already, or the folder cannot be written.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        raise PlanError(
            f"There is a file {path} already.", hint="Choose another name for the plan."
        ) from None
    except OSError as error:
        if room.lacks(error, path.parent):
            raise full(path) from error
        raise PlanError(
            f"The plan {path} cannot be made: {error.strerror}.", hint="Choose another folder."
        ) from error
    with trouble(path):
        conn = _connect(path, "rw")
        try:
            conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
            conn.execute(f"PRAGMA user_version={FORMAT}")
            conn.executescript(f"BEGIN IMMEDIATE;{_schema()}")
        except sqlite3.Error:
            conn.close()
            with suppress(OSError):
                path.unlink()
            raise
        return conn


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open a plan file and check that it is one.

    Raises:
        NotFoundError: there is no such file.
        PlanError: it is not a plan, of another format, damaged, or not writable.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        raise NotFoundError(f"There is no plan {path}.", hint="See `artifact-tui tasks`.") from None
    if not stat.S_ISREG(mode):
        raise _not_a_plan(path)
    writable = os.access(path, os.W_OK)
    if write and not writable:
        why = os.strerror(errno.EACCES)
        raise PlanError(
            f"The plan {path} cannot be written: {why}.",
            hint="A plan is also the record of what happened: copy it to a folder of yours first.",
        )
    with trouble(path):
        conn = _connect(path, "rw" if writable else "ro")
        try:
            _check(conn, path)
            if not write:
                conn.execute("PRAGMA query_only=ON")
        except BaseException:
            conn.close()
            raise
        return conn


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    locks = ""
    if without_locks(path.absolute().parent):  # then SQLite makes a folder as its lock
        locks = "&vfs=unix-dotfile"
        _remove_left(path.with_name(f"{path.name}.lock"))
    conn = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{locks}",
        uri=True,
        isolation_level=None,
        timeout=PATIENCE,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            conn.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def _remove_left(lock: Path) -> None:
    """Remove a lock that a killed process has left: one that is used is never the same for long."""
    end = time.monotonic() + _LEFT
    with suppress(OSError):
        first = lock.stat()
        while (now := lock.stat()).st_ino == first.st_ino and now.st_mtime_ns == first.st_mtime_ns:
            if time.monotonic() > end:
                lock.rmdir()
            time.sleep(0.05)


def _check(conn: sqlite3.Connection, path: Path) -> None:
    application: int = conn.execute("PRAGMA application_id").fetchone()[0]
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise _not_a_plan(path)
    if version != FORMAT:
        age = "a newer" if version > FORMAT else "an older"
        raise PlanError(
            f"The plan {path} was made by {age} artifact-tui (plan format {version}).",
            hint=f"Apply it with that one, or make a new plan; this one knows format {FORMAT}.",
        )
    if _objects(conn) != _expected_objects():
        raise PlanError(
            f"The plan {path} does not hold the tables of a plan, or holds others as well.",
            hint="It was changed by another program. Make a new plan.",
        )


def check_head(conn: sqlite3.Connection) -> None:
    """Raise ValueError when the few rows that are about the whole plan are not those of a plan."""
    for table in ("plan", "journal", "run"):
        _check_types(conn, table)
    _check_no(conn, "a run")
    sizes = dict(conn.execute("SELECT name, length(value) FROM plan").fetchall())
    if sizes.keys() != {"head", "summary", "hash"} or any(size > _HEAD for size in sizes.values()):
        raise ValueError("it does not say what it is")
    rows = conn.execute(
        "SELECT id, status, want, length(why) + length(pace) + length(confirmed_by) FROM journal"
    ).fetchall()
    if len(rows) != 1 or any(not isinstance(one, str) for one in rows[0][1:3]):
        raise ValueError("it does not say where it stands")
    if not 0 <= rows[0][3] <= 3 * LONGEST:
        raise ValueError("it says too much")


def check_rows(conn: sqlite3.Connection) -> None:
    """Raise ValueError when any row is not one of a plan: types, ranges, words and references."""
    (found,) = conn.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise ValueError(str(found).splitlines()[0])
    for (table,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        _check_types(conn, table)
    if conn.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise ValueError("it refers to items that are not in it")
    for what in _WRONG:
        _check_no(conn, what)


def _check_no(conn: sqlite3.Connection, what: str) -> None:
    if conn.execute(f"SELECT EXISTS({_WRONG[what]})").fetchone()[0]:
        raise ValueError(f"{what} is none")


def _check_types(conn: sqlite3.Connection, table: str) -> None:
    sql = f"SELECT EXISTS(SELECT 1 FROM {table} WHERE {_other_types(conn, table)})"
    if conn.execute(sql).fetchone()[0]:
        raise ValueError(f"a value in {table} has another type")


def _other_types(conn: sqlite3.Connection, table: str) -> str:
    """A condition for rows that hold a value of another type than their column."""
    return " OR ".join(
        f"typeof({name}) NOT IN ('{kind.lower()}'{'' if needed or key else ', ' + repr('null')})"
        for _, name, kind, needed, _, key in conn.execute(f"PRAGMA table_info({table})")
    )


def _damaged(path: Path, why: str, error: Exception) -> PlanError:
    if newer := newer_needed(error):
        return PlanError(f"The plan {path} cannot be read here.", hint=newer)
    return PlanError(
        f"The plan {path} is damaged: {why}.",
        hint="Nothing was deleted because of it. Make a new plan.",
    )


def _not_a_plan(path: Path) -> PlanError:
    return PlanError(
        f"{path} is not a plan.", hint="A plan is made by `artifact-tui plan`, or on the screen."
    )


def content_hash(conn: sqlite3.Connection) -> str:
    """SHA-256 over everything that was reviewed."""
    digest = hashlib.sha256()
    for sql in _REVIEWED:
        for row in conn.execute(sql):
            digest.update(json.dumps(row, separators=(",", ":")).encode())
            digest.update(b"\n")
    return digest.hexdigest()
