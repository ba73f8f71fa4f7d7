"""Requests to one registry: sent once or, when they only read, until they are answered.

Each connection has a transport of its own: httpx's pool slows down badly with many connections.
Answers are read whole, within limits; redirects are followed for GET only, and only on the same
server; a lost answer to a writing request is never followed by a second try.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from artifact_tui.clients.http import decode
from artifact_tui.clients.http.guard import Guard
from artifact_tui.clients.http.pacing import Pacer, asked_wait
from artifact_tui.clients.http.paths import Call, Paths, build
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from artifact_tui.clients.http.credentials import Credentials
    from artifact_tui.clients.http.options import Address, Options

T = TypeVar("T")

GARBAGE_TRIES = 3
"""How often a reading request is sent while its answers are successes that make no sense."""

READ_TRIES = 4
"""How often a reading request is sent before its failure is reported."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({500, 502, 503, 504})
_LATER = frozenset({429, 503})
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
_IDLE_S = 2.0
"""Servers of the family close idle connections after 5 seconds without a word."""


class NotSentError(RegistryError):
    """The registry could not be reached: the request did not leave."""


class LostError(RegistryError):
    """The request left, and no whole answer came back: it may have been carried out."""


class UnusableError(LostError):
    """The answer is too large, or of an unknown encoding: asking again would not help."""


