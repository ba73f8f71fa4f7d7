"""How a connection keeps to what the server bears: quotas, waits, connections."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients import pacing, transport
from artifact_tui.errors import RegistryError
from tests.servers.wandb.process import shared
from tests.servers.wandb.traps import Quota
from tests.unit.wandb.graphs import READ, deletion, filled, graph_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from artifact_tui.clients.wandb.wandb_transport import GraphTransport
    from tests.servers.wandb.process import Server


@pytest.fixture
def server() -> Server:
    found = shared()
    found.become()
    found.seed()
    found.clear()
    return found


@pytest.fixture
async def graph(server: Server) -> AsyncIterator[GraphTransport]:
    found = graph_of(server)
    yield found
    await found.aclose()


async def test_a_quota_is_waited_for_and_told(server: Server, graph: GraphTransport) -> None:
    keys = filled(server, 120)
    server.become(quota=Quota(most=1, window_s=2.0))
    work = asyncio.gather(*(graph.ask(deletion(key)) for key in keys))
    while "W&B" not in graph.transport.pace():
        assert not work.done(), "it ended, and never said why it waits"
        await asyncio.sleep(0.01)
    server.become()
    await work
    assert len(server.done()) == 120


async def test_a_cancelled_wait_ends_at_once(server: Server, graph: GraphTransport) -> None:
    server.become(quota=Quota(most=1, window_s=600.0))
    await graph.ask(READ)
    waiting = [asyncio.create_task(graph.ask(READ)) for _ in range(9)]
    async with asyncio.timeout(60):
        while "W&B" not in graph.transport.pace():  # noqa: ASYNC110 - the pace has no event
            await asyncio.sleep(0.01)
    for task in waiting:
        task.cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in done)
    assert "10 min" in graph.transport.pace()


async def test_one_connection_for_each_request_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "GOOD_S", 600.0)  # however busy this machine is
    monkeypatch.setattr(pacing, "SLOW_S", 600.0)
    monkeypatch.setattr(transport, "IDLE_S", 600.0)
    server.become(latency_ms=5)
    async with aclosing(graph_of(server, concurrency=6)) as graph:
        await asyncio.gather(*(graph.ask(READ) for _ in range(60)))
        assert server.most_at_once() <= 6
        assert len({line.connection for line in server.log()}) <= 6
        assert graph.transport.pace().startswith("6 at once, ")
    with pytest.raises(RegistryError, match="closed"):
        await graph.ask(READ)
