"""How much of the server's quota is left, from its RateLimit headers.

W&B counts in a fixed window on a scale of its own (0 to 1000), so what one request costs is
measured: by how much the rest shrinks with each answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from artifact_tui.clients.web.waits import is_number, reset_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SAME_WINDOW = 1.5
"""Seconds by which the announced end of one window may differ: the header has whole seconds."""


LONGEST = 900.0
"""Seconds that a window lasts at most, whatever the header says."""

ENOUGH = 10
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

    def told(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers tell of a quota."""
        return _left(headers) is not None and reset_wait(headers) is not None

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers (lower case)."""
        left, reset = _left(headers), reset_wait(headers)
        if left is None or reset is None:
            return
        now = self._clock()
        ends = now + min(reset, LONGEST)
        over = now >= self._ends
        if over or abs(ends - self._ends) > SAME_WINDOW or left > self._first:
            if self._answers >= ENOUGH:
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


def _left(headers: Mapping[str, str]) -> float | None:
    text = headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining") or ""
    if not is_number(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None
