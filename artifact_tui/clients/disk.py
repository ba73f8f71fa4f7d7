"""What clients of folders on this machine share: one call at a time, in a thread, and its words."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.base import Client
from artifact_tui.config import from_home
from artifact_tui.errors import ReadOnlyError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifact_tui.model import Identity

T = TypeVar("T")

HOMES = (Path("/home"), Path("/Users"))
"""Where accounts have their homes."""


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


def as_named(path: str | Path) -> Path:
    """A path in full, with `~` spelled out; no link is followed, and no disk is touched."""
    return Path(os.path.abspath(from_home(path)))  # noqa: PTH100 - takes “..” out without a look


def in_homes(below: str) -> Iterator[tuple[Path, str]]:
    """The folders of this path in the homes that can be read, each with whose it is."""
    for homes in HOMES:
        for path in sorted(homes.glob(f"*/{below}")):
            yield path, path.relative_to(homes).parts[0]


def system_words(error: OSError) -> str:
    """What the system said, and of which file."""
    return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)


def spelled_out(name: str) -> str:
    """The name of a file, with the bytes in it that are no text written in hexadecimal."""
    return name if name.isascii() else os.fsencode(name).decode(errors="backslashreplace")
