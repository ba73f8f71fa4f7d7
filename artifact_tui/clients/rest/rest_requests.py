"""Requests to one REST registry: which path they go to, how fast they leave, how often.

Paths are built here and nowhere else, from untrusted names and ids. A part that could make a path
mean something else (`..`, nothing, control characters, however often it was percent-encoded
before) is refused; everything else is percent-encoded whole. The finished bytes are compared with
what httpx is about to put on the request line.

All connections to a registry keep one pace. No retry library does that: those that exist
(httpx-retries, tenacity, stamina) retry each request by itself. Here a 429 must hold back every
connection at once, lower how many are used, and end in a plain "asked to wait too long" when the
wait would exceed what the caller is ready for.

A request that only reads is sent until it is answered. A lost answer to a writing request is never
followed by a second try: it is sent again only when the server said that it was not carried out.
Redirects are followed for GET only, and only on the same server. One artifact is asked for under
the plural or the singular path, whichever this server has.
"""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx

from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.servers import FIRST_WAIT, Pause, asked_wait
from artifact_tui.clients.transport import (
    NOT_SENT,
    GarbageAnswerError,
    HttpAnswer,
    LostError,
    NotSentError,
    ServerConnections,
    SilentError,
    TooLongError,
    UnusableError,
    whole_answer,
)
from artifact_tui.errors import NotToldError, RegistryError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from artifact_tui.clients.artifact_keys import Ref
    from artifact_tui.clients.rest.rest_entries import RestEntry
    from artifact_tui.clients.rest.rest_settings import RestAddress, RestCredentials, RestOptions


LONGEST_SEGMENT = 16_000
"""Bytes of one encoded part; servers stop reading request lines at 64 KB and answer nonsense."""

_DECODINGS = 4
_SEPARATOR = re.compile(r"[/\\]")


class AddressingError(UsageError):
    """A name or id that cannot be put into a request path without meaning something else."""


@dataclass(frozen=True, slots=True)
class RestCall:
    """One request line: method and raw path with its query."""

    method: str
    raw_path: bytes
    reads: bool
    """It changes nothing in the registry, so it may be sent again and in read-only mode."""
    lists: bool = False
    """It is answered from the server's memory and does not make it load its storage again."""
    parts: int = 0
    """How many `/` the path has."""
    content: bytes | None = None
    """The body, in JSON."""
    offset: str = ""
    """The value of the headers that some servers read instead of the query."""
    one: bool = False
    """It asks about one artifact: its answer must not hold up the others."""
    whole_s: float | None = None
    """Longest duration with the whole answer, where it is not the usual one."""


def path_segment(text: str, what: str = "id") -> str:
    """One part of a path, percent-encoded.

    Raises:
        AddressingError: no encoding makes this part safe.
    """
    form = text
    for _ in range(_DECODINGS):
        if any(part in {"", ".", ".."} for part in _SEPARATOR.split(form)):
            raise AddressingError(
                f"The {what} {text!r} cannot be sent: as part of a path it means another place.",
                hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
            )
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in form):
            raise AddressingError(
                f"The {what} {text!r} cannot be sent: it holds control characters.",
                hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
            )
        decoded = unquote(form)
        if decoded == form:
            break
        form = decoded
    encoded = quote(text, safe="")
    if len(encoded) > LONGEST_SEGMENT:
        raise AddressingError(
            f"The {what} {text[:40]!r}… cannot be sent: it is {len(encoded):,} bytes long.",
            hint="Nothing was sent. Only the registry's own tools can reach this artifact.",
        )
    return encoded


