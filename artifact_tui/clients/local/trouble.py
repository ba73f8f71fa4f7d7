"""Turns what SQLite and the operating system say into errors that name the file and a way out."""

from __future__ import annotations

import errno
import shlex
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artifact_tui import room
from artifact_tui.database import newer_needed
from artifact_tui.errors import (
    READ_ONLY_HINT,
    BusyError,
    NoRoomError,
    ReadOnlyError,
    RegistryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.clients.local.layout import Layout

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def full(layout: Layout) -> NoRoomError:
    """The error for a disk (or quota) without room."""
    return NoRoomError(
        f"There is no room left on the disk that holds {layout.root}. Nothing was changed.",
        hint=f"`artifact-tui gc {shlex.quote(str(layout.root))}` frees what nothing needs, without "
        "any room. If that is nothing, move a file of 1 MB or more to another disk for a while: "
        "that is enough to delete versions here.",
    )


def no_locks(layout: Layout, why: str) -> ReadOnlyError:
    """The error for a write where two processes could write at once and damage each other's."""
    return ReadOnlyError(
        f"The file system of {layout.root} has no locks ({why}), so the registry can only be read "
        "there. Nothing was changed.",
        hint="Mount it with locks (Lustre: -o flock), or keep the registry on a local disk: "
        "ARTIFACT_TUI_DATA moves your own.",
    )


def not_a_database(layout: Layout) -> RegistryError:
    """The error for another file in the place of the database."""
    return RegistryError(
        f"{layout.db} is not a registry: it is not an SQLite database. Nothing was changed.",
        hint="Name another folder, or restore this file from a backup.",
    )


def opened_read_only(layout: Layout) -> ReadOnlyError:
    """The error for a write to a registry that somebody opened for reading only."""
    return ReadOnlyError(
        f"{layout.root} is open for reading only. Nothing was changed.", hint=READ_ONLY_HINT
    )


def denied(layout: Layout, why: str = "") -> ReadOnlyError:
    """The error for a write that the file system does not allow this user."""
    folder = layout.root if layout.root.exists() else layout.root.parent
    return ReadOnlyError(
        f"{folder} can only be read by you{why}. Nothing was changed.",
        hint="Ask its owner, or do it as a user who may write to that folder.",
    )


def _damaged(error: sqlite3.Error, code: int, layout: Layout) -> RegistryError:
    """The error for a database that SQLite cannot use."""
    if code == sqlite3.SQLITE_NOTADB:
        return not_a_database(layout)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return RegistryError(
            f"{layout.db} could not be read or written ({error}).",
            hint="Check the disk, and that you may write to that folder.",
        )
    if newer := newer_needed(error):
        return RegistryError(
            f"{layout.db} cannot be read by this SQLite. Nothing was changed.", hint=newer
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
    if room.lacks(error, layout.root):
        return full(layout)
    if code == sqlite3.SQLITE_READONLY:
        return denied(layout)
    return _damaged(error, code, layout)


def _from_system(error: OSError, layout: Layout) -> Exception:
    if room.lacks(error, layout.root):
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
