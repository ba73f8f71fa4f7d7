"""What all our SQLite files share: which SQLite will do, and what a folder lacks to hold one.

No table is STRICT and no statement has RETURNING: SQLite has them from 3.37 and 3.35 on, and one
home is often shared by machines of several ages.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from artifact_tui.errors import RegistryError
from artifact_tui.room import scratch

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST = (3, 34, 0)
"""The SQLite of RHEL 9; indexes for parts of words and what our statements need are there."""

_STRICT = (3, 37, 0)
"""Earlier ones cannot read a file that has a STRICT table."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What a file system without locks answers: NFS without a lock manager, Lustre without flock."""

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
    if sqlite3.sqlite_version_info < OLDEST:
        raise _too_old(f"SQLite {version}, which is too old")


def _too_old(what: str) -> RegistryError:
    oldest = ".".join(map(str, OLDEST[:2]))
    return RegistryError(
        f"This Python comes with {what}. Nothing was changed.",
        hint=f"Use a Python with SQLite {oldest} or newer: `uv tool install artifact-tui` brings "
        "one, conda has one.",
    )


def newer_needed(error: Exception) -> str:
    """What to do when a file was made for a newer SQLite than this one; empty when it was not."""
    if "STRICT" not in str(error) or sqlite3.sqlite_version_info >= _STRICT:
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
    with suppress(OSError), scratch(Path(folder)) as fd:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return error.strerror or os.strerror(error.errno)
    return ""


def open_to_read(
    path: Path, factory: type[_C], look: Callable[[_C], object], *, stuck: Callable[[], bool]
) -> _C:
    """A connection that only reads, also where SQLite can neither lock a file nor write beside it.

    SQLite reads a file with a write-ahead log through another file beside it. Where that cannot be
    made, and so nobody can be writing, the file is read as one that never changes; with changes
    left in the log, without locks.

    Args:
        path: the file.
        factory: the class of the connection.
        look: reads from it once, and raises what is wrong with it.
        stuck: whether an error can come from the folder: it is full, or nobody may write there.
    """
    if not without_locks(path.parent):
        try:
            return _checked(_connect(path, "mode=ro", factory), look)
        except sqlite3.OperationalError:
            if not stuck():
                raise
    if not has_log(path):
        return _checked(_connect(path, "mode=ro&immutable=1", factory), look)
    conn = _connect(path, "mode=ro&vfs=unix-none", factory)
    conn.execute("PRAGMA main.locking_mode = EXCLUSIVE")
    return _checked(conn, look)


def has_log(path: Path) -> bool:
    """Whether changes wait in the write-ahead log of a file, or that cannot be known."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _connect(path: Path, mode: str, factory: type[_C]) -> _C:
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=factory,
    )


def _checked(conn: _C, look: Callable[[_C], object]) -> _C:
    try:
        look(conn)
    except BaseException:
        conn.close()
        raise
    return conn
