"""Connections: one transport each, because httpx's pool slows down badly with many.

TLS is verified; a private authority may be trusted beside the usual ones. Proxies come from the
environment, credentials never do.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import httpx

from artifact_tui.clients.web.guard import Guard
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from artifact_tui.clients.web.origin import Origin

logging.getLogger("httpcore").setLevel(logging.WARNING)  # its DEBUG quotes what servers echo

IDLE_S = 2.0
"""Small servers (uvicorn) close idle connections after 5 seconds without a word."""


class Lane:
    """One connection, and whether it may be used again."""

    __slots__ = ("_make", "_transport", "healthy")

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._transport: httpx.AsyncBaseTransport | None = None
        self.healthy = False

    def open(self) -> httpx.AsyncBaseTransport:
        """Its transport, opened when first used."""
        if self._transport is None:
            self._transport = self._make()
        return self._transport

    async def close(self) -> None:
        """Close it; it may be opened again."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None


class Lanes:
    """The connections to one server, opened as they are needed.

    With `reads`, which tells whether a request only reads, no other request passes.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        ca_file: Path | None = None,
        reads: Callable[[httpx.Request], bool] | None = None,
    ) -> None:
        self._origin = origin
        self._ca_file = ca_file
        self._reads = reads
        self._tls: ssl.SSLContext | None = None
        self._free: list[Lane] = []
        self._closed = False

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Lane]:
        """A connection of our own.

        One that met trouble is dropped, and so is one that brought a server's failure: some
        servers close it after a 500 without saying so.
        """
        if self._closed:
            raise RegistryError("The connection to the registry has been closed.")
        lane = self._free.pop() if self._free else Lane(self._open)
        lane.healthy = False
        try:
            yield lane
        finally:
            if lane.healthy and not self._closed:
                self._free.append(lane)
            else:
                await asyncio.shield(lane.close())

    def _open(self) -> httpx.AsyncBaseTransport:
        lane = self._transport(self._context())
        if lane is None:  # out here no traceback has the proxy in it, and that may have a password
            raise RegistryError(
                "The proxy in the environment cannot be used. Nothing was sent.",
                hint=f"Check {self._origin.scheme}_proxy: it is an address as in"
                " http://NAME:PASSWORD@HOST:PORT, with %2F for a / in a password; SOCKS is not"
                " supported.",
            )
        return Guard(lane, self._reads) if self._reads is not None else lane

    def _transport(self, context: ssl.SSLContext) -> httpx.AsyncBaseTransport | None:
        """A connection to be; None when the proxy that it would go through makes no sense."""
        limits = httpx.Limits(max_connections=1, keepalive_expiry=IDLE_S)
        try:
            return httpx.AsyncHTTPTransport(
                verify=context, limits=limits, trust_env=False, proxy=self._proxy()
            )
        except (httpx.InvalidURL, ImportError, ValueError):
            return None

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            if self._origin.scheme == "https":
                self._tls = httpx.create_ssl_context()
                if self._ca_file is not None:
                    self._trust(self._tls)
            else:
                self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; not used
        return self._tls

    def _trust(self, context: ssl.SSLContext) -> None:
        try:
            context.load_verify_locations(cafile=self._ca_file)
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(
                f"The certificates in {self._ca_file} cannot be read: {error}.",
                hint="Name a file of certificates in PEM form.",
            ) from error

    def _proxy(self) -> str | None:
        if self._origin.loopback or proxy_bypass(self._origin.host):
            return None
        return getproxies().get(self._origin.scheme)

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        while self._free:
            await self._free.pop().close()