class RestPaths:
    """The calls of the family, below one prefix (`/api`, or empty)."""

    def __init__(self, prefix: str = "") -> None:
        parts = [part for part in prefix.split("/") if part]
        self._prefix = "".join(f"/{path_segment(unquote(part), 'path')}" for part in parts)

    def _call(
        self, method: str, path: str, *, reads: bool, lists: bool = False, query: str = ""
    ) -> RestCall:
        whole = self._prefix + path
        raw = whole.encode("ascii") + (f"?{query}".encode("ascii") if query else b"")
        return RestCall(method, raw, reads, lists, whole.count("/"))

    def health(self) -> RestCall:
        """GET /health."""
        return self._call("GET", "/health", reads=True)

    def listing(self, content: bytes = b"[]", offset: int | None = None) -> RestCall:
        """POST /artifacts: a page of the listing."""
        query = "" if offset is None else f"offset={offset:d}"
        call = self._call("POST", "/artifacts", reads=True, lists=True, query=query)
        return replace(call, content=content, offset="" if offset is None else str(offset))

    def get(self, ref: Ref, *, singular: bool = False) -> RestCall:
        """GET /artifacts/{type}/{id}."""
        return replace(
            self._call("GET", self._artifact_path(ref, singular=singular), reads=True), one=True
        )

    def delete(self, ref: Ref, *, singular: bool = False) -> RestCall:
        """DELETE /artifacts/{type}/{id}."""
        return self._call("DELETE", self._artifact_path(ref, singular=singular), reads=False)

    def by_regex(self, content: bytes = b"{}") -> RestCall:
        """POST /artifact/byRegEx."""
        call = self._call("POST", "/artifact/byRegEx", reads=True, lists=True)
        return replace(call, content=content)

    def lineage(self, ref: Ref) -> RestCall:
        """GET /artifact/model/{id}/lineage: the family has it for models."""
        path = f"/artifact/model/{path_segment(ref.id)}/lineage"
        return replace(self._call("GET", path, reads=True), one=True)

    def create(self, kind: str, content: bytes, whole_s: float) -> RestCall:
        """POST /artifact/{type}."""
        if kind.lower() == "byregex":
            raise AddressingError("An artifact's type cannot be byRegEx.")
        call = self._call("POST", f"/artifact/{path_segment(kind, 'type')}", reads=False)
        return replace(call, content=content, whole_s=whole_s)

    def reset(self) -> RestCall:
        """DELETE /reset: everything."""
        return self._call("DELETE", "/reset", reads=False)

    def authenticate(self, content: bytes = b"{}") -> RestCall:
        """PUT /authenticate: a token for a name and password; changes no artifact."""
        return replace(self._call("PUT", "/authenticate", reads=True), content=content)

    @staticmethod
    def _artifact_path(ref: Ref, *, singular: bool) -> str:
        place = "artifact" if singular else "artifacts"
        return f"/{place}/{path_segment(ref.type, 'type')}/{path_segment(ref.id)}"


def build_request(
    origin: httpx.URL, call: RestCall, headers: list[tuple[str, str]]
) -> httpx.Request:
    """The request for a call, checked to be exactly that call.

    Raises:
        AddressingError: the library would have sent another path.
    """
    url = origin.copy_with(raw_path=call.raw_path)
    request = httpx.Request(call.method, url, headers=headers, content=call.content)
    sent = request.url.raw_path
    if sent != call.raw_path or sent.partition(b"?")[0].count(b"/") != call.parts:
        raise AddressingError("The request would have gone to another path. Nothing was sent.")
    if (request.url.scheme, request.url.host, request.url.port) != (
        origin.scheme,
        origin.host,
        origin.port,
    ):
        raise AddressingError("The request would have gone to another host. Nothing was sent.")
    return request


def reading_only(paths: RestPaths) -> Callable[[httpx.Request], bool]:
    """Tells whether a request only reads.

    Besides GET, three requests of the family read though they are not GETs: the listing, the
    search by regular expression, and the login. They are recognised by their exact path.
    """
    known = {
        (call.method, call.raw_path)
        for call in (paths.listing(), paths.by_regex(), paths.authenticate())
    }

    def reads(request: httpx.Request) -> bool:
        path = request.url.raw_path.partition(b"?")[0]
        return request.method == "GET" or (request.method, path) in known

    return reads


CAUTION = 0.02
"""How much more at once each good answer allows, near the number that was too many."""

READERS = 6
"""Reading requests about single artifacts at once: no server loses anything by those."""


