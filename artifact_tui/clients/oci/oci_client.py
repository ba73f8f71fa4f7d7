"""Stores of tags and blobs as a `Client`: Ollama's models, OCI image layouts, KitOps' store."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Place
from artifact_tui.clients.disk import (
    DiskClient,
    FolderKind,
    HardLinks,
    as_named,
    in_homes,
    system_words,
    with_users,
)
from artifact_tui.clients.oci.oci_layout import BlobStore, OciLayout, OllamaLayout
from artifact_tui.clients.open_files import file_id, holders_of
from artifact_tui.errors import NotFoundError, SourceError
from artifact_tui.model import (
    Collection,
    Facts,
    File,
    Identity,
    Listed,
    LocalFile,
    Outcome,
    Result,
    Version,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.oci.oci_layout import BlobLayout, LayoutContents
    from artifact_tui.clients.open_files import FileId
    from artifact_tui.model import Deletion, Holders

SERVICE = "/usr/share/ollama/.ollama/models"
"""Where Ollama's service keeps its models."""
SERVER = "ollama (its server)"
"""Who uses a model that the server has loaded, where its process may not be looked at."""
UNUSED = ":unused"
"""The key of the blobs that no tag needs: every tag has a name before the colon."""
_BLOBS = Collection(":", "blobs", "blob")


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag, or the blobs that none needs: what is a version here."""

    collection: Collection
    label: str
    digest: str
    files: tuple[File, ...]
    used_us: int | None
    made_us: int | None = None
    note: str = ""
    kept: str = ""

    def version(self, key: str) -> Version:
        """As it is listed."""
        return Version(
            key,
            self.collection.key,
            None,
            self.label,
            self.digest,
            size=sum(one.size for one in self.files),
            file_count=len(self.files),
            created_us=self.made_us,
            used_us=self.used_us,
            note=self.note,
            kept=self.kept,
        )

    def facts(self, key: str) -> Facts:
        """What is true of it now."""
        return Facts(
            key,
            self.digest,
            VersionState.LIVE,
            token=self.digest,
            kept=self.kept,
            collection=self.collection.name,
            label=self.label,
            type=self.collection.type,
        )


class TagClient(DiskClient):
    """One store: each name is a collection, each tag a version; nothing has an alias."""

    batch_delete = 20

    def __init__(self, kind: str, layout: BlobLayout, *, read_only: bool) -> None:
        address = f"{kind}:{layout.root}"
        super().__init__(Identity(kind, address, address), layout.root, read_only=read_only)
        self._store = BlobStore(layout)
        self._broken: list[str] = []

    @property
    def unwritable(self) -> str:
        """Why nothing can be deleted here."""
        blobs = self._store.layout.blobs
        return "" if os.access(blobs, os.W_OK | os.X_OK) else f"{blobs} is not yours to change"

    @property
    def notices(self) -> tuple[str, ...]:
        """What cannot be read, and what follows from it."""
        return tuple(
            f"{why}. While that is so, no blob is removed: nobody knows which are needed."
            for why in self._broken
        )

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Every tag, with its blobs; then the blobs that none needs."""
        contents = await self._run(self._store.read)
        self._broken = contents.broken
        homes: dict[str, dict[str, Entry]] = {}
        for key, entry in self._entries(contents, (*contents.tags, UNUSED)).items():
            homes.setdefault(entry.collection.key, {})[key] = entry
        for entries in homes.values():
            yield Listed(
                tuple({entry.collection for entry in entries.values()}),
                tuple(entry.version(key) for key, entry in entries.items()),
                files={key: entry.files for key, entry in entries.items()},
            )
        hard_links = HardLinks()
        for name, blob in contents.blobs.items():
            hard_links.add(file_id(blob), name, name, blob.st_nlink)
        held = frozenset(contents.blobs) if contents.broken else hard_links.elsewhere()
        yield Listed(held=held, complete=contents.complete)

    def _entry(self, contents: LayoutContents, key: str) -> Entry | None:
        """What a key stands for; None when there is no such version."""
        if key == UNUSED:
            return self._untagged(contents)
        tag = contents.tags.get(key)
        if tag is None:
            return None
        needs, found = contents.needs[key], []
        for digest, kind in needs.items():
            name = self._store.layout.blob_name(digest)
            if name in contents.blobs:
                found.append(File(_path_of(digest, kind), contents.blobs[name].st_size, name))
        lost = len(needs) - len(found)
        return Entry(
            Collection(tag.name, tag.name, "model"),
            tag.label,
            tag.digest,
            tuple(sorted(found, key=lambda one: one.path)),
            _last_use(contents, found),
            tag.made_us,
            f"{lost:,} of {len(needs):,} blobs are missing" if lost else "",
        )

    def _untagged(self, contents: LayoutContents) -> Entry | None:
        """The blobs that no tag needs, as far as that is known; None when there are none."""
        found = self._store.untagged(contents).items()
        files = tuple(File(name, size, name) for name, size in found)
        if not files:
            return None
        return Entry(
            _BLOBS,
            "doubt" if contents.broken else "unused",
            f"blobs+{hashlib.sha256(repr(files).encode()).hexdigest()[:12]}",
            files,
            _last_use(contents, files),
            note=f"blobs that no tag {'is known to need' if contents.broken else 'needs'}",
            kept="nobody knows which blobs are needed" if contents.broken else "",
        )

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The blobs of one version."""
        contents = await self._run(self._store.read)
        entry = self._entry(contents, version_key)
        if entry is None:
            raise NotFoundError(f"There is no {version_key} in {self._store.layout.root}.")
        return entry.files

    async def local_files(self, version_key: str) -> Mapping[str, LocalFile]:
        """The manifest and the blobs of a tag, by what they are."""
        contents = await self._run(self._store.read)
        if version_key not in contents.tags:
            raise NotFoundError(f"There is no tag {version_key} in {self._store.layout.root}.")
        layout, needs = self._store.layout, contents.needs[version_key]
        lost = [one for one in needs if layout.blob_name(one) not in contents.blobs]
        if lost or not needs:
            what = f"its blob {lost[0]} is missing" if lost else "its manifest cannot be read"
            raise SourceError(
                f"{version_key} is not whole: {what}. Nothing was added.",
                hint="Pull it again, then keep it.",
            )
        found = {
            _path_of(digest, kind): LocalFile(
                layout.blobs / layout.blob_name(digest), steady=True, digest=digest
            )
            for digest, kind in needs.items()
        }
        tag = contents.tags[version_key]
        for digest, body in tag.manifests.items():
            if body is not None:
                found[_path_of(digest, "manifest")] = LocalFile(tag.place, digest=digest)
        return found

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now."""
        contents = await self._run(self._store.read)
        entries = self._entries(contents, keys)
        facts = [one.facts(key) for key, one in entries.items()]
        return with_users(facts, await self._run(lambda: self._holders(contents, entries)))

    async def in_use(self, keys: Sequence[str]) -> Holders:
        """Which processes hold blobs of these versions open, such as a server that runs a model."""
        contents = await self._run(self._store.read)
        entries = self._entries(contents, keys)
        return await self._run(lambda: self._holders(contents, entries))

    def _holders(self, contents: LayoutContents, entries: Mapping[str, Entry]) -> Holders:
        """Who holds blobs of these versions open, or runs one where nobody may see its process."""
        holders = holders_of(_file_ids(contents, entries))
        loaded = self._store.layout.loaded()
        served = {
            key: (SERVER,)
            for key in contents.tags.keys() & entries
            if not loaded.isdisjoint(contents.tags[key].manifests)
        }
        return replace(holders, by={**served, **holders.by})

    def _entries(self, contents: LayoutContents, keys: Iterable[str]) -> dict[str, Entry]:
        """What these keys stand for; those that are gone are left out."""
        found = {key: self._entry(contents, key) for key in keys}
        return {key: one for key, one in found.items() if one is not None}

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Take tags away, with the blobs that only they needed."""
        self._refuse_read_only()
        return [await self._run(partial(self._delete, one)) for one in deletions]

    def _delete(self, deletion: Deletion) -> Outcome:
        contents = self._store.read()
        now = self._entry(contents, deletion.key)
        if now is None:
            return Outcome(deletion.key, Result.ABSENT)
        if now.kept:
            return Outcome(deletion.key, Result.REFUSED, now.kept)
        if deletion.token and deletion.token != now.digest:
            return Outcome(deletion.key, Result.CHANGED, "it is not what it was")
        try:
            if deletion.key == UNUSED:
                self._store.remove(self._store.untagged(contents))
            else:
                self._store.untag(contents.tags[deletion.key])
        except OSError as error:
            return Outcome(deletion.key, Result.FAILED, system_words(error))
        stays = f"its blobs stay: {contents.broken[0]}" if contents.broken else ""
        return Outcome(deletion.key, Result.DONE, stays)

    async def check(self) -> tuple[str, ...]:
        """What is at its address."""
        contents = await self._run(self._store.read)
        return (f"{self._store.layout.root} holds {len(contents.tags):,} tags.",)


def _path_of(digest: str, kind: str) -> str:
    """What a blob of a version is called: `model/0123456789ab`."""
    return f"{kind.rpartition('.')[2]}/{digest[7:19]}"


def _file_ids(contents: LayoutContents, entries: Mapping[str, Entry]) -> dict[str, set[FileId]]:
    """The files that hold the blobs of these versions, by key."""
    return {
        key: {file_id(contents.blobs[file.digest]) for file in entry.files}
        for key, entry in entries.items()
    }


def _last_use(contents: LayoutContents, files: Iterable[File]) -> int | None:
    """When one of these blobs was read last."""
    return max((contents.blobs[one.digest].st_atime_ns // 1000 for one in files), default=None)


class OciKind(FolderKind):
    """Opens OCI image layouts, and the store of KitOps."""

    name = "oci"
    forms = "oci:PATH"
    reclaimable = "type:blob"
    holds = "oci store"
    marks = ("blobs/sha256",)

    def folders(self, address: str) -> Sequence[Path]:
        """The folder in the address."""
        return (as_named(address.removeprefix(f"{self.name}:")),)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """KitOps' store."""
        if home := environ.get("KITOPS_HOME"):
            yield Place(f"{self.name}:{as_named(home) / 'storage'}", "$KITOPS_HOME")
        data = environ.get("XDG_DATA_HOME") or "~/.local/share"
        for base in (data, "~/Library/Caches") if sys.platform == "darwin" else (data,):
            path = as_named(f"{base}/kitops/storage")
            yield Place(f"{self.name}:{path}", "KitOps' usual place", usual=True)

    def layout(self, root: Path) -> BlobLayout:
        """How tags and blobs are kept there."""
        return OciLayout(root)

    def connect(self, root: Path, *, read_only: bool) -> TagClient:
        """A client of the store at a folder."""
        return TagClient(self.name, self.layout(root), read_only=read_only)


