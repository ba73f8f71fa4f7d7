"""Requests to one registry: sent once or, when they only read, until they are answered.

Redirects are followed for GET only, and only on the same server; a lost answer to a writing
request is never followed by a second try.
"""

from __future__ import annotations

import asyncio
import time
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from artifact_tui.clients.http import decode
from artifact_tui.clients.http.guard import reading
from artifact_tui.clients.http.pacing import Pacer
from artifact_tui.clients.http.paths import Call, Paths, build
from artifact_tui.clients.web.answers import (
    Answer,
    GarbageAnswerError,
    LostError,
    NotSentError,
    SilentError,
    TooLongError,
    UnusableError,
    whole,
)
from artifact_tui.clients.web.lanes import Lanes
from artifact_tui.clients.web.waits import asked_wait
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.clients.http.credentials import Credentials
    from artifact_tui.clients.http.options import Address, Options

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
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
)


class Wire:
    """All connections to one registry."""

    def __init__(
        self, address: Address, options: Options, credentials: Credentials, *, read_only: bool
    ) -> None:
        self.paths = Paths(address.prefix)
        self.pacer = Pacer(options.concurrency)
        self._address = address
        self._origin = httpx.URL(address.origin)
        self._item_s = options.item_s
        self._answered = time.monotonic()
        self._on_their_way: dict[int, tuple[float, Call]] = {}
        """What has left and is not answered, and since when."""
        self._options = options
        self._credentials = credentials
        self._lanes = Lanes(
            address.place,
            ca_file=options.ca_file,
            reads=reading(self.paths) if read_only else None,
        )

    async def read(self, call: Call) -> Answer:
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
        self, call: Call, parse: Callable[[Answer], T], what: str
    ) -> tuple[Answer, T | None]:
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
            except decode.GarbageError as error:
                if attempt < GARBAGE_TRIES - 1:
                    continue
                page = "a web page" if answer.html else f"something else: {error}"
                raise GarbageAnswerError(
                    f"The registry should have answered with {what}, and answered with {page}.",
                    hint="Check the address (many registries of this kind live below /api)"
                    " and the credentials.",
                ) from None
        raise AssertionError("unreachable")

    async def once(self, call: Call, *, spent: float = 0.0) -> Answer:
        """The answer to one request, sent once (a login that has expired is renewed first).

        `spent` is how many seconds of patience the caller has used up.

        Raises:
            NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        if self._credentials.missing and call.raw_path != self.paths.authenticate().raw_path:
            await self._login(0)
        used = self._credentials.generation
        answer = await self._paced(call, spent)
        about_us = answer.status in {401, 403} and not answer.later
        if about_us and self._credentials.renewable(call, used):
            await self._login(used)
            answer = await self._paced(call, spent)
        return answer

    async def patiently(self, send: Callable[..., Awaitable[Answer]]) -> Answer:
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

    async def login(self) -> None:
        """Fetch a token now.

        Raises:
            RegistryError: the login is refused.
        """
        await self._login(self._credentials.generation)

    async def _login(self, used: int) -> None:
        async with self._credentials.renewing:
            if self._credentials.generation == used:
                call = self.paths.authenticate(self._credentials.login_body())
                answer = await self._paced(call, 0.0)
                self._credentials.take(answer.status, answer.body)

    async def _paced(self, call: Call, spent: float) -> Answer:
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

    async def _send(self, call: Call) -> Answer:
        answer = await self._exchange(call)
        for _ in range(3):
            if call.method != "GET" or answer.status not in _REDIRECTS:
                return answer
            call = self._follow(call, answer)
            answer = await self._exchange(call)
        raise RegistryError("The registry sends reading requests round in a circle.")

    def _follow(self, call: Call, answer: Answer) -> Call:
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
        return Call("GET", path + query, reads=True, lists=call.lists, parts=path.count(b"/"))

    async def _exchange(self, call: Call) -> Answer:
        request = build(self._origin, call, self._headers(call))
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
            async with asyncio.timeout(patience), self._lanes.lane() as lane:
                answer = await whole(await lane.open().handle_async_request(request), limit)
                self._answered = time.monotonic()
                lane.healthy = answer.status < 500  # noqa: PLR2004 - the server's own failures
                return answer
        except _NOT_SENT as error:
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

    def _headers(self, call: Call) -> list[tuple[str, str]]:
        headers = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "artifact-tui"),
            *self._credentials.headers(),
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
        await self._lanes.aclose()


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError | httpx.TimeoutException)
