"""Turns what SQLite and the operating system say into errors that name the file and a way out."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artifact_tui.errors import READ_ONLY_HINT, BusyError, ReadOnlyError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.clients.local.layout import Layout

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LEAST = 256 * 1024
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def full(layout: Layout) -> RegistryError:
    """The error for a disk (or quota) without room."""
    return RegistryError(
        f"There is no room left on the disk that holds {layout.root}. Nothing was changed.",
        hint="Free some space (`artifact-tui gc` may help), then try again.",
    )


def opened_read_only(layout: Layout) -> ReadOnlyError:
    """The error for a write to a registry that somebody opened for reading only."""
    return ReadOnlyError(
        f"{layout.root} is open for reading only. Nothing was changed.", hint=READ_ONLY_HINT
    )


def denied(layout: Layout, why: str = "") -> ReadOnlyError:
    """The error for a write that the file system does not allow this user."""
    return ReadOnlyError(
        f"{layout.root} can only be read by you{why}. Nothing was changed.",
        hint="Ask its owner, or do it as a user who may write to that folder.",
    )


def _no_room(layout: Layout) -> bool:
    """Whether the disk lacks what SQLite needs to open a database at all."""
    try:
        disk = os.statvfs(layout.root)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST


def _damaged(error: sqlite3.Error, code: int, layout: Layout) -> RegistryError:
    """The error for a database that SQLite cannot use."""
    if code == sqlite3.SQLITE_NOTADB:
        return RegistryError(
            f"{layout.db} is not a registry: it is not an SQLite database. Nothing was changed.",
            hint="Name another folder, or restore this file from a backup.",
        )
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return RegistryError(
            f"{layout.db} could not be read or written ({error}).",
            hint="Check that the disk has room and that you may write to that folder.",
        )
    return RegistryError(
        f"{layout.db} is damaged or was changed by another program ({error}).",
        hint="Run `artifact-tui fsck`; if it cannot help, restore a backup.",
    )


def _from_sqlite(error: sqlite3.Error, layout: Layout) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(
            f"Another process is writing to {layout.db}. Nothing was changed.",
            hint="Try again in a moment.",
        )
    unusable = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    if code == sqlite3.SQLITE_FULL or (unusable and _no_room(layout)):
        return full(layout)
    if code == sqlite3.SQLITE_READONLY:
        return denied(layout)
    return _damaged(error, code, layout)


def _from_system(error: OSError, layout: Layout) -> Exception:
    if error.errno in _FULL:
        return full(layout)
    if error.errno in _DENIED:
        return denied(layout, f" ({error.strerror}: {error.filename or layout.root})")
    return RegistryError(
        f"{error.filename or layout.root} could not be used: {error.strerror or error}.",
        hint="Run `artifact-tui fsck` once the cause is gone.",
    )


@contextmanager
def told(layout: Layout) -> Iterator[None]:
    """Run a block; raise our errors instead of those of SQLite and the operating system.

    Raises:
        BusyError: another process holds the database for too long.
        ReadOnlyError: it may not be written.
        RegistryError: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _from_sqlite(error, layout) from error
    except OSError as error:
        raise _from_system(error, layout) from error
