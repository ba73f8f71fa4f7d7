"""What lies beside the Hub's cache of Hugging Face: `datasets`, `assets` and `xet`.

`datasets` has what its library prepared of a dataset, as Arrow files in
`NAME/CONFIG/VERSION/HASH`, and what it downloaded, in `downloads`. `assets` has what libraries
keep for themselves, `LIBRARY/NAMESPACE/SUBFOLDER`. `xet` has, for each endpoint, what transfers
keep: `shard-cache`, and in `staging` uploads that may go on. No command of theirs removes any.

A version is a file or folder that goes whole; its key is the area and the path below it. Files that
are locks stay: to remove one while somebody waits for it would let two of them in.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from artifact_tui.clients.disk import (
    ASIDE,
    Contents,
    as_named,
    contents_of,
    remove_whole,
    spelled_out,
    system_words,
)
from artifact_tui.clients.huggingface.hf_cache import (
    beginning_of,
    entries_in,
    is_of_the_cache,
    is_repository,
    mode_of,
)
from artifact_tui.errors import NotToldError
from artifact_tui.model import Collection, Facts, Listed, Outcome, Result, Version, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifact_tui.clients.disk import HardLinks
    from artifact_tui.model import Deletion

TRANSFER_S = 3600.0
"""Seconds after its last change in which a transfer may still need what it left in `xet`."""

_DOWNLOADS = "downloads"
_EXTRACTED = "extracted"
_INFO = "dataset_info.json"
_STAGING = "staging"
_LOGS = "logs"
_TRANSFERS = {
    _STAGING: "uploads that were cut off, and may go on with it",
    "shard-cache": "what transfers look up before they send bytes again",
    _LOGS: "logs of transfers",
}
_ELSEWHERE = "lies in a folder that nothing here leads to any more"
_MAKING = "it is being made: its lock is held"
_SHORT = 8
_HASH = 40
"""So many characters or more are a hash, of which the beginning is shown."""
_VERSION = re.compile(r"\d+\.\d+\.\d+")
"""What the library of datasets calls a version."""


class _Split(msgspec.Struct):
    num_examples: int = 0


class _Info(msgspec.Struct):
    """What `dataset_info.json` says, as far as it is shown."""

    splits: dict[str, _Split] = msgspec.field(default_factory=dict)


class _Download(msgspec.Struct):
    """What is said about a download, as far as it is shown."""

    url: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version that lies beside the cache: what it is called, and what is in it."""

    key: str
    collection: Collection
    label: str
    content: Contents
    note: str
    kept: str
    unfinished: bool

    @property
    def state(self) -> VersionState:
        """Whether it is all there."""
        return VersionState.PENDING if self.unfinished else VersionState.LIVE

    def version(self) -> Version:
        """As it is listed."""
        content = self.content
        made_s = content.changed_s if self.unfinished else content.made_s
        return Version(
            self.key,
            self.collection.key,
            None,
            self.label,
            content.digest,
            self.state,
            size=sum(one.size for one in content.files),
            file_count=len(content.files),
            created_us=int(made_s * 1e6),
            used_us=int(content.used_s * 1e6),
            note=self.note,
            kept=self.kept,
        )

    def facts(self) -> Facts:
        """What is true of it now."""
        return Facts(
            self.key,
            self.content.digest,
            self.state,
            token=self.content.digest,
            kept=self.kept,
            collection=self.collection.name,
            label=self.label,
            type=self.collection.type,
        )


