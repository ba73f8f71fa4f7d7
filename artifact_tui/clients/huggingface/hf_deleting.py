"""How a part of a Hugging Face cache goes.

Names go first and bytes last: the refs to a commit, its links, then the blobs that no link of the
repository needs, then shared bytes that no blob needs. Whenever it is cut off, what is left is a
cache that the official library reads; bytes may stay behind, and are listed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.clients.disk import system_words
from artifact_tui.clients.huggingface.hf_cache import (
    DANGLING,
    SHARED,
    SNAPSHOTS,
    CachedVersion,
    commit_in,
    entries_in,
    mode_of,
    shared_place,
)
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Collection as Some
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.huggingface.hf_cache import Repository
    from artifact_tui.clients.huggingface.hf_lineage import CardLineage
    from artifact_tui.model import Deletion

GONE = ".gone"
"""The folder below `.locks` for names that are being removed; what is cut off leaves some there."""

_AT_ONCE = 200
"""So many blobs are locked together."""


class BusyBlobError(Exception):
    """A download holds the lock of a blob."""


class CacheDeleter:
    """Deletes versions of one cache; nothing here is asynchronous."""

    def __init__(self, lineage: CardLineage) -> None:
        self._lineage = lineage
        self._cache = lineage.cache

    def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """Delete versions for good; an outcome for each, in the same order.

        Their names go first, one version after the other; then the bytes of all.
        """
        with suppress(OSError):
            shutil.rmtree(self._gone())
        there: dict[str, Repository | OSError | None] = {}
        for folder in {one.key.partition("/")[0] for one in deletions}:
            try:
                there[folder] = self._cache.repository(folder)
            except OSError as error:
                there[folder] = error
        versions = [_version_of(there, one.key) for one in deletions]
        before = self._lineage.facts([one for one in versions if isinstance(one, CachedVersion)])
        tokens = {one.key: one.token for one in before}
        free: dict[str, set[str]] = {}
        outcomes = []
        for deletion, version in zip(deletions, versions, strict=True):
            if not isinstance(version, CachedVersion):
                outcomes.append(version)
                continue
            repository = version.repository  # others of the batch may have changed what is left
            now = repository.version(version.part)
            try:
                outcome = self._delete_names(deletion, now, version.forms, tokens[deletion.key])
            except FileNotFoundError:  # another deletion was faster
                outcome = Outcome(deletion.key, Result.ABSENT)
            except OSError as error:
                outcome = Outcome(deletion.key, Result.FAILED, system_words(error))
            if now is not None and outcome.result is Result.DONE:
                free.setdefault(repository.folder, set()).update(now.links)
                repository.forget(now)
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
        self, deletion: Deletion, version: CachedVersion | None, forms: Iterable[str], token: str
    ) -> Outcome:
        """Remove the names of one version, if it may go.

        `forms` are those of its weights when the batch began: all of them must have gone.

        Raises:
            OSError: it cannot be done; some names may be gone.
        """
        if version is None:
            return Outcome(deletion.key, Result.ABSENT)
        repository = version.repository
        refs = self._cache.refs(repository.folder)  # others of the batch took their time
        added = {ref for ref, at in refs.items() if at == version.commit} - set(version.refs)
        if deletion.token not in {"", token} or (version.commit and added):
            return Outcome(deletion.key, Result.CHANGED, "it is not what it was")
        (now,) = self._lineage.facts([version])
        left = [form for form in forms if repository.version(form.partition("/")[2])]
        if left:
            first = version.label + left[0].removeprefix(version.key)
            return Outcome(deletion.key, Result.REFUSED, f"its weights go before it: {first}")
        if now.aliases and not deletion.delete_aliases:
            names = ", ".join(alias.name for alias in now.aliases)
            it = "its revision" if version.form else "it"
            return Outcome(deletion.key, Result.REFUSED, f"{names} points to {it}")
        if now.dependents and not deletion.orphan_dependents:
            return Outcome(deletion.key, Result.REFUSED, f"{now.dependents[0]} was made from it")
        self._unlink_names(version)
        return Outcome(deletion.key, Result.DONE)

    def _unlink_names(self, version: CachedVersion) -> None:
        """Remove the refs to a revision and its links; nothing that holds shared bytes."""
        top = self._cache.root / version.repository.folder
        commit, paths = version.commit, [file.path for file in version.files]
        if version.form:
            self._unlink_form(top / SNAPSHOTS / commit, paths)
            return
        if commit:  # before its refs go, see whether it can go itself
            self._make_gone()
            if not os.access(top / SNAPSHOTS, os.W_OK | os.X_OK):
                (top / SNAPSHOTS / commit).lstat()  # another deletion may have taken all
                raise PermissionError(
                    errno.EACCES, "it is not yours to change", str(top / SNAPSHOTS)
                )
        for ref in paths if version.part == DANGLING else version.refs:
            path = top / "refs" / ref
            with suppress(FileNotFoundError):
                if commit_in(path) == version.repository.refs[ref]:
                    path.unlink()
        if commit:
            with suppress(FileNotFoundError):
                shutil.rmtree(self._aside(top / SNAPSHOTS / commit))
            shutil.rmtree(top / ".no_exist" / commit, ignore_errors=True)
            (top / "trees" / f"{commit}.json").unlink(missing_ok=True)

    def _unlink_form(self, snapshot: Path, paths: Iterable[str]) -> None:
        """Remove some files of a revision, an index before what it tells of.

        Raises:
            OSError: it cannot be done; some may be gone.
        """
        made = snapshot.stat()
        for name in sorted(paths, key=lambda one: not one.endswith(".json")):
            path = snapshot / name
            if os.path.realpath(path.parent) != str(path.parent):
                raise OSError(errno.ELOOP, "it is a link to somewhere else", str(path.parent))
            path.unlink(missing_ok=True)
            with suppress(OSError):  # until one that is not empty
                for above in path.parents:
                    if above == snapshot:
                        break
                    above.rmdir()
        with suppress(OSError):  # its age is that of the download
            os.utime(snapshot, ns=(made.st_atime_ns, made.st_mtime_ns))

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
        blobs = self._cache.root / folder / "blobs"
        with ExitStack() as locks:
            mine = []
            for name in names:
                with suppress(BusyBlobError):
                    etag = name.partition(".")[0] if name.endswith(".incomplete") else name
                    locks.enter_context(
                        self._locked(self._cache.root / ".locks" / folder / f"{etag}.lock")
                    )
                    mine.append(name)
            now = self._cache.repository(folder)
            needed = now.needed() if now else set()
            for name in mine:
                if name in needed:
                    continue
                mode = mode_of(blobs / name)
                if stat.S_ISLNK(mode):
                    shared.add(shared_place(os.readlink(blobs / name)))
                if not stat.S_ISDIR(mode):
                    (blobs / name).unlink(missing_ok=True)
        self.sweep(shared - {""})
        return len(names) - len(mine)

    def sweep(self, places: Some[str]) -> None:
        """Remove shared bytes that no repository needs any more; what is in doubt stays."""
        if not places or not self._cache.shares:
            return
        with ExitStack() as locks:
            mine = []
            for place in sorted(places):
                if not stat.S_ISDIR(mode_of((self._cache.root / place).parent)):
                    continue
                with suppress(BusyBlobError, OSError):
                    locks.enter_context(self._locked(self._cache.root / f"{place}.lock", keep=True))
                    mine.append(place)
            needed = self._cache.needed_shared()
            for place in mine:
                manifest = self._cache.root / f"{place}.refs"
                if place not in needed and stat.S_ISREG(mode_of(manifest)):
                    (self._cache.root / place).unlink(missing_ok=True)
                    manifest.unlink(missing_ok=True)

    def _remove_empty(self, folder: str) -> None:
        """Remove the folder of a repository of which nothing is left.

        It goes out of sight in one step: without its `snapshots` the official library calls it
        broken.
        """
        now = self._cache.repository(folder)
        top = self._cache.root / folder
        if now is None or now.blobs or now.partial or now.refs or now.revisions or top.is_mount():
            return
        for name in ("blobs", "refs", ".no_exist", "trees"):
            _remove_folders(top / name)
        if not {path.name for path in top.iterdir()} <= {SNAPSHOTS}:
            return
        aside = self._aside(top)
        try:
            _remove_folders(aside)
        except OSError:  # somebody has just put something there
            if aside != top:
                aside.rename(top)

    def _aside(self, path: Path) -> Path:
        """Move something where the official library looks for nothing; where it is now.

        That is where it was, if the file system moves no folder: so it is in the lower layers of
        a container, or where a repository is a disk of its own.
        """
        name = os.fsencode(path.relative_to(self._cache.root))
        while True:
            aside = self._make_gone() / hashlib.sha256(name).hexdigest()
            shutil.rmtree(aside, ignore_errors=True)
            try:
                path.rename(aside)
            except FileNotFoundError:
                if aside.parent.exists() or not os.path.lexists(path):
                    raise  # else another deletion ended, and has removed that folder
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                return path
            else:
                return aside

    def _make_gone(self) -> Path:
        """Make the folder for what is moved aside; a deletion that ends removes it.

        Raises:
            OSError: it would be elsewhere, or cannot be made.
        """
        gone = self._gone()
        while True:
            try:
                gone.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                if os.path.lexists(gone) and not gone.is_dir():
                    raise
            else:
                return gone

    def _gone(self) -> Path:
        """The folder for what is moved aside.

        Raises:
            OSError: it would be elsewhere.
        """
        gone = self._cache.root / ".locks" / GONE
        for part in (gone.parent, gone):
            if stat.S_ISLNK(mode_of(part)):
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
) -> CachedVersion | Outcome:
    """The version of a key, or why nothing can be done with it."""
    folder, _, part = key.partition("/")
    repository = there[folder]
    if isinstance(repository, OSError):
        return Outcome(key, Result.FAILED, system_words(repository))
    version = repository.version(part) if repository else None
    return version or Outcome(key, Result.ABSENT)


def _remove_folders(top: Path) -> None:
    """Remove a folder and empty ones below it, and the markers that only say what is not there.

    Raises:
        OSError: something else is in it.
    """
    if top.name in {".no_exist", "trees"}:
        shutil.rmtree(top, ignore_errors=True)
    for entry in entries_in(str(top)):
        if not entry.is_dir(follow_symlinks=False):
            raise FileExistsError(f"{entry.path} is in it")
        _remove_folders(top / entry.name)
    with suppress(FileNotFoundError):
        top.rmdir()