class RestPacer:
    """Lets requests through: so many at once, none while the server asked for a pause.

    What only reads has places of its own, also where what writes must go one by one; there the two
    never overlap: a read makes such a server load its storage, in the middle of a deletion's
    load, change and save.
    """

    def __init__(
        self,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._most = max(1, most)
        self._limit = float(self._most)
        self._readers = float(max(self._most, READERS))
        self._ceiling = self._limit
        self._running = 0
        self._reading = 0
        self._pause = Pause(clock=clock, sleep=sleep)
        self._pushed = 0
        self._changed = asyncio.Event()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._limit))

    @property
    def wait(self) -> float:
        """Seconds until the pause that the server asked for is over."""
        return self._pause.wait

    @asynccontextmanager
    async def turn(self, *, reads: bool = False) -> AsyncIterator[None]:
        """Wait for a free place, and for the end of a pause; then hold the place."""
        while self._full(reads=reads):
            self._changed.clear()
            await self._changed.wait()
        self._count(1, reads=reads)
        try:
            await self.pause()
            yield
        finally:
            self._count(-1, reads=reads)
            self._changed.set()

    def _full(self, *, reads: bool) -> bool:
        alone = self._most == 1
        if reads:
            return self._reading >= max(1, int(self._readers)) or (alone and self._running > 0)
        return self._running >= self.limit or (alone and self._reading > 0)

    def _count(self, more: int, *, reads: bool) -> None:
        if reads:
            self._reading += more
        else:
            self._running += more

    async def pause(self) -> None:
        """Wait for the end of a pause only."""
        await self._pause.over()

    def went_well(self) -> None:
        """An answer without complaint: slowly more at once again."""
        self._pushed = 0
        if self._readers < max(self._most, READERS):
            self._readers += 1 / self._readers
            self._changed.set()
        if self._limit < self._most:
            step = 1 / self._limit if self._limit < self._ceiling else CAUTION
            self._limit = min(self._most, self._limit + step)
            self._changed.set()

    def hold(self, seconds: float) -> None:
        """The next request leaves only after so many seconds."""
        self._pause.hold(seconds)

    def pushed_back(self, seconds: float | None) -> float:
        """The server complained: half as many at once, and a pause. Gives its length.

        Without a word from the server the pause doubles with each complaint in a row.
        """
        self._ceiling = max(1.0, self._limit * 0.75)
        self._limit = max(1.0, self._limit / 2)
        self._readers = max(1.0, self._readers / 2)
        self._pushed += 1
        if seconds is None:
            seconds = FIRST_WAIT * 2 ** min(self._pushed - 1, 6)
        self.hold(seconds)
        return seconds

    def serial(self) -> None:
        """One at a time from now on: this server loses what is done in parallel."""
        self._most, self._limit = 1, 1.0


T = TypeVar("T")

GARBAGE_TRIES = 3
"""How often a reading request is sent while its answers are successes that make no sense."""

LATER_TRIES = 8
"""How often a writing request is sent to a server that says "later" each time."""

READ_TRIES = 4
"""How often a reading request is sent before its failure is reported."""

LEAST_S = 1.0
"""Seconds that a question about one artifact may always take."""

SILENCE_SHOWN_S = 2.0
"""Seconds after which a wait for an answer is shown."""

PAUSE_SHOWN_S = 0.2
"""Seconds from which on a wait that the registry asked for is shown."""

