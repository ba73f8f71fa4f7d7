"""Dialogs: boxes on the overlay layer of a screen, not screens of their own; what they ask with.

A modal screen repaints every cell behind it (84 KB); a box that covers only itself costs about
one. While a dialog is open, keys go to it and nowhere else.

`TypedConfirm` is the typed confirmation: the only place on the screen from which something can be
deleted. The keyboard is elsewhere at first; a key of its own moves it here. What was typed before
the question stood on the screen (and for a moment after, while the eye finds it) is thrown away.
Enter does nothing until the box holds exactly what is asked for. A question (`Ask`) is answered
with yes by `y` only, never by enter.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message

from artifact_tui.text import pad, width
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.widgets.line_widgets import Line, OneLine, Question
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.events import Key, Paste
    from textual.widget import Widget
    from textual.widgets import Input

    from artifact_tui.deletion.confirmation import Confirmation
    from artifact_tui.tui.widgets.base_screen import BaseScreen

    KeyOf = Callable[[str], str]
    """The key that does what a row of the table says."""


T = TypeVar("T")


class Overlay(Container):
    """Where the dialogs of a screen appear: always there, and never seen itself.

    A new widget directly on the screen would shift the drawing order of all others, and Textual
    would send all of them again.
    """

    DEFAULT_CSS = """
    Overlay {
        layer: overlay;
        width: 100%;
        height: 100%;
        align: center middle;
        visibility: hidden;
        & > * { visibility: visible; }
    }
    """


class Dialog(Vertical, Generic[T]):
    """A box over the screen that ends with a value, or with None when it is left.

    Open one with `dialog.open_on(screen, callback)`. A subclass composes its content, sets
    `border_title`, and calls `self.close(value)`.
    """

    BINDINGS = bindings_of("dialog")

    DEFAULT_CSS = """
    Dialog {
        width: 60;
        max-width: 94%;
        height: auto;
        max-height: 90%;
        background: $surface;
        color: $foreground;
        border: round $accent;
        padding: 0 1;
    }
    Dialog:ansi { background: ansi_default; }
    """

    FOCUS = ""
    """Selector of the widget that gets the keyboard first; the dialog itself when empty."""

    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._callback: Callable[[T | None], object] | None = None
        self._before: Widget | None = None
        self._done = False
        self.key_of: KeyOf
        """Set when it is opened."""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the dialog has the keyboard: keys that come before wait."""

    @property
    def is_modal(self) -> bool:
        """Keys stop here: nothing behind the dialog hears them."""
        return True

    def open_on(self, screen: BaseScreen, callback: Callable[[T | None], object]) -> None:
        """Show the dialog; `callback` gets its value once it is closed."""
        self._callback = callback
        self.key_of = screen.key_of
        self._before = screen.focused
        screen.query_one(Overlay).mount(self)

    def on_mount(self) -> None:
        """Take the keyboard."""
        target = self.query_one(self.FOCUS) if self.FOCUS else self
        self.screen.set_focus(target, scroll_visible=False)
        self.trap_focus()
        self.ready.set_result(None)

    def close(self, value: T | None = None) -> None:
        """Leave the screen and hand the value over. A second call does nothing."""
        if self._done:
            return
        self._done = True
        screen = self.screen
        self.trap_focus(trap_focus=False)
        if self._before is not None and self._before.is_attached:
            screen.set_focus(self._before, scroll_visible=False)
        self.remove()
        if self._callback is not None:
            self._callback(value)

    def action_cancel(self) -> None:
        """Leave without a value."""
        self.close(None)


@dataclass(frozen=True, slots=True)
class MenuEntry(Generic[T]):
    """One line of a menu. Its words are ours, or safe."""

    value: T
    label: str
    letter: str = ""
    """A key that chooses it at once; j and k move."""
    note: str = ""
    sign: str = " "
    disabled: bool = False


def entry_line(entry: MenuEntry[Any], cells: int) -> Content:
    """An entry: its sign, its letter, what it is, a note."""
    room = cells - 6
    off = "dim italic" if entry.disabled else ""
    return Content.assemble(
        (f"{entry.sign} ", "dim"),
        (f"{entry.letter or ' '} ", "$text-accent bold"),
        (pad(entry.label, max(room - width(entry.note) - 1, 8)), off),
        (f" {entry.note} ", off or "dim"),
    )


