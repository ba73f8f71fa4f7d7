"""One stand-in for all tests that delete and edit, with a connection and the truth beside it."""

from __future__ import annotations

from typing import Any

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_deleting import WandbDeleter
from artifact_tui.clients.wandb.wandb_graphql import Graph
from artifact_tui.clients.wandb.wandb_listing import WandbLister
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import GraphTransport
from tests.servers.wandb.process import fresh

HOME = "acme/vision"


class Scene:
    """A stand-in with a few things in it, and one connection."""

    def __init__(self, **options: Any) -> None:
        self.server = fresh()
        self.options = WandbOptions(key=Secret(self.server.api_key), **options)
        self.address = WandbAddress.parse(self.server.address())
        self.sender = GraphTransport(self.address, self.options, read_only=False)
        self.transport = self.sender.transport
        self.graph = Graph(self.sender)
        self.lister = WandbLister(self.graph, self.address, registries=True)
        self.ids: dict[str, str] = {}

    def seed(self, **parts: Any) -> None:
        self.ids = self.server.seed(**parts)
        self.server.clear()

    def fill(self, count: int, **said: Any) -> list[str]:
        """One collection of so many plain versions; gives their keys, oldest first."""
        self.ids = self.server.fill(1, count, **said)
        self.server.clear()
        return [self.key(f"{HOME}/model-0000:v{number}") for number in range(count)]

    def key(self, path: str) -> str:
        """The key of a source version."""
        return wandb_model.SourceKey(self.ids[path]).key

    def link(self, path: str) -> str:
        """The key of a link, by the path of the link."""
        portfolio = path.partition(":")[0]
        return wandb_model.LinkKey(self.ids[portfolio], self.ids[path]).key

    def deleter(self, *, batch: bool) -> WandbDeleter:
        return WandbDeleter(self.graph, self.lister, batch=batch)

    def documents(self) -> list[int]:
        """How many mutations each document had, in the order in which they arrived."""
        return [len(line.fields or []) for line in self.server.log() if line.fields]

    async def aclose(self) -> None:
        await self.graph.aclose()
        await self.transport.aclose()
