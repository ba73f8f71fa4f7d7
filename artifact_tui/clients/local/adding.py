"""Adding versions: what may be added, its bytes, and then every row in one transaction.

- A source is a file, or all files below a folder, looked at once before anything is read. Regular
  files are taken, with their permission bits. Empty folders are not kept.
- A link inside the folder to a regular file inside the same folder is stored as a copy of it. Any
  other link (to a folder, to the outside, to nothing) is refused: what it names could differ from
  what the user looked at.
- Named pipes, sockets and devices are refused, and so are names that are not UTF-8.
- The path that the user names may itself be a link.

A file is put into `tmp/` while it is hashed, made durable there, and only then renamed to its name
in `blobs/`: a blob is either complete or not there. Where the file system can let two files share
their blocks, it is put there as such a clone; else it is copied. A file into which nobody ever
writes, as its registry says, may get a second name there instead: it is one file then, of which
permissions and times are left alone. Adding the same content again makes a new version with the
same digest; it stores no bytes again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
import stat
import uuid
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from artifact_tui.clients.local import local_edits, local_trash
from artifact_tui.clients.local.local_folder import (
    READ_BYTES,
    gc_lock,
    hash_chunks,
    our_errors,
    sync_folder,
    write_all,
)
from artifact_tui.clients.local.local_reading import json_array
from artifact_tui.errors import BusyError, SourceError, UsageError
from artifact_tui.model import File, Kept

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.local.local_store import LocalStore
    from artifact_tui.model import LocalFile, NewVersion


LATEST = "latest"
"""The alias that follows the newest version of each collection by itself."""

_SPECIAL_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ATTEMPTS = 5
_CLONE = 0x40049409
"""Linux' FICLONE: let a file have the blocks of another one until either is written to."""
_NO_CLONES = {
    errno.EBADF, errno.EINVAL, errno.EISDIR, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP,
    errno.EPERM, errno.ETXTBSY, errno.EXDEV,
}  # fmt: skip
_NO_LINKS = {errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV}

Take: TypeAlias = "Callable[[bytes], None]"
Source: TypeAlias = "SourceFile | SourceBytes"


