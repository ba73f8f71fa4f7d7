"""How every remote client speaks to its server: `HttpTransport` sends its requests.

A connection is a transport of its own, because httpx's pool slows down badly with many. TLS is
verified; a private authority may be trusted beside the usual ones. Proxies come from the
environment, credentials never do. In read-only mode a guard is the last door before the network.
The path that httpx is about to put on the request line is compared with the one that was meant.
An answer is read whole and within limits, or there is an error that says what became of the
request.

A request waits for its turn in the pace of its registry, and for as long as the server says "not
carried out, later". What only reads is sent until it is answered. What writes is sent once: after a
lost answer nobody sends it again here.
"""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
import time
import zlib
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol, TypeVar, overload
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from artifact_tui.clients.base import Transport
from artifact_tui.clients.pacing import rate_limit
from artifact_tui.clients.servers import ConnectionOptions, read_only_error
from artifact_tui.errors import RegistryError, UncertainError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping

    from artifact_tui.clients.pacing import Pace
    from artifact_tui.clients.servers import Origin

    Send = Callable[["HttpCall"], Awaitable["HttpAnswer"]]
    """Sends a request of the credentials' own: a login."""


T = TypeVar("T")

logging.getLogger("httpcore").setLevel(logging.WARNING)  # its DEBUG quotes what servers echo

IDLE_S = 2.0
"""Small servers (uvicorn) close idle connections after 5 seconds without a word."""


@dataclass(slots=True)
class ServerConnection:
    """One connection, and whether it may be used again."""

    transport: httpx.AsyncBaseTransport
    healthy: bool = False


class ServerConnections:
    """The connections to one server, opened as they are needed.

    With `reads`, which tells whether a request only reads, no other request passes.
    """

    def __init__(
        self,
        origin: Origin,
        options: ConnectionOptions | None = None,
        *,
        reads: Callable[[httpx.Request], bool] | None = None,
    ) -> None:
        self._origin = origin
        self._options = options or ConnectionOptions()
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
        connection = self._free.pop() if self._free else ServerConnection(self._open())
        connection.healthy = False
        try:
            yield connection
        finally:
            if connection.healthy and not self._closed:
                self._free.append(connection)
            else:
                await asyncio.shield(connection.transport.aclose())

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
        socket = self._options.socket
        direct = socket or self._origin.loopback or proxy_bypass(self._origin.host)
        try:
            return httpx.AsyncHTTPTransport(
                verify=context,
                limits=limits,
                trust_env=False,
                uds=None if socket is None else str(socket),
                proxy=None if direct else getproxies().get(self._origin.scheme),
            )
        except (httpx.InvalidURL, ImportError, ValueError):
            return None

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            if self._origin.scheme == "https":
                self._tls = self._checked_context()
            else:
                self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; not used
        return self._tls

    def _checked_context(self) -> ssl.SSLContext:
        """Whom we trust, and who we are, on an encrypted connection."""
        context = httpx.create_ssl_context(verify=self._options.checks_server)
        ca_file, client_cert = self._options.ca_file, self._options.client_cert
        file = ca_file
        try:
            if ca_file is not None:
                context.load_verify_locations(cafile=ca_file)
            file = client_cert
            if client_cert is not None:
                context.load_cert_chain(client_cert, password="")  # else OpenSSL asks a terminal
        except (OSError, ssl.SSLError) as error:
            raise RegistryError(
                f"The certificates in {file} cannot be read: {error}.",
                hint="Name a file of certificates in PEM form; one of ours has its key in the same"
                " file, without a passphrase.",
            ) from error
        return context

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        while self._free:
            await self._free.pop().transport.aclose()


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


class AddressingError(UsageError):
    """A name or id that cannot be put into a request path without meaning something else."""


class NotSentError(RegistryError):
    """The registry could not be reached: the request did not leave."""

    tries = 3
    """How often a reading request is sent before such an error is reported."""


class LostError(UncertainError):
    """The request left, and no whole answer came back: it may have been carried out."""

    tries = 5


class SilentError(LostError):
    """No answer came in the time that a question about one artifact may take."""

    tries = 2


