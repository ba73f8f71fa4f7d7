"""The cache of the Hugging Face Hub on a disk, as it is read.

A repository is a folder `models--ORG--NAME` (or `datasets--`, `spaces--`, `kernels--`). In it
`refs/REF` holds a commit, `snapshots/COMMIT/PATH` are links to `blobs/ETAG`, and since
huggingface_hub 1.32 a blob may itself be a link into a store that all repositories share,
`blobs/XX/HASH` at the top. Only the first of these links is ever a repository's own: what lies
behind the second may be somebody else's too, so links are read, and never resolved.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.disk import bytes_id, spelled_out
from artifact_tui.clients.huggingface.hf_weights import alternatives, form_of
from artifact_tui.errors import SourceError
from artifact_tui.model import Alias, Facts, File, LocalFile, Version, VersionState

if TYPE_CHECKING:
    from collections.abc import Collection as Some
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from artifact_tui.clients.open_files import FileId

TYPES = {"models": "model", "datasets": "dataset", "spaces": "space", "kernels": "kernel"}
"""What a repository holds, by the beginning of its folder's name."""

SNAPSHOTS = "snapshots"
PARTIAL = "partial"
UNUSED = "unused"
DANGLING = "dangling"
LEFTOVERS = {
    PARTIAL: "downloads that were not finished",
    UNUSED: "blobs that no revision needs",
    DANGLING: "refs to revisions that are not here",
}
"""What a repository may hold beside its revisions, each listed as a version of its own."""

_MOST_READ = 1_000_000
_DEEPEST = 100
"""So many folders may lie in each other; more were made to do harm."""

