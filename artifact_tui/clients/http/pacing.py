"""How fast requests may leave: one pace for all connections to a registry.

Why not a retry library: those found (httpx-retries, tenacity, stamina) retry each request by
itself. Here a 429 must hold back every connection at once, lower how many are used, and end in a
plain "asked to wait too long" when the wait would exceed what the caller is ready for; and a
deletion is retried only when the server said that it was not carried out.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from artifact_tui.clients.web.waits import FIRST_WAIT, Pause

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

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