class UnusableError(LostError):
    """The answer is too large, or of an unknown encoding: asking again would not help."""

    tries = 1


class TooLongError(RegistryError):
    """The registry asks to wait longer than this call may: the request did not leave."""


class StaleError(TooLongError):
    """It waited so long that what was found true before may not be so any more; nothing left."""


class FailedAnswerError(RegistryError):
    """The answer to a reading request is a failure of the server, which may pass."""

    tries = 5

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(f"The registry failed ({answer.status}).", hint="Try again later.")
        self.answer = answer


class GarbageAnswerError(RegistryError):
    """The answer to a reading request says success, and makes no sense, each time."""

    tries = 3


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
        limit = rate_limit(self.headers)
        return "retry-after" in self.headers or (limit is not None and limit.left <= 0)


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


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request to make; its body and headers may hold secrets and are not part of its `repr`."""

    method: str
    raw_path: bytes
    """Path and query, percent-encoded."""
    reads: bool
    """It changes nothing in the registry, so it may be sent again and in read-only mode."""
    content: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Beside those that every request has."""
    what: str = ""
    """What is waited for, for people; as it is on the request line unless it says something."""
    kind: Hashable = None
    """Requests of one kind should take about as long every time."""
    signed: bool = True
    """With our credentials."""
    follows: bool = False
    """A redirect to the same server is followed."""
    one: bool = False
    """It asks about one artifact: its answer must not hold up the others."""
    whole_s: float | None = None
    """Longest duration with the whole answer, where it is not the usual one."""
    limit: int | None = None
    """Largest decoded answer in bytes, where it is not the usual one."""
    tries: int = 5
    """How often it is sent at most, while it reads and has no usable answer."""
    throttles: int = 0
    """How often it may be answered with "later" before that is its answer; 0: without end."""
    until: float = math.inf
    """The moment (`time.monotonic`) after which it is not to be sent any more."""


class Credentials(Protocol):
    """Who we are at one registry."""

    async def ready(self, send: Send) -> int:
        """Have headers that are good for a while; gives their generation, which grows."""

    async def renewed(self, answer: HttpAnswer, used: int, send: Send) -> bool:
        """Whether an answer refused those of a generation, and there are newer ones now."""

    def headers(self) -> list[tuple[str, str]]:
        """The headers of a request."""

    def scrub(self, text: str) -> str:
        """A text without our secrets."""

    @property
    def advice(self) -> str:
        """What to do when they are refused."""


LEAST_S = 1.0
"""Seconds that a question about one artifact may always take."""

BACK_S = 0.05
"""Seconds before the second try; four times as many after each failure of one kind."""

SILENCE_SHOWN_S = 2.0
"""Seconds after which a wait for an answer is shown."""


def _asks_who_we_are(said: str) -> bool:
    """Whether OpenSSL says that a server refused the connection for want of our certificate."""
    return "ALERT_CERTIFICATE_REQUIRED" in said or "ALERT_UNKNOWN_CA" in said


_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS = 3


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    since: float
    what: str


