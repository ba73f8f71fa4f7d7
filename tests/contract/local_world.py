"""The embedded registry as a world: other people come in through a store of their own."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING

from artifact_tui.clients.local import LocalClient
from artifact_tui.model import NewVersion
from artifact_tui.testing.world import PAGE, Thing, Truth
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client


class LocalWorld:
    """A registry in a temporary folder."""

    lacks: frozenset[str] = frozenset()
    nobody = "0123456789abcdef" * 2

    def __init__(self, path: Path) -> None:
        self.now_us = 1_800_000_000_000_000
        self._others = SyncStore.create(path / "registry", clock=lambda: self.now_us)
        self._opened: list[LocalClient] = []
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> LocalClient:
        store = SyncStore(
            self._others.layout,
            read_only=read_only,
            actor="tester",
            clock=lambda: self.now_us,
        )
        store.page_size = PAGE
        client = LocalClient(store)
        self._opened.append(client)
        return client

    def requests(self) -> None:
        return

    def advance(self, us: int) -> None:
        self.now_us += us

    async def reopen(self, *, read_only: bool) -> Client:
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
        new = NewVersion(
            name=collection,
            type=kind,
            aliases=tuple(aliases),
            protected=tuple(protected),
            tags=tuple(tags),
            parents=tuple(parents),
            ttl_us=ttl_us,
        )
        (key,) = self._others.add_many([(new, files or {"model.bin": collection.encode()})])
        self._others.unalias(key, "latest")
        return key

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        self._others.alias(key, name, protected=protected)

    async def unalias(self, key: str, name: str) -> None:
        self._others.protect(key, name, protected=False)
        self._others.unalias(key, name)

    async def edge(self, parent: str, child: str) -> None:
        self._others.link_parent(child, parent)

    async def link(self, key: str, collection: str, *, aliases: Sequence[str] = ()) -> str:
        raise NotImplementedError

    def file(self, key: str) -> Path:
        raise NotImplementedError

    async def truth(self) -> Truth:
        layout = self._others.layout
        with contextlib.closing(sqlite3.connect(layout.db)) as conn:
            aliases: dict[str, set[tuple[str, bool]]] = defaultdict(set)
            for key, name, protected in conn.execute(
                "SELECT v.key, a.name, a.protected FROM alias a JOIN version v"
                " ON v.id = a.version_id"
            ):
                aliases[key].add((name, bool(protected)))
            states = conn.execute("SELECT key, state FROM version")
            things = {key: Thing(state, frozenset(aliases[key])) for key, state in states}
            edges = frozenset(
                conn.execute(
                    "SELECT p.key, c.key FROM edge e JOIN version p ON p.id = e.parent_id"
                    " JOIN version c ON c.id = e.child_id"
                )
            )
            names = frozenset(row[0] for row in conn.execute("SELECT name FROM collection"))
        stored = sum(path.stat().st_size for path in layout.blobs.rglob("*") if path.is_file())
        return Truth(things, edges, names, stored)

    async def close(self) -> None:
        for client in self._opened:
            await client.aclose()
        self._others.close()


@contextlib.asynccontextmanager
async def local_world(path: Path) -> AsyncIterator[LocalWorld]:
    """A fresh embedded registry."""
    world = LocalWorld(path)
    try:
        yield world
    finally:
        await world.close()
