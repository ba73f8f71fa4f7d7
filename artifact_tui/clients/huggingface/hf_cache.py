"""The cache of the Hugging Face Hub on a disk: what is in it, and how a part of it goes.

A repository is a folder `models--ORG--NAME` (or `datasets--`, `spaces--`, `kernels--`). In it
`refs/REF` holds a commit, `snapshots/COMMIT/PATH` are links to `blobs/ETAG`, and since
huggingface_hub 1.32 a blob may itself be a link into a store that all repositories share,
`blobs/XX/HASH` at the top. Only the first of these links is ever a repository's own: what lies
behind the second may be somebody else's too, so links are read, and never resolved.

A deletion goes names first and bytes last: the refs to a commit, its links, then the blobs that no
link of the repository needs, then shared bytes that no blob needs. Whenever it is cut off, what is
left is a cache that the official library reads; bytes may stay behind, and are listed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import yaml

from artifact_tui.clients.disk import spelled_out, system_words
from artifact_tui.model import Alias, Facts, File, Outcome, Result, Version, VersionState

if TYPE_CHECKING:
    from collections.abc import Collection as Some
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import Deletion

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

GONE = ".gone"
"""The folder below `.locks` for names that are being removed; what is cut off leaves some there."""

CARD = "README.md"
ADAPTER = "adapter_config.json"
_MOST_READ = 1_000_000
_DEEPEST = 100
"""So many folders may lie in each other; more were made to do harm."""
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Makes text of every scalar, and merges nothing: a card cannot grow while it is read."""
_REPO_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")

