"""Work beside the screen, so that no handler waits; what later keys depend on, in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.message import Message

from artifact_tui.errors import ArtifactTuiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from textual.app import App
    from textual.dom import DOMNode
    from textual.screen import Screen
    from textual.worker import Worker


MOVES = frozenset({"move"})
MOVES_AND_MARKS = frozenset({"move", "mark"})
MOVES_AND_LEAVING = frozenset({"move", "leave"})
LEAVING = frozenset({"leave"})
"""Kinds of keys, as `KeyRow.kind` tells them, that need not wait for something."""


def start(
    node: DOMNode,
    group: str,
    job: Callable[..., Coroutine[Any, Any, Any]],
    *args: object,
    latest: bool = False,
) -> None:
    """Run `job(*args)` as long as `node` lives; with `latest` it replaces the group's last one."""
    work = cast("Callable[[], Any]", partial(job, *args))
    node.run_worker(work, group=group, exclusive=latest)


@dataclass(eq=False, slots=True)
class KeyWait:
    """Something that keys wait for, because they would act on what it is still changing."""

    words: str
    """What it is, as the middle of a sentence; safe."""
    lets: frozenset[str] = frozenset()
    """Kinds of keys that mean the same before and after it."""
    done: asyncio.Future[None] = field(default_factory=asyncio.Future)
    since: float = field(default_factory=lambda: Message().time)
    """By the clock of `Message.time`."""
    give_up: Callable[[], object] | None = None
    """Stops it; None for what has to come to its end."""
    screen: Screen[Any] | None = None
    """The only screen whose keys wait; None for all."""

    def over(self) -> None:
        """Keys need not wait for it any longer."""
        if not self.done.done():
            self.done.set_result(None)


class Effects:
    """What keys have asked for: one after the other, whatever screen they were pressed on."""

    def __init__(self, app: App[None], failed: Callable[[ArtifactTuiError], object]) -> None:
        """Make it; `failed` hears what went wrong."""
        self._app = app
        self._failed = failed
        self._all: list[KeyWait] = []

    def __iter__(self) -> Iterator[KeyWait]:
        """Those that are not done yet, in order."""
        return iter(tuple(self._all))

    def add(
        self,
        words: str,
        work: Awaitable[object],
        *,
        lets: frozenset[str] = frozenset(),
        screen: Screen[Any] | None = None,
        stops: bool = False,
    ) -> None:
        """Await `work` once all that was asked before is done; it outlives every screen.

        Later keys wait for it, but for those of the kinds in `lets`, and those of other screens
        when a `screen` is given. With `stops` the user may give it up halfway.
        """
        waiting = KeyWait(words, lets, screen=screen)
        before = [one.done for one in self._all]
        self._all.append(waiting)
        worker: Worker[None] = self._app.run_worker(
            self._carry_out(waiting, before, work), group="effects"
        )
        if stops:
            waiting.give_up = worker.cancel

    async def _carry_out(
        self, waiting: KeyWait, before: list[asyncio.Future[None]], work: Awaitable[object]
    ) -> None:
        try:
            if before:
                await asyncio.wait(before)
            await work
        except ArtifactTuiError as error:
            self._failed(error)
        finally:
            if asyncio.iscoroutine(work):
                work.close()  # given up before it began
            self._all.remove(waiting)
            waiting.over()

    async def marked(self) -> None:
        """Wait until every mark that was made so far is written."""
        if waiting := [one.done for one in self._all if one.screen is None]:
            await asyncio.wait(waiting)