class HttpTransport(Transport):
    """All requests to one server: their pace, their credentials, and what became of them."""

    def __init__(
        self,
        origin: Origin,
        options: ConnectionOptions,
        credentials: Credentials,
        pacing: Pace,
        *,
        name: str,
        reads: Callable[[httpx.Request], bool] | None = None,
        throttled: Callable[[HttpAnswer], bool] = attrgetter("later"),
    ) -> None:
        """`name` is what the registry is called in errors; `reads` guards read-only mode.

        `throttled` tells of an answer whether it says: not carried out, come back later.
        """
        self.credentials = credentials
        self.pacing = pacing
        self._place = origin
        self._origin = httpx.URL(origin.text)
        self._options = options
        self._name = name
        self._throttled = throttled
        self._item_s = options.item_s
        """Longest duration of a question about one artifact; halved each time it is too long."""
        self._connections = ServerConnections(origin, options, reads=reads)
        self._answered = time.monotonic()
        self._heard = False
        """Whether it ever answered."""
        self._on_their_way: dict[int, _OnItsWay] = {}

    async def read(self, call: HttpCall, judge: Callable[[HttpAnswer], T]) -> T:
        """What `judge` makes of the answer to a request that only reads.

        It is sent again after a lost answer, and where `judge` raises `FailedAnswerError` or
        `GarbageAnswerError`; the last of these errors is raised.

        Raises:
            RegistryError: no usable answer after several tries.
        """
        if not call.reads:
            raise ValueError("only reading requests are sent again")
        tried: Counter[type[Exception]] = Counter()
        while True:
            try:
                return judge(await self.send(call))
            except (NotSentError, LostError, FailedAnswerError, GarbageAnswerError) as error:
                tried[type(error)] += 1
                tries = tried[type(error)]
                if tries >= min(error.tries, call.tries):
                    raise
            await asyncio.sleep(BACK_S * 4 ** (tries - 1))

    async def send(self, call: HttpCall) -> HttpAnswer:
        """The answer to one request, sent once.

        It is sent again only after answers that say that it was not carried out: because of too
        many requests, or because our credentials had expired.

        Raises:
            NotSentError, TooLongError, AddressingError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        spent, throttles, renewed = 0.0, 0, False
        while True:
            used = await self.credentials.ready(self._log_in)
            wait = self.pacing.wait
            if wait > self._options.patience_s - spent:
                raise TooLongError(
                    f"The registry asks to wait {wait:,.0f} more seconds.",
                    hint="Nothing was sent. Try again later.",
                )
            async with self.pacing.turn(reads=call.reads) as began:
                if began > call.until:
                    raise StaleError(
                        f"The registry let it wait too long{call.what and ': '}{call.what}."
                        " Nothing was sent."
                    )
                answer, later = await self._paced(call, began)
            if later:
                throttles += 1
                spent += wait
                if throttles == call.throttles:
                    return answer
            elif renewed or not await self.credentials.renewed(answer, used, self._log_in):
                return answer
            else:
                renewed = True

    async def _log_in(self, call: HttpCall) -> HttpAnswer:
        """Send a request for credentials, such as a login, and give its answer.

        Raises:
            NotSentError: also when that was lost, for what waits for it was not sent.
        """
        try:
            return await self._exchange(call)
        except LostError as error:
            words = f"There is no usable answer to the login. {error}"
        raise NotSentError(words, hint="Nothing else was sent. Try again later.")

    async def _paced(self, call: HttpCall, began: float) -> tuple[HttpAnswer, bool]:
        """The answer to a request whose turn it is, from which the pace learns.

        True: it says that the request was not carried out, and may be later.
        """
        try:
            answer = await self._exchange(call)
        except LostError:
            self.pacing.trouble(began)
            raise
        if later := self._throttled(answer):
            self.pacing.complained(began, answer.headers)
        elif answer.status >= 500:  # noqa: PLR2004 - the server's own failures
            self.pacing.trouble(began)
        else:
            kind = (call.kind, len(answer.body).bit_length())
            self.pacing.went_well(kind, began, answer.headers, reads=call.reads)
        return answer, later

    async def _exchange(self, call: HttpCall) -> HttpAnswer:
        for _ in range(_MOST_HOPS + 1):
            answer = await self._once(call)
            if not call.follows or answer.status not in _REDIRECTS:
                return answer
            call = self._followed(call, answer)
        raise RegistryError("The registry sends reading requests round in a circle.")

    def _followed(self, call: HttpCall, answer: HttpAnswer) -> HttpCall:
        """Where a redirect leads, when it leads to the same server."""
        place = answer.headers.get("location", "")
        target = urlsplit(urljoin(self._place.text + call.raw_path.decode("ascii"), place))
        if not self._place.has(target):
            raise RegistryError(
                f"The registry sends us on to another server ({target.hostname or 'unknown'}).",
                hint="Nothing was sent there. If it has moved, configure its new address.",
            )
        query = f"?{target.query}" if target.query else ""
        path = f"{target.path or '/'}{query}".encode("ascii", "ignore")
        return replace(call, raw_path=path)

    async def _once(self, call: HttpCall) -> HttpAnswer:
        request = self._request(call)
        patience = self._item_s if call.one else call.whole_s or self._options.whole_s
        what = call.what or f"{call.method} {call.raw_path.decode('ascii')}"
        self._on_their_way[id(request)] = _OnItsWay(time.monotonic(), what)
        failure: RegistryError
        try:
            async with asyncio.timeout(patience), self._connections.connection() as connection:
                answer = await whole_answer(
                    await connection.transport.handle_async_request(request),
                    call.limit or self._options.answer_limit,
                )
                self._answered, self._heard = time.monotonic(), True
                failed = answer.status >= 500  # noqa: PLR2004 - the server's own failures
                connection.healthy = self._options.keep_alive and not failed
                return answer
        except NOT_SENT as error:
            failure = self._unreachable(error)
        except (httpx.TransportError, ssl.SSLError, TimeoutError) as error:  # httpx lets SSL's out
            # with TLS 1.3 a certificate is refused only when we speak
            refused = _asks_who_we_are(str(error))
            failure = self._unreachable(error) if refused else self._lost(call, error, patience)
        finally:
            del self._on_their_way[id(request)]
        raise failure  # out here it does not carry along what lies below, and that has our headers

    def _request(self, call: HttpCall) -> httpx.Request:
        """The request for a call, checked to be exactly that call.

        Raises:
            AddressingError: the library would have sent another path, or to another server.
        """
        options = self._options
        silence = max(options.answer_s, call.whole_s or 0.0)
        headers = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "artifact-tui"),
            *call.headers,
            *(self.credentials.headers() if call.signed else ()),
        ]
        request = httpx.Request(
            call.method,
            self._origin.copy_with(raw_path=call.raw_path),
            headers=headers,
            content=call.content,
            extensions={
                "timeout": {
                    "connect": options.connect_s,
                    "read": silence,
                    "write": silence,
                    "pool": options.connect_s,
                }
            },
        )
        if request.url.raw_path != call.raw_path:
            raise AddressingError("The request would have gone to another path. Nothing was sent.")
        there, here = request.url, self._origin
        if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
            raise AddressingError("The request would have gone to another host. Nothing was sent.")
        return request

    def _lost(self, call: HttpCall, error: Exception, patience: float) -> LostError:
        late = isinstance(error, TimeoutError | httpx.TimeoutException)
        silent = late and call.reads and (call.one or call.whole_s is not None)
        if silent and call.one and patience == self._item_s:
            self._item_s = max(LEAST_S, patience / 2)
        hint = "Whether the request was carried out is not known yet."
        if not (late or self._heard) and self._place.scheme == "https":
            hint += " It never answered: it may want a certificate of ours (client_cert)."
        return (SilentError if silent else LostError)(
            f"{self._name} {'did not answer in time' if late else 'broke the connection off'}.",
            hint=hint,
        )

    def _unreachable(self, error: Exception) -> NotSentError:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return NotSentError(
                f"The certificate of {self._name} is not trusted. Nothing was sent.",
                hint="If a private authority signed it, name that authority's file as ca_file.",
            )
        if _asks_who_we_are(text):
            return NotSentError(
                f"{self._name} wants a certificate of ours that it trusts. Nothing was sent.",
                hint="Name it as client_cert, where its settings have that.",
            )
        return NotSentError(
            f"{self._name} could not be reached: {self.scrub(text) or type(error).__name__}.",
            hint="Nothing was sent. Check the address and the network, and that the server runs.",
        )

    def pace(self) -> str:
        """What limits the speed now, or what is waited for if that has taken a while."""
        words = self.pacing.words()
        if words and not words[0].isdigit():
            return words
        first = min(self._on_their_way.values(), default=None, key=attrgetter("since"))
        late = time.monotonic() - first.since if first is not None else 0.0
        if first is None or late < SILENCE_SHOWN_S:
            return words
        return f"waiting for {self.pacing.who} since {late:,.0f} s: {first.what}"

    def silence(self) -> float:
        """Seconds since the last answer."""
        return time.monotonic() - self._answered

    def waits(self) -> bool:
        """Whether nothing is on its way: every request waits, as the registry asked."""
        return not self._on_their_way and self.pacing.waits

    def scrub(self, text: str) -> str:
        """A text without our secrets."""
        return self.credentials.scrub(text)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()


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
