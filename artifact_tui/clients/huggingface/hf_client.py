"""The cache of the Hugging Face Hub as a `Client`, and where it lies."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Place
from artifact_tui.clients.disk import (
    DiskClient,
    FolderKind,
    HardLinks,
    as_named,
    in_homes,
    with_users,
)
from artifact_tui.clients.huggingface.hf_cache import LEFTOVERS, SNAPSHOTS, Cache, entries_in
from artifact_tui.clients.huggingface.hf_deleting import CacheDeleter
from artifact_tui.clients.huggingface.hf_lineage import CardLineage, needed_parts
from artifact_tui.clients.huggingface.hf_neighbours import NO_NEIGHBOURS, Neighbours, is_beside
from artifact_tui.clients.open_files import holders_of
from artifact_tui.errors import EmptyError, NotFoundError, NotToldError, SourceError
from artifact_tui.model import Collection, Edge, Identity, Listed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
    from collections.abc import Collection as Some
    from pathlib import Path

    from artifact_tui.clients.huggingface.hf_cache import CachedVersion
    from artifact_tui.clients.huggingface.hf_neighbours import Prepared
    from artifact_tui.clients.open_files import FileId
    from artifact_tui.model import Deletion, Facts, File, Holders, LocalFile, Outcome

PREFIX = "hf:"
OLD_TOOLS = (
    "Do not delete from it with huggingface_hub before 1.32:"
    " it removes shared files that other repositories need."
)
_AT_ONCE = 500

_A_MOMENT_S = 0.02
"""Seconds for which repositories are gathered before they are handed on."""


class HfClient(DiskClient):
    """One cache; each repository is a collection, each revision a version, each ref an alias."""

    tells = frozenset({"aliases", "lineage"})
    batch_delete = 100

    def __init__(self, root: Path, beside: Neighbours = NO_NEIGHBOURS, *, read_only: bool) -> None:
        address = f"{PREFIX}{root}"
        super().__init__(Identity("hf", address, address), root, read_only=read_only)
        self._cache = Cache(root)
        self._lineage = CardLineage(self._cache)
        self._deleter = CacheDeleter(self._lineage)
        self._beside = beside
        self._unreadable: dict[str, str] = {}
        self._hard_links = HardLinks()

    @property
    def unwritable(self) -> str:
        """Why nothing can be deleted here."""
        root = self._cache.root
        return "" if os.access(root, os.W_OK | os.X_OK) else f"{root} is not yours to change"

    @property
    def notices(self) -> tuple[str, ...]:
        """Which repositories could not be read, and why."""
        found = self._unreadable.items()
        return tuple(f"{folder} cannot be read: {why}." for folder, why in found)

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Some repositories after others, with their revisions and files; then the lineage.

        What lies beside the cache comes last.
        """
        self._unreadable = {}
        self._hard_links = HardLinks()
        newest: dict[str, list[str]] = {}
        parents: dict[str, frozenset[str]] = {}
        folders = deque(await self._run(self._cache.folders))
        while folders:
            yield await asyncio.to_thread(self._list_some, folders, newest, parents)
        yield Listed(
            edges=tuple(
                Edge(parent, key)
                for key, sources in parents.items()
                for folder in sorted(sources & newest.keys())
                for parent in newest[folder]
            )
        )
        for neighbour in self._beside.folders:
            known = len(self._unreadable)
            paths = await asyncio.to_thread(neighbour.paths, self._unreadable)
            yield Listed(complete=len(self._unreadable) == known)
            for start in range(0, len(paths), _AT_ONCE):
                some = paths[start : start + _AT_ONCE]
                yield await asyncio.to_thread(
                    neighbour.listed, some, self._unreadable, self._hard_links
                )
        yield Listed(held=self._hard_links.elsewhere())

    def _list_some(
        self,
        folders: deque[str],
        newest: dict[str, list[str]],
        parents: dict[str, frozenset[str]],
    ) -> Listed:
        """The next repositories, as many as a moment allows: handing on each by itself is slow.

        The first that there is comes by itself, as somebody may wait for it.
        """
        until = time.monotonic() + (_A_MOMENT_S if newest else 0)
        some = []
        while folders:
            some.append(self._list_repository(folders.popleft(), newest, parents))
            if time.monotonic() >= until:
                break
        return Listed(
            tuple(one for part in some for one in part.collections),
            tuple(one for part in some for one in part.versions),
            tuple(one for part in some for one in part.edges),
            files={key: files for part in some for key, files in part.files.items()},
            complete=all(part.complete for part in some),
        )

    def _list_repository(
        self, folder: str, newest: dict[str, list[str]], parents: dict[str, frozenset[str]]
    ) -> Listed:
        """One repository; its newest revision, the sources of all, and hard links are noted.

        So is why it cannot be read.
        """
        try:
            found = self._cache.repository(folder)
        except OSError as error:
            self._unreadable[folder] = error.strerror or str(error)
            return Listed(complete=False)
        if found is None or not (versions := list(found.versions())):
            return Listed()
        for blob in found.hard_linked:
            self._hard_links.add(blob.id, blob.place, blob.path, blob.names)
        newest[folder] = [f"{folder}/{part}" for part in needed_parts(found)]
        for commit, sources in self._lineage.parents(found).items():
            parents[f"{folder}/{SNAPSHOTS}/{commit}"] = sources
        return Listed(
            (Collection(folder, found.name, found.type),),
            tuple([one.listed() for one in versions]),
            tuple([Edge(one.key, form) for one in versions for form in one.forms]),
            files={one.key: one.present_files for one in versions},
        )

    async def _versions(self, keys: Sequence[str]) -> dict[str, CachedVersion]:
        """These versions of the cache; those that are gone are left out."""

        def read() -> dict[str, CachedVersion]:
            there = {}
            for folder in {key.partition("/")[0] for key in keys}:
                try:
                    there[folder] = self._cache.repository(folder)
                except OSError as error:
                    why = error.strerror or str(error)
                    raise NotToldError(f"{folder} cannot be read: {why}.") from error
            found = {}
            for key in keys:
                folder, _, part = key.partition("/")
                repository = there[folder]
                if repository and (version := repository.version(part)):
                    found[key] = version
            return found

        return await self._run(read)

    async def _version(self, key: str) -> CachedVersion:
        """One version of the cache.

        Raises:
            NotFoundError: it is gone.
        """
        found = await self._versions([key])
        if key not in found:
            raise NotFoundError(f"There is no {key} in {self._cache.root}.")
        return found[key]

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version, by path."""
        if is_beside(version_key):
            one = await self._run(lambda: self._beside.find(version_key))
            if one is None:
                raise NotFoundError(f"There is no {version_key} any more.")
            return one.content.files
        return (await self._version(version_key)).present_files

    async def local_files(self, version_key: str) -> Mapping[str, LocalFile]:
        """Where the files of a revision lie; of anything else, nothing is kept."""
        if is_beside(version_key):
            raise SourceError(
                f"{version_key} lies beside the cache. Nothing was added.", hint="Name a revision."
            )
        version = await self._version(version_key)
        if what := LEFTOVERS.get(version.part):
            raise SourceError(
                f"{version.repository.name}:{version.part} holds {what}. Nothing was added.",
                hint="Name a revision.",
            )
        return self._cache.local_files(version)

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now.

        Raises:
            EmptyError: there is nothing at all, as where a disk is not mounted.
        """
        inside = [key for key in keys if not is_beside(key)]
        versions = await self._versions(inside)
        if inside and not versions:
            await self._run(self._refuse_emptiness)
        beside = await self._find_beside(keys)
        files = _file_ids(versions, beside)

        def read() -> Mapping[str, Facts]:
            facts = self._lineage.facts(versions.values())
            return with_users([*facts, *(one.facts() for one in beside)], holders_of(files))

        return await self._run(read)

    def _refuse_emptiness(self) -> None:
        """Take nothing as gone where nothing is: who deletes leaves the folder of locks.

        Raises:
            EmptyError: the cache is empty, and what lies beside it too.
        """
        tops = (self._cache.root, *(one.top for one in self._beside.folders))
        if not any(entries_in(str(top)) for top in tops):
            raise EmptyError(
                f"{self._cache.root} is empty, as a folder is whose disk is not mounted."
                " Nothing is taken as gone.",
                hint="Look whether the disk of that folder is there.",
            )

    async def in_use(self, keys: Sequence[str]) -> Holders:
        """Which processes hold files of these versions open."""
        versions = await self._versions([key for key in keys if not is_beside(key)])
        files = _file_ids(versions, await self._find_beside(keys))
        return await self._run(lambda: holders_of(files))

    async def _find_beside(self, keys: Sequence[str]) -> list[Prepared]:
        """What is there of those of these versions that lie beside the cache."""
        others = [key for key in keys if is_beside(key)]
        found = await self._run(lambda: [self._beside.find(key) for key in others])
        return [one for one in found if one is not None]

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Delete revisions, or what is left over, for good."""
        self._refuse_read_only()
        inside = [one for one in deletions if not is_beside(one.key)]
        outcomes = iter(await self._run(lambda: self._deleter.delete(inside)) if inside else ())
        return [
            await self._run(partial(self._beside.delete, one))
            if is_beside(one.key)
            else next(outcomes)
            for one in deletions
        ]

    async def check(self) -> tuple[str, ...]:
        """What is at its address."""
        count = len(await self._run(self._cache.folders))
        shares = ", with a store of shared files" if self._cache.shares else ""
        there = [str(one.top) for one in self._beside.folders if one.top.is_dir()]
        beside = (f"Beside it: {', '.join(there)}.",) if there else ()
        where = f"{self._cache.root} is a Hugging Face cache"
        warned = (OLD_TOOLS,) if self._cache.shares else ()
        return (f"{where} of {count:,} repositories{shares}.", *beside, *warned)


def _file_ids(
    versions: Mapping[str, CachedVersion], beside: Iterable[Prepared]
) -> dict[str, Some[FileId]]:
    """The files that hold the bytes of these versions."""
    revisions = {
        key: {file.blob.id for file in version.files if file.blob is not None}
        for key, version in versions.items()
    }
    return {**revisions, **{one.key: one.content.ids for one in beside}}


class HfKind(FolderKind):
    """Opens caches of the Hugging Face Hub."""

    name = "hf"
    forms = "hf:[PATH]"
    about = """\
