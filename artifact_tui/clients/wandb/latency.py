"""Whether the server slows down: latency against its own best, for each kind of request.

What a kind is, the caller says: requests that should take about as long as one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

GOOD, GOOD_S = 1.5, 0.03
"""As good as its best: so many times as long, and so many seconds more."""

SLOW, SLOW_S = 2.5, 0.05
"""Too slow, likewise."""

MOST_KINDS = 1_000
"""With more kinds, what is known of them is forgotten."""

NEWEST = 0.2
"""The weight of the newest answer in what is usual now."""

FORGET = 1.0001
"""How much the best time grows with each answer: what was true an hour ago may not be now."""


@dataclass(slots=True)
class _Kind:
    best: float
    usual: float


@dataclass(frozen=True, slots=True)
class Trend:
    """What one more answer shows."""

    good: bool
    slow: bool


class Latency:
    """Times of answers, by kind of request; all in seconds."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind] = {}
        self.typical: float | None = None
        """How long the kind that was answered last usually takes."""
        self.slow = False
        """Whether that is much longer than it once took."""

    def took(self, kind: Hashable, seconds: float) -> Trend:
        """Note one answer."""
        found = self._kinds.get(kind)
        if found is None:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            found = self._kinds[kind] = _Kind(seconds, seconds)
        found.best = min(found.best * FORGET, seconds)
        found.usual += NEWEST * (seconds - found.usual)
        self.typical = found.usual
        self.slow = found.usual > found.best * SLOW + SLOW_S
        return Trend(found.usual <= found.best * GOOD + GOOD_S, self.slow)
