"""One key at a time: a key is handled to its end before the next one is looked at.

Textual hands keys on as fast as they come, each to whatever has the keyboard at that moment. When
`/` opens the filter, the letters typed right behind it would still go to the list, where they mean
something else; and `d` right behind a mark would find the mark not made yet. Over a slow line keys
always come in bunches.

So a key means what it would mean if everything asked by the keys before it were done: it waits for
that, as `KeyWait` tells. After a moment the wait is said, and esc takes back what waits. The
work itself runs beside the screen, so that no handler waits, in the order of the keys (`Effects`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.events import Key
from textual.message import Message

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.key_bindings import ROWS
from artifact_tui.tui.keymap import key_name
from artifact_tui.tui.widgets.dialogs import Dialog
from artifact_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping

    from textual.dom import DOMNode
    from textual.events import Paste
    from textual.screen import Screen

    from artifact_tui.tui.app import ArtifactApp
    from artifact_tui.tui.key_bindings import KeyRow

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
        """Let later keys go on: the effect is there."""
        if not self.done.done():
            self.done.set_result(None)


class Effects:
    """What keys have asked for: one after the other, whatever screen they were pressed on."""

    def __init__(self, app: ArtifactApp) -> None:
        self._app = app
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

        async def carry_out() -> None:
            try:
                if before:
                    await asyncio.wait(before)
                await work
            except ArtifactTuiError as error:
                self._app.typed.drop()
                self._app.screen.fail(error)
            finally:
                if asyncio.iscoroutine(work):
                    work.close()  # given up before it began
                self._all.remove(waiting)
                waiting.over()

        worker = self._app.run_worker(carry_out(), group="effects")
        if stops:
            waiting.give_up = worker.cancel

    async def marked(self) -> None:
        """Wait until every mark that was made so far is written."""
        if waiting := [one.done for one in self._all if one.screen is None]:
            await asyncio.wait(waiting)


SOON = 0.5
"""Seconds after which a wait is said, and esc means to take back what waits."""

TICK = 0.05
"""Seconds between two looks at what a key waits for: a widget may vanish with its messages."""

ROUNDS = 3
"""A key, the message that it makes a widget send, and the message that answers that one."""


@dataclass(slots=True)
class _Chaser:
    """What follows one key."""

    node: DOMNode
    """Where it is now."""
    start: DOMNode
    rounds: int = 0


class TypedKeys:
    """The keys that wait until the ones before them have been handled.

    A message of ours follows each key through the queues of the widgets that it passes on its way
    up. When it comes out at the app, the key has been handled; it goes round again behind the
    messages that handling the key gave rise to.
    """

    def __init__(
        self,
        app: ArtifactApp,
        handle: Callable[[Key | Paste], Awaitable[None]],
        keymap: Mapping[str, str],
    ) -> None:
        """Make it: `handle` is what Textual does with a key, `keymap` maps ids to keys."""
        self._app = app
        self._handle = handle
        self._rows = {
            (row.where, key): row for row in ROWS for key in keymap.get(row.id, row.keys).split(",")
        }
        self._waiting: deque[Key | Paste] = deque()
        self._chaser: _Chaser | None = None
        self._moving: DOMNode | None = None
        """A list with moves on their way to it: what is under its cursor is not known yet."""
        self._held: KeyWait | None = None
        self._seconds_shown = -1
        self._words = ""
        self._watch: asyncio.TimerHandle | None = None
        self._free = asyncio.Event()
        self._free.set()

    @property
    def _busy(self) -> bool:
        return self._chaser is not None or self._held is not None

    async def free(self) -> None:
        """Wait until no key is being handled, and none waits."""
        while self._busy:
            self._free.clear()
            await self._free.wait()

    async def take(self, event: Key | Paste) -> None:
        """Handle a key, now or in its turn."""
        if self._held is not None and self._overtakes(event, self._held):
            await self._give_up(event, self._held)
            return
        self._waiting.append(event)
        if not self._busy:
            await self._next()

    async def _next(self) -> None:
        """Handle what waits, up to the first key that has to be followed or held back."""
        while self._waiting:
            event = self._waiting[0]
            stays = self._stays(event)
            if self._moving is not None and not stays:
                moved, self._moving = self._moving, None
                await self._begin(moved)
                return
            held = self._waits_for(event)
            if held is not None:
                self._hold(held)
                return
            self._waiting.popleft()
            if self._is_too_old(event):
                continue
            if not stays:
                await self._begin(self._app.focused or self._app.screen, event)
                return
            await self._handle(event)
            if isinstance(self._app.focused, LineView):
                self._moving = self._app.focused
        self._free.set()

    # What a key is

    def _row(self, event: Key | Paste) -> KeyRow | None:
        """What a key does on the present screen, unless a dialog or a line has the keyboard."""
        place, focused = self._app.screen.PLACE, self._app.focused
        if not isinstance(event, Key):
            return None
        if focused is None:
            places = [place, "app"]
        elif isinstance(focused, LineView) and not any(
            isinstance(one, Dialog) for one in focused.ancestors_with_self
        ):
            places = [place, "list", "app"]
        else:
            places = ["app"]
        found = (self._rows.get((place, event.key)) for place in places)
        return next((row for row in found if row is not None), None)

    def _is_typed(self, event: Key | Paste) -> bool:
        """Whether a key is a character for the line that has the keyboard."""
        target = self._app.focused
        return (
            target is not None
            and isinstance(event, Key)
            and target.check_consume_key(event.key, event.character)
        )

    def _stays(self, event: Key | Paste) -> bool:
        """Whether a key surely leaves the keyboard where it is: then it need not be followed."""
        if self._is_typed(event):
            return True
        listed = isinstance(event, Key) and ("list", event.key) in self._rows
        return listed and isinstance(self._app.focused, LineView)

    # What a key waits for

    def _waits_for(self, event: Key | Paste) -> KeyWait | None:
        """What the present screen has to do first; nothing for what is typed into a line."""
        if self._is_typed(event):
            return None
        row = self._row(event)
        kind = "" if row is None else row.kind
        for waiting in self._app.screen.waiting(acts=row is not None and row.row):
            if not waiting.done.done() and kind not in waiting.lets:
                return waiting
        return None

    def _hold(self, waiting: KeyWait) -> None:
        """Look again once a wait is over; and now and then, since it may have become pointless."""
        if waiting is not self._held:
            self._held, self._seconds_shown = waiting, -1
            waiting.done.add_done_callback(lambda _: self._app.call_later(self._released, waiting))
        self._tick()

    async def _released(self, waiting: KeyWait) -> None:
        """Handle the next key if nothing has to be waited for any more; else wait for that."""
        if waiting is not self._held:
            return
        if self._waiting and self._waits_for(self._waiting[0]) is waiting:
            self._say(waiting)
            self._hold(waiting)
            return
        if self._app.screen.status_line.words == self._words:
            self._app.screen.status_line.hush()
        self._held = None
        await self._next()

    def _say(self, waiting: KeyWait) -> None:
        """Say for what the first key waits, how long it has, and how that can be left."""
        seconds = int(Message().time - waiting.since)
        event = self._waiting[0]
        if Message().time - waiting.since < SOON or seconds == self._seconds_shown:
            return
        self._seconds_shown = seconds
        what = f"“{key_name(event.key)}”" if isinstance(event, Key) else "What was pasted"
        so_far = f"{seconds} s, " if seconds else ""
        self._words = f"{what} waits ({so_far}esc takes it back): {waiting.words}."
        self._app.screen.status_line.say(self._words)

    def _overtakes(self, event: Key | Paste, held: KeyWait) -> bool:
        """Whether a key is about the wait itself: pressed when that had been said."""
        if not isinstance(event, Key) or event.time - held.since < SOON:
            return False
        row = self._rows.get(("app", event.key))
        leaves = row is not None and row.id in {"app.quit", "app.suspend"}
        return event.key == "escape" or leaves

    async def _give_up(self, event: Key | Paste, held: KeyWait) -> None:
        """Forget the keys that wait, and what they wait for where that can be stopped."""
        self._waiting.clear()
        self._held = None
        self._free.set()
        if isinstance(event, Key) and event.key != "escape":
            await self._handle(event)
        elif held.give_up is not None:
            held.give_up()
            self._app.screen.say("Given up.")
        else:
            self._app.screen.say(f"Taken back. Still going on: {held.words}.")

    def drop(self) -> None:
        """Forget the keys that wait: what they follow went wrong."""
        self._waiting.clear()

    def _is_too_old(self, event: Key | Paste) -> bool:
        """Whether the row that a key was meant for has gone from under the cursor; say so."""
        row, screen = self._row(event), self._app.screen
        if row is None or not row.row:
            return False
        if event.time >= screen.row_since or not isinstance(event, Key):
            return False
        key = key_name(event.key)
        screen.say(f"The list changed before “{key}”: see what is under the cursor, and press it.")
        return True

    # Following a key

    async def _begin(self, target: DOMNode, event: Key | Paste | None = None) -> None:
        """Handle a key that may move the keyboard, and follow it; or what a widget has already."""
        self._chaser = chaser = _Chaser(target, target)
        self._tick()
        if event is not None:
            await self._handle(event)
        await self._follow(target, chaser)

    async def _follow(self, node: DOMNode, chaser: _Chaser) -> None:
        """Stand behind the key in the queue of a widget."""
        chaser.node = node
        if not node.call_later(self._passed, node, chaser):
            await self._passed(node, chaser)

    async def _passed(self, node: DOMNode, chaser: _Chaser) -> None:
        """The widget has handled the key, or handed it up."""
        if chaser is not self._chaser or chaser.node is not node:
            return
        if node is not self._app:
            await self._follow(node.parent or self._app, chaser)
            return
        chaser.rounds += 1
        if chaser.rounds < ROUNDS:
            await self._follow(chaser.start, chaser)
        else:
            self._chaser = None
            await self._next()

    # Looking now and then

    def _tick(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.get_running_loop().call_later(TICK, self._look)

    def _look(self) -> None:
        """Go on where a widget has gone, with our message in its queue."""
        self._watch = None
        chaser, held = self._chaser, self._held
        if chaser is not None:
            node = chaser.node
            if node is not self._app and not (node.is_running or node.is_attached):
                self._app.call_later(self._passed, node, chaser)
            self._tick()
        elif held is not None:
            self._app.call_later(self._released, held)
