"""Beside the calls of an apply: what limits them is told, and a wish reaches one that waits.

A registry that throttles can make one call last for minutes. Meanwhile the plan shows why, gives
a sign of life, and listens: a call that only waits is given up for a pause, a cancellation or a
signal. What it may have sent is looked at before anything is said about it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.base import Paced, Waiting
from artifact_tui.deletion.plan import Want
from artifact_tui.deletion.said import redacted
from artifact_tui.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.control import Control, Policy
    from artifact_tui.deletion.journal import Journal
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.deletion.target import Target

T = TypeVar("T")


class HaltedError(Exception):
    """A call was given up because the user, or a signal, wished so; it had nothing on its way."""


class Watch:
    """Tells the pace of one apply, and gives up its calls where that is wished and safe."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._client = client
        self._journal = journal
        self._control = control
        self._policy = policy
        self.waiting = ""
        """What the apply waits for by itself; empty while it only waits for answers."""
        self._said = ""
        self._until: tuple[float, str] | None = None
        """Until when this apply waits by itself, and for what."""
        self._called: float | None = None
        """Since when a call is under way."""
        self._waited: float | None = None
        """Since when `waiting` is so."""
        self._beaten = time.monotonic()

    async def pause(self, seconds: float, why: str) -> None:
        """Wait before another try, and tell so; a signal ends it."""
        self._until = (time.monotonic() + seconds, why)
        try:
            await self._control.sleep(seconds)
        finally:
            self._until = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch until the block ends; an apply whose plan cannot be written ends with its error."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def reading(self, call: Coroutine[object, object, T], *, sent: bool = False) -> T:
        """The answer to a question; `sent` tells that it is about something that was sent.

        That is given up only for a signal: whoever pauses or cancels is told the truth first.

        Raises:
            HaltedError: it was given up.
        """
        return await self._unless(call, signal_only=sent, patience=self._policy.grace)

    async def sending(self, call: Coroutine[object, object, T]) -> T:
        """The answer to a deletion, which is only given up while nothing of it is on its way.

        Raises:
            HaltedError: it was given up; some of it may have been carried out before.
        """
        return await self._unless(call, signal_only=False, patience=None)

    async def _unless(
        self, call: Coroutine[object, object, T], *, signal_only: bool, patience: float | None
    ) -> T:
        task = asyncio.ensure_future(call)
        wished = 0.0
        self._called = self._called or time.monotonic()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=self._policy.poll)
                if task.done() or not self._wish(signal_only=signal_only):
                    wished = 0.0
                    continue
                wished = wished or time.monotonic()
                late = patience is not None and time.monotonic() - wished > patience
                if late or self._only_waits():
                    raise HaltedError
            return task.result()
        finally:
            self._called = None
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    def _wish(self, *, signal_only: bool) -> bool:
        """Whether somebody wants no more calls now."""
        return self._control.stopped or (not signal_only and self._plan.want is not Want.RUN)

    def _only_waits(self) -> bool:
        """Whether nothing is on its way to the registry, as far as the client says."""
        return isinstance(self._client, Waiting) and self._client.waits()

    async def _watch(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(self._policy.tell)

    def _words(self) -> str:
        """What limits the speed, or what is waited for and how long; empty when nothing does."""
        now = time.monotonic()
        if self._until is not None:
            until, why = self._until
            return f"waits {max(1, round(until - now))} s: {why}"
        if self.waiting:
            self._waited = self._waited or now
            return f"{self.waiting}, for {now - self._waited:.0f} s"
        self._waited = None
        words = self._client.pace() if isinstance(self._client, Paced) else ""
        late = 0.0 if self._called is None else now - self._called
        late = min(late, self._client.silence()) if isinstance(self._client, Paced) else late
        if late < self._policy.beat or (words and not words[0].isdigit()):
            return words
        return f"no answer from the registry for {late:.0f} s"

    def _tell(self) -> None:
        words = redacted(self._words(), self._client)
        now = time.monotonic()
        with suppress(BusyError):  # somebody reads the plan: the next second will do
            if words != self._said:
                self._journal.pace(words)
                self._said, self._beaten = words, now
            elif now - self._beaten >= self._policy.beat:
                self._journal.beat()
                self._beaten = now


@dataclass(frozen=True, slots=True)
class Means:
    """What one apply works with."""

    plan: Plan
    target: Target
    journal: Journal
    control: Control
    policy: Policy
    watch: Watch
