"""How fast requests leave for one server: as many at once as it bears, none while it asks to wait.

Latency is compared with the server's own best, for each kind of request; a kind is what should
take about as long every time. Quotas come from RateLimit headers: servers count on scales of their
own (W&B from 0 to 1000), so what one request costs is measured, by how much the rest shrinks with
each answer.

All connections to a registry keep one pace. No retry library does that: those that exist
(httpx-retries, tenacity, stamina) retry each request by itself. Here a 429 holds back every
connection at once, and lowers how many are used.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping


FIRST_WAIT = 0.5
"""Seconds before the next request when a server says 429 without saying for how long."""

LONGEST_ASKED = 900.0
"""Seconds after which a server that asked for more is tried again: its clock may be wrong."""

LONGEST_HOLD = 86_400.0
"""Seconds that a server's word holds requests back at most, however absurd it is."""


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait (`Retry-After`, or an exhausted `RateLimit`), or None.

    A date counts from the server's own `Date`, so that its clock need not agree with ours.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        limit = rate_limit(headers)
        return limit.full_s if limit is not None and limit.left <= 0 else None
    seconds = _number(text)
    return _until(text, headers.get("date", "")) if seconds is None else max(0.0, seconds)


class RateLimit(NamedTuple):
    """What the `RateLimit` headers tell of a quota."""

    left: float
    """On the server's own scale."""
    full_s: float
    """Seconds until it is full again."""


def rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """The quota that headers (lower case) tell of, under whichever names; None when they do not.

    Some servers give seconds, others the time of day in seconds since 1970.
    """
    left, full = (
        _number(next((text for name in _PREFIXES if (text := headers.get(f"{name}-{what}"))), ""))
        for what in ("remaining", "reset")
    )
    if left is None or full is None or not math.isfinite(left):
        return None
    wall = time.time()
    if math.isfinite(full) and full > wall / 2:
        full -= wall
    return RateLimit(left, max(0.0, full))


_PREFIXES = ("ratelimit", "x-ratelimit", "x-rate-limit")


def _number(text: str) -> float | None:
    """The number in a header's text, infinite where it is none that counts; None without any."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else math.inf


def _until(text: str, date: str) -> float | None:
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    try:
        now = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        now = time.time()
    return max(0.0, then - now)


GOOD, GOOD_S = 1.5, 0.03
"""Times the best latency, plus seconds: an answer within that is as good as the best."""

SLOW, SLOW_S = 2.5, 0.05
"""Times the best latency, plus seconds: an answer beyond that is too slow."""

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
    """Whether the last answer came in good time, and whether answers have become slow."""

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
        """Note how long an answer took, and say what that shows."""
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

ENOUGH_ANSWERS = 10
"""Answers in a window that tell what one costs."""


class Quota:
    """How much of a quota is left, until when, and what a request costs of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends = -math.inf
        self._first = 0.0
        self._left = 0.0
        self._answers = 0
        self._known: float | None = None

    def note(self, limit: RateLimit) -> None:
        """Take in what the headers of an answer tell of the quota."""
        left = limit.left
        now = self._clock()
        ends = now + min(limit.full_s, LONGEST_ASKED)
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


FIRST_AT_ONCE = 4
"""Requests at once, to begin with, where nobody knows what a server bears."""

LEAST_AT_ONCE = 2
"""Requests at once that latency alone leaves."""

GROWTH = 0.25
"""How much more at once each good answer allows, once the server has been too slow."""

CAUTION = 0.02
"""How much more at once each good answer allows, near the number that was too many."""

_SHOWN_PAUSE_S = 1.0
"""Pauses of so many seconds are told."""


class Places:
    """Places for requests: so many at once; who waits longest is next."""

    def __init__(self, most: int, first: int) -> None:
        self.most = max(1, most)
        self.limit = float(min(first, self.most))
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        self._growth = 1.0
        self._ceiling = math.inf
        """About how many were too many; none were yet."""
        self._since_shrunk = 0

    @property
    def full(self) -> bool:
        """Whether no more requests may be under way now."""
        return self.running >= max(1, int(self.limit))

    def answered(self, trend: LatencyTrend) -> None:
        """A good answer: more at once, or fewer where the server has become too slow."""
        self._since_shrunk += 1
        if trend.slow and self._since_shrunk > self.limit and self.limit > LEAST_AT_ONCE:
            self.limit = max(float(LEAST_AT_ONCE), self.limit * 0.8)
            self._growth = GROWTH
            self._since_shrunk = 0
        elif trend.good and self.full:
            self.limit = min(self.most, self.limit + self._step)

    @property
    def _step(self) -> float:
        if math.isinf(self._ceiling):
            return self._growth
        return 1 / self.limit if self.limit < self._ceiling else CAUTION

    def halve(self) -> None:
        """Halve how many may be under way, and grow slowly near the present number from then on."""
        self._ceiling = max(1.0, self.limit * 0.75)
        self.limit = max(1.0, self.limit / 2)
        self._since_shrunk = 0


BELIEVED = 5
"""So many refusals in a row say truly how long to wait; then the pause is at least a guess."""


