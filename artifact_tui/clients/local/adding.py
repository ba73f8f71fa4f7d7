"""Adding versions: what may be added, its bytes, and then every row in one transaction.

- A source is a file, or all files below a folder, looked at once before anything is read. Regular
  files are taken, with their permission bits. Empty folders are not kept.
- A link inside the folder to a regular file inside the same folder is stored as a copy of it. Any
  other link (to a folder, to the outside, to nothing) is refused: what it names could differ from
  what the user looked at.
- Named pipes, sockets and devices are refused, and so are names that are not UTF-8.
- The path that the user names may itself be a link.

A file is copied into `tmp/` while it is hashed, made durable there, and only then renamed to its
name in `blobs/`: a blob is either complete or not there. Adding the same content again makes a new
version with the same digest; it stores no bytes again.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from artifact_tui.clients.local import local_edits
from artifact_tui.clients.local.local_folder import DIGEST_PREFIX, Layout, sync_folder
from artifact_tui.errors import SourceError, UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path


_SPECIAL_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
NOTHING_ADDED = "Nothing was added."


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to add."""

    path: str
    """Its name in the version, with `/` between parts."""
    real: Path
    """Where its bytes are."""
    size: int


def spelled(path: os.PathLike[str] | str) -> str:
    """A path as text that can be printed, even when its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def unreadable_file(path: os.PathLike[str] | str, error: OSError) -> SourceError:
    """The error for a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return SourceError(
            f"{spelled(path)} is not there (any more). {NOTHING_ADDED}",
            hint="Check the name; do not change a folder while it is being added.",
        )
    return SourceError(
        f"{spelled(path)} cannot be read: {error.strerror or error}. {NOTHING_ADDED}",
        hint="Make it readable, or take it out of the folder.",
    )


def _check_utf8(name: str, path: Path) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            f"The name {spelled(path)} is not UTF-8. {NOTHING_ADDED}",
            hint="Rename it, then try again.",
        ) from error


def _follow_link(path: Path, top: Path) -> tuple[Path, os.stat_result]:
    """Where a link inside the folder leads, when it may be followed."""
    try:
        real = path.resolve(strict=True)
        info = real.lstat()
    except (OSError, RuntimeError) as error:
        raise SourceError(
            f"{spelled(path)} is a link that leads nowhere. {NOTHING_ADDED}",
            hint="Remove the link, or repair it.",
        ) from error
    if not stat.S_ISREG(info.st_mode) or not real.is_relative_to(top):
        raise SourceError(
            f"{spelled(path)} is a link to {spelled(real)}, which is not a file inside the folder. "
            f"{NOTHING_ADDED}",
            hint="Replace the link by what it links to (`cp -rL` copies a folder so).",
        )
    return real, info


