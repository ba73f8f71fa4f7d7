"""Which processes of this machine hold files open, as far as Linux tells in `/proc`.

A process holds a file by a descriptor, or has it in its memory (`mmap`) with no descriptor left:
that is how weights are loaded. Files are compared by device and inode, since a container may know
them by another path; paths only lead to them. Where there is no `/proc`, nothing is known.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

from artifact_tui.model import Holders

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

FileId = tuple[int, int]
"""Device and inode."""

PROC = "/proc"
_COLUMNS = 3
"""Of a line of `maps`, from the device on: where a file is, its inode and its path."""


def file_id(found: os.stat_result) -> FileId:
    """What a file is compared by."""
    return found.st_dev, found.st_ino


def holders_of(files: Mapping[str, Collection[FileId]]) -> Holders:
    """Who holds files of these versions open now; this process itself does not count."""
    wanted: dict[int, set[FileId]] = {}
    for held in files.values():
        for one in held:
            wanted.setdefault(one[1], set()).add(one)
    if not wanted or not os.path.isdir(PROC):
        return Holders()
    holders: dict[FileId, set[tuple[int, str]]] = {}
    unseen = not os.path.exists(f"{PROC}/1")  # those of others are hidden
    for pid, look in product(_processes(), (_opened_by, _mapped_by)):
        try:
            found = look(pid, wanted)
        except PermissionError:
            unseen = True
            continue
        except OSError:  # it has ended
            continue
        for one in found:
            holders.setdefault(one, set()).add((pid, _program(pid)))
    return Holders(
        {
            key: tuple(f"{name} (pid {pid})" for pid, name in sorted(by))
            for key, held in files.items()
            if (by := {who for one in held for who in holders.get(one, ())})
        },
        unseen=unseen,
    )


def _processes() -> Iterator[int]:
    """The processes that there are, but for this one."""
    with os.scandir(PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                yield int(entry.name)


def _program(pid: int) -> str:
    """What a process is called; it may call itself anything."""
    with suppress(OSError):
        name = _read(f"{PROC}/{pid}/comm").removesuffix(b"\n")
        return name.decode(errors="backslashreplace")
    return "a process"


def _read(path: str) -> bytes:
    """A small file of `/proc`, in one go: `open` takes twice as long."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(number, 4096)
    finally:
        os.close(number)


def _opened_by(pid: int, wanted: Mapping[int, Collection[FileId]]) -> set[FileId]:
    """Those of the wanted files, by inode, of which a process has a descriptor.

    No other file is looked at: it may lie where nothing answers.

    Raises:
        OSError: the process has ended, or may not be looked at.
    """
    found: set[FileId] = set()
    for name in os.listdir(f"{PROC}/{pid}/fd"):
        with suppress(OSError):
            path = f"{PROC}/{pid}/fd/{name}"
            target = os.readlink(path)
            if target.startswith("/"):
                inode = _inode(f"{PROC}/{pid}/fdinfo/{name}")
                if inode is None or inode in wanted:
                    found.add(file_id(os.stat(path)))
    return found


def _inode(descriptor: str) -> int | None:
    """The inode of an open file; None where Linux is too old to tell it here."""
    inode = _read(descriptor).partition(b"\nino:")[2].partition(b"\n")[0]
    return int(inode) if inode else None


def _mapped_by(pid: int, wanted: Mapping[int, Collection[FileId]]) -> set[FileId]:
    """Those of the wanted files, by inode, that a process has in its memory.

    This takes by far the longest, and is never remembered: a process that goes from one file to
    another of the same size looks as it did before.

    Raises:
        OSError: the process has ended, or may not be looked at.
    """
    with open(f"{PROC}/{pid}/maps", "rb") as file:
        rows = {tuple(line.split(None, 5)[3:]) for line in file if b"/" in line}
    found: set[FileId] = set()
    for row in rows:
        if len(row) < _COLUMNS or int(row[1]) not in wanted:
            continue
        major, _, minor = row[0].partition(b":")
        here = os.makedev(int(major, 16), int(minor, 16)), int(row[1])
        if here in wanted[here[1]]:
            found.add(here)
            continue
        path = os.fsdecode(row[2].removesuffix(b"\n").replace(rb"\012", b"\n"))
        with suppress(OSError):  # some file systems tell another device here
            found.add(file_id(os.stat(f"{PROC}/{pid}/root{path}")))
    return found