SHARED = "blobs"
_MARKER = ".huggingface-shared-blobs"
_SHARED_END = re.compile(r"(?:.*/)?([0-9a-f]{2})/(\1[0-9a-f]{62})", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT = 12
_AT_ONCE = 200
"""So many blobs are locked together."""


class Blob(NamedTuple):
    """Bytes of a repository."""

    place: str
    """Where they lie, from the top of the cache: what has the same place is there once."""
    size: int
    used_us: int
    modified_us: int


class CachedFile(NamedTuple):
    """One path of a revision."""

    path: str
    blob: str
    """The name of its blob; empty for a file of its own, and for what points elsewhere."""
    own: Blob | None = None
    """The bytes of a file that is no link."""


@dataclass(slots=True)
class Revision:
    """The files of one commit, as far as they are here."""

    commit: str
    made_us: int
    links: list[CachedFile] = field(default_factory=list)


@dataclass(slots=True)
class Repository:
    """Everything that is in the folder of one repository."""

    folder: str
    blobs: dict[str, Blob] = field(default_factory=dict)
    partial: dict[str, Blob] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    """The commit of each ref."""
    revisions: dict[str, Revision] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """What it holds, such as `model`."""
        return TYPES.get(self.folder.partition("--")[0], "blob")

    @property
    def name(self) -> str:
        """`ORG/NAME`."""
        return self.folder.partition("--")[2].replace("--", "/") or "shared"

    def label(self, part: str) -> str:
        """What a version is called: the beginning of a commit, as long as that is one's own."""
        _, _, commit = part.partition("/")
        short = commit[:_SHORT]
        if not commit:
            return part
        alone = sum(other.startswith(short) for other in self.revisions) == 1
        return short if alone and _COMMIT.fullmatch(commit) else part.removeprefix("snapshots/")

    def parts(self) -> list[str]:
        """Every version: `snapshots/COMMIT`, oldest download first, and what is left over."""
        revisions = sorted(self.revisions.values(), key=lambda one: (one.made_us, one.commit))
        left = [part for part in LEFTOVERS if self.files(part)]
        return [f"{SNAPSHOTS}/{one.commit}" for one in revisions] + left

    def holds(self, part: str) -> bool:
        """Whether there is such a version now."""
        kind, _, commit = part.partition("/")
        return commit in self.revisions if kind == SNAPSHOTS else bool(self.files(part))

    def refs_to(self, part: str) -> list[str]:
        """The refs to a revision, sorted."""
        commit = part.partition("/")[2]
        return sorted(ref for ref, at in self.refs.items() if commit and at == commit)

    def files(self, part: str) -> dict[str, Blob | None]:
        """The files of a version by path; None for one whose bytes are missing."""
        kind, _, commit = part.partition("/")
        if kind == SNAPSHOTS:
            links = self.revisions[commit].links if commit in self.revisions else []
            return {one.path: one.own or self.blobs.get(one.blob) for one in links}
        if part == PARTIAL:
            return dict(self.partial)
        if part == UNUSED:
            return {name: self.blobs[name] for name in self.blobs.keys() - self.needed()}
        missing = (ref for ref, at in self.refs.items() if at not in self.revisions)
        return dict.fromkeys(sorted(missing) if part == DANGLING else ())

    def needed(self) -> set[str]:
        """The blobs that revisions link to."""
        return {link.blob for one in self.revisions.values() for link in one.links}

    def blobs_of(self, part: str) -> set[str]:
        """The blobs that nothing may need when a version is gone."""
        kind, _, commit = part.partition("/")
        if kind == SNAPSHOTS:
            return {link.blob for link in self.revisions[commit].links} - {""}
        return set() if part == DANGLING else set(self.files(part))

    def forget(self, part: str) -> None:
        """A version is gone."""
        kind, _, commit = part.partition("/")
        gone = set(self.files(part)) if part == DANGLING else set(self.refs_to(part))
        self.refs = {ref: at for ref, at in self.refs.items() if ref not in gone}
        if kind == SNAPSHOTS:
            del self.revisions[commit]
        elif part == PARTIAL:
            self.partial = {}
        elif part == UNUSED:
            needed = self.needed()
            self.blobs = {name: blob for name, blob in self.blobs.items() if name in needed}

    def version(self, part: str) -> Version:
        """A version as it is listed."""
        files = self.files(part)
        there = {blob.place: blob for blob in files.values() if blob is not None}
        commit = part.partition("/")[2]
        lost = sum(blob is None for blob in files.values())
        note = LEFTOVERS.get(part, "")
        if lost and not note:
            note = f"{lost:,} of {len(files):,} files are missing"
        newest = max((blob.modified_us for blob in there.values()), default=None)
        return Version(
            key=f"{self.folder}/{part}",
            collection_key=self.folder,
            ordinal=None,
            label=self.label(part),
            digest=self.digest(part),
            state=VersionState.PENDING if part == PARTIAL else VersionState.LIVE,
            size=sum(blob.size for blob in there.values()),
            file_count=len(files),
            created_us=self.revisions[commit].made_us if commit else newest,
            used_us=max((blob.used_us for blob in there.values()), default=None),
            note=note,
            aliases=tuple(Alias(spelled_out(ref)) for ref in self.refs_to(part)),
        )

    def digest(self, part: str) -> str:
        """The commit, and what is here of it: a download that goes on makes another one of it."""
        files = sorted(
            (path, blob and (blob.size, blob.modified_us))
            for path, blob in self.files(part).items()
        )
        here = hashlib.sha256(repr(files).encode(errors="backslashreplace")).hexdigest()[:_SHORT]
        return f"{part.rpartition('/')[2]}+{here}"

    def present_files(self, part: str) -> tuple[File, ...]:
        """The files of a version whose bytes are here, by path."""
        found = sorted(self.files(part).items())
        return tuple(
            File(spelled_out(path), blob.size, blob.place)
            for path, blob in found
            if blob is not None
        )

    def facts(self, part: str, dependents: tuple[str, ...] = ()) -> Facts:
        """What is true of a version, with a token of all of it."""
        refs = self.refs_to(part)
        return Facts(
            key=f"{self.folder}/{part}",
            digest=self.digest(part),
            state=VersionState.PENDING if part == PARTIAL else VersionState.LIVE,
            aliases=tuple(Alias(spelled_out(ref)) for ref in refs),
            dependents=dependents,
            token=hashlib.sha256(
                repr((refs, dependents, self.digest(part))).encode(errors="backslashreplace")
            ).hexdigest(),
            collection=self.name,
            label=self.label(part),
            type=self.type,
        )


def current(repository: Repository) -> str:
    """The revision that the name of a repository alone stands for; empty when there is none."""
    main = repository.refs.get("main", "")
    newest = max(repository.revisions.values(), key=lambda one: one.made_us, default=None)
    return main if main in repository.revisions else newest.commit if newest else ""


class BusyBlobError(Exception):
    """A download holds the lock of a blob."""


class Cache:
    """The folder of the cache; nothing here is asynchronous."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sources: dict[str, frozenset[str]] = {}
        """What is said in blobs that were read: they never change."""

    def folders(self) -> list[str]:
        """The folders of all repositories, by name; then that of the shared store."""
        with os.scandir(self.root) as entries:
            found = sorted(
                entry.name
                for entry in entries
                if entry.name.partition("--")[0] in TYPES
                and entry.name.partition("--")[2]
                and entry.is_dir(follow_symlinks=False)
            )
        return [*found, SHARED] if self.shares else found

    # reading

    def repository(self, folder: str) -> Repository | None:
        """What is in a repository now; None when there is none.

        One of which a part lies elsewhere counts as unreadable: that part may be somebody else's.

        Raises:
            OSError: it cannot be read.
        """
        if folder == SHARED and self.shares:
            return Repository(SHARED, self._unneeded_shared())
        kind, _, name = folder.partition("--")
        if "/" in folder or kind not in TYPES or not name:
            return None
        top = self.root / folder
        if not stat.S_ISDIR(_mode(top)):
            return None
        commits = _entries(f"{top}/{SNAPSHOTS}")
        _check_names(_entries(str(top)), [folder, *(entry.name for entry in commits)])
        found = Repository(folder)
        self._read_blobs(found)
        found.refs = self._refs(folder)
        for entry in commits:
            if entry.is_dir(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    made = entry.stat(follow_symlinks=False).st_mtime_ns // 1000
                    links = self._links(folder, entry.path)
                    found.revisions[entry.name] = Revision(entry.name, made, links)
        return found

    def _refs(self, folder: str) -> dict[str, str]:
        """The commit of each ref."""
        found = {}
        for path, entry in _walk(f"{self.root}/{folder}/refs"):
            if entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    found[path] = _commit_in(entry.path)
        return found

    def _read_blobs(self, found: Repository) -> None:
        shares = self.shares
        blobs = f"{self.root}/{found.folder}/blobs"
        for entry in _entries(blobs):
            with suppress(FileNotFoundError):
                place = f"{found.folder}/blobs/{entry.name}"
                unfinished = entry.name.endswith((".incomplete", ".shared"))
                if entry.is_symlink() and not unfinished:
                    target = os.path.normpath(os.path.join(blobs, os.readlink(entry.path)))
                    shared = shared_place(target) if shares else ""
                    if target != f"{self.root}/{shared}":
                        shared = ""
                    blob = _blob(shared, os.lstat(self.root / shared)) if shared else None
                    if blob is not None:
                        found.blobs[entry.name] = blob
                elif unfinished or entry.is_file(follow_symlinks=False):
                    blob = _blob(place, entry.stat(follow_symlinks=False))
                    (found.partial if unfinished else found.blobs)[entry.name] = blob

    @property
    def shares(self) -> bool:
        """Whether there is a store of shared bytes here, of the layout that is known."""
        store = self.root / SHARED
        if not stat.S_ISDIR(_mode(store)) or not stat.S_ISREG(_mode(store / _MARKER)):
            return False
        return _beginning(str(store / _MARKER)) == "1\n"

    def _links(self, folder: str, snapshot: str) -> list[CachedFile]:
        """The files of a revision; what goes while it is read is left out."""
        blobs = f"{self.root}/{folder}/blobs/"
        place = f"{folder}/snapshots/{os.path.basename(snapshot)}/"
        found = []
        for path, entry in _walk(snapshot):
            try:
                if not entry.is_symlink():
                    own = _blob(place + path, entry.stat(follow_symlinks=False))
                    found.append(CachedFile(path, "", own))
                    continue
                target = os.readlink(entry.path)
            except FileNotFoundError:
                continue
            name = target.removeprefix("../" * (path.count("/") + 2) + "blobs/")
            if name == target:  # of another form; only the folders on the way are followed
                way, name = os.path.split(os.path.join(os.path.dirname(entry.path), target))
                name = name if os.path.realpath(way) == blobs.rstrip("/") else ""
            found.append(CachedFile(path, "" if "/" in name else name))
        return found

    # lineage

    def facts(self, versions: Iterable[tuple[Repository, str]]) -> list[Facts]:
        """What is true of these versions now, in the same order."""
        versions = list(versions)
        newest = {one.folder: f"{SNAPSHOTS}/{current(one)}" for one, _ in versions}
        made = self.dependents({one.folder for one, part in versions if part == newest[one.folder]})
        return [
            one.facts(part, tuple(made[one.folder]) if part == newest[one.folder] else ())
            for one, part in versions
        ]

    def parents(self, repository: Repository) -> dict[str, frozenset[str]]:
        """The folders of what each revision says it was made from, by commit."""
        top = f"{self.root}/{repository.folder}/{SNAPSHOTS}"
        return {
            commit: self._named_sources(f"{top}/{commit}") - {repository.folder}
            for commit in repository.revisions
        }

    def dependents(self, folders: Some[str]) -> dict[str, list[str]]:
        """By these folders, the keys of the revisions that say they were made from it, sorted."""
        found: dict[str, list[str]] = {folder: [] for folder in folders}
        for child in self.folders() if found else ():
            try:
                snapshots = _entries(f"{self.root}/{child}/{SNAPSHOTS}")
            except OSError:  # what it was made from is not listed either
                continue
            for entry in snapshots:
                for folder in self._named_sources(entry.path) & found.keys() - {child}:
                    found[folder].append(f"{child}/{SNAPSHOTS}/{entry.name}")
        return {folder: sorted(keys) for folder, keys in found.items()}

    def _named_sources(self, snapshot: str) -> frozenset[str]:
        """What the card and the adapter of a revision name, as folders that may be here."""
        found: frozenset[str] = frozenset()
        for name, read in ((CARD, _card_sources), (ADAPTER, _adapter_sources)):
            path = f"{snapshot}/{name}"
            try:
                known = os.path.normpath(os.path.join(snapshot, os.readlink(path)))
            except OSError:
                known = ""
            if known not in self._sources:
                said = read(path)
                if not known:
                    found |= said
                    continue
                self._sources[known] = said
            found |= self._sources[known]
        return found

    # deleting

    def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """Delete versions for good; an outcome for each, in the same order.

        Their names go first, one version after the other; then the bytes of all.
        """
        with suppress(OSError):
            shutil.rmtree(self._gone())
        there: dict[str, Repository | OSError | None] = {}
        for folder in {one.key.partition("/")[0] for one in deletions}:
            try:
                there[folder] = self.repository(folder)
            except OSError as error:
                there[folder] = error
        versions = [_version_of(there, one.key) for one in deletions]
        before = self.facts([one for one in versions if isinstance(one, tuple)])
        tokens = {one.key: one.token for one in before}
        free: dict[str, set[str]] = {}
        outcomes = []
        for deletion, version in zip(deletions, versions, strict=True):
            if not isinstance(version, tuple):
                outcomes.append(version)
                continue
            repository, part = version
            try:
                outcome = self._delete_names(deletion, repository, part, tokens[deletion.key])
            except OSError as error:
                outcome = Outcome(deletion.key, Result.FAILED, system_words(error))
            if outcome.result is Result.DONE:
                free.setdefault(repository.folder, set()).update(repository.blobs_of(part))
                repository.forget(part)
            outcomes.append(outcome)
        stays = {folder: self._free(folder, blobs) for folder, blobs in free.items()}
        with suppress(OSError):
            self._gone().rmdir()
        return [
            replace(one, message=stays.get(one.key.partition("/")[0], ""))
            if one.result is Result.DONE
            else one
            for one in outcomes
        ]

    def _delete_names(
        self, deletion: Deletion, repository: Repository, part: str, token: str
    ) -> Outcome:
        """Remove the names of one version, if it may go.

        Raises:
            OSError: it cannot be done; some names may be gone.
        """
        if not repository.holds(part):
            return Outcome(deletion.key, Result.ABSENT)
        refs = self._refs(repository.folder)  # others of the batch took their time
        commit = part.partition("/")[2]
        added = {ref for ref, at in refs.items() if at == commit} - set(repository.refs_to(part))
        if deletion.token not in {"", token} or added:
            return Outcome(deletion.key, Result.CHANGED, "it is not what it was")
        (now,) = self.facts([(repository, part)])
        if now.aliases and not deletion.delete_aliases:
            names = ", ".join(alias.name for alias in now.aliases)
            return Outcome(deletion.key, Result.REFUSED, f"{names} points to it")
        if now.dependents and not deletion.orphan_dependents:
            return Outcome(deletion.key, Result.REFUSED, f"{now.dependents[0]} was made from it")
        self._unlink_names(repository, part)
        return Outcome(deletion.key, Result.DONE)

    def _unlink_names(self, repository: Repository, part: str) -> None:
        """Remove the refs to a revision and its links; nothing that holds shared bytes."""
        top = self.root / repository.folder
        kind, _, commit = part.partition("/")
        if kind == SNAPSHOTS:  # before its refs go, see whether it can go itself
            self._gone().mkdir(parents=True, exist_ok=True)
            if not os.access(top / SNAPSHOTS, os.W_OK | os.X_OK):
                raise PermissionError(
                    errno.EACCES, "it is not yours to change", str(top / SNAPSHOTS)
                )
        refs = list(repository.files(part)) if part == DANGLING else repository.refs_to(part)
        for ref in refs:
            path = top / "refs" / ref
            with suppress(FileNotFoundError):
                if _commit_in(path) == repository.refs[ref]:
                    path.unlink()
        if kind == SNAPSHOTS:
            with suppress(FileNotFoundError):
                shutil.rmtree(self._aside(top / SNAPSHOTS / commit))
            shutil.rmtree(top / ".no_exist" / commit, ignore_errors=True)
            (top / "trees" / f"{commit}.json").unlink(missing_ok=True)

    def _free(self, folder: str, blobs: set[str]) -> str:
        """Remove those of these blobs that nothing needs, and the folder when nothing is left.

        What must stay, in words; empty when all went.
        """
        busy = 0
        try:
            names = sorted(blobs - {".", ".."})
            if folder == SHARED:
                self.sweep({f"{SHARED}/{name[:2]}/{name}" for name in names})
                return ""
            for start in range(0, max(len(names), 1), _AT_ONCE):
                busy += self._free_some(folder, names[start : start + _AT_ONCE])
            self._remove_empty(folder)
        except OSError as error:
            return f"some of its bytes are still there: {system_words(error)}"
        return f"a download uses {busy:,} of its blobs: they stay" if busy else ""

    def _free_some(self, folder: str, names: list[str]) -> int:
        """Remove blobs while no download may touch them; how many one does."""
        shared: set[str] = set()
        blobs = self.root / folder / "blobs"
        with ExitStack() as locks:
            mine = []
            for name in names:
                with suppress(BusyBlobError):
                    etag = name.partition(".")[0] if name.endswith(".incomplete") else name
                    locks.enter_context(
                        self._locked(self.root / ".locks" / folder / f"{etag}.lock")
                    )
                    mine.append(name)
            now = self.repository(folder)
            needed = now.needed() if now else set()
            for name in mine:
                if name in needed:
                    continue
                mode = _mode(blobs / name)
                if stat.S_ISLNK(mode):
                    shared.add(shared_place(os.readlink(blobs / name)))
                if not stat.S_ISDIR(mode):
                    (blobs / name).unlink(missing_ok=True)
        self.sweep(shared - {""})
        return len(names) - len(mine)

    def sweep(self, places: Some[str]) -> None:
        """Remove shared bytes that no repository needs any more; what is in doubt stays."""
        if not places or not self.shares:
            return
        with ExitStack() as locks:
            mine = []
            for place in sorted(places):
                if not stat.S_ISDIR(_mode((self.root / place).parent)):
                    continue
                with suppress(BusyBlobError, OSError):
                    locks.enter_context(self._locked(self.root / f"{place}.lock", keep=True))
                    mine.append(place)
            needed = self.needed_shared()
            for place in mine:
                manifest = self.root / f"{place}.refs"
                if place not in needed and stat.S_ISREG(_mode(manifest)):
                    (self.root / place).unlink(missing_ok=True)
                    manifest.unlink(missing_ok=True)

    def _unneeded_shared(self) -> dict[str, Blob]:
        """The shared bytes that no repository points to, by name.

        Those without a manifest are left out: the official library never removes them.
        """
        found = {}
        needed = self.needed_shared()
        for path, entry in _walk(f"{self.root}/{SHARED}"):
            place = shared_place(path)
            if place != f"{SHARED}/{path}" or place in needed:
                continue
            if entry.is_file(follow_symlinks=False) and stat.S_ISREG(_mode(f"{entry.path}.refs")):
                with suppress(FileNotFoundError):
                    found[entry.name] = _blob(place, entry.stat(follow_symlinks=False))
        return found

    def needed_shared(self) -> set[str]:
        """The shared bytes that a blob of any folder here points to, whatever way its link takes.

        Raises:
            OSError: a folder cannot be read, so nobody knows.
        """
        found = set()
        for folder in _entries(str(self.root)):
            ours = folder.name.partition("--")[0] in TYPES
            for entry in _entries(f"{folder.path}/blobs") if ours else ():
                if entry.is_symlink():
                    with suppress(FileNotFoundError):
                        found.add(shared_place(os.readlink(entry.path)))
        return found

    def _remove_empty(self, folder: str) -> None:
        """Remove the folder of a repository of which nothing is left.

        It goes out of sight in one step: without its `snapshots` the official library calls it
        broken.
        """
        now = self.repository(folder)
        if now is None or now.blobs or now.partial or now.refs or now.revisions:
            return
        top = self.root / folder
        for name in ("blobs", "refs", ".no_exist", "trees"):
            _remove_folders(top / name)
        if not {path.name for path in top.iterdir()} <= {SNAPSHOTS}:
            return
        aside = self._aside(top)
        try:
            _remove_folders(aside)
        except OSError:  # somebody has just put something there
            aside.rename(top)

    def _aside(self, path: Path) -> Path:
        """Move something where the official library looks for nothing; where it is now."""
        name = os.fsencode(path.relative_to(self.root))
        aside = self._gone() / hashlib.sha256(name).hexdigest()
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
        return aside

    def _gone(self) -> Path:
        """The folder for what is moved aside.

        Raises:
            OSError: it would be elsewhere.
        """
        gone = self.root / ".locks" / GONE
        for part in (gone.parent, gone):
            if stat.S_ISLNK(_mode(part)):
                raise OSError(errno.ELOOP, "it is a link to somewhere else", str(part))
        return gone

    @contextmanager
    def _locked(self, path: Path, *, keep: bool = False) -> Iterator[None]:
        """Hold the lock that the official library takes too; a new file of it goes again.

        Raises:
            BusyBlobError: somebody holds it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyBlobError from None
            yield
            if new and not keep:
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    path.parent.rmdir()
        finally:
            os.close(lock)


def _version_of(
    there: Mapping[str, Repository | OSError | None], key: str
) -> tuple[Repository, str] | Outcome:
    """The version of a key, or why nothing can be done with it."""
    folder, _, part = key.partition("/")
    repository = there[folder]
    if isinstance(repository, OSError):
        return Outcome(key, Result.FAILED, system_words(repository))
    if repository is None or not repository.holds(part):
        return Outcome(key, Result.ABSENT)
    return repository, part


def _card_sources(path: str) -> frozenset[str]:
    """The folders of what a model card calls its base model and its datasets."""
    text = _beginning(path)
    if not text.startswith("---"):
        return frozenset()
    try:
        card = yaml.load(text[3:].partition("\n---")[0], Loader=_LOADER)  # noqa: S506 - only text
    except (yaml.YAMLError, ValueError, RecursionError):
        return frozenset()
    if not isinstance(card, dict):
        return frozenset()
    return _folders_of("models", card.get("base_model")) | _folders_of(
        "datasets", card.get("datasets")
    )


def _adapter_sources(path: str) -> frozenset[str]:
    """The folder of the model that an adapter was trained for."""
    try:
        adapter = json.loads(_beginning(path) or "null")
    except (ValueError, RecursionError):
        return frozenset()
    named = adapter.get("base_model_name_or_path") if isinstance(adapter, dict) else None
    return _folders_of("models", named)


def _folders_of(prefix: str, names: object) -> frozenset[str]:
    """The folders of repositories of these names."""
    several = names if isinstance(names, list) else [names]
    plain = (name for name in several if isinstance(name, str) and _REPO_ID.fullmatch(name))
    return frozenset(f"{prefix}--{name.replace('/', '--')}" for name in plain)


def _beginning(path: str) -> str:
    """The first bytes of a file of text; empty when there is none."""
    try:
        with open(path, encoding="utf-8", opener=_at_once) as file:
            return file.read(_MOST_READ) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else ""
    except (OSError, ValueError):
        return ""


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting for whoever would write into a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def shared_place(target: str) -> str:
    """Where in the shared store a path or link ends, by its last two parts; empty: elsewhere."""
    match = _SHARED_END.fullmatch(target)
    return f"{SHARED}/{match[1]}/{match[2]}" if match else ""


def _commit_in(ref: str | Path) -> str:
    """What a ref points to."""
    with open(ref, encoding="utf-8", errors="replace") as file:
        return file.read(200).strip()


def _blob(place: str, found: os.stat_result) -> Blob:
    if found.st_nlink > 1:  # another name may be here too
        place = f"{found.st_dev}:{found.st_ino}"
    return Blob(place, found.st_size, found.st_atime_ns // 1000, found.st_mtime_ns // 1000)


def _mode(path: str | Path) -> int:
    """The mode of what is there itself, not of what it points to; 0 when nothing is."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0


def _entries(folder: str) -> list[os.DirEntry[str]]:
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
        if below.count("/") > _DEEPEST:
            raise OSError(errno.ENAMETOOLONG, "too many folders are in each other", top)
        for entry in _entries(f"{top}/{below}"):
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{below}{entry.name}/")
            else:
                yield f"{below}{entry.name}", entry


def _check_names(parts: Iterable[os.DirEntry[str]], names: Iterable[str]) -> None:
    """Refuse a repository that has a part elsewhere, or a name that nothing can be called by.

    Raises:
        OSError: it is such a one.
    """
    for part in parts:
        if part.is_symlink():
            raise OSError(errno.ELOOP, f"{part.name} in it is a link", part.path)
    for name in names:
        if spelled_out(name) != name:
            raise OSError(errno.EILSEQ, f"{spelled_out(name)} is no text", spelled_out(name))


def _remove_folders(top: Path) -> None:
    """Remove a folder and empty ones below it, and the markers that only say what is not there.

    Raises:
        OSError: something else is in it.
    """
    if top.name in {".no_exist", "trees"}:
        shutil.rmtree(top, ignore_errors=True)
    for entry in _entries(str(top)):
        if not entry.is_dir(follow_symlinks=False):
            raise FileExistsError(f"{entry.path} is in it")
        _remove_folders(top / entry.name)
    with suppress(FileNotFoundError):
        top.rmdir()
