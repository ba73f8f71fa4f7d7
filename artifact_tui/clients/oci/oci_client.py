"""Stores of tags and blobs as a `Client`: Ollama's models, OCI image layouts, KitOps' store."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Place
from artifact_tui.clients.disk import (
    DiskClient,
    FolderKind,
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

    from artifact_tui.clients.oci.oci_layout import BlobLayout, Contents
    from artifact_tui.clients.open_files import FileId
    from artifact_tui.model import Deletion, Holders

SERVICE = "/usr/share/ollama/.ollama/models"
"""Where Ollama's service keeps its models."""
UNUSED = ":unused"
"""The key of what no tag needs: every tag has a name before the colon."""
DOUBT = ":doubt"
"""The key of all blobs while nobody knows which are needed: so none is counted as freed."""
WHY_DOUBT = "nobody knows which blobs are needed"


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
        homes: dict[str, list[str]] = {}
        for key, tag in contents.tags.items():
            homes.setdefault(tag.name, []).append(key)
        for name, keys in homes.items():
            yield Listed(
                (Collection(name, name, "model"),),
                tuple(self._version(contents, key) for key in keys),
                files={key: self._files(contents, key) for key in keys},
            )
        for key in (UNUSED, DOUBT):
            if files := self._files(contents, key):
                yield Listed(
                    (Collection(":", "blobs", "blob"),),
                    (self._version(contents, key),),
                    files={key: files},
                )
        if not contents.complete:
            yield Listed(complete=False)

    def _files(self, contents: Contents, key: str) -> tuple[File, ...]:
        """The blobs of a version that are there, by what they are."""
        layout = self._store.layout
        if key == UNUSED:
            unused = self._store.unused(contents).items()
            return tuple(File(name, size, name) for name, size in unused)
        if key == DOUBT:
            every = sorted(contents.blobs.items()) if contents.broken else ()
            return tuple(File(name, blob.st_size, name) for name, blob in every)
        found = []
        for digest, kind in contents.needs[key].items():
            name = layout.blob_name(digest)
            if name in contents.blobs:
                found.append(File(_path_of(digest, kind), contents.blobs[name].st_size, name))
        return tuple(sorted(found, key=lambda one: one.path))

    def _version(self, contents: Contents, key: str) -> Version:
        """A version as it is listed."""
        files = self._files(contents, key)
        used = [contents.blobs[one.digest].st_atime_ns // 1000 for one in files]
        if key == DOUBT:
            return Version(
                key, ":", None, "doubt", _digest_of(files), file_count=len(files),
                kept=WHY_DOUBT,
            )  # fmt: skip
        if key == UNUSED:
            return Version(
                key, ":", None, "unused", _digest_of(files),
                size=sum(one.size for one in files), file_count=len(files),
                used_us=max(used, default=None), note="blobs that no tag needs",
            )  # fmt: skip
        tag, needs = contents.tags[key], contents.needs[key]
        lost = len(needs) - len(files)
        return Version(
            key, tag.name, None, tag.label, tag.digest,
            size=sum(one.size for one in files), file_count=len(files),
            created_us=tag.made_us, used_us=max(used, default=None),
            note=f"{lost:,} of {len(needs):,} blobs are missing" if lost else "",
        )  # fmt: skip

    def _facts(self, contents: Contents, key: str) -> Facts | None:
        """What is true of a version now."""
        if key in {UNUSED, DOUBT}:
            files = self._files(contents, key)
            if not files:
                return None
            digest = _digest_of(files)
            return Facts(
                key, digest, VersionState.LIVE, token=digest,
                kept=WHY_DOUBT if key == DOUBT else "",
                collection="blobs", label=key[1:], type="blob",
            )  # fmt: skip
        if key not in contents.tags:
            return None
        tag = contents.tags[key]
        return Facts(
            key, tag.digest, VersionState.LIVE, token=tag.digest,
            collection=tag.name, label=tag.label, type="model",
        )  # fmt: skip

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The blobs of one version."""
        contents = await self._run(self._store.read)
        if self._facts(contents, version_key) is None:
            raise NotFoundError(f"There is no {version_key} in {self._store.layout.root}.")
        return self._files(contents, version_key)

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
        found = [one for key in keys if (one := self._facts(contents, key)) is not None]
        files = {one.key: self._file_ids(contents, one.key) for one in found}
        return await self._run(lambda: with_users(found, files))

    async def in_use(self, keys: Sequence[str]) -> Holders:
        """Which processes hold blobs of these versions open, such as a server that runs a model."""
        contents = await self._run(self._store.read)
        there = [key for key in keys if self._facts(contents, key) is not None]
        files = {key: self._file_ids(contents, key) for key in there}
        return await self._run(lambda: holders_of(files))

    def _file_ids(self, contents: Contents, key: str) -> set[FileId]:
        """The files that hold the blobs of a version."""
        return {file_id(contents.blobs[one.digest]) for one in self._files(contents, key)}

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Take tags away, with the blobs that only they needed."""
        self._refuse_read_only()
        return [await self._run(partial(self._delete, one)) for one in deletions]

    def _delete(self, deletion: Deletion) -> Outcome:
        contents = self._store.read()
        now = self._facts(contents, deletion.key)
        if now is None:
            return Outcome(deletion.key, Result.ABSENT)
        if now.kept:
            return Outcome(deletion.key, Result.REFUSED, now.kept)
        if deletion.token and deletion.token != now.token:
            return Outcome(deletion.key, Result.CHANGED, "it is not what it was")
        try:
            if deletion.key == UNUSED:
                self._store.remove(self._store.unused(contents))
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


def _digest_of(files: Sequence[File]) -> str:
    """Changes with what no tag needs."""
    return f"blobs+{hashlib.sha256(repr(files).encode()).hexdigest()[:12]}"


class OciKind(FolderKind):
    """Opens OCI image layouts, and the store of KitOps."""

    name = "oci"
    forms = "oci:PATH"
    reclaimable = "type:blob"
    holds = "oci store"
    marks = ("blobs/sha256",)

    def folders(self, address: str) -> Sequence[Path]:
        """That of the address."""
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
        """That of the address, or where Ollama keeps its models."""
        path = address.removeprefix("ollama:") or os.environ.get("OLLAMA_MODELS", "")
        return (as_named(path or "~/.ollama/models"),)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """Those of the user and of the service."""
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