class SourceFile(NamedTuple):
    """A file to add: its name in the version, with `/` between parts, and where its bytes are."""

    path: str
    size: int
    real: Path
    steady: bool = False
    """As in `LocalFile`."""
    digest: str = ""
    """As in `LocalFile`."""

    def read(self, take: Take) -> tuple[str, int, int]:
        """The digest, the size and the permission bits, read once to the end.

        Each chunk is handed to `take`. A file that changes meanwhile is refused.
        """
        with self.opened() as fd:
            return self.hashed(fd, take)

    def hashed(self, fd: int, take: Take, *, of: int | None = None) -> tuple[str, int, int]:
        """What `read` gives, of the open file, or of a clone of it.

        Raises:
            SourceError: it cannot be read, is changed meanwhile, or is not what it should be.
        """
        digest, size = hash_chunks(self._chunks(fd if of is None else of), take)
        now = os.fstat(fd)
        if size != now.st_size:
            raise self.changed()
        if self.digest not in {"", digest}:
            raise _refused(
                f"{_spelled(self.real)} is damaged: its digest is not {self.digest}, as its"
                " registry says",
                "Download it again, then keep it.",
            )
        return digest, size, stat.S_IMODE(now.st_mode) & 0o777

    @contextmanager
    def opened(self) -> Iterator[int]:
        """The file, open for reading.

        Raises:
            SourceError: it cannot be read, or was changed by the end of the block.
        """
        try:
            fd = os.open(self.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(self.real, error) from error
        try:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise self.changed()
            yield fd
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise self.changed()

    def changed(self) -> SourceError:
        """The error for a file that somebody writes to."""
        return _refused(
            f"{_spelled(self.real)} changed while it was being added",
            "Wait until nobody writes to it, then add it again.",
        )

    def _chunks(self, fd: int) -> Iterator[bytes]:
        try:
            while chunk := os.read(fd, READ_BYTES):
                yield chunk
        except OSError as error:
            raise _unreadable(self.real, error) from error


class SourceBytes(NamedTuple):
    """A file to add whose bytes are in memory."""

    path: str
    size: int
    data: bytes

    def read(self, take: Take) -> tuple[str, int, int]:
        """The digest, the size and the permission bits; the bytes are handed to `take`."""
        return *hash_chunks((self.data,), take), 0o644


# what may be added


def _spelled(path: os.PathLike[str] | str) -> str:
    """A path as text that can be printed, even when its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _refused(what: str, hint: str) -> SourceError:
    return SourceError(f"{what}. Nothing was added.", hint=hint)


def _unreadable(path: os.PathLike[str] | str, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return _refused(
            f"{_spelled(path)} is not there (any more)",
            "Check the name; do not change a folder while it is being added.",
        )
    why = error.strerror if isinstance(error, OSError) else ""
    return _refused(
        f"{_spelled(path)} cannot be read: {why or error}",
        "Make it readable, or take it out of the folder.",
    )


def _check_utf8(name: str, path: Path) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _refused(
            f"The name {_spelled(path)} is not UTF-8", "Rename it, then try again."
        ) from error


def _follow_link(path: Path, top: Path) -> tuple[Path, os.stat_result]:
    """Where a link inside the folder leads, when it may be followed."""
    try:
        real = path.resolve(strict=True)
        info = real.lstat()
    except (OSError, RuntimeError) as error:
        raise _refused(
            f"{_spelled(path)} is a link that leads nowhere", "Remove the link, or repair it."
        ) from error
    if not stat.S_ISREG(info.st_mode) or not real.is_relative_to(top):
        raise _refused(
            f"{_spelled(path)} is a link to {_spelled(real)}, which is not a file inside the"
            " folder",
            "Replace the link by what it links to (`cp -rL` copies a folder so).",
        )
    return real, info


def _check_regular(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        kind = _SPECIAL_FILES.get(stat.S_IFMT(info.st_mode), "not a file")
        raise _refused(
            f"{_spelled(path)} is {kind}",
            "Only files and folders can be added: take it out of the folder.",
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
                    found.append(SourceFile(inside, info.st_size, path))
        except OSError as error:
            raise _unreadable(error.filename or folder, error) from error
    return sorted(found)


def source_files(source: Path, registry: Path) -> list[SourceFile]:
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
        raise _unreadable(source, error) from error
    inside = registry.resolve()
    if real.is_relative_to(inside) or inside.is_relative_to(real):
        raise _refused(
            f"{_spelled(real)} and the registry {_spelled(inside)} lie inside each other",
            "Add a folder that is apart from the registry.",
        )
    if not stat.S_ISDIR(info.st_mode):
        _check_regular(real, info)
        name = source.expanduser().absolute().name
        _check_utf8(name, source)
        return [SourceFile(name, info.st_size, real)]
    found = _files_below(real)
    if not found:
        raise _refused(
            f"There is no file in {_spelled(source)}", "Add a file, or a folder that holds one."
        )
    return found


# its bytes


class Staging:
    """The new bytes of one `add`: in `tmp/` until `publish`, and gone at the end otherwise."""

    def __init__(
        self, store: LocalStore, *, durable: bool, tick: Callable[[int], None], sizes: Iterable[int]
    ) -> None:
        """Start with nothing staged.

        Args:
            store: where they go.
            durable: False leaves the syncing to the operating system (the sample registry).
            tick: called with the number of bytes read, now and then; may raise to give up.
            sizes: of all that comes. A file that has the size of no blob is copied at once; the
                rest is hashed first, since it may be stored already.
        """
        self._store = store
        self._durable = durable
        self._tick = tick
        self._staged: dict[str, Path] = {}
        self.ways: Counter[str] = Counter()
        """Bytes by how they came, as in `Kept`."""
        self._prefix = f"{socket.gethostname()[:64]}-{os.getpid()}-{uuid.uuid4().hex}"
        self.published: set[str] = set()
        with store.reading() as conn:
            rows = conn.execute(
                "SELECT want.value FROM json_each(?) want"
                " WHERE EXISTS(SELECT 1 FROM blob b WHERE b.size = want.value)",
                (json_array(set(sizes)),),
            )
            self._known_sizes = {size for (size,) in rows}

    def add(self, source: Source) -> File:
        """Read a file of a new version, and keep its bytes aside unless the store has them."""
        if source.size in self._known_sizes or isinstance(source, SourceBytes):
            digest, size, mode = source.read(lambda _chunk: None)
            if digest in self._staged or is_stored(self._store, digest, size):
                self._tick(size)
                self.ways["known"] += size
                return File(source.path, size, digest, mode)
        path = self._store.layout.tmp / f"{self._prefix}-{len(self._staged)}"
        try:
            way, digest, size, mode = self._put(source, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if digest in self._staged:
            path.unlink()
            way = "known"
        else:
            self._staged[digest] = path
        self.ways[way] += size
        return File(source.path, size, digest, mode)

    def _put(self, source: Source, path: Path) -> tuple[str, str, int, int]:
        """Put a file there, durably, while it is hashed; in which way, and what `read` gives."""
        new = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            put = self._fill(new, source, path)
            if put[0] != "linked":
                os.fchmod(new, self._store.layout.mode & 0o444)
                if self._durable:
                    os.fsync(new)
        finally:
            os.close(new)
        return put

    def _fill(self, new: int, source: Source, path: Path) -> tuple[str, str, int, int]:
        """Fill a new file, or put another name of the source in its place: whichever goes first."""

        def count(chunk: bytes) -> None:
            self._tick(len(chunk))

        def write(chunk: bytes) -> None:
            write_all(new, chunk)
            count(chunk)

        if not isinstance(source, SourceFile):
            return "copied", *source.read(write)
        with source.opened() as fd:
            if _clone(fd, new):
                return "cloned", *source.hashed(fd, count, of=new)
            if source.steady and self._link(fd, source, path):
                read = source.hashed(fd, count)
                if self._durable:
                    os.fsync(fd)
                return "linked", *read
            return "copied", *source.hashed(fd, write)

    def _link(self, fd: int, source: SourceFile, path: Path) -> bool:
        """Give an open file another name there; False where that cannot, or must not, be.

        Whoever may read or write it through that name could do so already.
        """
        info, top = os.fstat(fd), self._store.layout.root.stat()
        others = stat.S_IWOTH | (stat.S_IWGRP if info.st_gid != top.st_gid else 0)
        unreadable = self._store.layout.mode & 0o444 & ~info.st_mode
        if info.st_uid != top.st_uid or info.st_mode & others or unreadable:
            return False
        beside = path.with_name(f"{path.name}-link")
        try:
            os.link(source.real, beside, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NO_LINKS:
                return False
            raise
        try:
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        if not os.path.samestat(path.lstat(), info):
            raise source.changed()
        return True

    def publish(self) -> None:
        """Give every staged file its name in `blobs/`, and make those names durable."""
        layout = self._store.layout
        targets = {digest: layout.blob(digest) for digest in self._staged}
        folders = {target.parent for target in targets.values()}
        layout.folder(*sorted(folder for folder in folders if not folder.exists()))
        for digest, target in targets.items():
            self._staged[digest].rename(target)
            del self._staged[digest]
            self.published.add(digest)
        if self._durable and folders:
            # who made one of the folders may have been killed before its name was durable
            for folder in (layout.blobs, *sorted(folders)):
                sync_folder(folder)

    def clear(self) -> None:
        """Remove what was staged and not published."""
        for path in self._staged.values():
            path.unlink(missing_ok=True)
        self._staged.clear()


def _clone(source: int, new: int) -> bool:
    """Let a new file share the blocks of another one; False where the file system does not."""
    try:
        fcntl.ioctl(new, _CLONE, source)
    except OSError as error:
        if error.errno in _NO_CLONES:
            return False
        raise
    return True


def is_stored(store: LocalStore, digest: str, size: int) -> bool:
    """Whether a blob is there and good, so that its bytes need not be put again."""
    with store.reading() as conn:
        row = conn.execute(
            "SELECT 1 FROM blob WHERE digest = ? AND size = ? AND state = 0", (digest, size)
        ).fetchone()
    return row is not None and store.layout.has_blob(digest, size)


# adding


class BlobGoneError(Exception):
    """A blob that was there is about to be swept: put its bytes again, then try again."""


def add_version(
    store: LocalStore,
    source: Path,
    new: NewVersion,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Add a file or a folder as a new version; gives its key.

    Args:
        store: the registry.
        source: the file or folder.
        new: its collection, names and other facts.
        progress: called with the bytes read so far and in all; may raise to give up.

    Raises:
        SourceError: something in it cannot be added.
        UsageError: a name cannot be stored.
        RegistryError: the registry cannot take it. In every case nothing was added.
    """
    store.check_writable()
    check_new(new)
    return _add(store, source_files(source, store.layout.root), new, progress).key


def keep_version(
    store: LocalStore,
    files: Mapping[str, LocalFile],
    new: NewVersion,
    progress: Callable[[int, int], None] | None = None,
) -> Kept:
    """Add files of another registry, by their paths in the version, as a new one.

    Raises:
        SourceError: one of them cannot be added.
        UsageError: a name cannot be stored.
        RegistryError: the registry cannot take it. In every case nothing was added.
    """
    store.check_writable()
    check_new(new)
    if not files:
        raise _refused("There is no file in it", "Look at it: it may be gone.")
    return _add(store, [_kept_file(path, files[path]) for path in sorted(files)], new, progress)


def _kept_file(path: str, file: LocalFile) -> SourceFile:
    """A file of another registry, if it can be added."""
    _check_utf8(path, file.place)
    try:
        info = file.place.lstat()
    except OSError as error:
        raise _unreadable(file.place, error) from error
    _check_regular(file.place, info)
    return SourceFile(path, info.st_size, file.place, file.steady, file.digest)


def _add(
    store: LocalStore,
    files: Sequence[SourceFile],
    new: NewVersion,
    progress: Callable[[int, int], None] | None,
) -> Kept:
    """Add files as a new version."""
    total = sum(file.size for file in files)
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(min(done, total), total)

    (key,), ways = _commit(store, [(new, files)], tick=tick)
    return Kept(key, **ways)


def add_many(
    store: LocalStore,
    many: Sequence[tuple[NewVersion, Mapping[str, bytes]]],
    *,
    durable: bool = True,
    then: Callable[[sqlite3.Connection], None] | None = None,
) -> list[str]:
    """Add versions whose files are in memory, all in one transaction; gives their keys.

    Args:
        store: the registry.
        many: the facts of each, and its files by path. A later one may name an earlier one's
            given key as its parent.
        durable: False leaves syncing the files to the operating system.
        then: called in the same transaction, after the last version.
    """
    store.check_writable()
    batch = []
    for new, files in many:
        check_new(new)
        if not files:
            raise UsageError(f"“{new.name}” has no files. Nothing was added.")
        batch.append(
            (new, [SourceBytes(path, len(files[path]), files[path]) for path in sorted(files)])
        )
    return _commit(store, batch, durable=durable, then=then)[0]


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
    if new.ttl_us is not None:
        local_edits.check_ttl(new.ttl_us)


def _commit(
    store: LocalStore,
    batch: Sequence[tuple[NewVersion, Sequence[Source]]],
    *,
    durable: bool = True,
    tick: Callable[[int], None] = lambda _count: None,
    then: Callable[[sqlite3.Connection], None] | None = None,
) -> tuple[list[str], Counter[str]]:
    """Stage bytes, publish them, write the rows; start over when a sweep was in the way.

    The keys of the versions, and how many bytes came in which way.
    """
    sizes = {source.size for _, sources in batch for source in sources}
    for _ in range(_ATTEMPTS):
        staging = Staging(store, durable=durable, tick=tick, sizes=sizes)
        try:
            with our_errors(store.layout), gc_lock(store.layout):
                try:
                    rows = [(new, [staging.add(one) for one in sources]) for new, sources in batch]
                    staging.publish()
                finally:
                    staging.clear()
                return insert_versions(store, rows, staging.published, then), staging.ways
        except BlobGoneError:
            with our_errors(store.layout), gc_lock(store.layout, alone=True):
                local_trash.finish_sweep(store)
        except BaseException:
            local_trash.take_back_blobs(store, staging.published)
            raise
    raise BusyError(
        f"{store.layout.root} is being cleaned again and again. Nothing was added.",
        hint="Try again when nobody runs a garbage collection.",
    )


def insert_versions(
    store: LocalStore,
    batch: Sequence[tuple[NewVersion, Sequence[File]]],
    published: set[str],
    then: Callable[[sqlite3.Connection], None] | None = None,
) -> list[str]:
    """Write all rows of new versions in one transaction; gives their keys.

    Their bytes are in `blobs/`, those of `published` just put there, and `gc.lock` is held.

    Raises:
        BlobGoneError: a blob that we found before is being swept.
        NotFoundError: a parent is not there.
    """
    now_us = store.clock()
    with store.writing() as conn:
        keys = []
        for new, files in batch:
            parents = [local_edits.live_version_id(conn, key) for key in dict.fromkeys(new.parents)]
            key, version_id = _insert_version(conn, new, files, now_us)
            for file in files:
                conn.execute(
                    "INSERT INTO file(version_id, path, blob_id, mode) VALUES(?, ?, ?, ?)",
                    (version_id, file.path, _blob_id(conn, store, file, published), file.mode),
                )
            conn.executemany(
                "INSERT INTO edge(parent_id, child_id) VALUES(?, ?)",
                [(parent, version_id) for parent in parents],
            )
            conn.executemany(
                "INSERT INTO tag(version_id, name) VALUES(?, ?)",
                [(version_id, tag) for tag in dict.fromkeys(new.tags)],
            )
            for alias in dict.fromkeys((LATEST, *new.aliases, *new.protected)):
                local_edits.point_alias(
                    conn, version_id, alias, protected=True if alias in new.protected else None
                )
            for alias in new.free_aliases:
                if (
                    local_edits.may_be_alias(alias)
                    and local_edits.alias_holder(conn, version_id, alias) is None
                ):
                    local_edits.point_alias(conn, version_id, alias, protected=None)
            keys.append(key)
        if then is not None:
            then(conn)
    return keys


def _insert_version(
    conn: sqlite3.Connection, new: NewVersion, files: Sequence[File], now_us: int
) -> tuple[str, int]:
    """The key and the row of a new version; its digest tells paths, bytes and permissions."""
    key = new.key or uuid.uuid4().hex
    created_us = now_us if new.created_us is None else new.created_us
    manifest = json.dumps(
        sorted([file.path, file.digest, file.mode] for file in files), separators=(",", ":")
    )
    collection_id = _collection_id(conn, new, created_us)
    conn.execute(
        "INSERT INTO next_ordinal(name, next) VALUES(?, 1)"
        " ON CONFLICT(name) DO UPDATE SET next = next + 1",
        (new.name,),
    )
    (ordinal,) = conn.execute(
        "SELECT next - 1 FROM next_ordinal WHERE name = ?", (new.name,)
    ).fetchone()
    cursor = conn.execute(
        "INSERT INTO version(key, collection_id, ordinal, label, digest, size, file_count,"
        " created_us, used_us, run, note, ttl_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key, collection_id, ordinal, f"v{ordinal}",
            "sha256:" + hashlib.sha256(manifest.encode("ascii")).hexdigest(),
            sum(file.size for file in files), len(files),
            created_us, new.used_us, new.run, new.note, new.ttl_us,
        ),
    )  # fmt: skip
    return key, int(cursor.lastrowid or 0)