class Neighbour:
    """One of the folders; nothing here is asynchronous."""

    name = ""
    type = ""
    """What its collections hold."""
    variable = ""
    """What moves it elsewhere."""

    def __init__(self, top: Path, *, moved: bool) -> None:
        self.top = top
        digest = hashlib.sha256(os.fsencode(top)).hexdigest()[:_SHORT]
        self.key = f"{self.name}@{digest}" if moved else self.name
        """The beginning of its keys: elsewhere, in another environment, they are of nothing."""
        self._cache = ""
        self._others: tuple[str, ...] = ()

    def keep_off(self, cache: Path, tops: Iterable[Path]) -> None:
        """Leave alone the cache and the folders of others: variables may put all in one place."""
        self._cache = str(cache)
        inside = (one for one in (cache, *tops) if one != self.top and one.is_relative_to(self.top))
        self._others = tuple(map(str, inside))

    # what a kind of folder says of its own

    def depth(self, path: str) -> int:
        """How deep below the folder what has this path, or is in it, can be a version."""
        raise NotImplementedError

    def fits(self, path: str, mode: int) -> bool:
        """Whether what is at a path, and has this mode, is a version."""
        raise NotImplementedError

    def called(self, path: str) -> tuple[Collection, str]:
        """The collection of a path, and its label there."""
        first, _, rest = path.partition("/")
        return Collection(f"{self.key}/{first}", first, self.type), rest or first

    def note(self, path: str) -> str:
        """What it is, in a few words."""
        del path
        return ""

    def unfinished(self, path: str) -> bool:
        """Whether it was never completed."""
        return path.endswith(".incomplete")

    def busy(self, path: str, changed_s: float) -> str:
        """Why it may be at work now, by its times; empty: it is not."""
        del path, changed_s
        return ""

    def locks(self, path: str) -> list[str]:
        """The files that are locked while what is at a path is made."""
        del path
        return []

    def beside(self, path: str) -> Path | None:
        """A file that is about a version, and goes with it."""
        del path
        return None

    # reading

    def listed(
        self, paths: Iterable[str], unreadable: dict[str, str], hard_links: HardLinks
    ) -> Listed:
        """Some of its versions; hard links are noted, and what cannot be read, with the reason."""
        found, complete = [], True
        for path in paths:
            try:
                one = self.find(path)
            except (OSError, RecursionError) as error:
                unreadable[f"{self.top}/{path}"] = str(error)
                complete = False
            else:
                found += [one] if one is not None else []
        for one in found:
            hard_links.add_contents(one.key, one.content)
        return Listed(
            tuple({one.collection.key: one.collection for one in found}.values()),
            tuple(one.version() for one in found),
            files={one.key: one.content.files for one in found},
            complete=complete,
        )

    def paths(self, unreadable: dict[str, str]) -> list[str]:
        """The paths of its versions; folders that cannot be read are noted, with the reason."""
        found, left = [], [ASIDE, ""]
        while left:
            path = left.pop()
            try:
                if path and self._is_of_others(path):
                    continue
                if path and self._is_version(path):
                    found.append(path)
                elif not path or (
                    path.count("/") + 1 < self._depth(path) and self._is_folder(path)
                ):
                    names = [name for name in _names(self.top / path) if name != ASIDE]
                    left += [f"{path}/{name}" if path else name for name in reversed(names)]
            except OSError as error:
                unreadable[f"{self.top}/{path}"] = error.strerror or str(error)
        return found

    def _is_of_others(self, path: str) -> bool:
        """Whether what is at a path is of the cache, or of another folder beside it."""
        place = f"{self.top}/{path}"
        in_cache = place.removeprefix(f"{self._cache}/") if self._cache else place
        if in_cache != place and not path.startswith(ASIDE) and is_of_the_cache(in_cache):
            return True
        if any(map(is_repository, path.split("/"))):  # of another cache that lies in this folder
            return True
        return any(f"{place}/".startswith(f"{one}/") for one in self._others)

    def _depth(self, path: str) -> int:
        return 2 if path == ASIDE else self.depth(path)

    def _is_folder(self, path: str) -> bool:
        return stat.S_ISDIR(mode_of(self.top / path))

    def _is_version(self, path: str) -> bool:
        """Whether there is a version at a path, whoever asks."""
        parts, place = path.split("/"), self.top / path
        if {"", ".", ".."} & {*parts} or not path.isprintable() or spelled_out(path) != path:
            return False
        if self._is_of_others(path) or any(one.startswith(f"{place}/") for one in self._others):
            return False
        mode = mode_of(place)
        if not mode or os.path.realpath(place.parent) != str(place.parent):
            return False
        if parts[0] == ASIDE:
            return path.count("/") == 1
        return path.count("/") < self.depth(path) and self.fits(path, mode)

    def find(self, path: str, *, locked: bool = False) -> Prepared | None:
        """What is at a path now; None when it is no version, or gone.

        `locked` tells that its locks are held by us.

        Raises:
            OSError: it cannot be read.
        """
        if not self._is_version(path):
            return None
        content = contents_of(self.top / path)
        if content is None:
            return None
        about = self.beside(path)
        if about is not None and (more := contents_of(about)) is not None:
            content = content.with_files_of(more)
        collection, label = self.called(path)
        left = path.startswith(f"{ASIDE}/")
        if left:
            collection = Collection(
                f"{self.key}/{ASIDE}", f"{self.name} removed in part", self.type
            )
        return Prepared(
            f"{self.key}/{path}",
            collection,
            label,
            content,
            note="what a deletion that was cut off left" if left else self.note(path),
            kept="" if left else self._why_kept(path, content.changed_s, locked=locked),
            unfinished=not left and self.unfinished(path),
        )

    def _why_kept(self, path: str, changed_s: float, *, locked: bool) -> str:
        """Why something is not deleted, whoever asks."""
        if why := self.busy(path, changed_s):
            return why
        if not locked:
            try:
                with self._locked(path, fcntl.LOCK_SH):
                    pass
            except BlockingIOError:
                return _MAKING
        return ""

    # deleting

    def delete(self, deletion: Deletion, path: str) -> Outcome:
        """Remove one version, if it may go."""
        key = deletion.key
        try:
            with self._locked(path, fcntl.LOCK_EX):
                found = self.find(path, locked=True)
                if found is None:
                    return Outcome(key, Result.ABSENT)
                if found.kept:
                    return Outcome(key, Result.REFUSED, found.kept)
                if deletion.token not in {"", found.content.digest}:
                    return Outcome(key, Result.CHANGED, "it is not what it was")
                remove_whole(self.top / path, self.top)
                about = self.beside(path)
                if about is not None and mode_of(about):
                    remove_whole(about, self.top)
        except BlockingIOError:
            return Outcome(key, Result.REFUSED, _MAKING)
        except OSError as error:
            return Outcome(key, Result.FAILED, system_words(error))
        with suppress(OSError):  # until one that is not empty
            for above in (self.top / path).parents:
                if above == self.top:
                    break
                above.rmdir()
        return Outcome(key, Result.DONE)

    @contextmanager
    def _locked(self, path: str, how: int) -> Iterator[None]:
        """Hold the locks of what is at a path, as far as there are any.

        Raises:
            BlockingIOError: somebody else holds one.
            OSError: one cannot be opened.
        """
        with ExitStack() as held:
            for name in self.locks(path):
                with suppress(FileNotFoundError, NotADirectoryError):
                    lock = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                    held.callback(os.close, lock)
                    fcntl.flock(lock, how | fcntl.LOCK_NB)
            yield