class OllamaKind(OciKind):
    """Opens the models of Ollama."""

    name = "ollama"
    forms = "ollama:[PATH]"
    about = "Without PATH it is $OLLAMA_MODELS, or ~/.ollama/models."
    holds = "ollama store"
    marks = ("blobs",)

    def folders(self, address: str) -> Sequence[Path]:
        """The folder in the address; without one, where Ollama keeps its models."""
        path = address.removeprefix("ollama:") or os.environ.get("OLLAMA_MODELS", "")
        return (as_named(path or "~/.ollama/models"),)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """Where the user, and the service, keep models."""
        if path := environ.get("OLLAMA_MODELS"):
            yield Place(f"ollama:{as_named(path)}", "$OLLAMA_MODELS")
        yield Place(f"ollama:{as_named('~/.ollama/models')}", "usual place", usual=True)
        yield Place(f"ollama:{SERVICE}", "the service's place", usual=True)

    def places_of_others(self) -> Iterable[Place]:
        """The models in other homes."""
        for path, whose in in_homes(".ollama/models"):
            yield Place(f"ollama:{path}", f"home of {whose}", usual=True)

    def layout(self, root: Path) -> BlobLayout:
        """How Ollama keeps them."""
        return OllamaLayout(root)


KIND, OLLAMA = OciKind(), OllamaKind()