class TooLongError(RegistryError):
    """The registry asks to wait longer than this call may: the request did not leave."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

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
        """Whether it says: not carried out, come back later."""
        return self.status in _LATER and (self.status == 429 or "retry-after" in self.headers)  # noqa: PLR2004


class Wire:
    """All connections to one registry."""

    def __init__(
        self, address: Address, options: Options, credentials: Credentials, *, read_only: bool
    ) -> None:
        self.paths = Paths(address.prefix)
        self.pacer = Pacer(options.concurrency)
        self._address = address
        self._origin = httpx.URL(address.origin)
        self._options = options
        self._credentials = credentials
        self._read_only = read_only
        self._tls: ssl.SSLContext | None = None
        self._free: list[_Lane] = []
        self._closed = False

    async def read(self, call: Call, content: bytes | None = None, *, offset: str = "") -> Answer:
        """The answer to a reading request, tried again after a lost one or a server's failure.

        Raises:
            RegistryError: no answer after several tries.
        """
        if not call.reads:
            raise ValueError("only reading requests are sent again")
        spent = 0.0
        for attempt in range(1, READ_TRIES + 1):
            last = attempt == READ_TRIES
            wait = self.pacer.wait
            try:
                answer = await self.once(call, content, offset=offset, spent=spent)
            except (NotSentError, LostError) as error:
                if last or isinstance(error, UnusableError):
                    raise
                await asyncio.sleep(0.05 * 4 ** (attempt - 1))
                continue
            if last or not (answer.later or answer.status in _AGAIN):
                return answer
            spent += wait
            if not answer.later:
                await asyncio.sleep(0.05 * 4 ** (attempt - 1))
        raise AssertionError("unreachable")

    async def parsed(
        self,
        call: Call,
        parse: Callable[[Answer], T],
        what: str,
        content: bytes | None = None,
        *,
        offset: str = "",
    ) -> tuple[Answer, T | None]:
        """The answer to a reading request, with what `parse` makes of a successful one.

        `parse` raises `GarbageError` for what it cannot use; then the request is sent again.

        Raises:
            RegistryError: no answer, or garbage each time.
        """
        for attempt in range(GARBAGE_TRIES):
            answer = await self.read(call, content, offset=offset)
            if not answer.good:
                return answer, None
            try:
                return answer, parse(answer)
            except decode.GarbageError as error:
                if attempt < GARBAGE_TRIES - 1:
                    continue
                page = "a web page" if answer.html else f"something else: {error}"
                raise RegistryError(
                    f"The registry should have answered with {what}, and answered with {page}.",
                    hint="Check the address (many registries of this kind live below /api)"
                    " and the credentials.",
                ) from None
        raise AssertionError("unreachable")

    async def once(
        self,
        call: Call,
        content: bytes | None = None,
        *,
        offset: str = "",
        spent: float = 0.0,
        whole_s: float | None = None,
    ) -> Answer:
        """The answer to one request, sent once (a login that has expired is renewed first).

        `spent` is how many seconds of patience the caller has used up.

        Raises:
            NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        if self._credentials.missing and call.raw_path != self.paths.authenticate().raw_path:
            await self._login(0)
        used = self._credentials.generation
        answer = await self._paced(call, content, offset, spent, whole_s)
        if answer.status in {401, 403} and self._credentials.renewable(call, used):
            await self._login(used)
            answer = await self._paced(call, content, offset, spent, whole_s)
        return answer

    async def login(self) -> None:
        """Fetch a token now.

        Raises:
            RegistryError: the login is refused.
        """
        await self._login(self._credentials.generation)

    async def _login(self, used: int) -> None:
        async with self._credentials.renewing:
            if self._credentials.generation == used:
                request = self._credentials.login_body()
                answer = await self._paced(self.paths.authenticate(), request, "", 0.0, None)
                self._credentials.take(answer.status, answer.body)

    async def _paced(
        self, call: Call, content: bytes | None, offset: str, spent: float, whole_s: float | None
    ) -> Answer:
        left = self._options.patience_s - spent
        if self.pacer.wait > left:
            raise TooLongError(
                f"The registry asks to wait {self.pacer.wait:,.0f} more seconds.",
                hint="Nothing was sent. Try again later.",
            )
        if call.lists:
            await self.pacer.pause()
            answer = await self._send(call, content, offset, whole_s)
        else:
            async with self.pacer.turn():
                answer = await self._send(call, content, offset, whole_s)
        if answer.later:
            self.pacer.pushed_back(asked_wait(answer.headers))
        else:
            self.pacer.went_well()
            if wait := asked_wait(answer.headers):
                self.pacer.hold(min(wait, self._options.patience_s))
        return answer

    async def _send(
        self, call: Call, content: bytes | None, offset: str, whole_s: float | None
    ) -> Answer:
        answer = await self._exchange(call, content, offset, whole_s)
        for _ in range(3):
            if call.method != "GET" or answer.status not in _REDIRECTS:
                return answer
            call = self._follow(call, answer)
            answer = await self._exchange(call, content, offset, whole_s)
        raise RegistryError("The registry sends reading requests round in a circle.")

    def _follow(self, call: Call, answer: Answer) -> Call:
        """Where a redirect of a GET leads, when it leads to the same server."""
        place = answer.headers.get("location", "")
        target = urlsplit(urljoin(self._address.origin + call.raw_path.decode("ascii"), place))
        if f"{target.scheme}://{target.netloc}".lower() != self._address.origin:
            raise RegistryError(
                f"The registry sends us on to another server ({target.hostname or 'unknown'}).",
                hint="Nothing was sent there. If it has moved, configure its new address.",
            )
        path = target.path.encode("ascii", "ignore") or b"/"
        query = b"?" + target.query.encode("ascii", "ignore") if target.query else b""
        return Call("GET", path + query, reads=True, lists=call.lists, parts=path.count(b"/"))

    async def _exchange(
        self, call: Call, content: bytes | None, offset: str, whole_s: float | None
    ) -> Answer:
        request = build(self._origin, call, self._headers(content, offset), content)
        options = self._options
        silence = max(options.answer_s, whole_s or 0.0)
        request.extensions["timeout"] = {
            "connect": options.connect_s,
            "read": silence,
            "write": silence,
            "pool": options.connect_s,
        }
        limit = options.listing_limit if call.lists else options.answer_limit
        try:
            async with asyncio.timeout(whole_s or options.whole_s), self._lane() as lane:
                answer = await _whole(await lane.open().handle_async_request(request), limit)
                lane.healthy = answer.status < 500  # noqa: PLR2004 - the server's own failures
                return answer
        except _NOT_SENT as error:
            raise self._unreachable(error) from None
        except (httpx.TransportError, TimeoutError) as error:
            kind = "did not answer in time" if _timed_out(error) else "broke the connection off"
            raise LostError(
                f"The registry {self._address.text} {kind}.",
                hint="Whether the request was carried out is not known yet.",
            ) from None

    def _headers(self, content: bytes | None, offset: str) -> list[tuple[str, str]]:
        headers = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "artifact-tui"),
            *self._credentials.headers(),
        ]
        if content is not None:
            headers.append(("Content-Type", "application/json"))
        if offset:
            headers.append(("offset", offset))
        return headers

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[_Lane]:
        """A connection of our own.

        One that met trouble is dropped, and so is one that brought a server's failure: servers
        of the family close it after a 500 without saying so.
        """
        if self._closed:
            raise RegistryError("The connection to the registry has been closed.")
        lane = self._free.pop() if self._free else _Lane(self._open_lane)
        lane.healthy = False
        try:
            yield lane
        finally:
            if lane.healthy and not self._closed:
                self._free.append(lane)
            else:
                await asyncio.shield(lane.close())

    def _open_lane(self) -> httpx.AsyncBaseTransport:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=_IDLE_S)
        lane = httpx.AsyncHTTPTransport(
            verify=self._context(), limits=limits, trust_env=False, proxy=self._proxy()
        )
        return Guard(lane, self.paths) if self._read_only else lane

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            if self._address.scheme == "https":
                self._tls = httpx.create_ssl_context()
                if self._options.ca_file is not None:
                    self._trust(self._tls)
            else:
                self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; not used
        return self._tls

    def _trust(self, context: ssl.SSLContext) -> None:
        try:
            context.load_verify_locations(cafile=self._options.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(
                f"The certificates in {self._options.ca_file} cannot be read: {error}.",
                hint="Name a file of certificates in PEM form.",
            ) from error

    def _proxy(self) -> str | None:
        if self._address.loopback or proxy_bypass(self._address.host):
            return None
        return getproxies().get(self._address.scheme)

    def _unreachable(self, error: Exception) -> NotSentError:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return NotSentError(
                f"The certificate of {self._address.text} is not trusted. Nothing was sent.",
                hint="If a private authority signed it, configure that authority's file.",
            )
        return NotSentError(
            f"The registry {self._address.text} could not be reached: "
            f"{self._credentials.scrub(text) or type(error).__name__}.",
            hint="Nothing was sent. Check the address, and that the registry runs.",
        )

    def scrub(self, text: str) -> str:
        """A text without our secrets."""
        return self._credentials.scrub(text)

    def refused(self, answer: Answer, doing: str) -> RegistryError:
        """An unsuccessful answer to a reading request as an error for people."""
        said = self._credentials.scrub(decode.words(answer.body))
        said = f": {said}" if said else ""
        if answer.status in {401, 403}:
            return RegistryError(
                f"The registry refused our credentials while {doing} ({answer.status}{said}).",
                hint=self._credentials.advice,
            )
        if answer.status in {404, 405}:
            hint = "Check the address: many registries of this kind live below /api."
        else:
            hint = "Try again later."
        return RegistryError(
            f"The registry failed while {doing} ({answer.status}{said}).", hint=hint
        )

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        while self._free:
            await self._free.pop().close()


class _Lane:
    """One connection, and whether it may be used again."""

    __slots__ = ("_make", "_transport", "healthy")

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._transport: httpx.AsyncBaseTransport | None = None
        self.healthy = False

    def open(self) -> httpx.AsyncBaseTransport:
        if self._transport is None:
            self._transport = self._make()
        return self._transport

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError | httpx.TimeoutException)


async def _whole(response: httpx.Response, limit: int) -> Answer:
    """The whole answer, decoded, as long as it stays below the limit.

    Raises:
        UnusableError: it is larger, or encoded in a way that was not asked for.
        LostError: it is damaged or cut off.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    encoding = headers.get("content-encoding", "identity").strip().lower()
    unpacker = zlib.decompressobj(wbits=47) if encoding in {"gzip", "x-gzip", "deflate"} else None
    if unpacker is None and encoding not in {"", "identity"}:
        raise UnusableError(f"The registry's answer is encoded in an unknown way ({encoding}).")
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checker
    parts: list[bytes] = []
    size = 0
    async for chunk in stream:
        try:
            part = unpacker.decompress(chunk, limit - size + 1) if unpacker else chunk
        except zlib.error:
            raise LostError("The registry's answer is damaged.") from None
        size += len(part)
        if size > limit:
            await stream.aclose()
            raise UnusableError(f"The registry's answer is larger than {limit:,} bytes.")
        parts.append(part)
    await stream.aclose()
    if unpacker is not None and not unpacker.eof:
        raise LostError("The registry's answer is cut off.")
    return Answer(response.status_code, headers, b"".join(parts))