SILENT_TRIES = 2
"""How often a question is asked that may not hold up the others, without an answer in time."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({500, 502, 503, 504})


class RestRequests:
    """All connections to one registry."""

    def __init__(
        self,
        address: RestAddress,
        options: RestOptions,
        credentials: RestCredentials,
        *,
        read_only: bool,
    ) -> None:
        self.paths = RestPaths(address.prefix)
        self.pacer = RestPacer(options.concurrency)
        self._address = address
        self._origin = httpx.URL(address.origin)
        self._item_s = options.item_s
        self._answered = time.monotonic()
        self._on_their_way: dict[int, tuple[float, RestCall]] = {}
        """What has left and is not answered, and since when."""
        self._options = options
        self.credentials = credentials
        self._connections = ServerConnections(
            address.place,
            ca_file=options.ca_file,
            reads=reading_only(self.paths) if read_only else None,
        )

    async def read(self, call: RestCall) -> HttpAnswer:
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
                answer = await self.once(call, spent=spent)
            except (NotSentError, LostError) as error:
                silent = isinstance(error, SilentError) and attempt == SILENT_TRIES
                if last or silent or isinstance(error, UnusableError):
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
        self, call: RestCall, parse: Callable[[HttpAnswer], T], what: str
    ) -> tuple[HttpAnswer, T | None]:
        """The answer to a reading request, with what `parse` makes of a successful one.

        `parse` raises `GarbageError` for what it cannot use; then the request is sent again.

        Raises:
            GarbageAnswerError: garbage each time.
            RegistryError: no answer.
        """
        for attempt in range(GARBAGE_TRIES):
            answer = await self.read(call)
            if not answer.good:
                return answer, None
            try:
                return answer, parse(answer)
            except rest_entries.GarbageError as error:
                if attempt < GARBAGE_TRIES - 1:
                    continue
                page = "a web page" if answer.html else f"something else: {error}"
                raise GarbageAnswerError(
                    f"The registry should have answered with {what}, and answered with {page}.",
                    hint="Check the address (many registries of this kind live below /api)"
                    " and the credentials.",
                ) from None
        raise AssertionError("unreachable")

    async def once(self, call: RestCall, *, spent: float = 0.0) -> HttpAnswer:
        """The answer to one request, sent once (a login that has expired is renewed first).

        `spent` is how many seconds of patience the caller has used up.

        Raises:
            NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        if self.credentials.missing and call.raw_path != self.paths.authenticate().raw_path:
            await self._login(0)
        used = self.credentials.generation
        answer = await self._paced(call, spent)
        about_us = answer.status in {401, 403} and not answer.later
        if about_us and self.credentials.renewable(call, used):
            await self._login(used)
            answer = await self._paced(call, spent)
        return answer

    async def patiently(self, send: Callable[..., Awaitable[HttpAnswer]]) -> HttpAnswer:
        """The answer to a writing request; sent again only when the server said "not done, later".

        `send` is called with the seconds of patience that are `spent`.
        """
        spent = 0.0
        for attempt in range(LATER_TRIES):
            wait = self.pacer.wait
            answer = await send(spent=spent)
            if not answer.later or attempt == LATER_TRIES - 1:
                return answer
            spent += wait
        raise AssertionError("unreachable")

    async def _login(self, used: int) -> None:
        async with self.credentials.renewing:
            if self.credentials.generation == used:
                call = self.paths.authenticate(self.credentials.login_body())
                answer = await self._paced(call, 0.0)
                self.credentials.take(answer.status, answer.body)

    async def _paced(self, call: RestCall, spent: float) -> HttpAnswer:
        left = self._options.patience_s - spent
        if self.pacer.wait > left:
            raise TooLongError(
                f"The registry asks to wait {self.pacer.wait:,.0f} more seconds.",
                hint="Nothing was sent. Try again later.",
            )
        if call.lists:
            await self.pacer.pause()
            answer = await self._send(call)
        else:
            async with self.pacer.turn(reads=call.reads):
                answer = await self._send(call)
        if answer.later:
            self.pacer.pushed_back(asked_wait(answer.headers))
        else:
            self.pacer.went_well()
            if wait := asked_wait(answer.headers):
                self.pacer.hold(min(wait, self._options.patience_s))
        return answer

    async def _send(self, call: RestCall) -> HttpAnswer:
        answer = await self._exchange(call)
        for _ in range(3):
            if call.method != "GET" or answer.status not in _REDIRECTS:
                return answer
            call = self._follow(call, answer)
            answer = await self._exchange(call)
        raise RegistryError("The registry sends reading requests round in a circle.")

    def _follow(self, call: RestCall, answer: HttpAnswer) -> RestCall:
        """Where a redirect of a GET leads, when it leads to the same server."""
        place = answer.headers.get("location", "")
        target = urlsplit(urljoin(self._address.origin + call.raw_path.decode("ascii"), place))
        if not self._address.same_origin(target):
            raise RegistryError(
                f"The registry sends us on to another server ({target.hostname or 'unknown'}).",
                hint="Nothing was sent there. If it has moved, configure its new address.",
            )
        path = target.path.encode("ascii", "ignore") or b"/"
        query = b"?" + target.query.encode("ascii", "ignore") if target.query else b""
        return RestCall("GET", path + query, reads=True, lists=call.lists, parts=path.count(b"/"))

    async def _exchange(self, call: RestCall) -> HttpAnswer:
        request = build_request(self._origin, call, self._headers(call))
        options = self._options
        silence = max(options.answer_s, call.whole_s or 0.0)
        request.extensions["timeout"] = {
            "connect": options.connect_s,
            "read": silence,
            "write": silence,
            "pool": options.connect_s,
        }
        limit = options.listing_limit if call.lists else options.answer_limit
        patience = self._item_s if call.one else call.whole_s or options.whole_s
        self._on_their_way[id(request)] = (time.monotonic(), call)
        try:
            async with asyncio.timeout(patience), self._connections.connection() as connection:
                answer = await whole_answer(
                    await connection.open().handle_async_request(request), limit
                )
                self._answered = time.monotonic()
                connection.healthy = answer.status < 500  # noqa: PLR2004 - the server's own failures
                return answer
        except NOT_SENT as error:
            raise self._unreachable(error) from None
        except (httpx.TransportError, TimeoutError) as error:
            kind = "did not answer in time" if _timed_out(error) else "broke the connection off"
            silent = call.reads and (call.one or call.whole_s is not None) and _timed_out(error)
            if silent and call.one and patience == self._item_s:
                self._item_s = max(LEAST_S, patience / 2)
            raise (SilentError if silent else LostError)(
                f"The registry {self._address.text} {kind}.",
                hint="Whether the request was carried out is not known yet.",
            ) from None
        finally:
            del self._on_their_way[id(request)]

    def pace(self) -> str:
        """What is waited for now, if that has taken a while; may be empty."""
        if (wait := self.pacer.wait) >= PAUSE_SHOWN_S:
            return f"the registry asks to wait {max(1.0, wait):,.0f} s"
        now = time.monotonic()
        since, call = min(self._on_their_way.values(), default=(now, None), key=itemgetter(0))
        if call is None or now - since < SILENCE_SHOWN_S:
            return ""
        path = call.raw_path.decode("ascii")
        return f"waiting for the registry since {now - since:,.0f} s: {call.method} {path}"

    def silence(self) -> float:
        """Seconds since the last answer."""
        return time.monotonic() - self._answered

    def waits(self) -> bool:
        """Whether nothing is on its way: every request waits, as the registry asked."""
        return not self._on_their_way and self.pacer.wait > 0

    def _headers(self, call: RestCall) -> list[tuple[str, str]]:
        headers = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "artifact-tui"),
            *self.credentials.headers(),
        ]
        if call.content is not None:
            headers.append(("Content-Type", "application/json"))
        if call.offset:
            headers += [("offset", call.offset), ("X-Offset", call.offset)]
        return headers

    def _unreachable(self, error: Exception) -> NotSentError:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return NotSentError(
                f"The certificate of {self._address.text} is not trusted. Nothing was sent.",
                hint="If a private authority signed it, configure that authority's file.",
            )
        return NotSentError(
            f"The registry {self._address.text} could not be reached: "
            f"{self.credentials.scrub(text) or type(error).__name__}.",
            hint="Nothing was sent. Check the address, and that the registry runs.",
        )

    def refused(self, answer: HttpAnswer, doing: str) -> RegistryError:
        """An unsuccessful answer to a reading request as an error for people."""
        said = self.credentials.scrub(rest_entries.error_words(answer.body))
        said = f": {said}" if said else ""
        if answer.status in {401, 403}:
            return RegistryError(
                f"The registry refused our credentials while {doing} ({answer.status}{said}).",
                hint=self.credentials.advice,
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
        await self._connections.aclose()


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError | httpx.TimeoutException)


