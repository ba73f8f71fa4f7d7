"""One key at a time: a key is handled to its end before the next one is looked at.

Textual hands keys on as fast as they come, each to whatever has the keyboard at that moment. When
`/` opens the filter, the letters typed right behind it would still go to the list, where they mean
something else. Over a slow line keys always come in bunches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.events import Key

from artifact_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import App
    from textual.dom import DOMNode
    from textual.events import Paste

PATIENCE = 0.5
"""Seconds after which the next key is taken in any case: a widget may vanish with its messages."""

LOOKS = 10
"""In so many steps, each of which begins when the loop has run: time in which this process stood
still does not count."""

ROUNDS = 3
"""A key, the message that it makes a widget send, and the message that answers that one."""


@dataclass(slots=True)
class _Chaser:
    """What follows one key."""

    turn: int
    start: DOMNode
    rounds: int = 0


class TypedKeys:
    """The keys that wait until the one before them has been handled.

    A message of ours follows each key through the queues of the widgets that it passes on its way
    up. When it comes out at the app, the key has been handled; it goes round again behind the
    messages that handling the key gave rise to.
    """

    def __init__(
        self,
        app: App[None],
        handle: Callable[[Key | Paste], Awaitable[None]],
        moves: frozenset[str],
        unsettled: Callable[[], asyncio.Future[None] | None],
    ) -> None:
        """Make it.

        Args:
            app: whose keys these are.
            handle: what Textual does with a key.
            moves: keys that only move in a list; nobody has to wait for them.
            unsettled: what the present screen waits for before keys mean what they should.
        """
        self._app = app
        self._handle = handle
        self._moves = moves
        self._unsettled = unsettled
        self._given_up: asyncio.Future[None] | None = None
        self._waiting: deque[Key | Paste] = deque()
        self._busy = False
        self._turn = 0
        self._watch: asyncio.TimerHandle | None = None

    async def take(self, event: Key | Paste) -> None:
        """Handle a key, now or in its turn."""
        self._waiting.append(event)
        if not self._busy:
            await self._next()

    async def _next(self) -> None:
        """Handle what waits, up to the first key that has to be followed or held back."""
        while self._waiting:
            if self._is_held(self._waiting[0]):
                return
            event = self._waiting.popleft()
            if not self._stays(event):
                await self._begin(event)
                return
            await self._handle(event)

    def _is_held(self, event: Key | Paste) -> bool:
        """Whether a key waits for the screen; one that is typed into a line never does."""
        pending = self._unsettled()
        if pending is None or pending is self._given_up or self._is_typed(event):
            return False
        self._busy = True
        self._start_turn(pending)
        turn = self._turn
        pending.add_done_callback(lambda _: self._app.call_later(self._done, turn))
        return True

    def _stays(self, event: Key | Paste) -> bool:
        """Whether the keyboard surely stays where it is: a held key must not be slow."""
        if self._is_typed(event):
            return True
        return (
            isinstance(self._app.focused, LineView)
            and isinstance(event, Key)
            and (event.key in self._moves)
        )

    def _is_typed(self, event: Key | Paste) -> bool:
        """Whether a key is a character for the line that has the keyboard."""
        target = self._app.focused
        return (
            target is not None
            and isinstance(event, Key)
            and target.check_consume_key(event.key, event.character)
        )

    async def _begin(self, event: Key | Paste) -> None:
        """Handle a key that may move the keyboard, and follow it."""
        self._busy = True
        self._start_turn(None)
        target = self._app.focused or self._app.screen
        await self._handle(event)
        await self._follow(target, _Chaser(self._turn, target))

    def _start_turn(self, pending: asyncio.Future[None] | None) -> None:
        """Go on after `PATIENCE` in any case."""
        self._turn += 1
        self._given_up = pending
        self._look(self._turn, LOOKS)

    def _look(self, turn: int, left: int) -> None:
        """Wait one step more, or go on."""
        if not left:
            self._app.call_later(self._done, turn)
            return
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(PATIENCE / LOOKS, self._look, turn, left - 1)

    async def _follow(self, node: DOMNode, chaser: _Chaser) -> None:
        """Stand behind the key in the queue of a widget."""
        if not node.call_later(self._passed, node, chaser):
            await self._passed(node, chaser)

    async def _passed(self, node: DOMNode, chaser: _Chaser) -> None:
        """The widget has handled the key, or handed it up."""
        if node is not self._app:
            await self._follow(node.parent or self._app, chaser)
            return
        chaser.rounds += 1
        if chaser.rounds < ROUNDS:
            await self._follow(chaser.start, chaser)
        else:
            await self._done(chaser.turn)

    async def _done(self, turn: int) -> None:
        if turn != self._turn or not self._busy:
            return
        if self._watch is not None:
            self._watch.cancel()
        self._busy = False
        await self._next()
