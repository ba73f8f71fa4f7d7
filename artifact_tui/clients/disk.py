"""What clients of folders on this machine share: calls in a thread, and what goes whole."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.base import Client, Kind
from artifact_tui.clients.open_files import file_id
from artifact_tui.config import NO_SETTINGS, from_home
from artifact_tui.errors import NotFoundError, ReadOnlyError, RegistryError
from artifact_tui.model import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from artifact_tui.clients.open_files import FileId
    from artifact_tui.model import Facts, Holders, Identity

T = TypeVar("T")

HOMES = (Path("/home"), Path("/Users"))
"""Where accounts have their homes."""

ASIDE = ".artifact-tui-gone"
"""Where what is being removed lies; what a deletion that was cut off left is still there."""


class DiskClient(Client):
    """A client whose registry is one folder, or some."""

    def __init__(self, identity: Identity, where: object, *, read_only: bool) -> None:
        """`where` is what people call the folders: a path, or words."""
        self.identity = identity
        self.read_only = read_only
        self._where = where
        self._turn = asyncio.Lock()

    async def _run(self, work: Callable[[], T]) -> T:
        """Do some work in a thread, after whatever is under way.

        Raises:
            RegistryError: the file system would not do it.
        """
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        except OSError as error:
            raise RegistryError(
                f"{self._where} cannot be read: {system_words(error)}.",
                hint="Look whether the disk is there, and whether you may read it.",
            ) from error

    def _refuse_read_only(self) -> None:
        """Refuse to delete from a registry that may only be read.

        Raises:
            ReadOnlyError: it is such a one.
        """
        if self.read_only:
            raise ReadOnlyError(f"{self.identity.address} may only be read. Nothing was deleted.")


class FolderKind(Kind):
    """A kind whose registry is one folder, which something else made."""

    holds: str
    """What is in such a folder, for people: `Hugging Face cache`."""
    marks: tuple[str, ...] = ()
    """Folders that are in it."""
    hint: str = ""
    """What to do where there is none; empty: to name a folder that holds the marks."""

    def connect(self, root: Path, *, read_only: bool) -> DiskClient:
        """A client of what is at a folder."""
        raise NotImplementedError

    def folder(self, address: str) -> Path:
        """The folder of an address, without links on the way to it."""
        return Path(os.path.realpath(self.folders(address)[0]))

    def canonical(self, address: str) -> str:
        """With the path in full."""
        return f"{self.name}:{self.folder(address)}"

    place = canonical

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> DiskClient:
        """Open what is there; who deletes from it is recorded nowhere.

        Raises:
            ConfigError: there are settings: such a kind has none.
            NotFoundError: there is no such folder.
        """
        del actor
        self.check(settings)
        root = self.folder(address)
        if not all((root / mark).is_dir() for mark in self.marks or [""]):
            hint = self.hint or f"Name a folder that holds {' and '.join(self.marks)}."
            raise NotFoundError(f"There is no {self.holds} at {root}.", hint=hint)
        return self.connect(root, read_only=read_only)


def as_named(path: str | Path) -> Path:
    """A path in full, with `~` spelled out; no link is followed, and no disk is touched."""
    return Path(os.path.abspath(from_home(path)))  # noqa: PTH100 - takes “..” out without a look


def in_homes(below: str) -> Iterator[tuple[Path, str]]:
    """The folders of this path in the homes that can be read, each with whose it is."""
    for homes in HOMES:
        for path in sorted(homes.glob(f"*/{below}")):
            yield path, path.relative_to(homes).parts[0]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file or folder, and its times in seconds."""

    files: tuple[File, ...]
    ids: tuple[FileId, ...]
    """Those of the files, in the same order."""
    names: tuple[int, ...]
    """How many hard links each of them has."""
    made_s: float
    changed_s: float
    """When anything of it was written last."""
    used_s: float

    @property
    def digest(self) -> str:
        """Changes when a file of it does."""
        return hashlib.sha256(repr(self.files).encode(errors="surrogateescape")).hexdigest()

    def with_files_of(self, more: Contents) -> Contents:
        """With the files of something that goes along; the times stay."""
        return replace(
            self,
            files=self.files + more.files,
            ids=self.ids + more.ids,
            names=self.names + more.names,
        )


