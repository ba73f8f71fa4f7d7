"""What all our SQLite files share: which SQLite will do, opening, our schema, and a full disk.

No table is STRICT and no statement has RETURNING: SQLite has them from 3.37 and 3.35 on, and one
home is often shared by machines of several ages. What another program stored is read without
harm, and a database that holds more than our scripts make is refused.

Whoever deletes must first write down that they do. So a registry, and the folder of plans, keep
some files without content in `reserve/`. One after the other is removed when a disk, a quota or a
table of files is full, and made again once there is room.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote

from artifact_tui.errors import NoRoomError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


OLDEST_SQLITE = (3, 34, 0)
"""The SQLite of RHEL 9; indexes for parts of words and what our statements need are there."""

_STRICT_SINCE = (3, 37, 0)
"""Earlier ones cannot read a file that has a STRICT table."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What a file system without locks answers: NFS without a lock manager, Lustre without flock."""

SQLITE_TEXT = partial(str, encoding="utf-8", errors="backslashreplace")
"""How texts of a database are read: one that is not UTF-8 is spelled out, and hides no row."""

BUSY_MS = 15_000
"""How long SQLite waits for others to end their writes."""

_C = TypeVar("_C", bound=sqlite3.Connection)


def check_sqlite() -> None:
    """Refuse an SQLite that cannot hold our tables, or that was built without JSON.

    Raises:
        RegistryError: it is too old, or lacks what we need.
    """
    version = sqlite3.sqlite_version
    try:
        sqlite3.connect(":memory:").execute("SELECT json_array()").connection.close()
    except sqlite3.OperationalError as error:
        raise _too_old(f"SQLite {version} without JSON") from error
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise _too_old(f"SQLite {version}, which is too old")


def _too_old(what: str) -> RegistryError:
    oldest = ".".join(map(str, OLDEST_SQLITE[:2]))
    return RegistryError(
        f"This Python comes with {what}. Nothing was changed.",
        hint=f"Use a Python with SQLite {oldest} or newer: `uv tool install artifact-tui` brings "
        "one, conda has one.",
    )


def newer_sqlite_needed(error: Exception) -> str:
    """What to do when a file was made for a newer SQLite than this one; empty when it was not."""
    if "STRICT" not in str(error) or sqlite3.sqlite_version_info >= _STRICT_SINCE:
        return ""
    return (
        f"It was made for SQLite 3.37 or newer, and this Python comes with "
        f"{sqlite3.sqlite_version}: use a newer Python."
    )


def without_locks(folder: Path) -> str:
    """What the file system of a folder answers to locks, when it has none; else an empty text.

    Where no file can be made nobody knows: then it is taken to have them.
    """
    return _without_locks(os.fspath(folder.absolute()))


@lru_cache
def _without_locks(folder: str) -> str:
    # A file of its own: to close any file gives up all locks that this process has on it.
    with suppress(OSError), scratch_file(Path(folder)) as fd:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return error.strerror or os.strerror(error.errno)
    return ""


