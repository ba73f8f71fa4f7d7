"""One stand-in for all tests that delete and edit, with a connection and the truth beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_deleting import WandbDeleter
from artifact_tui.clients.wandb.wandb_documents import FittingSender
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import GraphTransport
from artifact_tui.model import Alias, Facts, VersionState
from tests.servers.wandb.process import fresh

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


HOME = "acme/vision"


class Scene:
    """A stand-in with a few things in it, and one connection."""

    def __init__(self, **options: Any) -> None:
        self.server = fresh()
        self.options = WandbOptions(key=Secret(self.server.api_key), **options)
        self.graph = GraphTransport(
            WandbAddress.parse(self.server.address()), self.options, read_only=False
        )
        self.fields = FittingSender(self.graph)
        self.ids: dict[str, str] = {}
        self.looks = 0

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

    async def look(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """The truth, through the back door, in place of `Client.facts`."""
        self.looks += 1
        found = {}
        shown = self.server.state()["collections"]
        for path, gid in self.ids.items():
            where, colon, label = path.partition(":")
            version = shown.get(where, {}).get("versions", {}).get(label)
            if colon and version is not None:
                link = shown[where]["kind"] == "portfolio"
                key = (
                    wandb_model.LinkKey(self.ids[where], gid).key
                    if link
                    else wandb_model.SourceKey(gid).key
                )
                gone = version["state"] != "COMMITTED"
                state = VersionState.TRASH if gone else VersionState.LIVE
                aliases = tuple(Alias(name) for name in version["aliases"])
                found[key] = Facts(key, "", state, aliases)
        return {key: found[key] for key in keys if key in found}

    def deleter(self, *, batch: bool) -> WandbDeleter:
        return WandbDeleter(
            self.fields, self.look, lambda: self.graph.transport.pacing.limit, batch=batch
        )

    def documents(self) -> list[int]:
        """How many mutations each document had, in the order in which they arrived."""
        return [len(line.fields or []) for line in self.server.log() if line.fields]

    async def aclose(self) -> None:
        await self.graph.aclose()