def _collection_id(conn: sqlite3.Connection, new: NewVersion, now_us: int) -> int:
    """The row of the collection of a new version, made when it is new."""
    row = conn.execute("SELECT id, type FROM collection WHERE name = ?", (new.name,)).fetchone()
    if row is None:
        key = str(uuid.uuid5(uuid.NAMESPACE_OID, new.key)) if new.key else uuid.uuid4().hex
        cursor = conn.execute(
            "INSERT INTO collection(key, name, type, created_us) VALUES(?, ?, ?, ?)",
            (key, new.name, new.type, now_us),
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


def _blob_id(conn: sqlite3.Connection, store: LocalStore, file: File, published: set[str]) -> int:
    """The blob row of one file, with one reference more.

    A condemned row is never brought back: its file may vanish at any moment.
    """
    row = conn.execute("SELECT id, state FROM blob WHERE digest = ?", (file.digest,)).fetchone()
    if row is not None and (row[1] == 1 or (row[1] != 0 and file.digest not in published)):
        raise BlobGoneError
    if not store.layout.has_blob(file.digest, file.size):
        raise BlobGoneError
    held = store.layout.names(file.digest) > 1
    if row is None:
        cursor = conn.execute(
            "INSERT INTO blob(digest, size, refs, held) VALUES(?, ?, 1, ?)",
            (file.digest, file.size, held),
        )
        return int(cursor.lastrowid or 0)
    conn.execute(
        "UPDATE blob SET refs = refs + 1, state = 0, unref_us = NULL, held = ? WHERE id = ?",
        (held, row[0]),
    )
    return int(row[0])
