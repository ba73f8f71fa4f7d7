"""A third party's registry as a world: other people copy, move and write files."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from artifact_tui.testing.world import PlainWorld, Thing, Truth
from tests.servers.folders.folders import FolderClient, Folders, ShyFolderClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path


class FolderWorld(PlainWorld):
    """A folder of files."""

    lacks: frozenset[str] = frozenset()
    kind: type[FolderClient] = FolderClient
    nobody = "model/nobody/v7"

    def __init__(self, path: Path) -> None:
        self._root = path / "registry"
        self._root.mkdir()
        self._folders = Folders(self._root)
        self._made: Counter[str] = Counter()
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> FolderClient:
        clock = lambda: self.now_us  # noqa: E731 - the world's own time
        return self.kind(self._root, read_only=read_only, actor="tester", clock=clock)

    async def reopen(self, *, read_only: bool) -> FolderClient:
        return self._open(read_only=read_only)

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
        home = f"{kind}/{collection}"
        key = f"{home}/v{self._made[home]}"
        self._made[home] += 1
        for name, content in (files or {"model.bin": collection.encode()}).items():
            path = self._root / key / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for parent in parents:
            await self.edge(parent, key)
        for name in (*aliases, *protected):
            await self.alias(key, name, protected=name in protected)
        return key

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        label = key.rpartition("/")[2]
        self._folders.hold(key, self._folders.held(key) | {name: (label, protected)})

    async def unalias(self, key: str, name: str) -> None:
        held = self._folders.held(key)
        self._folders.hold(key, {one: at for one, at in held.items() if one != name})

    async def edge(self, parent: str, child: str) -> None:
        found = self._folders.place(child)
        assert found is not None
        with (found[0] / ".made-from").open("a", encoding="utf-8") as file:
            file.write(f"{parent}\n")

    async def truth(self) -> Truth:
        keys = self._folders.keys()
        places = {key: self._folders.place(key) for key in keys}
        things = {
            key: Thing(
                place[1],
                frozenset((a.name, a.protected) for a in self._folders.aliases(key))
                if place[1] == "live"
                else frozenset(),
            )
            for key, place in places.items()
            if place is not None
        }
        edges = {(one, key) for key in keys for one in self._folders.parents(key) if one in things}
        names = {key.split("/")[1] for key in keys}
        return Truth(things, frozenset(edges), frozenset(names))


class ShyFolderWorld(FolderWorld):
    """A folder of files whose sizes are told only when asked."""

    lacks = frozenset({"bytes"})
    kind = ShyFolderClient


@contextlib.asynccontextmanager
async def shy_folder_world(path: Path) -> AsyncIterator[FolderWorld]:
    """An empty folder."""
    yield ShyFolderWorld(path)


@contextlib.asynccontextmanager
async def folder_world(path: Path) -> AsyncIterator[FolderWorld]:
    """An empty folder."""
    yield FolderWorld(path)