def _check_regular(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        kind = _SPECIAL_FILES.get(stat.S_IFMT(info.st_mode), "not a file")
        raise SourceError(
            f"{spelled(path)} is {kind}. {NOTHING_ADDED}",
            hint="Only files and folders can be added: take it out of the folder.",
        )


def _files_below(top: Path) -> list[SourceFile]:
    found: list[SourceFile] = []
    folders = [("", top)]
    while folders:
        prefix, folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = folder / entry.name
                    _check_utf8(entry.name, path)
                    inside = f"{prefix}{entry.name}"
                    info = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(info.st_mode):
                        folders.append((f"{inside}/", path))
                        continue
                    if stat.S_ISLNK(info.st_mode):
                        path, info = _follow_link(path, top)
                    _check_regular(path, info)
                    found.append(SourceFile(inside, path, info.st_size))
        except OSError as error:
            raise unreadable_file(error.filename or folder, error) from error
    return sorted(found, key=lambda one: one.path)


def _refuse_overlap(real: Path, registry: Path) -> None:
    inside = registry.resolve()
    if real.is_relative_to(inside) or inside.is_relative_to(real):
        raise SourceError(
            f"{spelled(real)} and the registry {spelled(inside)} lie inside each other. "
            f"{NOTHING_ADDED}",
            hint="Add a folder that is apart from the registry.",
        )


def source_files(source: Path, registry: Path) -> tuple[SourceFile, ...]:
    """The files to add from a file or folder, sorted by path.

    Args:
        source: a file, or a folder with at least one file below it.
        registry: the registry's own folder, which must lie apart.

    Raises:
        SourceError: there is something in it that cannot be added; the message names it.
    """
    try:
        real = source.expanduser().resolve(strict=True)
        info = real.lstat()
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else OSError(str(error))
        raise unreadable_file(source, cause) from error
    _refuse_overlap(real, registry)
    if not stat.S_ISDIR(info.st_mode):
        _check_regular(real, info)
        name = source.expanduser().absolute().name
        _check_utf8(name, source)
        return (SourceFile(name, real, info.st_size),)
    found = _files_below(real)
    if not found:
        raise SourceError(
            f"There is no file in {spelled(source)}. {NOTHING_ADDED}",
            hint="Add a file, or a folder that holds one.",
        )
    return tuple(found)


READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class NewFile:
    """One file of a version about to be added."""

    path: str
    digest: str
    size: int
    mode: int


def digest_of(data: bytes) -> str:
    """The name of these bytes: `sha256:` and 64 hex digits."""
    return DIGEST_PREFIX + hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> tuple[str, int]:
    """The digest and the size of a file's bytes."""
    with path.open("rb", buffering=0) as file:
        return hash_chunks(iter(partial(file.read, READ_BYTES), b""))


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


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however few the system takes at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


class _SourceReader:
    """Reads one source file to its end and notices when it changes meanwhile."""

    def __init__(self, found: SourceFile) -> None:
        self._path = found.real
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._fd = os.open(found.real, flags)
        except OSError as error:
            raise unreadable_file(found.real, error) from error
        self.before = os.fstat(self._fd)

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in order."""
        if not stat.S_ISREG(self.before.st_mode):
            raise self._changed()
        try:
            while chunk := os.read(self._fd, READ_BYTES):
                yield chunk
        except OSError as error:
            raise unreadable_file(self._path, error) from error

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
            f"{spelled(self._path)} changed while it was being added. {NOTHING_ADDED}",
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

    def add_file(self, found: SourceFile) -> NewFile:
        """Take one file of the source."""
        reader = _SourceReader(found)
        try:
            mode = stat.S_IMODE(reader.before.st_mode) & 0o777
            if reader.before.st_size in self._sizes:
                digest, size = hash_chunks(reader.chunks())
                reader.check(size)
                if digest in self._staged or self._known(digest, size):
                    self._tick(size)
                    return NewFile(found.path, digest, size, mode)
                reader.rewind()
            digest, size = self._copy(reader.chunks(), reader.check)
        finally:
            reader.close()
        return NewFile(found.path, digest, size, mode)

    def add_bytes(self, path: str, data: bytes, mode: int = 0o644) -> NewFile:
        """Take bytes that are in memory."""
        digest = digest_of(data)
        if digest not in self._staged and not self._known(digest, len(data)):
            self._copy(iter((data,)), lambda _count: None)
        return NewFile(path, digest, len(data), mode)

    def _copy(self, chunks: Iterator[bytes], check: Callable[[int], None]) -> tuple[str, int]:
        path = self._left.with_name(f"{self._left.name}-{len(self._staged)}")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

        def store(chunk: bytes) -> None:
            write_all(fd, chunk)
            self._tick(len(chunk))

        try:
            try:
                digest, size = hash_chunks(chunks, store)
                check(size)
                os.fchmod(fd, self._layout.mode & 0o444)
                if self._durable:
                    os.fsync(fd)
            finally:
                os.close(fd)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
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


LATEST = "latest"
"""The alias that follows the newest version of each collection by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """The facts that whoever adds a version gives; `check_new` refuses those that cannot be."""

    name: str
    """Its collection, made when it is new."""
    type: str
    aliases: tuple[str, ...] = ()
    """Taken away from the version that has them now."""
    protected: tuple[str, ...] = ()
    """Those of its aliases that forbid deletion; they need not be named twice."""
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """Keys of the versions it was made from."""
    ttl_us: int | None = None
    run: str = ""
    note: str = ""
    created_us: int | None = None
    """Now, unless given."""
    used_us: int | None = None
    key: str = ""
    """Its key; a new random one unless given (the sample registry repeats its keys)."""


class BlobGoneError(Exception):
    """A blob that was there is about to be swept: put its bytes again, then try again."""


def check_new(new: NewVersion) -> None:
    """Refuse a version one of whose names cannot be stored.

    Raises:
        UsageError: one of them cannot; the message says which and why.
    """
    local_edits.check_name(new.name, "name of the collection")
    local_edits.check_name(new.type, "type")
    for alias in (*new.aliases, *new.protected):
        local_edits.check_alias(alias)
    for tag in new.tags:
        local_edits.check_name(tag, "tag")
    local_edits.check_text(new.run, "run")
    local_edits.check_text(new.note, "note", longest=local_edits.LONGEST_NOTE)
    local_edits.check_ttl(new.ttl_us)


def manifest_digest(entries: Sequence[NewFile]) -> str:
    """The digest of a version: of its files' paths, digests and permission bits, by path."""
    rows = sorted([entry.path, entry.digest, entry.mode] for entry in entries)
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def _collection_id(conn: sqlite3.Connection, new: NewVersion, now_us: int) -> int:
    row = conn.execute("SELECT id, type FROM collection WHERE name = ?", (new.name,)).fetchone()
    if row is None:
        cursor = conn.execute(
            "INSERT INTO collection(key, name, type, created_us) VALUES(?, ?, ?, ?)",
            (
                str(uuid.uuid5(uuid.NAMESPACE_OID, new.key)) if new.key else uuid.uuid4().hex,
                new.name,
                new.type,
                now_us,
            ),
        )
        return int(cursor.lastrowid or 0)
    found, kind = row
    if kind != new.type:
        raise UsageError(
            f"“{new.name}” already holds versions of type “{kind}”, not “{new.type}”. "
            "Nothing was added.",
            hint="Use another name, or the same type.",
        )
    return int(found)


def _next_ordinal(conn: sqlite3.Connection, name: str) -> int:
    conn.execute(
        "INSERT INTO next_ordinal(name, next) VALUES(?, 1)"
        " ON CONFLICT(name) DO UPDATE SET next = next + 1",
        (name,),
    )
    (after,) = conn.execute("SELECT next FROM next_ordinal WHERE name = ?", (name,)).fetchone()
    return int(after) - 1


def _blob_is_there(layout: Layout, entry: NewFile) -> bool:
    try:
        return layout.blob(entry.digest).stat().st_size == entry.size
    except FileNotFoundError:
        return False


def _blob_id(conn: sqlite3.Connection, entry: NewFile, layout: Layout, fresh: set[str]) -> int:
    """The blob row of one file, with one reference more.

    A condemned row is never brought back: its file may vanish at any moment.
    """
    row = conn.execute("SELECT id, state FROM blob WHERE digest = ?", (entry.digest,)).fetchone()
    if row is not None and (row[1] == 1 or (row[1] != 0 and entry.digest not in fresh)):
        raise BlobGoneError
    if not _blob_is_there(layout, entry):
        raise BlobGoneError
    if row is None:
        cursor = conn.execute(
            "INSERT INTO blob(digest, size, refs) VALUES(?, ?, 1)", (entry.digest, entry.size)
        )
        return int(cursor.lastrowid or 0)
    conn.execute(
        "UPDATE blob SET refs = refs + 1, state = 0, unref_us = NULL WHERE id = ?", (row[0],)
    )
    return int(row[0])


def _insert_files(
    conn: sqlite3.Connection,
    version_id: int,
    entries: Sequence[NewFile],
    layout: Layout,
    fresh: set[str],
) -> None:
    for entry in entries:
        blob_id = _blob_id(conn, entry, layout, fresh)
        conn.execute(
            "INSERT INTO file(version_id, path, blob_id, mode) VALUES(?, ?, ?, ?)",
            (version_id, entry.path, blob_id, entry.mode),
        )


def _insert_row(
    conn: sqlite3.Connection, new: NewVersion, entries: Sequence[NewFile], now_us: int
) -> tuple[str, int]:
    key = new.key or uuid.uuid4().hex
    created_us = now_us if new.created_us is None else new.created_us
    collection_id = _collection_id(conn, new, created_us)
    ordinal = _next_ordinal(conn, new.name)
    cursor = conn.execute(
        "INSERT INTO version(key, collection_id, ordinal, label, digest, size, file_count,"
        " created_us, used_us, run, note, ttl_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key, collection_id, ordinal, f"v{ordinal}", manifest_digest(entries),
            sum(entry.size for entry in entries), len(entries),
            created_us, new.used_us, new.run, new.note, new.ttl_us,
        ),
    )  # fmt: skip
    return key, int(cursor.lastrowid or 0)


