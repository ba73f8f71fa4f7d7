"""A W&B server as a world: other people come in through the stand-in's back door."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.testing.world import PAGE, Thing, Truth
from tests.servers.wandb.connecting import connect
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Company, Link, Name, Place, Series, Team, Use, Version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.clients.wandb.wandb_client import WandbClient
    from tests.servers.wandb.process import Server

HOME = "acme/vision"
SHELF = "corp-entity/wandb-registry-model"
"""A registry, where `production` is a protected alias."""

STATES = {"COMMITTED": "live", "PENDING": "pending"}


class WandbWorld:
    """A stand-in server with small pages, and a client of one of its projects."""

    lacks = frozenset({"deleter", "edges", "guarded_dependents", "tokens", "told_protection"})
    """W&B tells neither who deleted nor what is protected, and lineage only when asked."""

    nobody = wandb_model.SourceKey("QXJ0aWZhY3Q6OTg3NjU0MzIx").key

    def __init__(self, server: Server) -> None:
        self.now_us = 1_800_000_000_000_000
        self._server = server
        self._opened: list[WandbClient] = []
        self._made = 0
        self._paths: dict[str, str] = {}
        server.become(page_cap=PAGE)
        server.seed(
            companies=[Company(name="corp", entity="corp-entity")],
            teams=[Team(name="acme", organization="corp")],
            places=[Place(path=HOME), Place(path=SHELF, protected=["production"])],
        )
        server.clear()
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool, where: str = HOME) -> WandbClient:
        options = WandbOptions(key=Secret(self._server.api_key))
        address = self._server.address(where)
        client = connect(address, options=options, read_only=read_only)
        self._opened.append(client)
        return client

    def requests(self) -> Sequence[str]:
        """`DELETE` for a document that writes, `GET` for one that reads: all are POSTed."""
        kinds = {"mutation": "DELETE"}
        return [kinds.get(line.kind, "GET") for line in self._server.log()]

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
        """A version that a run of its own logs; a protected alias is one of a link to it."""
        self._made += 1
        sizes = {path: len(data) for path, data in (files or {"model.bin": b"model"}).items()}
        version = Version(
            aliases=list(aliases),
            tags=list(tags),
            files=sizes,
            size=sum(sizes.values()),
            created_us=self.now_us,
            ttl=-1 if ttl_us is None else max(1, ttl_us // 1_000_000),
            run=self._run(self._made),
        )
        before = set(self._server.ids())
        path = f"{HOME}/{collection}"
        now = self._server.add(series=[Series(path=path, type=kind, versions=[version])])
        (made,) = (one for one in now.keys() - before if one.startswith(f"{path}:"))
        key = wandb_model.SourceKey(now[made]).key
        self._paths[key] = made
        for parent in parents:
            await self.edge(parent, key)
        for name in protected:
            await self.alias(key, name, protected=True)
        return key

    @staticmethod
    def _run(number: int) -> str:
        return f"run-{number}"

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        path = self._paths[key]
        if protected:
            assert name == "production", "the protected alias of the registry"
            shelf = f"{SHELF}/{path.rpartition('/')[2].replace(':', '-')}"
            self._server.add(links=[Link(portfolio=shelf, version=path, aliases=[name])])
        else:
            self._server.add(names=[Name(at=path, alias=name)])

    async def unalias(self, key: str, name: str) -> None:
        self._server.add(names=[Name(at=self._paths[key], alias=name, off=True)])

    async def edge(self, parent: str, child: str) -> None:
        number = list(self._paths).index(child) + 1
        run = f"{HOME}/{self._run(number)}"
        self._server.add(uses=[Use(run=run, version=self._paths[parent])])

    async def link(self, key: str, collection: str, *, aliases: Sequence[str] = ()) -> str:
        shelf, artifact = f"{HOME}/{collection}", wandb_model.parse_key(key)
        assert isinstance(artifact, wandb_model.SourceKey)
        shown = Link(portfolio=shelf, version=self._paths[key], aliases=list(aliases))
        known = self._server.add(links=[shown])
        return wandb_model.LinkKey(known[shelf], artifact.artifact).key

    def file(self, key: str) -> Path:
        raise NotImplementedError

    async def truth(self) -> Truth:
        known = self._server.ids()
        shown = self._server.state()["collections"]
        things = {}
        aliases: dict[str, set[tuple[str, bool]]] = {}
        for path, one in shown.items():
            for version in one["versions"].values():
                guarded = {"production"} if path.startswith(SHELF) else set()
                names = {(name, name in guarded) for name in version["aliases"]}
                aliases.setdefault(version["source"], set()).update(names)
        for path, one in shown.items():
            if one["kind"] == "sequence":
                for label, version in one["versions"].items():
                    source = f"{path}:{label}"
                    state = STATES.get(version["state"], "trash")
                    key = wandb_model.SourceKey(known[source]).key
                    things[key] = Thing(state, frozenset(aliases[source]))
        collections = frozenset(
            path.rpartition("/")[2]
            for path, one in shown.items()
            if path.startswith(HOME) and one["state"] == "READY"
        )
        return Truth(things, frozenset(), collections)

    async def close(self) -> None:
        for client in self._opened:
            await client.aclose()


@contextlib.asynccontextmanager
async def wandb_world(path: Path) -> AsyncIterator[WandbWorld]:
    """A fresh, empty project of W&B."""
    del path
    world = WandbWorld(fresh())
    try:
        yield world
    finally:
        await world.close()
