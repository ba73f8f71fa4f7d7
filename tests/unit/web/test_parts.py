"""Small parts of what web clients share."""

from __future__ import annotations

import asyncio
import traceback

import httpx
import pytest

from artifact_tui.clients.servers import Origin
from artifact_tui.clients.transport import (
    HttpAnswer,
    ReadOnlyGuard,
    ServerConnection,
    ServerConnections,
)
from artifact_tui.errors import ReadOnlyError, RegistryError


@pytest.mark.parametrize(
    ("origin", "text", "loopback"),
    [
        (Origin("http", "localhost", 80), "http://localhost", True),
        (Origin("http", "127.0.0.1", 8080), "http://127.0.0.1:8080", True),
        (Origin("https", "::1", 8443), "https://[::1]:8443", True),
        (Origin("https", "zoo.example", 443), "https://zoo.example", False),
        (Origin("https", "zoo.example", 80), "https://zoo.example:80", False),
    ],
)
def test_origins(origin: Origin, text: str, *, loopback: bool) -> None:
    assert origin.text == text
    assert origin.loopback is loopback
    assert text.endswith(origin.netloc)


def test_an_answer_shows_nothing_of_what_a_server_said() -> None:
    answer = HttpAnswer(200, {"set-cookie": "canary"}, b"canary")
    assert repr(answer) == "HttpAnswer(status=200)"


class Inner(httpx.AsyncBaseTransport):
    """Counts what passes."""

    def __init__(self) -> None:
        self.passed = 0
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.passed += 1
        return httpx.Response(200, request=request)

    async def aclose(self) -> None:
        self.closed = True


async def test_the_guard_asks_about_every_request() -> None:
    inner = Inner()
    guard = ReadOnlyGuard(inner, lambda request: request.method == "GET")
    await guard.handle_async_request(httpx.Request("GET", "http://a/"))
    for method in ("POST", "DELETE", "PUT"):
        with pytest.raises(ReadOnlyError):
            await guard.handle_async_request(httpx.Request(method, "http://a/"))
    assert inner.passed == 1
    await guard.aclose()
    assert inner.closed


async def test_a_connection_in_trouble_is_not_used_again() -> None:
    connections = ServerConnections(Origin("http", "127.0.0.1", 1))
    async with connections.connection() as first:
        first.healthy = True
    async with connections.connection() as second:
        assert second is first
        async with connections.connection() as third:
            assert third is not first
    async with connections.connection() as fourth:
        assert fourth not in (first, third)
        fourth.healthy = True
    await connections.aclose()
    with pytest.raises(RegistryError, match="closed"):
        async with connections.connection():
            pass


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:canary/x@proxy.example:3128",
        "http://user:canary#x@proxy.example:3128",
        "http://user:canary\x07@proxy.example:3128",
        "socks5://user:canary@proxy.example:1080",
        "socks4://user:canary@proxy.example:1080",
        "ftp://user:canary@proxy.example",
        "user:canary@proxy.example:3128",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_makes_no_sense_is_said_without_its_password(
    proxy: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    connections = ServerConnections(Origin(scheme, "zoo.example", 80))
    with pytest.raises(RegistryError, match="proxy in the environment cannot be used") as caught:
        async with connections.connection():
            pass
    await connections.aclose()
    assert f"{scheme}_proxy" in caught.value.hint
    assert caught.value.__context__ is None
    ours = [f for f, _ in traceback.walk_tb(caught.value.__traceback__) if "clients" in str(f)]
    assert len(ours) > 1
    assert "canary" not in "".join(repr(frame.f_locals) for frame in ours)


async def test_a_cancelled_request_closes_its_connection() -> None:
    connections = ServerConnections(Origin("http", "127.0.0.1", 1))
    under_way: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def use() -> None:
        async with connections.connection() as connection:
            connection.transport = Inner()
            under_way.set_result(connection)
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    connection = await under_way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(connection.transport, Inner)
    assert connection.transport.closed
    await connections.aclose()