SHARED = "blobs"
_MARKER = ".huggingface-shared-blobs"
_SHARED_END = re.compile(r"(?:.*/)?([0-9a-f]{2})/(\1[0-9a-f]{62})", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
"""The name of a blob that is named after its bytes; those of small files follow git."""
_SHORT = 12


class Blob(msgspec.Struct, frozen=True, gc=False):  # in no circle, as what follows
    """Bytes of a repository."""

    path: str
    """Where they lie, from the top of the cache."""
    place: str
    """What tells bytes apart that lie there once: their path; with hard links their inode."""
    size: int
    changed_us: int
    used_us: int
    names: int
    """How many hard links there are to them."""
    device: int
    inode: int

    @property
    def id(self) -> FileId:
        """What tells whether a process holds them open."""
        return self.device, self.inode


class CachedFile(msgspec.Struct, frozen=True, gc=False):
    """A file of a version; revisions that have it in common share it."""

    path: str
    blob: Blob | None
    """Its bytes; None when they are missing."""
    link: str
    """The name of the blob that it links to; empty where it is no such link."""
    form: str
    """The form of weights that it belongs to, or empty."""
    stamp: str
    """Its path with the size and time of its bytes, as `repr` writes them.

    The digest of a version is made of these, and plans hold it: they must stay as they are.
    """
    listed: File | None
    """What a list tells of it; None when its bytes are missing."""


@dataclass(slots=True)
class Revision:
    """The files of one commit, as far as they are here."""

    commit: str
    made_us: int
    files: dict[str, CachedFile]
    """By path, sorted."""
    alternatives: dict[str, str] = field(init=False)
    """The forms that are versions of their own; by each, the one beside it that is kept longest."""

    def __post_init__(self) -> None:
        forms = {file.form for file in self.files.values()} - {""}
        self.alternatives = alternatives(sorted(forms)) if len(forms) > 1 else {}


@dataclass(slots=True, eq=False)
class CachedVersion:
    """A revision, a form of its weights, or what is left over in a repository."""

    repository: Repository
    part: str
    """`snapshots/COMMIT`, `snapshots/COMMIT/FORM`, or one of `LEFTOVERS`."""
    files: list[CachedFile]
    """By path."""
    revision: Revision | None = None
    """That which it is, or is a form of."""
    form: str = ""

    @property
    def key(self) -> str:
        """What the registry calls it."""
        return f"{self.repository.folder}/{self.part}"

    @property
    def commit(self) -> str:
        """That of its revision; empty for what is left over."""
        return self.revision.commit if self.revision else ""

    @property
    def label(self) -> str:
        """`COMMIT`, or `COMMIT/FORM` for a form of weights.

        A commit is cut to its beginning where no other revision here begins so.
        """
        commit = self.commit
        if not commit:
            return self.part
        short = commit[:_SHORT]
        alone = sum([other.startswith(short) for other in self.repository.revisions]) == 1
        name = short if alone and _COMMIT.fullmatch(commit) else commit
        return f"{name}/{self.form}" if self.form else name

    @property
    def refs(self) -> list[str]:
        """The refs to its revision, sorted."""
        commit = self.commit
        return sorted(ref for ref, at in self.repository.refs.items() if commit and at == commit)

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """The refs to a revision; it also holds those of a form of its weights."""
        scope = ""
        if self.form:
            scope = f"{self.repository.name}:{self.label.removesuffix(f'/{self.form}')}"
        return tuple([Alias(spelled_out(ref), scope=scope) for ref in self.refs])

    @property
    def forms(self) -> list[str]:
        """The keys of the forms of a revision's weights that are versions: they go before it."""
        if self.revision is None or self.form:
            return []
        return [f"{self.key}/{form}" for form in self.revision.alternatives]

    @property
    def whole(self) -> Some[CachedFile]:
        """Its files, and for a revision those of its forms too."""
        return self.files if self.revision is None or self.form else self.revision.files.values()

    @property
    def links(self) -> set[str]:
        """The blobs that it and its forms link to: to look at once it is gone."""
        if self.revision is None:
            return set() if self.part == DANGLING else {file.path for file in self.files}
        return {file.link for file in self.whole} - {""}

    @property
    def state(self) -> VersionState:
        """Downloads that were not finished are pending."""
        return VersionState.PENDING if self.part == PARTIAL else VersionState.LIVE

    @property
    def digest(self) -> str:
        """A text that changes with its commit, and with the files of it that are here."""
        stamps = f"[{', '.join([file.stamp for file in self.files])}]"
        here = hashlib.sha256(stamps.encode(errors="backslashreplace")).hexdigest()[:_SHORT]
        return f"{self.commit or self.part}+{here}"

    @property
    def present_files(self) -> tuple[File, ...]:
        """The files whose bytes are here, by path."""
        return tuple([file.listed for file in self.files if file.listed is not None])

    def listed(self) -> Version:
        """What a list tells of it."""
        blobs = {blob.place: blob for file in self.files if (blob := file.blob)}.values()
        note = LEFTOVERS.get(self.part, "")
        if not note and (lost := sum([file.blob is None for file in self.files])):
            note = f"{lost:,} of {len(self.files):,} files are missing"
        elif apart := len(self.forms):
            note = f"its weights are listed by themselves, in {apart:,} forms"
        if self.revision:
            made_us: int | None = self.revision.made_us
        else:
            made_us = max([blob.changed_us for blob in blobs], default=None)
        return Version(
            key=self.key,
            collection_key=self.repository.folder,
            ordinal=None,
            label=self.label,
            digest=self.digest,
            state=self.state,
            size=sum([blob.size for blob in blobs]),
            file_count=len(self.files),
            created_us=made_us,
            used_us=max([blob.used_us for blob in blobs], default=None),
            note=note,
            aliases=self.aliases,
        )

    def facts(self, dependents: tuple[str, ...] = ()) -> Facts:
        """What is true of it, with a token of all of it."""
        digest = self.digest
        text = repr((self.refs, dependents, digest))
        return Facts(
            key=self.key,
            digest=digest,
            state=self.state,
            aliases=self.aliases,
            dependents=dependents,
            token=hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest(),
            collection=self.repository.name,
            label=self.label,
            type=self.repository.type,
        )


@dataclass(slots=True)
class Repository:
    """Everything that is in the folder of one repository."""

    folder: str
    blobs: dict[str, Blob] = field(default_factory=dict)
    partial: dict[str, Blob] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    """The commit of each ref."""
    revisions: dict[str, Revision] = field(default_factory=dict)
    linked: dict[str, CachedFile] = field(default_factory=dict)
    """By the text of a link straight to a blob: the file that was last read there.

    Revisions have most of their files in common, so the next one finds them here.
    """
    hard_linked: list[Blob] = field(default_factory=list)
    """All bytes in it that have several names, also those of no version."""

    @property
    def type(self) -> str:
        """What it holds, such as `model`."""
        return TYPES.get(self.folder.partition("--")[0], "blob")

    @property
    def name(self) -> str:
        """`ORG/NAME`."""
        return self.folder.partition("--")[2].replace("--", "/") or "shared"

    def file(self, path: str, blob: Blob | None, link: str = "") -> CachedFile:
        """A file at a path of a version."""
        shown, quoted, form = _words_for(path)
        if not self.folder.startswith("models--"):
            form = ""
        if blob is None:
            return CachedFile(path, None, link, form, f"({quoted}, None)", None)
        size = blob.size
        stamp = f"({quoted}, ({size}, {blob.changed_us}))"
        return CachedFile(path, blob, link, form, stamp, File(shown, size, blob.place))

    def blob(self, path: str, here: os.stat_result) -> Blob:
        """Bytes at a path from the top of the cache; what the system says is large to keep."""
        names = here.st_nlink
        blob = Blob(
            path,
            path if names == 1 else bytes_id(here),
            here.st_size,
            here.st_mtime_ns // 1000,
            here.st_atime_ns // 1000,
            names,
            here.st_dev,
            here.st_ino,
        )
        if names > 1:
            self.hard_linked.append(blob)
        return blob

    def versions(self) -> Iterator[CachedVersion]:
        """All versions: revisions, oldest download first, and what is left over.

        After a revision come the forms of its weights, where there are several.
        """
        for one in sorted(self.revisions.values(), key=lambda one: (one.made_us, one.commit)):
            yield self._of(one)
            for form in one.alternatives:
                yield self._of(one, form)
        for part in LEFTOVERS:
            if (left := self._left_over(part)).files:
                yield left

    def version(self, part: str) -> CachedVersion | None:
        """A version that is here now; a form of weights also when it is the last of them."""
        if part in LEFTOVERS:
            version = self._left_over(part)
            return version if version.files else None
        _, _, rest = part.partition("/")
        commit, _, form = rest.partition("/")
        if commit not in self.revisions:
            return None
        version = self._of(self.revisions[commit], form)
        return version if version.part == part and (version.files or not form) else None

    def _of(self, revision: Revision, form: str = "") -> CachedVersion:
        """A revision without those of its files that are versions of their own; or one of these."""
        part = f"{SNAPSHOTS}/{revision.commit}"
        files, apart = list(revision.files.values()), revision.alternatives
        if form:
            part = f"{part}/{form}"
            files = [file for file in files if file.form == form]
        elif apart:
            files = [file for file in files if file.form not in apart]
        return CachedVersion(self, part, files, revision, form)

    def _left_over(self, part: str) -> CachedVersion:
        """What is left over of a sort; a ref has no bytes."""
        found: Mapping[str, Blob | None] = self.partial
        if part == UNUSED:
            found = {name: self.blobs[name] for name in self.blobs.keys() - self.needed()}
        elif part == DANGLING:
            found = {ref: None for ref, at in self.refs.items() if at not in self.revisions}
        files = [self.file(path, blob) for path, blob in sorted(found.items())]
        return CachedVersion(self, part, files)

    def needed(self) -> set[str]:
        """The blobs that revisions link to."""
        return {file.link for one in self.revisions.values() for file in one.files.values()}

    def forget(self, version: CachedVersion) -> None:
        """Take a version out of what was read, after it was deleted."""
        files = {file.path for file in version.files}
        if had := version.revision:
            if version.form:
                kept = {path: file for path, file in had.files.items() if path not in files}
                self.revisions[had.commit] = Revision(had.commit, had.made_us, kept)
                return
            del self.revisions[had.commit]
        lost = {*version.refs} if had else files if version.part == DANGLING else set()
        self.refs = {ref: at for ref, at in self.refs.items() if ref not in lost}
        if version.part == PARTIAL:
            self.partial = {}
        elif version.part == UNUSED:
            self.blobs = {name: blob for name, blob in self.blobs.items() if name not in files}


def current(repository: Repository) -> str:
    """The revision that the name of a repository alone stands for; empty when there is none."""
    main = repository.refs.get("main", "")
    newest = max(repository.revisions.values(), key=lambda one: one.made_us, default=None)
    return main if main in repository.revisions else newest.commit if newest else ""


class Cache:
    """The folder of the cache; nothing here is asynchronous."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folders(self) -> list[str]:
        """The folders of all repositories, by name; then that of the shared store."""
        with os.scandir(self.root) as entries:
            found = sorted(
                entry.name
                for entry in entries
                if is_repository(entry.name) and entry.is_dir(follow_symlinks=False)
            )
        return [*found, SHARED] if self.shares else found

    def repository(self, folder: str) -> Repository | None:
        """What is in a repository now; None when there is none.

        One of which a part lies elsewhere counts as unreadable: that part may be somebody else's.

        Raises:
            OSError: it cannot be read.
        """
        if folder == SHARED and self.shares:
            return self._unneeded_shared()
        if "/" in folder or not is_repository(folder):
            return None
        top = f"{self.root}/{folder}"
        if not stat.S_ISDIR(mode_of(top)):
            return None
        commits = entries_in(f"{top}/{SNAPSHOTS}")
        _check_names(folder, entries_in(top), commits)
        found = Repository(folder)
        self._read_blobs(found)
        found.refs = self.refs(folder)
        for entry in commits:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and (revision := self._revision(found, entry.name)):
                found.revisions[entry.name] = revision
        return found

    def refs(self, folder: str) -> dict[str, str]:
        """The commit of each ref."""
        found = {}
        for path, entry in _walk(f"{self.root}/{folder}/refs"):
            if entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    found[path] = commit_in(entry.path)
        return found

    def _read_blobs(self, found: Repository) -> None:
        shares = self.shares
        blobs = f"{self.root}/{found.folder}/blobs"
        with suppress(FileNotFoundError, NotADirectoryError), _Opened(blobs) as top:
            for name in os.listdir(top):
                path = f"{found.folder}/blobs/{name}"
                try:
                    here = os.stat(name, dir_fd=top, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISDIR(here.st_mode):
                    continue  # nobody but a stranger makes one here
                if name.endswith((".incomplete", ".shared")):
                    found.partial[name] = found.blob(path, here)
                elif stat.S_ISREG(here.st_mode):
                    found.blobs[name] = found.blob(path, here)
                elif shares and stat.S_ISLNK(here.st_mode):
                    with suppress(FileNotFoundError):
                        shared = self._shared_behind(blobs, os.readlink(name, dir_fd=top))
                        if shared:
                            here = os.lstat(f"{self.root}/{shared}")
                            found.blobs[name] = found.blob(shared, here)

    def _shared_behind(self, blobs: str, link: str) -> str:
        """The place of the shared bytes that a link in a folder of blobs leads to, or nothing."""
        shared = shared_place(link)
        if link == f"../../{shared}":  # as the official library writes it
            return shared
        target = os.path.normpath(os.path.join(blobs, link))
        shared = shared_place(target)
        return shared if target == f"{self.root}/{shared}" else ""

    def local_files(self, version: CachedVersion) -> dict[str, LocalFile]:
        """Where the files of a version lie, by path; what is no link may be written to.

        Of a revision these are all, those of its forms too.

        Raises:
            SourceError: the bytes of one of them are not here.
        """
        found = {}
        for file in version.whole:
            if file.blob is None:
                raise SourceError(
                    f"{spelled_out(file.path)} of {version.repository.name}:{version.label}: its"
                    " bytes are missing. Nothing was added.",
                    hint="Download that revision again, then keep it.",
                )
            found[file.path] = LocalFile(
                self.root / file.blob.path,
                steady=file.link != "",
                digest=f"sha256:{file.link}" if _SHA256.fullmatch(file.link) else "",
            )
        return found

    @property
    def shares(self) -> bool:
        """Whether there is a store of shared bytes here, of the layout that is known."""
        store = f"{self.root}/{SHARED}"
        marker = f"{store}/{_MARKER}"
        if not stat.S_ISDIR(mode_of(store)) or not stat.S_ISREG(mode_of(marker)):
            return False
        return beginning_of(marker) == "1\n"

    def _revision(self, found: Repository, commit: str) -> Revision | None:
        """The files of a commit; what goes while it is read is left out. None when all is gone.

        Raises:
            OSError: a folder cannot be read, or there is no end to them.
        """
        place = f"{found.folder}/{SNAPSHOTS}/{commit}"
        made_us = None
        files: dict[str, CachedFile] = {}
        folders = [""]
        for below in folders:  # which grows
            _check_depth(place, below)
            top = f"{self.root}/{place}/{below}".rstrip("/")  # with a “/” a link would be followed
            with suppress(FileNotFoundError, NotADirectoryError), _Opened(top) as opened:
                if not below:
                    made_us = os.fstat(opened).st_mtime_ns // 1000
                folders += self._read_files(found, place, below, opened, files)
        if made_us is None:
            return None
        if len(folders) > 1:  # else they are in order
            files = {path: files[path] for path in sorted(files)}
        return Revision(commit, made_us, files)

    def _read_files(
        self, found: Repository, place: str, below: str, opened: int, files: dict[str, CachedFile]
    ) -> list[str]:
        """Add the files of one folder of a revision; gives the folders in it.

        Nearly all are links, so each is taken for one first.
        """
        folders = []
        for name in sorted(os.listdir(opened)):
            path = below + name
            try:
                target = os.readlink(name, dir_fd=opened)
            except OSError:
                here = _stat_in(opened, name)
                if here is not None and stat.S_ISDIR(here.st_mode):
                    folders.append(f"{path}/")
                elif here is not None:
                    files[path] = found.file(path, found.blob(f"{place}/{path}", here))
            else:
                file = found.linked.get(target)
                if file is None or file.path != path:
                    file = self._linked(found, place, path, target)
                files[path] = file
        return folders

    def _linked(self, found: Repository, place: str, path: str, target: str) -> CachedFile:
        """The file that a link in a revision leads to; only the folders on the way are followed."""
        name = target.removeprefix(_way_to_blobs(path.count("/")))
        if name != target:
            name = "" if "/" in name else name
            file = found.linked[target] = found.file(path, found.blobs.get(name), name)
            return file
        way, name = os.path.split(os.path.join(self.root, place, os.path.dirname(path), target))
        if os.path.realpath(way) != f"{self.root}/{found.folder}/blobs":
            name = ""
        return found.file(path, found.blobs.get(name), name)

    def _unneeded_shared(self) -> Repository:
        """The shared bytes that no repository points to.

        Those without a manifest are left out: the official library never removes them.
        """
        found = Repository(SHARED)
        needed = self.needed_shared()
        for path, entry in _walk(f"{self.root}/{SHARED}"):
            place = shared_place(path)
            if place != f"{SHARED}/{path}" or place in needed:
                continue
            if entry.is_file(follow_symlinks=False) and stat.S_ISREG(mode_of(f"{entry.path}.refs")):
                with suppress(FileNotFoundError):
                    found.blobs[entry.name] = found.blob(place, entry.stat(follow_symlinks=False))
        return found

    def needed_shared(self) -> set[str]:
        """The shared bytes that a blob of any folder here points to, whatever way its link takes.

        Raises:
            OSError: a folder cannot be read, so nobody knows.
        """
        found = set()
        for folder in entries_in(str(self.root)):
            ours = folder.name.partition("--")[0] in TYPES
            for entry in entries_in(f"{folder.path}/blobs") if ours else ():
                if entry.is_symlink():
                    with suppress(FileNotFoundError):
                        found.add(shared_place(os.readlink(entry.path)))
        return found


@lru_cache(maxsize=4_096)  # most repositories name them alike
def _words_for(path: str) -> tuple[str, str, str]:
    """A path as it is listed, as `repr` writes it, and the form of weights at it."""
    return spelled_out(path), repr(path), form_of(path)


@lru_cache(maxsize=_DEEPEST)
def _way_to_blobs(depth: int) -> str:
    """How a link in so many folders of a snapshot begins."""
    return "../" * (depth + 2) + "blobs/"


def beginning_of(path: str) -> str:
    """The first bytes of a file of text; empty when there is none."""
    try:
        with open(path, encoding="utf-8", opener=_at_once) as file:
            return file.read(_MOST_READ) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else ""
    except (OSError, ValueError):
        return ""


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting for whoever would write into a pipe, and without using it.

    When a version was used last is read from its files: that we looked at a card must not count.
    """
    try:
        return os.open(path, flags | os.O_NONBLOCK | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # of another account, where it cannot be helped
        return os.open(path, flags | os.O_NONBLOCK)


def shared_place(target: str) -> str:
    """Where in the shared store a path or link ends, by its last two parts; empty: elsewhere."""
    match = _SHARED_END.fullmatch(target)
    return f"{SHARED}/{match[1]}/{match[2]}" if match else ""


def commit_in(ref: str | Path) -> str:
    """What a ref points to."""
    with open(ref, "rb", buffering=0) as file:
        return file.read(200).decode(errors="replace").strip()


def mode_of(path: str | Path) -> int:
    """The mode of what is there itself, not of what it points to; 0 when nothing is."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0


def entries_in(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where there is none."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _walk(top: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All that is below a folder but folders, with paths from it; no link is followed.

    Raises:
        OSError: a folder cannot be read, or there is no end to them.
    """
    folders = [""]
    while folders:
        below = folders.pop()
        _check_depth(top, below)
        for entry in entries_in(f"{top}/{below}"):
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{below}{entry.name}/")
            else:
                yield f"{below}{entry.name}", entry


class _Opened:
    """A descriptor of a folder: by it and a name the system finds a file faster than by a path.

    Raises:
        FileNotFoundError: there is nothing.
        NotADirectoryError: it is no folder.
    """

    def __init__(self, folder: str) -> None:
        self._top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    def __enter__(self) -> int:
        return self._top

    def __exit__(self, *_: object) -> None:
        os.close(self._top)


def _stat_in(folder: int, name: str) -> os.stat_result | None:
    """What the system says of something in an open folder; None when it is gone."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_repository(name: str) -> bool:
    """Whether a folder of this name in a cache is one of a repository."""
    kind, _, rest = name.partition("--")
    return kind in TYPES and rest != ""


def is_of_the_cache(path: str) -> bool:
    """Whether a path below the top of a cache is in what the cache itself keeps there."""
    first = path.partition("/")[0]
    return is_repository(first) or first in {SHARED, "version.txt"} or first.startswith(".")


def _check_depth(top: str, below: str) -> None:
    """Refuse folders without end.

    Raises:
        OSError: there are too many.
    """
    if below.count("/") > _DEEPEST:
        raise OSError(errno.ENAMETOOLONG, "too many folders are in each other", top)


def _check_names(
    folder: str, parts: Iterable[os.DirEntry[str]], commits: Iterable[os.DirEntry[str]]
) -> None:
    """Refuse a repository that has a part elsewhere, or names that no key can have.

    Raises:
        OSError: it is such a one; what it says can follow “cannot be read: ”.
    """
    for part in parts:
        if part.is_symlink():
            raise OSError(errno.ELOOP, f"{part.name} in it is a link", part.path)
    names = {"its name": folder, **{f"{SNAPSHOTS}/{one.name} in it": one.name for one in commits}}
    for what, name in names.items():
        if spelled_out(name) != name:
            todo = "Rename it to see what it holds, or remove it by hand"
            raise OSError(errno.EILSEQ, f"{what} is not UTF-8 text. {todo}", name)
