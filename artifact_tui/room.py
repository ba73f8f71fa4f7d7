"""Room on a full disk: a small reserve, given up when the work of deleting needs it.

Whoever deletes must first write down that they do. So a registry, and the folder of plans, keep
some files without content in `reserve/`. One after the other is removed when a disk, a quota or a
table of files is full, and made again once there is room.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.errors import NoRoomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

FOLDER = "reserve"
PARTS = 8
_LEAST, _MOST = 128 << 10, 512 << 10
"""Bytes of one part: a large registry writes more at a time."""
_SHARE = 4096
"""A part is this small a share of the disk, where that lies between the two."""
_AIR = 2
"""The reserve is made where this many times its size is free."""
_PROBE = 1 << 20
"""What deleting a few versions needs; less is as good as none."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MAYBE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""What SQLite says, among other things, of a quota that is used up."""

T = TypeVar("T")

_known: dict[Path, None] = {}
"""Folders that this process uses, whose reserve helps others on the same disk."""


def know(folder: Path) -> None:
    """Give the reserve of a folder up also for what this process writes elsewhere on its disk."""
    _known[folder] = None


def keep(folder: Path) -> None:
    """Make what is missing of a folder's reserve, when the disk has room to spare."""
    reserve = folder / FOLDER
    with suppress(OSError):
        missing = [path for path in _parts(reserve) if not path.exists()]
        disk = os.statvfs(folder)
        size = min(_MOST, max(_LEAST, disk.f_blocks * disk.f_frsize // _SHARE))
        if not missing or disk.f_bavail * disk.f_frsize < _AIR * PARTS * size:
            return
        mode = folder.stat().st_mode & 0o2777
        if not reserve.is_dir():
            reserve.mkdir(exist_ok=True)
            reserve.chmod(mode)
        for path in missing:
            _make(path, size, mode & 0o666)


def give_up(*folders: Path) -> bool:
    """Remove one part of a reserve of these folders; False when none is left."""
    for folder in folders:
        for path in _parts(folder / FOLDER):
            with suppress(OSError):
                path.unlink()
                return True
    return False


def lacks(error: BaseException, folder: Path) -> bool:
    """Whether something failed because there is no room left in a folder."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NoRoomError):
            return True
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        if isinstance(cause, sqlite3.Error):
            code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
            return code == sqlite3.SQLITE_FULL or (code in _MAYBE and is_full(folder))
        cause = cause.__cause__
    return False


def is_full(folder: Path) -> bool:
    """Whether not even a small file can be written there, for want of room."""
    try:
        probe(folder)
    except OSError as error:
        return error.errno in _FULL
    return False


def probe(folder: Path, size: int = _PROBE) -> None:
    """Write a small file beside another and remove both; `OSError` says why that cannot be done."""
    with scratch(folder), scratch(folder) as fd:
        _write(fd, bytes(size))


@contextmanager
def scratch(folder: Path) -> Iterator[int]:
    """A new file in a folder, as a descriptor; it is gone afterwards."""
    path = folder / f".artifact-tui-{os.getpid()}-{threading.get_ident()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        path.unlink()
        yield fd
    finally:
        os.close(fd)


def with_reserve(work: Callable[[], T], folder: Path, *others: Path) -> T:
    """Do work that happens whole or not at all, again and again while a reserve makes room for it.

    Args:
        work: raises what `lacks` knows, and then has changed nothing.
        folder: where it writes.
        others: folders whose reserve is given up too, where they lie on the same disk.
    """
    while True:
        try:
            return work()
        except Exception as error:
            near = _beside(folder, (*others, *_known))
            if not lacks(error, folder) or not give_up(folder, *near):
                raise


def _beside(folder: Path, others: Iterable[Path]) -> Iterable[Path]:
    """Those of these folders that lie on the disk of another one."""
    with suppress(OSError):
        disk = folder.stat().st_dev
        for other in others:
            with suppress(OSError):
                if other.stat().st_dev == disk:
                    yield other


def _parts(reserve: Path) -> list[Path]:
    return [reserve / f"part.{number}" for number in range(PARTS)]


def _make(path: Path, size: int, mode: int) -> None:
    """Make one part: all of it, or nothing."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)
        _fill(fd, size)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(fd)


def _fill(fd: int, size: int) -> None:
    """Take the blocks of a file; where that cannot be promised, with bytes that do not compress."""
    if hasattr(os, "posix_fallocate"):
        with suppress(OSError):
            os.posix_fallocate(fd, 0, size)
    if os.fstat(fd).st_blocks * 512 < size:
        _write(fd, os.urandom(size))
        os.fsync(fd)


def _write(fd: int, data: bytes) -> None:
    """Write all of it at the beginning of a file: a full disk takes a part before it says so."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], done)