\b
artifact-tui registries add cache hf:
artifact-tui registries add server hf:/data/hf/hub

Without PATH it is the cache that huggingface_hub uses: $HF_HUB_CACHE, or $HF_HOME/hub, or
~/.cache/huggingface/hub. What lies beside a folder `hub` is listed too: `datasets` (types arrow and
download), `assets` (asset) and `xet`. Without PATH it is where HF_HOME, HF_DATASETS_CACHE,
HF_ASSETS_CACHE and HF_XET_CACHE say.
"""

    holds = "Hugging Face cache"
    hint = "Name its folder, as in hf:/data/hf/hub, or set HF_HUB_CACHE."
    reclaimable = 'alias:none -type:"arrow" -type:"download" -type:"asset" -type:"xet"'

    def folders(self, address: str) -> Sequence[Path]:
        """The folder of the cache."""
        return (_folder_as_named(address),)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """The caches that variables of the library name, and the usual place."""
        below = {"HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "", "HF_HOME": "/hub"}
        for name, rest in below.items():
            if path := environ.get(name):
                folder = _folder_as_named(f"{PREFIX}{path}{rest}")
                yield Place(f"{PREFIX}{folder}", f"${name}")
        base = environ.get("XDG_CACHE_HOME") or "~/.cache"
        folder = _folder_as_named(f"{PREFIX}{base}/huggingface/hub")
        yield Place(f"{PREFIX}{folder}", "usual place", usual=True)

    def places_of_others(self) -> Iterable[Place]:
        """The caches in other homes."""
        for path, whose in in_homes(".cache/huggingface/hub"):
            yield Place(f"{PREFIX}{path}", f"home of {whose}", usual=True)

    def connect(self, root: Path, *, read_only: bool) -> HfClient:
        """A client of a cache; variables can move what lies beside the cache of the environment."""
        own = root == self.folder(PREFIX)
        beside = Neighbours.of(root, hugging_face_home() if own else None)
        return HfClient(root, beside, read_only=read_only)


def _folder_as_named(address: str) -> Path:
    """The folder of an address; no link is followed."""
    path = address.removeprefix(PREFIX) or os.environ.get("HF_HUB_CACHE", "")
    path = path or os.environ.get("HUGGINGFACE_HUB_CACHE", "")
    return as_named(os.path.expandvars(path)) if path else hugging_face_home() / "hub"


def hugging_face_home() -> Path:
    """The folder that holds all of Hugging Face, unless a variable moves a part of it."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return as_named(os.path.expandvars(os.environ.get("HF_HOME") or f"{base}/huggingface"))


KIND = HfKind()