def bytes_id(found: os.stat_result) -> str:
    """What the bytes of a file are called, whatever name it has: they are counted once."""
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}"


def contents_of(place: Path) -> Contents | None:
    """What is in a file or folder; None when there is nothing. No link is followed.

    Raises:
        OSError: it cannot be read.
    """
    try:
        top = os.lstat(place)
    except FileNotFoundError:
        return None
    found = sorted(_files_below(str(place), top))
    return Contents(
        tuple(File(spelled_out(name), one.st_size, bytes_id(one)) for name, one in found),
        tuple(file_id(one) for _, one in found),
        tuple(one.st_nlink for _, one in found),
        made_s=top.st_mtime,
        changed_s=max((one.st_mtime for _, one in found), default=top.st_mtime),
        used_s=max((one.st_atime for _, one in found), default=top.st_atime),
    )


def _files_below(
    top: str, found: os.stat_result, below: str = ""
) -> Iterator[tuple[str, os.stat_result]]:
    """The files of something, with their paths; no link is followed."""
    if not stat.S_ISDIR(found.st_mode):
        yield below.rstrip("/") or os.path.basename(top), found  # noqa: PTH119 - it is text
        return
    with suppress(FileNotFoundError), os.scandir(top) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                one = entry.stat(follow_symlinks=False)
                yield from _files_below(entry.path, one, f"{below}{entry.name}/")


def remove_whole(place: Path, top: Path) -> None:
    """Remove a file or folder below `top`: it goes out of sight in one step, then for good.

    Where a file system moves no folder, as in the lower layers of a container, it goes where it is.

    Raises:
        OSError: it cannot be done; it is there as it was, or what is left of it lies `ASIDE`.
    """
    aside = top / ASIDE
    aside.mkdir(exist_ok=True)
    if aside.is_symlink():
        raise OSError(errno.ELOOP, "it is a link to somewhere else", str(aside))
    try:
        place.rename(aside / str(time.time_ns()))
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if stat.S_ISDIR(place.lstat().st_mode):
            shutil.rmtree(place)
        else:
            place.unlink()
    shutil.rmtree(aside)


def with_users(facts: Iterable[Facts], holders: Holders) -> dict[str, Facts]:
    """Facts by key, with the processes that hold files of these versions open."""
    return {one.key: replace(one, used_by=holders.by.get(one.key, ())) for one in facts}


class HardLinks:
    """Files with several names, and how many of those a registry has; counted as it is listed."""

    def __init__(self) -> None:
        self._names: dict[FileId, tuple[int, set[str]]] = {}
        """How many names each has in all, and those that were seen."""
        self._digests: dict[FileId, set[str]] = {}

    def add(self, one: FileId, digest: str, name: str, names: int) -> None:
        """A file of a version, one name of it, and how many it has in all (`st_nlink`)."""
        if names > 1:
            self._names.setdefault(one, (names, set()))[1].add(name)
            self._digests.setdefault(one, set()).add(digest)

    def add_contents(self, key: str, found: Contents) -> None:
        """The files of a version that is a file or folder."""
        for file, one, names in zip(found.files, found.ids, found.names, strict=True):
            self.add(one, file.digest, f"{key}/{file.path}", names)

    def elsewhere(self) -> frozenset[str]:
        """The digests of files that have names outside of the registry too."""
        outside = [one for one, (names, here) in self._names.items() if names > len(here)]
        return frozenset[str]().union(*(self._digests[one] for one in outside))


def system_words(error: OSError) -> str:
    """What the system said, and of which file."""
    return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)


def spelled_out(name: str) -> str:
    """The name of a file, with the bytes in it that are no text written in hexadecimal."""
    return name if name.isascii() else os.fsencode(name).decode(errors="backslashreplace")
