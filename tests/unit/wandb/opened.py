"""Clients on the stand-in for the tests of reading, and what they say in short."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_graphql import Graph
from artifact_tui.clients.wandb.wandb_listing import WandbLister
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import GraphTransport
from tests.servers.wandb.connecting import connect
from tests.servers.wandb.process import shared
from tests.support.listing import listed_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from artifact_tui.clients.wandb.wandb_client import WandbClient
    from artifact_tui.clients.wandb.wandb_replies import GraphCall, GraphReply
    from artifact_tui.model import Collection, Version

    Row = tuple[Collection, Version | None]

T = TypeVar("T")

HOME = "acme/vision"


@contextlib.asynccontextmanager
async def opened(where: str = HOME, **options: Any) -> AsyncIterator[WandbClient]:
    """A client of an entity or project of the stand-in."""
    found = shared()
    made = WandbOptions(key=Secret(found.api_key), **options)
    client = connect(found.address(where), options=made)
    try:
        yield client
    finally:
        await client.aclose()


async def everything(where: str = HOME, **options: Any) -> list[Row]:
    """What a client lists."""
    async with opened(where, **options) as client:
        return await listed_rows(client)


def labels(rows: Sequence[Row]) -> list[str]:
    """`collection:label` of every version, sorted; `collection:` where there is none."""
    return sorted(f"{one.name}:{version.label if version else ''}" for one, version in rows)


class Between:
    """A transport between whose requests something happens."""

    def __init__(self, graph: GraphTransport, happens: Callable[[int], Awaitable[object]]) -> None:
        self._graph = graph
        self._happens = happens
        self.count = 0

    async def ask(self, call: GraphCall) -> GraphReply:
        """The answer, and then what happens after it."""
        reply = await self._graph.ask(call)
        self.count += 1
        await self._happens(self.count)
        return reply


@contextlib.asynccontextmanager
async def lister(
    client: WandbClient, happens: Callable[[int], Awaitable[object]]
) -> AsyncIterator[WandbLister]:
    """The listing of a client's address, with something that happens between its requests."""
    transport = GraphTransport(client._address, client._options, read_only=True)
    graph = Graph(Between(transport, happens))
    try:
        yield WandbLister(graph, client._address, registries=True)
    finally:
        await graph.aclose()
        await transport.aclose()