_ROUTE = re.compile(
    r"endpoint|route|\burl\b|\bpath\b|page not|method not allowed|missing authentication token",
    re.IGNORECASE,
)
"""Words of a 404 (or of a gateway's 403) that are about the path, not about an artifact."""


_AUTH = ("token", "auth", "credential", "login", "expired")


def no_such_route(answer: HttpAnswer) -> bool:
    """Whether an answer says that the path as such does not exist."""
    if answer.later:
        return False
    if answer.status == 405:  # noqa: PLR2004 - the reference server's answer to unknown paths
        return True
    if answer.status == 404 and answer.html:  # noqa: PLR2004 - a framework's own page
        return True
    return answer.status in {403, 404} and bool(
        _ROUTE.search(rest_entries.error_words(answer.body))
    )


def wants_credentials(answer: HttpAnswer) -> bool:
    """Whether an answer is about who we are, so that no other item would fare better."""
    if answer.later:
        return False
    if answer.status == 401:  # noqa: PLR2004
        return True
    said = rest_entries.error_words(answer.body).lower()
    about_us = any(word in said for word in _AUTH)
    return answer.status == 403 and about_us and not no_such_route(answer)  # noqa: PLR2004


class DetailsUnknownError(NotToldError):
    """The server has the artifact, and cannot tell its details: its ingestion failed, say."""

    lasting = True