class Pace:
    """Lets requests through: so many at once, none during a pause.

    With `readers` what only reads has places of its own, also where what writes must go one by one;
    there the two never overlap: a read makes such a server load its storage, in the middle of a
    deletion's load, change and save.
    """

    def __init__(
        self,
        most: int = 32,
        *,
        first: int = FIRST_AT_ONCE,
        readers: int = 0,
        who: str = "the registry",
        longest_asked: float = LONGEST_ASKED,
        longest_guess: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """The longest pauses, in seconds: where the server says how long, and where it does not."""
        self._writing = Places(most, first)
        self._reading = Places(max(most, readers), readers) if readers else self._writing
        self.who = who
        self._longest_asked = longest_asked
        self._longest_guess = longest_guess
        self._sent = 0
        """Requests that have left; others have a place and wait for the end of a pause."""
        self._answered = asyncio.Event()
        self._until = self._short_until = -math.inf
        """Until when no request leaves, and until when the quota has room for none."""
        self._why = ""
        self._pushed = 0
        self._complained = self._halved = -math.inf
        self._latency = Latency()
        self._quota = Quota(clock)
        self._clock = clock
        self._sleep = sleep

    @property
    def limit(self) -> int:
        """How many requests may be under way now; of those that write, where reads have places."""
        return max(1, int(self._writing.limit))

    @property
    def wait(self) -> float:
        """Seconds until the present pause is over."""
        return max(0.0, self._until - self._clock())

    @property
    def waits(self) -> bool:
        """Whether every request waits, as the server asked, and none is on its way."""
        return self._sent == 0 and (self.wait > 0 or self._short_until > self._clock())

    @asynccontextmanager
    async def turn(self, *, reads: bool = False) -> AsyncIterator[float]:
        """Wait for a place and for the end of a pause, then hold the place; gives the time."""
        places = self._reading if reads else self._writing
        await self._enter(places)
        try:
            await self._clear()
            self._sent += 1
            try:
                yield self._clock()
            finally:
                self._sent -= 1
                self._answered.set()
        finally:
            places.running -= 1
            self._admit()

    async def _clear(self) -> None:
        """Wait until there is no pause, and the quota has room for one more."""
        while True:
            while (pause := self.wait) > 0:  # it may grow meanwhile
                await self._sleep(pause)
            wait = self._quota.wait(self._sent)
            if wait <= 0:
                self._short_until = -math.inf
                return
            self._short_until = self._clock() + wait
            self._answered.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # wait_for may swallow a cancellation (3.11)
                    await self._answered.wait()

    async def _enter(self, places: Places) -> None:
        if not places.waiting and self._free(places):
            places.running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        places.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                places.running -= 1
                self._admit()
            raise

    def _free(self, places: Places) -> bool:
        other = self._reading if places is self._writing else self._writing
        alone = self._writing.most == 1 and other is not places
        return not (places.full or (alone and other.running))

    def _admit(self) -> None:
        """Give free places to those who wait longest."""
        for places in dict.fromkeys((self._writing, self._reading)):
            while places.waiting and self._free(places):
                place = places.waiting.popleft()
                if not place.done():
                    places.running += 1
                    place.set_result(None)

    # what answers teach

    def went_well(
        self, kind: Hashable, began: float, headers: Mapping[str, str], *, reads: bool = False
    ) -> None:
        """An answer without complaint to a request of some kind that left at `began`."""
        self._pushed = 0
        trend = self._latency.took(kind, self._clock() - began)
        (self._reading if reads else self._writing).answered(trend)
        self._admit()
        if (limit := rate_limit(headers)) is not None:
            self._quota.note(limit)
        if "retry-after" in headers and (asked := asked_wait(headers)):
            self._hold(min(asked, LONGEST_ASKED), f"{self.who} asks to wait")

    def complained(self, began: float, headers: Mapping[str, str]) -> None:
        """The server will not have so many requests (429, 503): fewer at once, and a pause.

        Without a word from it the pause doubles with each complaint in a row; with one, only after
        so many in a row that its word cannot be true (`Retry-After: 0`, again and again).
        Complaints about requests that left before the last one are the same complaint.
        """
        again = began > self._complained
        if again:
            self._complained = self._clock()
            self._pushed += 1
        asked = asked_wait(headers)
        in_a_row = self._pushed if asked is None else self._pushed - BELIEVED
        guess = min(FIRST_WAIT * 2 ** min(in_a_row - 1, 10), self._longest_guess)
        if asked is None:
            if not again:
                return
            self.trouble(began)
            self._hold(guess, f"{self.who} is too busy: the next try is in")
            return
        if rate_limit(headers) is None:
            self.trouble(began)
        pause = max(asked, guess) if again and in_a_row > 0 else asked
        self._hold(min(pause, self._longest_asked), f"{self.who} asks to wait")

    def trouble(self, began: float) -> None:
        """Halve how many requests go at once: one was lost or failed, as if it were overloaded."""
        if began > self._halved:
            for places in {self._writing, self._reading}:
                places.halve()
            self._halved = self._clock()

    def serial(self) -> None:
        """What writes goes one by one from now on: this server loses what is done in parallel."""
        self._writing.most, self._writing.limit = 1, 1.0

    def _hold(self, seconds: float, why: str) -> None:
        if seconds > self.wait:
            self._why = why
        self._until = max(self._until, self._clock() + min(seconds, LONGEST_HOLD))

    def words(self) -> str:
        """What limits the speed now; empty before the first answer."""
        if (wait := self.wait) >= _SHOWN_PAUSE_S:
            return f"{self._why} {duration(wait)}"
        short = self._short_until - self._clock()
        if short >= _SHOWN_PAUSE_S:
            return f"{self.who}'s quota is used up: it goes on in {duration(short)}"
        if (typical := self._latency.typical) is None:
            return ""
        more = self.limit < self._writing.most and self._latency.slow
        slower = ", slower with more" if more else ""
        return f"{self.limit} at once, {typical * 1000:,.0f} ms{slower}"


def duration(seconds: float) -> str:
    """`23 s`, `4 min`."""
    minutes = seconds / 60
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes:.0f} min"  # noqa: PLR2004 - readable