class Menu(Dialog[T]):
    """Choose one of some entries."""

    BINDINGS = bindings_of("menu")
    FOCUS = "#entries"
    DEFAULT_CSS = "Menu RowList { background: $surface; }"

    def __init__(self, title: str, entries: Sequence[MenuEntry[T]], *, start: int = 0) -> None:
        super().__init__()
        self.border_title = Content(title)
        self._entries = entries
        self._start = start
        self._list = RowList[MenuEntry[T]](entry_line, id="entries")
        self._list.styles.height = min(len(entries), 20)

    def compose(self) -> ComposeResult:
        """The list."""
        yield self._list

    def on_mount(self) -> None:
        """The cursor goes to the present choice."""
        self._list.put(self._entries, cursor=self._start)

    def on_key(self, event: events.Key) -> None:
        """A letter chooses."""
        for entry in self._entries:
            if entry.letter and event.character == entry.letter and not entry.disabled:
                event.stop()
                event.prevent_default()
                self.close(entry.value)
                return

    def on_row_list_opened(self) -> None:
        """A double click chooses."""
        self.action_choose()

    def action_choose(self) -> None:
        """Choose what is under the cursor."""
        entry = self._list.current
        if entry is not None and not entry.disabled:
            self.close(entry.value)


_MOST_LINES = 30


