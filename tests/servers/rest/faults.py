"""Faults on the wire: connections cut, answers that are not, all on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import json
import random
import socket
import struct
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from tests.servers.rest.traps import Fault, Traps

LIVE: dict[tuple[str, int], asyncio.Transport] = {}
"""Open connections by the client's address."""

LOGIN_PAGE = "<!doctype html><html><title>Sign in</title><form>…</form></html>"


class Protocol(HttpToolsProtocol):
    """uvicorn's own protocol, with its connections within reach."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        LIVE[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        LIVE.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class CutError(Exception):
    """The connection is gone: there is nobody to answer."""


class Dice:
    """Which requests are hit, the same each time for the same seed."""

    def __init__(self, traps: Traps) -> None:
        self._rng = random.Random(traps.seed)  # noqa: S311 - repeatable on purpose
        self._faults = traps.faults
        self._hits = [0] * len(traps.faults)

    def throw(self, method: str, target: str) -> Fault | None:
        """The fault for a request, if any."""
        for position, fault in enumerate(self._faults):
            if method not in fault.methods or fault.path not in target:
                continue
            if fault.first:
                self._hits[position] += 1
                if self._hits[position] <= fault.first:
                    return fault
            elif self._rng.random() < fault.share:
                return fault
        return None


async def before(request: Request, fault: Fault, elsewhere: str) -> Response | None:
    """An answer, or none, without the request being carried out; None when it goes on."""
    kind = fault.kind
    if kind == "rst_before":
        cut(request)
    if kind == "hang_before":
        await hang(request)
    if kind == "html_before":
        return HTMLResponse(LOGIN_PAGE)
    if not kind.isdigit():
        return None
    status = int(kind)
    headers = {"retry-after": "0"} if status in {429, 503} else {}
    if 300 <= status < 400:
        headers["location"] = elsewhere + request.url.path
    return JSONResponse({"detail": f"injected {status}"}, status, headers)


async def after(request: Request, fault: Fault, good: Response) -> Response:
    """What becomes of the answer to a request that was carried out."""
    kind = fault.kind
    if kind == "rst_after":
        cut(request)
    if kind == "hang_after":
        await hang(request)
    if kind == "truncated":
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"
        transport = _transport(request)
        transport.write(head + bytes(good.body)[: len(good.body) // 2])
        transport.close()
        await _gone(request)
    if kind.endswith("_after") and kind[:3].isdigit():
        return JSONResponse({"detail": "injected"}, int(kind[:3]))
    return _REPLIES[kind](good) if kind in _REPLIES else good


def _wrong_id(good: Response) -> Response:
    value: Any = json.loads(bytes(good.body) or b"{}")
    target = value.get("metadata", value) if isinstance(value, dict) else {}
    target["id"] = "999999"
    return JSONResponse(value or target, good.status_code)


def _bomb(_: Response) -> Response:
    headers = {"content-encoding": "gzip"}
    return Response(_packed(), headers=headers, media_type="application/json")


@functools.cache
def _packed() -> bytes:
    """300 MB in 300 KB."""
    return gzip.compress(b"[" * 300_000_000, 1)


async def _zeros() -> AsyncIterator[bytes]:
    block = b"0" * 1_000_000
    for _ in range(1_000):
        yield block


async def _drops() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.05)


_REPLIES: dict[str, Callable[[Response], Response]] = {
    "html_after": lambda _: HTMLResponse(LOGIN_PAGE),
    "wrong_id": _wrong_id,
    "empty_after": lambda good: Response(b"", good.status_code),
    "garbage": lambda _: Response(b'{"status": "dele', media_type="application/json"),
    "deep": lambda _: Response(b"[" * 100_000, media_type="application/json"),
    "huge_number": lambda _: Response(b"9" * 5_000, media_type="application/json"),
    "bomb": _bomb,
    "big": lambda _: StreamingResponse(_zeros(), media_type="application/json"),
    "drip": lambda _: StreamingResponse(_drops(), media_type="application/json"),
}


def _transport(request: Request) -> asyncio.Transport:
    assert request.client is not None
    return LIVE[(request.client.host, request.client.port)]


def cut(request: Request) -> None:
    """Reset the connection."""
    transport = _transport(request)
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    raise CutError


async def hang(request: Request) -> None:
    """Say nothing until the client goes."""
    await _gone(request)


async def _gone(request: Request) -> None:
    with contextlib.suppress(RuntimeError):
        while (await request.receive())["type"] != "http.disconnect":
            pass
    raise CutError