def insert_version(
    conn: sqlite3.Connection,
    new: NewVersion,
    entries: Sequence[NewFile],
    *,
    layout: Layout,
    fresh: set[str],
    now_us: int,
) -> str:
    """Write all rows of one new version, in the caller's transaction; gives its key.

    Args:
        conn: inside a writing transaction, with `gc.lock` held shared.
        new: checked.
        entries: its files; their bytes are in `blobs/`.
        layout: where the registry lies.
        fresh: digests whose bytes this call has just put there.
        now_us: the time now.

    Raises:
        BlobGoneError: a blob that we found before is being swept.
        NotFoundError: a parent is not there.
    """
    parents = [local_edits.live_version_id(conn, key) for key in dict.fromkeys(new.parents)]
    key, version_id = _insert_row(conn, new, entries, now_us)
    _insert_files(conn, version_id, entries, layout, fresh)
    for parent in parents:
        conn.execute("INSERT INTO edge(parent_id, child_id) VALUES(?, ?)", (parent, version_id))
    conn.executemany(
        "INSERT INTO tag(version_id, name) VALUES(?, ?)",
        [(version_id, tag) for tag in dict.fromkeys(new.tags)],
    )
    for alias in dict.fromkeys((LATEST, *new.aliases, *new.protected)):
        local_edits.point_alias(
            conn, version_id, alias, protected=True if alias in new.protected else None
        )
    return key