class PreparedDatasets(Neighbour):
    """`datasets`: what its library prepared, and what it downloaded for that."""

    name = "datasets"
    type = "arrow"
    variable = "HF_DATASETS_CACHE"

    def depth(self, path: str) -> int:
        """That of a hash, or of a download."""
        first, _, rest = path.partition("/")
        if first != _DOWNLOADS:
            return 4
        return 3 if rest.partition("/")[0] == _EXTRACTED else 2

    def fits(self, path: str, mode: int) -> bool:
        """A folder at a hash, or one with the information of a dataset above it; a download."""
        parts = path.split("/")
        if path.endswith(".lock"):
            return False
        if parts[0] != _DOWNLOADS:
            version = self.top.joinpath(*parts[:3])
            old = len(parts) > 2 and stat.S_ISREG(mode_of(version / _INFO))  # noqa: PLR2004 - without a hash
            named = _VERSION.fullmatch("".join(parts[2:3])) is not None
            return named and stat.S_ISDIR(mode) and len(parts) == (3 if old else 4)
        deep = 3 if parts[1:2] == [_EXTRACTED] else 2
        of_another = path.endswith(".json") and mode_of(self.top / path.removesuffix(".json")) != 0
        return len(parts) == deep and not of_another

    def called(self, path: str) -> tuple[Collection, str]:
        """`ORG/NAME`, and `CONFIG/VERSION/HASH`."""
        first, _, rest = path.partition("/")
        if first == _DOWNLOADS:
            return Collection(f"{self.key}/{first}", first, "download"), rest
        config, _, last = rest.rpartition("/")
        name, _, end = last.partition(".")
        short = name[:_SHORT] + (f".{end}" if end else "") if len(name) >= _HASH else last
        label = f"{config}/{short}"
        return Collection(f"{self.key}/{first}", first.replace("___", "/"), self.type), label

    def note(self, path: str) -> str:
        """How many rows it has, or where it came from."""
        about = self.beside(path)
        if about is not None:
            return _read_json(about, _Download).url
        splits = _read_json(self.top / path / _INFO, _Info).splits
        rows = (f"{split.num_examples:,} rows in {name}" for name, split in splits.items())
        return ", ".join(rows)

    def locks(self, path: str) -> list[str]:
        """Those of its library, which makes `HASH` as `HASH.incomplete`."""
        place = str(self.top / path).removesuffix(".incomplete")
        near = [f"{place}{end}" for end in ("_builder.lock", ".incomplete_info.lock", ".lock")]
        return [*near, f"{self.top}/{place.replace('/', '_')}.lock"]

    def beside(self, path: str) -> Path | None:
        """What is known of a download."""
        place = self.top / path
        return place.with_name(f"{place.name}.json") if path.startswith(_DOWNLOADS) else None


