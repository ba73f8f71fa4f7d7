"""The folder of an embedded registry: where everything lies, its lock, and what can go wrong.

FORMAT         what this folder is, for people
registry.db    SQLite: the tables of `model.sql` and `local.sql`
gc.lock        held shared while bytes are added, exclusively while they are removed
blobs/ab/abcd… the bytes of a file, named by their SHA-256, read-only
tmp/           bytes on their way in; whatever is here while nobody adds is left over
reserve/       files without content that are given up when the disk is full; see database.py

`gc.lock` is always taken before the database, so nobody waits for each other. What SQLite and the
operating system say becomes an error that names the file and a way out.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shlex
import sqlite3
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui import database
from artifact_tui.config import from_home
from artifact_tui.database import newer_sqlite_needed
from artifact_tui.errors import READ_ONLY_HINT, BusyError, NoRoomError, ReadOnlyError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


FORMAT_TEXT = """artifact-tui registry
blobs/ holds the bytes of every file, named by SHA-256; registry.db says which version needs which.
Change nothing here by hand: use artifact-tui, and `artifact-tui fsck` when in doubt.
"""
DIGEST_PREFIX = "sha256:"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
FAN_OUT = tuple(f"{n:02x}" for n in range(256))


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one registry; `root` is absolute."""

    root: Path

    @classmethod
    def at(cls, root: str | os.PathLike[str]) -> Layout:
        """The layout of a registry at a folder (`~` is expanded; links are kept)."""
        return cls(from_home(root).absolute())

    @property
    def format(self) -> Path:
        """The file that says what this folder is."""
        return self.root / "FORMAT"

    @property
    def db(self) -> Path:
        """The database."""
        return self.root / "registry.db"

    @property
    def unfinished(self) -> Path:
        """The database while the registry is being made."""
        return self.root / "registry.db.new"

    @property
    def lock(self) -> Path:
        """The lock file."""
        return self.root / "gc.lock"

    @property
    def blobs(self) -> Path:
        """The folder of 256 folders of blobs."""
        return self.root / "blobs"

    @property
    def tmp(self) -> Path:
        """The folder for bytes on their way in."""
        return self.root / "tmp"

    @property
    def mode(self) -> int:
        """The permission bits of the folder; all that is made in it has them, for a group."""
        return stat.S_IMODE(self.root.stat().st_mode) & 0o2777 | stat.S_IRWXU

    def make(self) -> None:
        """Make the folder, and those above it that are missing, with the bits of what is above.

        The umask takes away as usual, but not from a group that shares the folder above: one that
        it may write to, and whose group (setgid) all in it keeps.
        """
        missing = [self.root]
        while not missing[-1].parent.exists():
            missing.append(missing[-1].parent)
        for path in reversed(missing):
            above = path.parent.stat().st_mode
            try:
                path.mkdir(mode=above & 0o777 | stat.S_IRWXU)
            except FileExistsError:
                continue
            if above & stat.S_ISGID and above & stat.S_IWGRP and not above & stat.S_ISVTX:
                path.chmod(stat.S_IMODE(path.stat().st_mode) | above & (stat.S_ISGID | 0o070))

    def folder(self, path: Path) -> None:
        """Make a folder in the registry, unless it is there, with the registry's own bits."""
        if not path.is_dir():
            path.mkdir(exist_ok=True)
            path.chmod(self.mode)

    def file(self, path: Path) -> None:
        """Make an empty file in the registry, unless it is there, with the registry's own bits."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return
        try:
            os.fchmod(fd, self.mode & 0o666)
        finally:
            os.close(fd)

    def blob(self, digest: str) -> Path:
        """The file that holds the bytes with this digest (`sha256:` and 64 hex digits).

        Raises:
            RegistryError: it is no such digest, so the database was tampered with or damaged.
        """
        if not is_digest(digest):
            raise RegistryError(
                f"{self.db} holds an impossible digest: {digest[:80]!r}.",
                hint="The database is damaged: run `artifact-tui fsck`, or restore a backup.",
            )
        name = digest.removeprefix(DIGEST_PREFIX)
        return self.blobs / name[:2] / name


def is_digest(digest: object) -> bool:
    """Whether bytes can have this digest: of another nobody can say where its file is."""
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


LOCK_WAIT_SECONDS = 60.0
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1


def _try_lock(fd: int, how: int, layout: Layout) -> bool:
    """Take the lock without waiting; False when somebody else has it."""
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
            return False
        raise RegistryError(
            f"{layout.lock} cannot be locked ({error.strerror}).",
            hint="Keep the registry on a local disk: this file system has no locks.",
        ) from error
    return True


def _take_lock(fd: int, how: int, layout: Layout, wait: float) -> None:
    deadline = time.monotonic() + wait
    pause = _FIRST_PAUSE
    while not _try_lock(fd, how, layout):
        if time.monotonic() >= deadline:
            who = "adding to" if how == fcntl.LOCK_EX else "cleaning"
            raise BusyError(
                f"Another process is {who} {layout.root}. Nothing was changed.",
                hint="Try again when it has finished.",
            )
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


@contextmanager
def _lock(layout: Layout, how: int, wait: float) -> Iterator[None]:
    fd = os.open(layout.lock, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _take_lock(fd, how, layout, wait)
        yield
    finally:
        os.close(fd)


def lock_shared(layout: Layout, *, wait: float | None = None) -> AbstractContextManager[None]:
    """Hold the lock together with others that add bytes.

    Raises:
        BusyError: a clean-up took longer than `wait` seconds.
    """
    return _lock(layout, fcntl.LOCK_SH, LOCK_WAIT_SECONDS if wait is None else wait)


def lock_alone(layout: Layout, *, wait: float | None = None) -> AbstractContextManager[None]:
    """Hold the lock alone: nobody adds bytes meanwhile.

    Raises:
        BusyError: somebody was adding for longer than `wait` seconds.
    """
    return _lock(layout, fcntl.LOCK_EX, LOCK_WAIT_SECONDS if wait is None else wait)


_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def disk_full(layout: Layout) -> NoRoomError:
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


def write_denied(layout: Layout, why: str = "") -> ReadOnlyError:
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
    if newer := newer_sqlite_needed(error):
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
    if database.lacks_room(error, layout.root):
        return disk_full(layout)
    if code == sqlite3.SQLITE_READONLY:
        return write_denied(layout)
    return _damaged(error, code, layout)


def _from_system(error: OSError, layout: Layout) -> Exception:
    if database.lacks_room(error, layout.root):
        return disk_full(layout)
    if error.errno in _DENIED:
        return write_denied(layout, f" ({error.strerror}: {error.filename or layout.root})")
    return RegistryError(
        f"{error.filename or layout.root} could not be used: {error.strerror or error}.",
        hint="Run `artifact-tui fsck` once the cause is gone.",
    )


@contextmanager
def our_errors(layout: Layout) -> Iterator[None]:
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
