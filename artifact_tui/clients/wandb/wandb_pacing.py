"""How fast requests leave for W&B: few at once first, then as many as it bears.

Latency is compared with the server's own best, for each kind of request; a kind is what should
take about as long every time. The quota comes from RateLimit headers: W&B counts in a fixed window
on a scale of its own (0 to 1000), so what one request costs is measured, by how much the rest
shrinks with each answer.

Why not the pacer of REST registries: there the number at once is a matter of safety, given by the
configuration (most of those servers lose what is done in parallel), reads have places of their
own, and a call gives up after a while. Here the number is found out, from latency, quota and
complaints; nobody gives up on a throttle; and what limits the speed is shown. They share the pause
and the reading of headers.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.servers import FIRST_WAIT, Pause, asked_wait, is_number, reset_wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping


GOOD, GOOD_S = 1.5, 0.03
"""As good as its best: so many times as long, and so many seconds more."""

SLOW, SLOW_S = 2.5, 0.05
"""Too slow, likewise."""

MOST_KINDS = 1_000
"""With more kinds, what is known of them is forgotten."""

NEWEST_WEIGHT = 0.2
"""The weight of the newest answer in what is usual now."""

FORGET = 1.0001
"""How much the best time grows with each answer: what was true an hour ago may not be now."""


@dataclass(slots=True)
class _KindLatency:
    best: float
    usual: float


@dataclass(frozen=True, slots=True)
class LatencyTrend:
    """What one more answer shows."""

    good: bool
    slow: bool


class Latency:
    """Times of answers, by kind of request; all in seconds."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _KindLatency] = {}
        self.typical: float | None = None
        """How long the kind that was answered last usually takes."""
        self.slow = False
        """Whether that is much longer than it once took."""

    def took(self, kind: Hashable, seconds: float) -> LatencyTrend:
        """Note one answer."""
        found = self._kinds.get(kind)
        if found is None:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            found = self._kinds[kind] = _KindLatency(seconds, seconds)
        found.best = min(found.best * FORGET, seconds)
        found.usual += NEWEST_WEIGHT * (seconds - found.usual)
        self.typical = found.usual
        self.slow = found.usual > found.best * SLOW + SLOW_S
        return LatencyTrend(found.usual <= found.best * GOOD + GOOD_S, self.slow)


SAME_WINDOW = 1.5
"""Seconds by which the announced end of one window may differ: the header has whole seconds."""


LONGEST_WINDOW = 900.0
"""Seconds that a window lasts at most, whatever the header says."""

ENOUGH_ANSWERS = 10
"""Answers in a window that tell what one costs."""


