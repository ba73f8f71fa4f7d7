"""Disks that are small, full, or have no locks; each skips where it cannot be had."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import stat
import struct
import subprocess
import threading
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def let_everyone_enter(folder: Path) -> None:
    """Open a folder and those above it, up to that of temporary files, to other users."""
    for one in (folder, *folder.parents):
        mode = one.stat().st_mode
        if mode & stat.S_ISVTX:
            return
        if mode & 0o005 != 0o005:
            one.chmod(0o755)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes at a folder."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("mounting a small file system needs more rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def layered(folder: Path) -> Iterator[None]:
    """What is in a folder becomes the lower layer of a file system there, as in a container."""
    lower = folder.rename(folder.with_suffix(".lower"))
    parts = {"lowerdir": lower}
    for name in ("upperdir", "workdir"):
        parts[name] = folder.with_suffix(f".{name}")
        parts[name].mkdir()
    folder.mkdir()
    options = ",".join(f"{name}={path}" for name, path in parts.items())
    words = ["mount", "-t", "overlay", "overlay", "-o", options, str(folder)]
    try:
        made = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("mounting layers needs more rights, or a file system that can be one")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def cloning_disk(folder: Path) -> Iterator[Path]:
    """A file system at a folder whose files can share blocks."""
    image = folder.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(128 << 20)
    folder.mkdir()
    steps = (["mkfs.btrfs", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)])
    try:
        for words in steps:
            subprocess.run(words, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("making and mounting a btrfs needs its tools and more rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


_FUSE_INIT = 26
_FUSE_ANSWER = struct.Struct("IiQIIIIHHII")
"""Length, error, which request; version, read ahead, flags, requests at once, bytes of a write."""
_FUSE_ANSWERED = 80


@contextmanager
def hanging_disk(folder: Path) -> Iterator[Path]:
    """A file system at a folder that takes every request and answers none.

    Who asks it for something cannot even be killed, until it is unmounted.
    """
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        pytest.skip("there is no FUSE here")
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"hanging", os.fsencode(folder), b"fuse", 0, options):
        os.close(server)
        pytest.skip("mounting a file system that hangs needs more rights")

    def take_requests() -> None:
        with contextlib.suppress(OSError):  # unmounted
            while found := os.read(server, 1 << 20):
                _, request, number = struct.unpack_from("IIQ", found)
                if request == _FUSE_INIT:
                    major, minor, ahead = struct.unpack_from("III", found, 40)
                    said = (0, number, major, minor, ahead, 0, 12, 9, 1 << 16, 1)
                    answer = _FUSE_ANSWER.pack(_FUSE_ANSWERED, *said)
                    os.write(server, answer.ljust(_FUSE_ANSWERED, b"\0"))

    thread = threading.Thread(target=take_requests)
    thread.start()
    try:
        yield folder
    finally:
        force, lazy = 1, 2
        libc.umount2(os.fsencode(folder), force | lazy)
        thread.join()
        os.close(server)


def fill(folder: Path) -> Path:
    """Use every byte that is left."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return ballast


@lru_cache
def other_disk() -> str:
    """The library of `disk.c`, to be preloaded."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no C compiler")
    library = Path(mkdtemp(prefix="artifact-tui-disk-")) / "disk.so"
    source = Path(__file__).with_name("disk.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return str(library)