class MissingEntry(Enum):
    """Why a GET brings no artifact."""

    ABSENT = "absent"
    """The server says that it does not exist."""
    UNASKABLE = "unaskable"
    """The server cannot be asked about this id, or not under this type."""


class EntryRoutes:
    """GET and DELETE of one artifact."""

    def __init__(self, requests: RestRequests) -> None:
        self._requests = requests
        self.singular = False
        """This server has `/artifact/{type}/{id}` instead of `/artifacts/{type}/{id}`."""

    async def get(self, ref: Ref) -> RestEntry | MissingEntry:
        """One artifact, or what the server says instead.

        Raises:
            DetailsUnknownError: it says something else than that it does not exist.
            NotToldError: it fails, or is silent, about this one.
            RegistryError: nothing can be asked.
        """
        try:
            return await self._ask_once(ref)
        except SilentError as error:
            raise NotToldError(str(error)) from None

    async def _ask_once(self, ref: Ref) -> RestEntry | MissingEntry:
        try:
            answer, row = await self._under_either_path(ref)
        except AddressingError:
            return MissingEntry.UNASKABLE
        if row is not None:
            return self._checked(row, ref)
        if answer.status in {404, 410}:
            return MissingEntry.ABSENT
        if answer.status in {400, 405, 422}:
            return MissingEntry.UNASKABLE
        raise self._error_of(answer)

    async def _under_either_path(self, ref: Ref) -> tuple[HttpAnswer, RestEntry | None]:
        """The answer under the one path or the other, and the artifact in it."""
        here, there = (
            self._requests.paths.get(ref, singular=singular)
            for singular in (self.singular, not self.singular)
        )
        try:
            answer, row = await self._get(here, ref)
        except GarbageAnswerError:  # some servers answer unknown paths with their home page
            answer, row = await self._get(there, ref)
            if row is None:
                raise
            self.singular = not self.singular
        if no_such_route(answer):
            other, row = await self._get(there, ref)
            if row is not None:
                self.singular = not self.singular
            if not no_such_route(other) and not other.html:
                answer = other
        return answer, row

    def _error_of(self, answer: HttpAnswer) -> RegistryError:
        """What an answer means that neither shows an artifact nor says that there is none."""
        refused = self._requests.refused(answer, "reading an artifact")
        if answer.later or wants_credentials(answer):
            return refused
        about_it = answer.status < 500  # noqa: PLR2004 - the server's own failures
        return (DetailsUnknownError if about_it else NotToldError)(str(refused), hint=refused.hint)

    async def _get(self, call: RestCall, ref: Ref) -> tuple[HttpAnswer, RestEntry | None]:
        """The answer, and the artifact in it if it is a good one."""

        def parse(answer: HttpAnswer) -> RestEntry:
            row = rest_entries.decode_entry(answer.body, ref.type)
            if row.id.strip() != ref.id.strip():
                raise rest_entries.GarbageError(
                    "it is about another artifact than it was asked about"
                )
            return row

        return await self._requests.parsed(call, parse, "an artifact")

    @staticmethod
    def _checked(row: RestEntry, ref: Ref) -> RestEntry | MissingEntry:
        """Some servers trim ids: then this id cannot be asked for, only its neighbour."""
        return row if row.id == ref.id else MissingEntry.UNASKABLE

    async def delete(self, ref: Ref, *, spent: float = 0.0) -> HttpAnswer:
        """Send the deletion of one artifact, once; the other path only if there is no such route.

        Raises:
            AddressingError, NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        here, there = (
            self._requests.paths.delete(ref, singular=singular)
            for singular in (self.singular, not self.singular)
        )
        answer = await self._requests.once(here, spent=spent)
        if no_such_route(answer):
            other = await self._requests.once(there, spent=spent)
            if not no_such_route(other) and not other.html:
                self.singular = not self.singular
                return other
        return answer
