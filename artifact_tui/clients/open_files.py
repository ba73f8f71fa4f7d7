"""Which processes of this machine hold files open, as far as Linux tells in `/proc`.

A process holds a file by a descriptor, or has it in its memory (`mmap`) with no descriptor left:
that is how weights are loaded. Files are compared by device and inode, since a container may know
them by another path; paths only lead to them. Where there is no `/proc`, nothing is known.
"""

from __future__ import annotations

import os
from contextlib import suppress
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
    users: dict[FileId, set[tuple[int, str]]] = {}
    unseen = not os.path.exists(f"{PROC}/1")  # those of others are hidden
    for pid in _processes():
        try:
            opened = _opened_by(f"{PROC}/{pid}", wanted)
        except PermissionError:
            unseen = True
            continue
        except OSError:  # it has ended
            continue
        for one in opened:
            users.setdefault(one, set()).add((pid, _program(pid)))
    return Holders(
        {
            key: tuple(f"{name} (pid {pid})" for pid, name in sorted(by))
            for key, held in files.items()
            if (by := set[tuple[int, str]]().union(*(users.get(one, ()) for one in held)))
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
    with suppress(OSError), open(f"{PROC}/{pid}/comm", "rb") as file:
        return file.read().decode(errors="backslashreplace").removesuffix("\n")
    return "a process"


def _opened_by(process: str, wanted: Mapping[int, Collection[FileId]]) -> set[FileId]:
    """Those of the wanted files, by inode, that a process has open.

    No other file is looked at: it may lie where nothing answers.

    Raises:
        OSError: the process has ended, or may not be looked at.
    """
    found: set[FileId] = set()
    for name in os.listdir(f"{process}/fd"):
        with suppress(OSError):
            path = f"{process}/fd/{name}"
            target = os.readlink(path)
            if target.startswith("/") and not target.startswith("/dev/"):
                inode = _inode(f"{process}/fdinfo/{name}")
                if inode is None or inode in wanted:
                    found.add(file_id(os.stat(path)))
    for device, inode, path in _mapped(process):
        if inode not in wanted:
            continue
        if (device, inode) in wanted[inode]:
            found.add((device, inode))
            continue
        with suppress(OSError):  # some file systems tell another device here
            found.add(file_id(os.stat(f"{process}/root{path}")))
    return found


def _inode(descriptor: str) -> int | None:
    """The inode of an open file; None where Linux is too old to tell it here."""
    with open(descriptor, "rb") as file:
        inodes = (line for line in file if line.startswith(b"ino:"))
        return next((int(line[4:]) for line in inodes), None)


def _mapped(process: str) -> set[tuple[int, int, str]]:
    """Device, inode and path of the files that a process has in its memory.

    Raises:
        OSError: the process has ended, or may not be looked at.
    """
    with open(f"{process}/maps", "rb") as file:
        rows = {tuple(line.split(None, 5)[3:]) for line in file if b"/" in line}
    found = set()
    for row in rows:
        if len(row) == _COLUMNS:
            major, _, minor = row[0].partition(b":")
            path = os.fsdecode(row[2].removesuffix(b"\n").replace(rb"\012", b"\n"))
            found.add((os.makedev(int(major, 16), int(minor, 16)), int(row[1]), path))
    return found