class LibraryAssets(Neighbour):
    """`assets`: what libraries keep for themselves."""

    name = "assets"
    type = "asset"
    variable = "HF_ASSETS_CACHE"

    def depth(self, path: str) -> int:
        """`LIBRARY/NAMESPACE/SUBFOLDER`."""
        del path
        return 3

    def fits(self, path: str, mode: int) -> bool:
        """What is that deep; a file that lies higher."""
        return path.count("/") == 2 or not stat.S_ISDIR(mode)  # noqa: PLR2004 - so deep


class TransferFiles(Neighbour):
    """`xet`: what transfers keep, for each endpoint."""

    name = "xet"
    type = "xet"
    variable = "HF_XET_CACHE"

    def depth(self, path: str) -> int:
        """`ENDPOINT/AREA`, and the logs of all."""
        return 1 if path == _LOGS else 2

    def fits(self, path: str, mode: int) -> bool:
        """A folder of these in which there is something."""
        deep = path.count("/") + 1 == self.depth(path)
        return deep and stat.S_ISDIR(mode) and any(_names(self.top / path))

    def note(self, path: str) -> str:
        """What it is good for."""
        return _TRANSFERS.get(path.rpartition("/")[2], "")

    def unfinished(self, path: str) -> bool:
        """An upload that was cut off may go on with what is in staging."""
        return path.rpartition("/")[2] == _STAGING

    def busy(self, path: str, changed_s: float) -> str:
        """A transfer has no lock; what it wrote shortly ago may be needed."""
        young = path != _LOGS and time.time() - changed_s < TRANSFER_S
        return "a transfer wrote to it within the hour, and may need it" if young else ""


_KINDS = (PreparedDatasets, LibraryAssets, TransferFiles)


def is_beside(key: str) -> bool:
    """Whether a key is of something beside the cache, here or in another environment."""
    return key.partition("/")[0].partition("@")[0] in {kind.name for kind in _KINDS}


class Neighbours:
    """The folders beside one cache."""

    def __init__(self, folders: Sequence[Neighbour] = ()) -> None:
        self.folders = folders
        self._by_key = {one.key: one for one in folders}

    @classmethod
    def of(cls, root: Path, home: Path | None) -> Neighbours:
        """Those of a cache at `root`; of several in one place the first.

        `home` is what `HF_HOME` stands for where the cache is that of the environment: there
        variables may move each folder. Else they are looked for beside a cache called `hub`.
        """
        above = root.parent if root.name == "hub" else None
        found: dict[Path, Neighbour] = {}
        for kind in _KINDS:
            place = os.environ.get(kind.variable, "") if home is not None else ""
            if place or home or above:
                named = as_named(os.path.expandvars(place)) if place else None
                top = Path(os.path.realpath(named or (home or above or root) / kind.name))
                moved = above is None or top != above / kind.name
                found.setdefault(top, kind(top, moved=moved))
        for one in found.values():
            one.keep_off(root, [*found, *([home / "hub"] if home else [])])
        return cls(tuple(found.values()))

    def find(self, key: str) -> Prepared | None:
        """What has a key now; None when it is gone.

        Raises:
            NotToldError: it cannot be read, or its folder is not one of this environment.
        """
        name, _, path = key.partition("/")
        if name not in self._by_key:
            raise NotToldError(f"{key} {_ELSEWHERE}.")
        try:
            return self._by_key[name].find(path)
        except (OSError, RecursionError) as error:
            raise NotToldError(f"{key} cannot be read: {error}.") from error

    def delete(self, deletion: Deletion) -> Outcome:
        """Remove one version, if it may go."""
        name, _, path = deletion.key.partition("/")
        if name not in self._by_key:
            return Outcome(deletion.key, Result.FAILED, f"it {_ELSEWHERE}")
        return self._by_key[name].delete(deletion, path)


NO_NEIGHBOURS = Neighbours()


def _names(folder: Path) -> list[str]:
    """What is in a folder, sorted; nothing where there is none."""
    return sorted(entry.name for entry in entries_in(str(folder)))


_Json = TypeVar("_Json")


def _read_json(file: Path, kind: type[_Json]) -> _Json:
    """What a file of JSON says, as far as it is shown."""
    try:
        return msgspec.json.decode(beginning_of(str(file)) or "{}", type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return kind()
