"""What every remote client shares once it speaks to its server.

A connection is a transport of its own, because httpx's pool slows down badly with many. TLS is
verified; a private authority may be trusted beside the usual ones. Proxies come from the
environment, credentials never do. In read-only mode a guard is the last door before the network.
An answer is read whole and within limits, or there is an error that says what became of the
request.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, overload
from urllib.request import getproxies, proxy_bypass

import httpx

from artifact_tui.clients.servers import quota_spent, read_only_error
from artifact_tui.errors import RegistryError, UncertainError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from artifact_tui.clients.servers import Origin


logging.getLogger("httpcore").setLevel(logging.WARNING)  # its DEBUG quotes what servers echo

IDLE_S = 2.0
"""Small servers (uvicorn) close idle connections after 5 seconds without a word."""


class ServerConnection:
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


class ServerConnections:
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
        self._free: list[ServerConnection] = []
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[ServerConnection]:
        """A connection of our own.

        One that met trouble is dropped, and so is one that brought a server's failure: some
        servers close it after a 500 without saying so.
        """
        if self._closed:
            raise RegistryError("The connection to the registry has been closed.")
        connection = self._free.pop() if self._free else ServerConnection(self._open)
        connection.healthy = False
        try:
            yield connection
        finally:
            if connection.healthy and not self._closed:
                self._free.append(connection)
            else:
                await asyncio.shield(connection.close())

    def _open(self) -> httpx.AsyncBaseTransport:
        transport = self._transport(self._context())
        # Out here no traceback has the proxy in it, and that may have a password.
        if transport is None:
            raise RegistryError(
                "The proxy in the environment cannot be used. Nothing was sent.",
                hint=f"Check {self._origin.scheme}_proxy: it is an address as in"
                " http://NAME:PASSWORD@HOST:PORT, with %2F for a / in a password; SOCKS is not"
                " supported.",
            )
        return ReadOnlyGuard(transport, self._reads) if self._reads is not None else transport

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


class ReadOnlyGuard(httpx.AsyncBaseTransport):
    """A transport that refuses everything but reading, whoever asks.

    What reads is for each protocol to say: `reads` is asked about every request.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, reads: Callable[[httpx.Request], bool]
    ) -> None:
        self._inner = inner
        self._reads = reads

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a reading request on.

        Raises:
            ReadOnlyError: it writes. Nothing was sent.
        """
        if not self._reads(request):
            raise read_only_error("This registry")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
"""What httpx raises when a request did not leave."""

LONGEST_NAME = 12
"""Characters of an encoding's name that are repeated."""

_TOO_MANY = 429

_FINAL = frozenset({401, 404, 405, 407, 410, 451})
"""Refusals that stay what they are, however long one waits."""


class NotSentError(RegistryError):
    """The registry could not be reached: the request did not leave."""


class LostError(UncertainError):
    """The request left, and no whole answer came back: it may have been carried out."""


class SilentError(LostError):
    """No answer came in the time that a question about one artifact may take."""


class UnusableError(LostError):
    """The answer is too large, or of an unknown encoding: asking again would not help."""


class TooLongError(RegistryError):
    """The registry asks to wait longer than this call may: the request did not leave."""


class GarbageAnswerError(RegistryError):
    """The answer to a reading request says success, and makes no sense, each time."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer; header names are lower case.

    Headers and body are not part of its `repr`: a server may send our secrets back.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - what success is

    @property
    def html(self) -> bool:
        """Whether it is a page for people."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.body.lstrip()[:1] == b"<"

    @property
    def later(self) -> bool:
        """Whether it says: not carried out, come back later.

        Some servers throttle with 403 or another refusal: then they say for how long, or that the
        quota is spent.
        """
        if self.status == _TOO_MANY:
            return True
        refuses = 400 <= self.status < 500 and self.status not in _FINAL  # noqa: PLR2004 - same
        if not (refuses or self.status == 503):  # noqa: PLR2004 - busy
            return False
        return "retry-after" in self.headers or quota_spent(self.headers)


async def whole_answer(response: httpx.Response, limit: int) -> HttpAnswer:
    """The whole answer, decoded, as long as it stays below the limit.

    Raises:
        UnusableError: it is larger, or encoded in a way that was not asked for.
        LostError: it is damaged or cut off.
    """
    found = await _read_answer(response, limit)
    if isinstance(found, HttpAnswer):
        return found
    raise found  # from here: what a server echoed is in no local of this error's traceback


async def _read_answer(response: httpx.Response, limit: int) -> HttpAnswer | LostError:
    headers = {name.lower(): value for name, value in response.headers.items()}
    encoding = headers.get("content-encoding", "identity").strip().lower()
    unpacker = zlib.decompressobj(wbits=47) if encoding in {"gzip", "x-gzip", "deflate"} else None
    if unpacker is None and encoding not in {"", "identity"}:
        named = encoding if encoding.isalnum() and len(encoding) < LONGEST_NAME else "other"
        return UnusableError(f"The registry's answer is encoded in an unknown way ({named}).")
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checker
    parts: list[bytes] = []
    size = 0
    async for chunk in stream:
        try:
            part = unpacker.decompress(chunk, limit - size + 1) if unpacker else chunk
        except zlib.error:
            return LostError("The registry's answer is damaged.")
        size += len(part)
        if size > limit:
            await stream.aclose()
            return UnusableError(f"The registry's answer is larger than {limit:,} bytes.")
        parts.append(part)
    await stream.aclose()
    if unpacker is not None and not unpacker.eof:
        return LostError("The registry's answer is cut off.")
    return HttpAnswer(response.status_code, headers, b"".join(parts))


T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")


@overload
async def together(first: Awaitable[T1], second: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def together(*works: Awaitable[T]) -> tuple[T, ...]: ...
async def together(*works: Awaitable[T]) -> tuple[T, ...]:
    """All answers in order, or the first error; the others are stopped and waited for then.

    `asyncio.gather` lets them go on: they would still send requests, on connections that are
    being closed.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return tuple(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
