"""A real MLflow server as a world: other people use its REST interface."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow import KIND
from artifact_tui.testing.world import PlainWorld, Thing, Truth
from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.mlflow.mlflow_client import MlflowClient


class MlflowWorld(PlainWorld):
    """Registered models; what a version was made from is the one that it was copied from."""

    lacks = frozenset(
        {"bytes", "deleter", "edges", "guarded_dependents", "protection", "told_protection",
         "tokens", "trash", "restore", "types"}
    )  # fmt: skip
    """Only runs have a trash: see `MlflowRunWorld`."""
    nobody = "models:/nobody/7"

    def __init__(self, server: MlflowRegistry) -> None:
        self._server = server
        self._opened: list[MlflowClient] = []
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> MlflowClient:
        client = KIND.open(self._server.address, read_only=read_only)
        self._opened.append(client)
        return client

    def requests(self) -> Sequence[str]:  # type: ignore[override] # here some are sent
        return [line.partition(" ")[0] for line in self._server.requests()]

    async def reopen(self, *, read_only: bool) -> MlflowClient:
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
        del kind, ttl_us
        source = parents[0] if parents else "s3://bucket/model"
        if files is not None:
            source = self._server.logged(self._server.run("training"), collection, files)
        key = self._server.version(collection, source, tags=dict.fromkeys(tags, ""))
        for name in (*aliases, *protected):
            await self.alias(key, name)
        return key

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        del protected
        _, model, version = key.split("/")
        self._server.call(
            "POST", "registered-models/alias", name=model, alias=name, version=version
        )

    async def unalias(self, key: str, name: str) -> None:
        self._server.call("DELETE", "registered-models/alias", name=key.split("/")[1], alias=name)

    async def truth(self) -> Truth:
        with self._server.database() as rows:
            versions = rows(
                "SELECT name, version, source FROM model_versions"
                " WHERE current_stage <> 'Deleted_Internal'"
            )
            aliases = rows("SELECT name, version, alias FROM registered_model_aliases")
            names = rows("SELECT name FROM registered_models")
        keys = {(name, number): f"models:/{name}/{number}" for name, number, _ in versions}
        things = {
            key: Thing("live", frozenset((a, False) for n, v, a in aliases if (n, v) == place))
            for place, key in keys.items()
        }
        edges = {(source, keys[name, number]) for name, number, source in versions}
        return Truth(
            things,
            frozenset(edge for edge in edges if edge[0] in things),
            frozenset(name for (name,) in names),
        )

    async def close(self) -> None:
        for client in self._opened:
            await client.aclose()


class MlflowRunWorld(MlflowWorld):
    """Runs of experiments."""

    lacks = MlflowWorld.lacks - {"trash", "restore"} | {
        "aliases", "dependents", "edit aliases", "lineage",
    }  # fmt: skip
    nobody = f"runs:/{'0' * 32}"

    def requests(self) -> Sequence[str]:  # type: ignore[override] # here some are sent
        ended = {"POST /api/2.0/mlflow/runs/delete": "DELETE"}
        return [ended.get(line, line.partition(" ")[0]) for line in self._server.requests()]

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
        del kind, parents, aliases, protected, ttl_us
        return self._server.run(collection, tags=dict.fromkeys(tags, ""), files=files or {})

    async def truth(self) -> Truth:
        with self._server.database() as rows:
            runs = rows("SELECT run_uuid, lifecycle_stage FROM runs")
            names = rows("SELECT name FROM experiments WHERE experiment_id <> 0")
        states = {"active": "live", "deleted": "trash"}
        things = {f"runs:/{run}": Thing(states[stage]) for run, stage in runs}
        return Truth(things, frozenset(), frozenset(name for (name,) in names))


@contextlib.asynccontextmanager
async def mlflow_run_world(path: Path) -> AsyncIterator[MlflowRunWorld]:
    """A server without anything in it."""
    del path
    world = MlflowRunWorld(fresh_mlflow())
    try:
        yield world
    finally:
        await world.close()


@contextlib.asynccontextmanager
async def mlflow_world(path: Path) -> AsyncIterator[MlflowWorld]:
    """A server without anything in it."""
    del path
    world = MlflowWorld(fresh_mlflow())
    try:
        yield world
    finally:
        await world.close()