def open_database(path: Path, mode: str, factory: type[_C], look: Callable[[_C], object]) -> _C:
    """A connection in autocommit mode that several threads may use, one at a time.

    Args:
        path: the file, which must exist.
        mode: what SQLite is told of it, such as `rw` or `ro&immutable=1`.
        factory: the class of the connection.
        look: sets the connection up and reads from it once; it is closed when that raises.
    """
    conn = sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=factory,
    )
    try:
        conn.text_factory = SQLITE_TEXT
        conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        conn.execute("PRAGMA trusted_schema = OFF")
        look(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def open_to_read(path: Path, factory: type[_C], look: Callable[[_C], object]) -> _C:
    """A connection that only reads, also where SQLite can neither lock a file nor write beside it.

    SQLite reads a file with a write-ahead log through another file beside it. Where that cannot be
    made, and so nobody can be writing, the file is read as one that never changes; with changes
    left in the log, without locks. The arguments are those of `open_database`.
    """
    folder = path.parent
    if not without_locks(folder):
        try:
            return open_database(path, "ro", factory, look)
        except sqlite3.OperationalError:
            if os.access(folder, os.W_OK) and not is_full(folder):
                raise
    if not has_log(path):
        return open_database(path, "ro&immutable=1", factory, look)

    def alone(conn: _C) -> None:
        conn.execute("PRAGMA main.locking_mode = EXCLUSIVE")
        look(conn)

    return open_database(path, "ro&vfs=unix-none", factory, alone)


def has_log(path: Path) -> bool:
    """Whether changes wait in the write-ahead log of a file, or that cannot be known."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True


_LARGEST_NUMBER = 2**53
"""Numbers beyond this are taken for unknown: some thousands of them can still be added up."""

_SQL_COMMENT = re.compile(r"--[^\n]*")
_STRICT_TABLE = re.compile(r"\)\s*STRICT\s*,?")
"""What earlier formats had, and old SQLite cannot read; it allows less, and nothing more."""
_SQL_WORDS = re.compile(r"\w+|[^\w\s]")
_SQLITE_TABLES = frozenset({"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})
"""Tables that SQLite makes by itself."""


class _SchemaObject(NamedTuple):
    """One object of a schema."""

    kind: str
    table: str
    definition: tuple[str, ...]


def as_text(column: str) -> str:
    """SQL for a text column, where another program may have stored bytes."""
    return f"CAST({column} AS TEXT)"


def as_number(column: str) -> str:
    """SQL for a column of whole numbers, where another program may have stored anything.

    What is none is unknown (NULL). Texts and bytes sort behind all numbers, so one comparison
    leaves them out; an index over the column is not used.
    """
    inside = f"{column} BETWEEN {-_LARGEST_NUMBER} AND {_LARGEST_NUMBER}"
    return f"CASE WHEN {inside} THEN CAST({column} AS INTEGER) END"


def strange_object(conn: sqlite3.Connection, *scripts: str, more: bool = False) -> str:
    """What a database has that these scripts do not make, or lacks, such as `trigger evil`.

    Somebody's trigger, view or changed table may do more than a statement says. With `more`,
    further objects are no matter: nothing fires where nothing is written. Empty when all is ours.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    ours, found = _objects_of_scripts(scripts), _objects_of_database(conn)
    for name, made in found.items():
        if ours.get(name, made if more else None) != made:
            return f"{made.kind} {name}"
    return next((f"no {made.kind} {name}" for name, made in ours.items() if name not in found), "")


@lru_cache
def _objects_of_scripts(scripts: tuple[str, ...]) -> dict[str, _SchemaObject]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript("".join(scripts))
        return _objects_of_database(conn)


def _objects_of_database(conn: sqlite3.Connection) -> dict[str, _SchemaObject]:
    """Every object by name, but for those that SQLite makes by itself."""
    rows = conn.execute("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")
    return {
        name: _SchemaObject(kind, table, _definition(kind, sql or ""))
        for kind, name, table, sql in rows.fetchall()
        if not (name in _SQLITE_TABLES if kind == "table" else kind == "index" and sql is None)
    }


@lru_cache(maxsize=256)
def _definition(kind: str, sql: str) -> tuple[str, ...]:
    """A definition without comments; columns of a table in any order, as some came later."""
    words = _SQL_WORDS.findall(_STRICT_TABLE.sub(")", _SQL_COMMENT.sub("", sql)))
    if kind != "table":
        return tuple(words)
    parts, depth = [""], 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if (word, depth) in {("(", 1), (",", 1), (")", 0)}:
            parts.append("")
        else:
            parts[-1] += f" {word}"
    return (parts[0], *sorted(parts[1:-1]), parts[-1])


RESERVE_FOLDER = "reserve"
RESERVE_PARTS = 8
_LEAST, _MOST = 128 << 10, 512 << 10
"""Bytes of one part: a large registry writes more at a time."""
_PART_SHARE = 4096
"""A part is this small a share of the disk, where that lies between the two."""
_ROOM_TO_SPARE = 2
"""The reserve is made where this many times its size is free."""
_PROBE_BYTES = 1 << 20
"""What deleting a few versions needs; less is as good as none."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MAYBE_NO_ROOM = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""What SQLite says, among other things, of a quota that is used up."""

T = TypeVar("T")
_NO_MORE = object()

_reserve_folders: dict[Path, None] = {}
"""Folders that this process uses, whose reserve helps others on the same disk."""


def know_reserve(folder: Path) -> None:
    """Give the reserve of a folder up also for what this process writes elsewhere on its disk."""
    _reserve_folders[folder] = None


def make_reserve(folder: Path) -> None:
    """Make what is missing of a folder's reserve, when the disk has room to spare."""
    reserve = folder / RESERVE_FOLDER
    with suppress(OSError):
        missing = [path for path in _reserve_parts(reserve) if not path.exists()]
        disk = os.statvfs(folder)
        size = min(_MOST, max(_LEAST, disk.f_blocks * disk.f_frsize // _PART_SHARE))
        if not missing or disk.f_bavail * disk.f_frsize < _ROOM_TO_SPARE * RESERVE_PARTS * size:
            return
        mode = folder.stat().st_mode & 0o2777
        if not reserve.is_dir():
            reserve.mkdir(exist_ok=True)
            reserve.chmod(mode)
        for path in missing:
            _make_part(path, size, mode & 0o666)


def lacks_room(error: BaseException, folder: Path) -> bool:
    """Whether something failed because there is no room left in a folder."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NoRoomError):
            return True
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            return True
        if isinstance(cause, sqlite3.Error):
            code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
            return code == sqlite3.SQLITE_FULL or (code in _MAYBE_NO_ROOM and is_full(folder))
        cause = cause.__cause__
    return False


def is_full(folder: Path) -> bool:
    """Whether not even a small file can be written there, for want of room."""
    try:
        probe_room(folder)
    except OSError as error:
        return error.errno in _NO_ROOM
    return False


def probe_room(folder: Path, size: int = _PROBE_BYTES) -> None:
    """Write a small file beside another and remove both; `OSError` says why that cannot be done."""
    with scratch_file(folder), scratch_file(folder) as fd:
        _write(fd, bytes(size))


@contextmanager
def scratch_file(folder: Path) -> Iterator[int]:
    """A new file in a folder, as a descriptor; it is gone afterwards."""
    path = folder / f".artifact-tui-{os.getpid()}-{threading.get_ident()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        path.unlink()
        yield fd
    finally:
        os.close(fd)


def with_room(work: Callable[[], T], folder: Path, more_room: Iterator[None]) -> T:
    """Do work that happens whole or not at all, again and again while there is more room for it.

    Args:
        work: raises an error that `lacks_room` knows, and then has changed nothing.
        folder: where it writes.
        more_room: makes some at each step, and ends when there is no more to be made.
    """
    while True:
        try:
            return work()
        except Exception as error:
            if not lacks_room(error, folder) or next(more_room, _NO_MORE) is _NO_MORE:
                raise


def give_up_reserve(folder: Path, *others: Path) -> Iterator[None]:
    """Remove one part of a reserve at each step: of this folder's, or of others on its disk."""
    near = [folder]
    with suppress(OSError):
        disk = folder.stat().st_dev
        for other in (*others, *_reserve_folders):
            with suppress(OSError):
                if other.stat().st_dev == disk:
                    near.append(other)
    for path in near:
        for part in _reserve_parts(path / RESERVE_FOLDER):
            try:
                part.unlink()
            except OSError:
                continue
            yield


def _reserve_parts(reserve: Path) -> list[Path]:
    return [reserve / f"part.{number}" for number in range(RESERVE_PARTS)]


def _make_part(path: Path, size: int, mode: int) -> None:
    """Make one part of a reserve: all of it, or nothing.

    It takes the blocks of a file; where that cannot be promised, with bytes that do not compress.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)
        if hasattr(os, "posix_fallocate"):
            with suppress(OSError):
                os.posix_fallocate(fd, 0, size)
        if os.fstat(fd).st_blocks * 512 < size:
            _write(fd, os.urandom(size))
            os.fsync(fd)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(fd)


def _write(fd: int, data: bytes) -> None:
    """Write all of it at the beginning of a file: a full disk takes a part before it says so."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], done)
