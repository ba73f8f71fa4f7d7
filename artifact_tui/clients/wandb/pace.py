"""How fast requests leave for W&B: few at once first, then as many as it bears.

Why not the pacer of REST registries: there the number at once is a matter of safety, given by the
configuration (most of those servers lose what is done in parallel), reads have places of their
own, and a call gives up after a while. Here the number is found out, from latency, quota and
complaints; nobody gives up on a throttle; and what limits the speed is told. They share the pause
and the reading of headers (`clients.web.waits`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb.latency import Latency
from artifact_tui.clients.wandb.quota import Quota
from artifact_tui.clients.web.waits import FIRST_WAIT, Pause, asked_wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping

FIRST = 4
"""Requests at once, to begin with."""

LEAST = 2
"""Requests at once that latency alone leaves."""

GROWTH = 0.25
"""How much more at once each good answer allows, once the server has been too slow."""

CAUTION = 0.02
"""How much more at once each good answer allows, near the number that was too many."""

LONGEST_GUESS = 5.0
"""Seconds between tries at most, while the server complains and does not say for how long."""

LONGEST_ASKED = 900.0
"""Seconds after which a server that asked for more is tried again: its clock may be wrong."""

_TOLD = 1.0
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
        self._limit = float(min(FIRST, self._most))
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
        if trend.slow and self._since_shrunk > self.limit and self._limit > LEAST:
            self._limit = max(float(LEAST), self._limit * 0.8)
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
        if not self._quota.told(headers):
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
        if wait >= _TOLD:
            return f"{self._why} {duration(wait)}"
        short = self._short_until - self.clock()
        if short >= _TOLD:
            return f"W&B's quota is used up: it goes on in {duration(short)}"
        if (typical := self._latency.typical) is None:
            return ""
        slower = ", slower with more" if self.limit < self._most and self._latency.slow else ""
        return f"{self.limit} at once, {typical * 1000:,.0f} ms{slower}"


def duration(seconds: float) -> str:
    """`23 s`, `4 min`."""
    minutes = seconds / 60
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes:.0f} min"  # noqa: PLR2004 - readable
