"""A Hugging Face cache as a world: downloads that other people make."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from artifact_tui.clients.huggingface.hf_client import HfClient
from artifact_tui.clients.huggingface.hf_neighbours import Neighbours
from artifact_tui.testing.world import PlainWorld, Thing, Truth
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path


class HfWorld(PlainWorld):
    """One cache."""

    lacks = frozenset({"dependents", "edges", "deleter", "protection", "told_protection", "tokens"})
    """It has lineage and tokens; but a card names a repository, not one version of it."""
    nobody = f"models--m/snapshots/{'0' * 40}"

    def __init__(self, path: Path) -> None:
        self._hub = Hub(path / "hub", shared=True)
        self._made = 0
        self.client = HfClient(self._hub.root, read_only=False)

    async def reopen(self, *, read_only: bool) -> HfClient:
        return HfClient(self._hub.root, read_only=read_only)

    async def make(
        self,
        collection: str,
        *,
        files: Mapping[str, bytes] | None = None,
        kind: str = "model",
        parents: Sequence[str] = (),
        aliases: Sequence[str] = (),
        protected: Sequence[str] = (),
        tags: Sequence[str] = (),
        ttl_us: int | None = None,
    ) -> str:
        del tags, ttl_us
        self._made += 1
        folder, commit = f"{kind}s--{collection}", commit_of(str(self._made))
        content = dict(files or {"model.bin": collection.encode() * 100})
        if parents:
            bases = [key.partition("/")[0].partition("--")[2] for key in parents]
            content["README.md"] = f"---\nbase_model: {bases}\n---\n".encode()
        names = (*aliases, *protected)
        self._hub.download(folder, commit, content, refs=names)
        return f"{folder}/snapshots/{commit}"

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        del protected
        folder, _, commit = key.split("/")
        self._hub.ref(folder, name, commit)

    async def unalias(self, key: str, name: str) -> None:
        (self._hub.root / key.partition("/")[0] / "refs" / name).unlink()

    def file(self, key: str) -> Path:
        """Its bytes, through both links."""
        (first, *_) = (self._hub.root / key).iterdir()
        return first.resolve()

    async def truth(self) -> Truth:
        names: dict[str, set[tuple[str, bool]]] = {}
        for ref in self._hub.root.glob("*--*/refs/*"):
            key = f"{ref.parts[-3]}/snapshots/{ref.read_text()}"
            names.setdefault(key, set()).add((ref.name, False))
        found = self._hub.root.glob("*--*/snapshots/*")
        keys = [path.relative_to(self._hub.root).as_posix() for path in found]
        things = {key: Thing("live", frozenset(names.get(key, ()))) for key in keys}
        homes = frozenset(key.partition("--")[2].partition("/")[0] for key in keys)
        return Truth(things, frozenset(), homes, self._hub.bytes())


class HfDatasetsWorld(PlainWorld):
    """What the library `datasets` prepared, beside a cache with nothing in it."""

    lacks = frozenset(
        {"dependents", "guarded_dependents", "edges", "deleter", "protection", "told_protection"}
        | {"types", "aliases", "lineage", "local_files"}
    )
    nobody = f"datasets/m/plain/1.0.0/{commit_of('nobody')}"

    def __init__(self, path: Path) -> None:
        self._hub = path / "hub"
        self._hub.mkdir()
        self._top = path / "datasets"
        self._made = 0
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> HfClient:
        client = HfClient(self._hub, Neighbours.of(self._hub, None), read_only=read_only)
        client.tells = frozenset()  # of what lies beside the cache
        return client

    async def reopen(self, *, read_only: bool) -> HfClient:
        return self._open(read_only=read_only)

    async def make(
        self, collection: str, *, files: Mapping[str, bytes] | None = None, **_: object
    ) -> str:
        self._made += 1
        version = self._top / collection / f"plain/1.0.0/{self._made:04x}{0:036x}"
        for name, content in (files or {"train.arrow": str(self._made).encode()}).items():
            path = version / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return version.relative_to(self._hub.parent).as_posix()

    def file(self, key: str) -> Path:
        """The one file that it has."""
        (first,) = (self._hub.parent / key).iterdir()
        return first

    async def truth(self) -> Truth:
        top = self._hub.parent
        keys = [path.relative_to(top).as_posix() for path in self._top.glob("*/*/*/*")]
        stored = sum(path.stat().st_size for path in self._top.rglob("*") if path.is_file())
        homes = frozenset(key.split("/")[1] for key in keys)
        return Truth({key: Thing("live") for key in keys}, frozenset(), homes, stored)


@contextlib.asynccontextmanager
async def hf_datasets_world(path: Path) -> AsyncIterator[HfDatasetsWorld]:
    """A cache with nothing in it or beside it."""
    yield HfDatasetsWorld(path)


@contextlib.asynccontextmanager
async def hf_world(path: Path) -> AsyncIterator[HfWorld]:
    """An empty cache."""
    yield HfWorld(path)
