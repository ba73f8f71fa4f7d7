"""Bytes on their way into the registry.

A file is copied into `tmp/` while it is hashed, made durable there, and only then renamed to its
name in `blobs/`: a blob is either complete or not there. The caller holds `gc.lock` shared.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from artifact_tui.clients.local.layout import PREFIX, Layout, sync_folder
from artifact_tui.clients.local.source import NOTHING_ADDED, shown, trouble
from artifact_tui.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from artifact_tui.clients.local.source import Found

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a version about to be added."""

    path: str
    digest: str
    size: int
    mode: int


def digest_of(data: bytes) -> str:
    """The name of these bytes: `sha256:` and 64 hex digits."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> tuple[str, int]:
    """The digest and the size of a file's bytes."""
    hasher = hashlib.sha256()
    size = 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
            size += len(chunk)
    return PREFIX + hasher.hexdigest(), size


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


class _Reader:
    """Reads one source file to its end and notices when it changes meanwhile."""

    def __init__(self, found: Found) -> None:
        self._path = found.real
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._fd = os.open(found.real, flags)
        except OSError as error:
            raise trouble(found.real, error) from error
        self.before = os.fstat(self._fd)

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in order."""
        if not stat.S_ISREG(self.before.st_mode):
            raise self._changed()
        try:
            while chunk := os.read(self._fd, CHUNK):
                yield chunk
        except OSError as error:
            raise trouble(self._path, error) from error

    def check(self, size: int) -> None:
        """Refuse a file that changed while it was read; `size` is what was read."""
        after = os.fstat(self._fd)
        same = (after.st_size, after.st_mtime_ns) == (self.before.st_size, self.before.st_mtime_ns)
        if not same or size != after.st_size:
            raise self._changed()

    def rewind(self) -> None:
        """Read from the start again."""
        os.lseek(self._fd, 0, os.SEEK_SET)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _changed(self) -> SourceError:
        return SourceError(
            f"{shown(self._path)} changed while it was being added. {NOTHING_ADDED}",
            hint="Wait until nobody writes to it, then add it again.",
        )


class Staging:
    """The new bytes of one `add`: invisible until `publish`, gone at the end otherwise."""

    def __init__(
        self,
        layout: Layout,
        *,
        known: Callable[[str, int], bool],
        sizes: frozenset[int] = frozenset(),
        durable: bool = True,
        tick: Callable[[int], None] | None = None,
    ) -> None:
        """Start with nothing staged.

        Args:
            layout: where the registry lies.
            known: whether a blob of this digest and size is already there and good.
            sizes: sizes of blobs that are there; a file of another size is copied at once.
            durable: False leaves the syncing to the operating system (the sample registry).
            tick: called with the number of bytes read, now and then; may raise to give up.
        """
        self._layout = layout
        self._known = known
        self._sizes = sizes
        self._durable = durable
        self._tick = tick or (lambda _count: None)
        self._staged: dict[str, Path] = {}
        self._left = layout.tmp / f"{socket.gethostname()[:64]}-{os.getpid()}-{uuid.uuid4().hex}"
        self.published: set[str] = set()

    def add_file(self, found: Found) -> Entry:
        """Take one file of the source."""
        reader = _Reader(found)
        try:
            mode = stat.S_IMODE(reader.before.st_mode) & 0o777
            if reader.before.st_size in self._sizes:
                hasher = hashlib.sha256()
                size = 0
                for chunk in reader.chunks():
                    hasher.update(chunk)
                    size += len(chunk)
                reader.check(size)
                digest = PREFIX + hasher.hexdigest()
                if digest in self._staged or self._known(digest, size):
                    self._tick(size)
                    return Entry(found.path, digest, size, mode)
                reader.rewind()
            digest, size = self._copy(reader.chunks(), reader.check)
        finally:
            reader.close()
        return Entry(found.path, digest, size, mode)

    def add_bytes(self, path: str, data: bytes, mode: int = 0o644) -> Entry:
        """Take bytes that are in memory."""
        digest = digest_of(data)
        if digest not in self._staged and not self._known(digest, len(data)):
            self._copy(iter((data,)), lambda _count: None)
        return Entry(path, digest, len(data), mode)

    def _copy(self, chunks: Iterator[bytes], check: Callable[[int], None]) -> tuple[str, int]:
        path = self._left.with_name(f"{self._left.name}-{len(self._staged)}")
        hasher = hashlib.sha256()
        size = 0
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                for chunk in chunks:
                    hasher.update(chunk)
                    _write_all(fd, chunk)
                    size += len(chunk)
                    self._tick(len(chunk))
                check(size)
                os.fchmod(fd, self._layout.mode & 0o444)
                if self._durable:
                    os.fsync(fd)
            finally:
                os.close(fd)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        digest = PREFIX + hasher.hexdigest()
        if digest in self._staged:
            path.unlink()
        else:
            self._staged[digest] = path
        return digest, size

    def publish(self) -> None:
        """Give every staged file its name in `blobs/`, and make those names durable."""
        folders: set[Path] = set()
        for digest, path in list(self._staged.items()):
            target = self._layout.blob(digest)
            path.rename(target)
            del self._staged[digest]
            self.published.add(digest)
            folders.add(target.parent)
        if self._durable:
            for folder in sorted(folders):
                sync_folder(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was staged and not published."""
        for path in self._staged.values():
            path.unlink(missing_ok=True)
        self._staged.clear()