class Listing(Dialog[None]):
    """Shows lines of safe text until it is left."""

    BINDINGS = bindings_of("listing")
    FOCUS = "#listing-lines"
    DEFAULT_CSS = "Listing { width: 94%; }"

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__(id="listing")
        self._lines = lines
        self._list = RowList[str](lambda line, _width: Content(line), id="listing-lines")
        self.border_title = Content(title)

    def compose(self) -> ComposeResult:
        """The lines."""
        self.border_subtitle = Content(f"{self.key_of('listing.back')} back")
        most = min(_MOST_LINES, self.screen.size.height * 3 // 4)
        self._list.styles.height = min(len(self._lines), most)
        yield self._list

    def on_mount(self) -> None:
        """Fill it."""
        self._list.put(self._lines, cursor=0)


SETTLE = 0.4
"""Seconds after the question was drawn before keys count: nobody reads and types faster."""

NOT_YET = float("inf")


class ConfirmBox(OneLine):
    """The box itself. It hears nothing that was typed before `open_from`."""

    BINDINGS = bindings_of("confirm")

    def __init__(self) -> None:
        super().__init__(id="confirm-box", disabled=True)
        self.open_from = NOT_YET
        """Events older than this are thrown away (the clock of `Message.time`)."""

    def on_key(self, event: Key) -> None:
        """Throw away what was typed too early."""
        if event.time < self.open_from:
            event.stop()
            event.prevent_default()

    def on_paste(self, event: Paste) -> None:
        """Throw away what was pasted too early."""
        if event.time < self.open_from:
            event.stop()
            event.prevent_default()
        else:
            super().on_paste(event)

    def action_leave(self) -> None:
        """Give the keyboard back to the lists; what was typed is gone."""
        self.value = ""
        self.post_message(TypedConfirm.Left())


class TypedConfirm(Vertical):
    """Two lines: what to type and why, and the box. Posts `Confirmed` once it was typed."""

    DEFAULT_CSS = """
    TypedConfirm { height: 2; width: 1fr; }
    TypedConfirm > Line { padding: 0 1; }
    TypedConfirm > Line.-whole { height: 2; }
    TypedConfirm > #confirm-row { height: 1; layout: horizontal; padding: 0 1; }
    TypedConfirm #confirm-sign { width: 2; }
    TypedConfirm #confirm-hint { width: 1fr; }
    """

    class Confirmed(Message):
        """Exactly what was asked for was typed, and then enter was pressed."""

        def __init__(self, typed: str, confirmation: Confirmation) -> None:
            super().__init__()
            self.typed = typed
            self.confirmation = confirmation
            """What it answers: the very object that `ask` was given."""

    class Left(Message):
        """The user went back to the lists."""

    class Opened(Message):
        """The box takes keys from now on."""

    def __init__(
        self, key_of: KeyOf, begin: str, *, enter: str = "enter applies the plan now"
    ) -> None:
        """Make the box, closed.

        Args:
            key_of: gives the key that does what a row of the table says.
            begin: the row that leads to the box.
            enter: what the enter key does once the text is typed.
        """
        super().__init__(id="confirm")
        self._key_of = key_of
        self._begin = begin
        self._enter = enter
        self.box = ConfirmBox()
        """Where it is typed."""
        self._prompt = Line(id="confirm-prompt")
        self._row = Vertical(id="confirm-row")
        self._sign = Line(id="confirm-sign")
        self._hint = Line(id="confirm-hint")
        self._confirmation: Confirmation | None = None
        self.reason = ""
        """Why the box is closed (safe); empty when it is open, or will be in a moment."""

    def compose(self) -> ComposeResult:
        """What to type, then the box."""
        yield self._prompt
        with self._row:
            yield self._sign
            yield self.box
            yield self._hint

    @property
    def is_open(self) -> bool:
        """Whether the box takes keys."""
        return not self.box.disabled

    @property
    def why_closed(self) -> str:
        """Why the box takes no keys, for the footer; empty when it does."""
        return "" if self.is_open else self.reason.rstrip(".") or "the list was drawn only now"

    def refuse(self, reason: str) -> None:
        """Close the box, and say why (safe text)."""
        self._confirmation, self.reason = None, reason
        self._shut()
        self._draw()

    def ask(self, confirmation: Confirmation) -> None:
        """Ask for a text from now on; what was asked for before, or typed, is void."""
        self._confirmation, self.reason = confirmation, ""
        self._shut()
        self._draw()
        self.call_after_refresh(self._drawn, confirmation)

    def _shut(self) -> None:
        box = self.box
        if box.has_focus:
            self.post_message(self.Left())
        box.open_from = NOT_YET
        box.disabled = True
        box.value = ""

    def _drawn(self, confirmation: Confirmation) -> None:
        """The question stands on the screen: what is typed a moment from now on counts."""
        if confirmation is self._confirmation:
            self.box.open_from = Message().time + SETTLE
            self.set_timer(SETTLE, lambda: self._open(confirmation))

    def _open(self, confirmation: Confirmation) -> None:
        if confirmation is self._confirmation:
            self.box.disabled = False
            self._draw()
            self.post_message(self.Opened())

    # what is said

    def _draw(self) -> None:
        prompt = self._prompt
        closed = self._confirmation is None
        self._row.display = not closed
        prompt.set_class(closed, "-whole")
        if self._confirmation is None:
            prompt.show(Content.assemble((self.reason, "bold $text-warning")))
            return
        confirmation = self._confirmation
        why = f"  ({confirmation.why})" if confirmation.why else ""
        verb = confirmation.prompt[0].upper() + confirmation.prompt[1:]
        prompt.show(Content.assemble((verb, "bold"), (why, "$text-warning")))
        here = self.box.has_focus
        self._sign.show(Content.styled(">", "bold $text-error" if here else "bold"))
        leave, begin = self._key_of("confirm.leave"), self._key_of(self._begin)
        hint = Content.styled(f"{leave} back" if here else f"{begin} to type here", "$text-muted")
        if here and confirmation.matches(self.box.value):
            hint = Content.styled(self._enter, "bold $text-error")
        self._hint.show(hint if self.is_open else Content(""))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what enter would do."""
        event.stop()
        self._draw()

    def on_descendant_focus(self) -> None:
        """The keyboard is here."""
        self._draw()

    def on_descendant_blur(self) -> None:
        """The keyboard is elsewhere."""
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: only with the exact text."""
        event.stop()
        confirmation = self._confirmation
        if confirmation is None or not self.is_open:
            return
        if confirmation.matches(event.value):
            answered = self.Confirmed(event.value, confirmation)
            self.refuse(
                "It is being written down and started; until then nothing is sent"
            )  # a second enter finds the box closed
            self.post_message(answered)
            return
        wrong = "That is not what is asked for" if event.value else "Nothing is typed yet"
        self._hint.show(Content.styled(wrong, "bold $text-warning"))


class Ask(Dialog[bool]):
    """Ends with True after `y`, with None otherwise. The sentences are safe text."""

    BINDINGS = bindings_of("ask")

    def __init__(self, title: str, sentences: str, *, yes: str) -> None:
        super().__init__(id="ask")
        self.border_title = Content(title)
        self._yes = yes
        self._sentences = sentences
        self._open_from = NOT_YET

    def compose(self) -> ComposeResult:
        """The sentences."""
        leave = self.key_of("ask.no")
        self.border_subtitle = Content(f"y {self._yes} \N{MIDDLE DOT} {leave} leaves")
        yield Question(self._sentences)

    def on_mount(self) -> None:
        """Hear nothing before the question was drawn, and for a moment after."""
        self.call_after_refresh(self._drawn)

    def _drawn(self) -> None:
        self._open_from = Message().time + SETTLE

    def on_key(self, event: events.Key) -> None:
        """Only `y`, typed while the question could be read."""
        if event.character == "y":
            event.stop()
            event.prevent_default()
            if event.time >= self._open_from:
                self.close(True)  # noqa: FBT003
