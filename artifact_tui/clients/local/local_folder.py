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
import hashlib
import os
import re
import shlex
import sqlite3
import stat
import time
import uuid
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui import database
from artifact_tui.config import from_home
from artifact_tui.database import newer_sqlite_needed
from artifact_tui.errors import (
    ArtifactTuiError,
    BusyError,
    NoRoomError,
    ReadOnlyError,
    RegistryError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


FORMAT_TEXT = """artifact-tui registry
blobs/ holds the bytes of every file, named by SHA-256; registry.db says which version needs which.
Change nothing here by hand: use artifact-tui, and `artifact-tui fsck` when in doubt.
"""
DIGEST_PREFIX = "sha256:"
NEW_FOLDER = "folder-"
"""How a folder is called, in `tmp/`, before it has its place."""
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class Layout:
    """The paths of one registry."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """The registry at a folder: `~` is expanded, links are kept."""
        self.root = from_home(root).absolute()
        self.format = self.root / "FORMAT"
        self.db = self.root / "registry.db"
        self.unfinished = self.root / "registry.db.new"
        """The database while the registry is being made."""
        self.lock = self.root / "gc.lock"
        self.blobs = self.root / "blobs"
        self.tmp = self.root / "tmp"

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

    def folder(self, *paths: Path) -> None:
        """Make folders in the registry, unless they are there.

        Each comes with the registry's own bits in one step, or not at all: others who share the
        registry could not use one without them.
        """
        mode = self.mode
        for path in paths:
            new = self.tmp / f"{NEW_FOLDER}{uuid.uuid4().hex}"
            new.mkdir()
            try:
                new.chmod(mode)
                new.rename(path)  # also over an empty one
            except OSError:
                new.rmdir()
                if not path.is_dir():
                    raise

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

    def names(self, digest: str) -> int:
        """How many hard links the file for these bytes has, also elsewhere; 0: there is none."""
        try:
            return self.blob(digest).stat().st_nlink
        except FileNotFoundError:
            return 0

    def has_blob(self, digest: str, size: int) -> bool:
        """Whether there is a file for these bytes, of the right size."""
        try:
            return self.blob(digest).stat().st_size == size
        except FileNotFoundError:
            return False


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


READ_BYTES = 1 << 20


def hash_chunks(
    chunks: Iterable[bytes], take: Callable[[bytes], None] = lambda _chunk: None
) -> tuple[str, int]:
    """The digest and the size of some bytes; each chunk is handed to `take` on the way."""
    hasher = hashlib.sha256()
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
        take(chunk)
    return DIGEST_PREFIX + hasher.hexdigest(), size


def hash_file(path: Path) -> tuple[str, int]:
    """The digest and the size of a file's bytes."""
    with path.open("rb", buffering=0) as file:
        return hash_chunks(iter(partial(file.read, READ_BYTES), b""))


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however few the system takes at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


LOCK_WAIT_SECONDS = 60.0
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1


@contextmanager
def gc_lock(layout: Layout, *, alone: bool = False, wait: float | None = None) -> Iterator[None]:
    """Hold `gc.lock`: together with others that add bytes or read them, or alone to remove some.

    Raises:
        BusyError: others held it for longer than `wait` seconds.
    """
    deadline = time.monotonic() + (LOCK_WAIT_SECONDS if wait is None else wait)
    pause = _FIRST_PAUSE
    fd = os.open(layout.lock, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while not _try_lock(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, layout):
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"Another process is {'adding to' if alone else 'cleaning'} {layout.root}. "
                    "Nothing was changed.",
                    hint="Try again when it has finished.",
                )
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        yield
    finally:
        os.close(fd)


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


_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


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


def write_denied(layout: Layout, why: str = "") -> ReadOnlyError:
    """The error for a write that the file system does not allow this user."""
    folder = layout.root if layout.root.exists() else layout.root.parent
    return ReadOnlyError(
        f"{folder} can only be read by you{why}. Nothing was changed.",
        hint="Ask its owner, or do it as a user who may write to that folder.",
    )


@contextmanager
def our_errors(layout: Layout) -> Iterator[None]:
    """Run a block; raise our errors instead of those of SQLite and the operating system.

    Raises:
        BusyError: another process holds the database for too long.
        NoRoomError: the disk, or a quota, is full.
        ReadOnlyError: it may not be written.
        RegistryError: anything else.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if database.lacks_room(error, layout.root):
            raise NoRoomError(
                f"There is no room left on the disk that holds {layout.root}. Nothing was changed.",
                hint=f"`artifact-tui gc {shlex.quote(str(layout.root))}` frees what nothing needs, "
                "without any room. If that is nothing, move a file of 1 MB or more to another disk "
                "for a while: that is enough to delete versions here.",
            ) from error
        if isinstance(error, sqlite3.Error):
            raise _from_sqlite(error, layout) from error
        where = error.filename2 or error.filename or layout.root  # of a move, where it goes
        if error.errno in _DENIED:
            why = f" ({error.strerror}: {where})"
            raise write_denied(layout, why) from error
        raise RegistryError(
            f"{where} could not be used: {error.strerror or error}.",
            hint="Run `artifact-tui fsck` once the cause is gone.",
        ) from error


def _from_sqlite(error: sqlite3.Error, layout: Layout) -> ArtifactTuiError:
    """What SQLite says, in our words."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(
            f"Another process is writing to {layout.db}. Nothing was changed.",
            hint="Try again in a moment.",
        )
    if code == sqlite3.SQLITE_READONLY:
        return write_denied(layout)
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
