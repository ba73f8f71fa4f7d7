"""How fast requests may leave: one pace for all connections to a registry.

Why not a retry library: those found (httpx-retries, tenacity, stamina) retry each request by
itself. Here a 429 must hold back every connection at once, lower how many are used, and end in a
plain "asked to wait too long" when the wait would exceed what the caller is ready for; and a
deletion is retried only when the server said that it was not carried out.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

FIRST_WAIT = 0.5
"""Seconds before the next request when a server says 429 without saying for how long."""

LONGEST_HOLD = 86_400.0
"""Seconds that a server's word holds requests back at most, however absurd it is."""


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait (`Retry-After`, or an exhausted `RateLimit`), or None.

    A date counts from the server's own `Date`, so that its clock need not agree with ours.
    """
    text = headers.get("retry-after", "").strip()
    if text:
        return _seconds(text) if _is_number(text) else _until(text, headers.get("date", ""))
    remaining = headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining") or ""
    if remaining.strip() == "0":
        reset = headers.get("ratelimit-reset") or headers.get("x-ratelimit-reset") or ""
        return _reset(reset.strip())
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _seconds(text: str) -> float:
    value = float(text)
    return max(0.0, value) if math.isfinite(value) else math.inf


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


def _reset(text: str) -> float | None:
    """Some servers give seconds, others the time of day in seconds since 1970."""
    if not _is_number(text):
        return None
    value = _seconds(text)
    wall = time.time()
    return max(0.0, value - wall) if math.isfinite(value) and value > wall / 2 else value


CAUTION = 0.02
"""How much more at once each good answer allows, near the number that was too many."""

READERS = 6
"""Reading requests about single artifacts at once: no server loses anything by those."""


class Pacer:
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
        self._until = 0.0
        self._pushed = 0
        self._changed = asyncio.Event()
        self._clock = clock
        self._sleep = sleep

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._limit))

    @property
    def wait(self) -> float:
        """Seconds until the pause that the server asked for is over."""
        return max(0.0, self._until - self._clock())

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
        while (wait := self.wait) > 0:
            await self._sleep(wait)

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
        self._until = max(self._until, self._clock() + seconds)

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
        self.hold(min(seconds, LONGEST_HOLD))
        return seconds

    def serial(self) -> None:
        """One at a time from now on: this server loses what is done in parallel."""
        self._most, self._limit = 1, 1.0