class Quota:
    """What is left until when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends = -math.inf
        self._first = 0.0
        self._left = 0.0
        self._answers = 0
        self._known: float | None = None

    def speaks_in(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers speak of a quota."""
        return _quota_left(headers) is not None and reset_wait(headers) is not None

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers (lower case)."""
        left, reset = _quota_left(headers), reset_wait(headers)
        if left is None or reset is None:
            return
        now = self._clock()
        ends = now + min(reset, LONGEST_WINDOW)
        over = now >= self._ends
        if over or abs(ends - self._ends) > SAME_WINDOW or left > self._first:
            if self._answers >= ENOUGH_ANSWERS:
                self._known = (self._first - self._left) / (self._answers - 1)
            self._first = self._left = left
            self._answers = 0
        self._ends = ends
        self._left = min(self._left, left)
        self._answers += 1

    def wait(self, under_way: int) -> float:
        """Seconds until one more request fits, beside those under way; 0: it fits now."""
        left_s = self._ends - self._clock()
        if left_s <= 0:
            return 0.0
        after = self._left - (under_way + 1) * self._cost(under_way)
        return left_s if self._left <= 0 or after < 0 else 0.0

    def _cost(self, under_way: int) -> float:
        """What a request costs: as the last window showed, else at least.

        The server may have counted requests already whose answers are still under way.
        """
        if self._known is not None:
            return self._known
        return (self._first - self._left) / max(1, self._answers + under_way)


def _quota_left(headers: Mapping[str, str]) -> float | None:
    text = headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining") or ""
    if not is_number(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


FIRST_AT_ONCE = 4
"""Requests at once, to begin with."""

LEAST_AT_ONCE = 2
"""Requests at once that latency alone leaves."""

GROWTH = 0.25
"""How much more at once each good answer allows, once the server has been too slow."""

CAUTION = 0.02
"""How much more at once each good answer allows, near the number that was too many."""

LONGEST_GUESS = 5.0
"""Seconds between tries at most, while the server complains and does not say for how long."""

LONGEST_ASKED = 900.0
"""Seconds after which a server that asked for more is tried again: its clock may be wrong."""

_SHOWN_PAUSE_S = 1.0
"""Pauses of so many seconds are told."""


class Pace:
    """Lets requests through: so many at once, none during a pause."""

    def __init__(
        self,
        most: int = 32,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._most = max(1, most)
        self._limit = float(min(FIRST_AT_ONCE, self._most))
        self._growth = 1.0
        self._ceiling = math.inf
        """About how many were too many; none were yet."""
        self._running = 0
        self._sent = 0
        """Those of them that have left; the others wait for the end of a pause."""
        self._answered = asyncio.Event()
        self._answered_at = clock()
        self._short_until = -math.inf
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pause = Pause(clock=clock, sleep=sleep)
        self._why = ""
        self._pushed = 0
        self._complained = self._halved = -math.inf
        self._since_shrunk = 0
        self._latency = Latency()
        self._quota = Quota(clock)
        self.clock = clock

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._limit))

    @property
    def wait(self) -> float:
        """Seconds until the present pause is over."""
        return self._pause.wait

    @property
    def waits(self) -> bool:
        """Whether every request waits, as the server asked, and none is on its way."""
        return self._sent == 0 and (self.wait > 0 or self._short_until > self.clock())

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Wait for a place and for the end of a pause, then hold the place; gives the time."""
        await self._enter()
        try:
            await self._clear()
            self._sent += 1
            try:
                yield self.clock()
            finally:
                self._sent -= 1
                self._answered.set()
        finally:
            self._running -= 1
            self._admit()

    async def _clear(self) -> None:
        """Wait until there is no pause, and the quota has room for one more."""
        while True:
            await self._pause.over()
            wait = self._quota.wait(self._sent)
            if wait <= 0:
                self._short_until = -math.inf
                return
            self._short_until = self.clock() + wait
            self._answered.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # wait_for may swallow a cancellation (3.11)
                    await self._answered.wait()

    async def _enter(self) -> None:
        if self._running < self.limit and not self._waiting:
            self._running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._running -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        """Give free places to those who wait longest."""
        while self._waiting and self._running < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._running += 1
                place.set_result(None)

    # what answers teach

    def went_well(self, kind: Hashable, began: float, headers: Mapping[str, str]) -> None:
        """An answer without complaint to a request of some kind that left at `began`."""
        self._answered_at = self.clock()
        self._pushed = 0
        self._since_shrunk += 1
        trend = self._latency.took(kind, self.clock() - began)
        if trend.slow and self._since_shrunk > self.limit and self._limit > LEAST_AT_ONCE:
            self._limit = max(float(LEAST_AT_ONCE), self._limit * 0.8)
            self._growth = GROWTH
            self._since_shrunk = 0
        elif trend.good and self._running >= self.limit:
            self._limit = min(self._most, self._limit + self._step)
            self._admit()
        self._quota.note(headers)

    @property
    def _step(self) -> float:
        """How many more at once a good answer allows."""
        if math.isinf(self._ceiling):
            return self._growth
        return 1 / self._limit if self._limit < self._ceiling else CAUTION

    def complained(self, began: float, headers: Mapping[str, str]) -> None:
        """The server will not have so many requests (429, 503): fewer at once, and a pause.

        Without a word from it the pause doubles with each complaint in a row. Complaints about
        requests that left before the last one are the same complaint.
        """
        self._answered_at = self.clock()
        again = began > self._complained
        if again:
            self._complained = self.clock()
            self._pushed += 1
        asked = asked_wait(headers)
        if asked is None:
            if not again:
                return
            guess = min(FIRST_WAIT * 2 ** min(self._pushed - 1, 10), LONGEST_GUESS)
            self._less(began)
            self._hold(guess, "W&B is too busy: the next try is in")
            return
        if not self._quota.speaks_in(headers):
            self._less(began)
        self._hold(min(asked, LONGEST_ASKED), "W&B asks to wait")

    def trouble(self, began: float) -> None:
        """A request was lost, or the server failed: it may be overloaded."""
        self._less(began)

    @property
    def silence(self) -> float:
        """Seconds since the last answer."""
        return self.clock() - self._answered_at

    def _less(self, began: float) -> None:
        if began > self._halved:
            self._ceiling = max(1.0, self._limit * 0.75)
            self._limit = max(1.0, self._limit / 2)
            self._since_shrunk = 0
            self._halved = self.clock()

    def _hold(self, seconds: float, why: str) -> None:
        if seconds > self._pause.wait:
            self._why = why
        self._pause.hold(seconds)

    def words(self) -> str:
        """What limits the speed now; empty before the first answer."""
        wait = self._pause.wait
        if wait >= _SHOWN_PAUSE_S:
            return f"{self._why} {duration(wait)}"
        short = self._short_until - self.clock()
        if short >= _SHOWN_PAUSE_S:
            return f"W&B's quota is used up: it goes on in {duration(short)}"
        if (typical := self._latency.typical) is None:
            return ""
        slower = ", slower with more" if self.limit < self._most and self._latency.slow else ""
        return f"{self.limit} at once, {typical * 1000:,.0f} ms{slower}"


def duration(seconds: float) -> str:
    """`23 s`, `4 min`."""
    minutes = seconds / 60
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes:.0f} min"  # noqa: PLR2004 - readable
