"""How an apply is told to stop, and how patient it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Policy:
    """How fast an apply goes and how long it tries; times in seconds."""

    ramp: tuple[int, ...] = (1, 10, 100)
    """Items of the first calls: a mistake shows itself while it is small."""
    most: int = 500
    """Items of every later call, or fewer where the registry takes fewer."""
    objects: int = 4000
    """Stored objects of every later call: storages take many more at once than registries."""
    delays: tuple[float, ...] = (0.5, 2.0, 8.0)
    """Waits before the second, third, … try of what may work later."""
    recipes: int = 200
    """In plans of so many items what is needed to make each again is noted, however long it takes.

    In larger ones as long as that takes at most `share` of the time that the deletions take.
    """
    share: float = 0.2
    accepted: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    """Waits between looks at what the registry accepted and has not done; the last one repeats."""
    poll: float = 0.2
    """How often a pause looks whether it is over."""
    beat: float = 5.0
    """How often a waiting apply gives a sign of life."""
    tell: float = 1.0
    """How often it looks at what limits its speed."""
    grace: float = 3.0
    """How long a question may go on when the user, or a signal, wishes to stop."""

    @property
    def tries(self) -> int:
        """How often one thing is tried in all."""
        return len(self.delays) + 1

    def sizes(self, batch: int) -> Sizes:
        """The sizes of calls, one after the other, for a registry that takes `batch` at once."""
        return Sizes(self.ramp, self.most, max(1, batch))

    def object_sizes(self) -> Sizes:
        """The same for the storage beside a registry."""
        return Sizes(self.ramp, self.objects, self.objects)


class Sizes:
    """Counts up the ramp: `next()` is the number of items of the next call."""

    def __init__(self, ramp: Sequence[int], most: int, batch: int) -> None:
        self._rest = list(reversed(ramp))
        self._most = min(most, batch)
        self._batch = batch

    def next(self) -> int:
        """The size of the next call."""
        return min(self._rest.pop(), self._batch) if self._rest else self._most


class Control:
    """A stop button: pressed by a signal, honoured after the call in flight."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.why = ""
        """Who pressed it."""

    @property
    def stopped(self) -> bool:
        """Whether the apply is to stop."""
        return self._event.is_set()

    def stop(self, why: str) -> None:
        """Stop after the call in flight; what is not sent stays planned."""
        self.why = self.why or why
        self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Wait, at most until the button is pressed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation (3.11)
                await self._event.wait()


@dataclass(slots=True)
class GroupEnd:
    """What is left of a group of items after its call."""

    again: list[int] = field(default_factory=list)
    """Items, by seq, that may work later."""
    broken: str = ""
    """Set when the registry could not be used, however often it was tried: why."""
    halted: bool = False
    """It was given up because of a wish: what is still planned of it waits for its turn."""
