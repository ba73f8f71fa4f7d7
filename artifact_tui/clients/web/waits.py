"""How long a server asks to wait: its headers, and the pause that all connections keep."""

from __future__ import annotations

import asyncio
import math
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

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
        return _seconds(text) if is_number(text) else _until(text, headers.get("date", ""))
    return reset_wait(headers) if spent(headers) else None


def spent(headers: Mapping[str, str]) -> bool:
    """Whether the quota of the `RateLimit` headers is used up, and they say until when."""
    remaining = _limit(headers, "remaining")
    return is_number(remaining) and float(remaining) <= 0 and reset_wait(headers) is not None


def _limit(headers: Mapping[str, str], what: str) -> str:
    """One of the `RateLimit` headers, under whichever name it comes; may be empty."""
    names = (f"ratelimit-{what}", f"x-ratelimit-{what}", f"x-rate-limit-{what}")
    return next((headers[name].strip() for name in names if headers.get(name)), "")


def reset_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until the quota of the `RateLimit` headers is full again, or None.

    Some servers give seconds, others the time of day in seconds since 1970.
    """
    text = _limit(headers, "reset")
    if not is_number(text):
        return None
    value = _seconds(text)
    wall = time.time()
    return max(0.0, value - wall) if math.isfinite(value) and value > wall / 2 else value


def is_number(text: str) -> bool:
    """Whether a header's text is a number."""
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


class Pause:
    """A time until which no request leaves, on any connection."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until it is over."""
        return max(0.0, self._until - self._clock())

    def hold(self, seconds: float) -> None:
        """The next request leaves only after so many seconds."""
        self._until = max(self._until, self._clock() + min(seconds, LONGEST_HOLD))

    async def over(self) -> None:
        """Wait for its end, also when it grows meanwhile."""
        while (wait := self.wait) > 0:
            await self._sleep(wait)
