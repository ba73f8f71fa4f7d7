"""Where everything of one registry lies on disk.

FORMAT         what this folder is, for people
registry.db    SQLite: the tables of `model.sql` and `local.sql`
gc.lock        held shared while bytes are added, exclusively while they are removed
blobs/ab/abcd… the bytes of a file, named by their SHA-256, read-only
tmp/           bytes on their way in; whatever is here while nobody adds is left over
reserve/       files without content that are given up when the disk is full; see room.py
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from artifact_tui.errors import RegistryError

FORMAT_TEXT = """artifact-tui registry
blobs/ holds the bytes of every file, named by SHA-256; registry.db says which version needs which.
Change nothing here by hand: use artifact-tui, and `artifact-tui fsck` when in doubt.
"""
PREFIX = "sha256:"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
FAN_OUT = tuple(f"{n:02x}" for n in range(256))


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one registry; `root` is absolute."""

    root: Path

    @classmethod
    def at(cls, root: str | os.PathLike[str]) -> Layout:
        """The layout of a registry at a folder (`~` is expanded; links are kept)."""
        return cls(Path(root).expanduser().absolute())

    @property
    def format(self) -> Path:
        """The file that says what this folder is."""
        return self.root / "FORMAT"

    @property
    def db(self) -> Path:
        """The database."""
        return self.root / "registry.db"

    @property
    def wal(self) -> Path:
        """SQLite's write-ahead log; not there when nobody has the registry open."""
        return self.root / "registry.db-wal"

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
        name = digest.removeprefix(PREFIX)
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
