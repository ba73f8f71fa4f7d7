"""A stand-in registry for these tests, empty at the start of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from artifact_tui.clients.rest import connect
from tests.servers.rest.process import fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from artifact_tui.clients.rest.rest_client import RestClient
    from tests.servers.rest.process import Server


@pytest.fixture
def server() -> Server:
    """An empty registry that behaves like the reference server."""
    return fresh()


class Opener:
    """Opens clients and closes them at the end of the test."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._opened: list[RestClient] = []

    def __call__(self, address: str = "", **options: Any) -> RestClient:
        client = connect(address or self._server.address, **options)
        self._opened.append(client)
        return client

    async def close(self) -> None:
        for client in self._opened:
            await client.aclose()


@pytest_asyncio.fixture
async def opener(server: Server) -> AsyncIterator[Opener]:
    found = Opener(server)
    yield found
    await found.close()
