"""A REST registry as a world: other people come in through the stand-in's back door."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from artifact_tui.clients.rest import connect
from artifact_tui.testing.world import PAGE, Thing, Truth
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.clients.rest.rest_client import RestClient
    from tests.servers.rest.process import Server


class HttpWorld:
    """A stand-in server with small pages."""

    lacks = frozenset({"bytes", "dependents", "edges", "tokens"})
    """These registries tell neither sizes nor dates, and dependents only by a scan."""

    nobody = "model/987654321"

    def __init__(self, server: Server) -> None:
        self.now_us = 1_800_000_000_000_000
        self._server = server
        self._opened: list[RestClient] = []
        self._made = 0
        server.seed([])
        server.become(page_size=PAGE)
        server.clear()
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> RestClient:
        client = connect(self._server.address, read_only=read_only)
        self._opened.append(client)
        return client

    def requests(self) -> Sequence[str]:
        return [line.method for line in self._server.log()]

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
        del files, tags, ttl_us
        assert not aliases, "these registries have none"
        assert not protected, "these registries have none"
        self._made += 1
        ids = tuple(parent.partition("/")[2] for parent in parents)
        entry = Entry(str(self._made), collection, kind, parents=ids)
        self._server.seed([*self._server.entries(), entry])
        return f"{kind}/{entry.id}"

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        raise NotImplementedError

    async def unalias(self, key: str, name: str) -> None:
        raise NotImplementedError

    async def edge(self, parent: str, child: str) -> None:
        raise NotImplementedError

    async def link(self, key: str, collection: str, *, aliases: Sequence[str] = ()) -> str:
        raise NotImplementedError

    def file(self, key: str) -> Path:
        raise NotImplementedError

    async def truth(self) -> Truth:
        entries = self._server.entries()
        return Truth(
            {f"{one.type}/{one.id}": Thing("live") for one in entries},
            frozenset(
                (f"model/{parent}", f"{one.type}/{one.id}")
                for one in entries
                for parent in one.parents
            ),
            frozenset(one.name for one in entries),
        )

    async def close(self) -> None:
        for client in self._opened:
            await client.aclose()


@contextlib.asynccontextmanager
async def http_world(path: Path) -> AsyncIterator[HttpWorld]:
    """A fresh, empty REST registry."""
    del path
    world = HttpWorld(fresh())
    try:
        yield world
    finally:
        await world.close()
