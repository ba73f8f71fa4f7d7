"""The typed confirmation: the only place on the screen from which something can be deleted.

The keyboard is elsewhere at first; a key of its own moves it here. What was typed before the
challenge stood on the screen (and for a moment after, while the eye finds it) is thrown away.
Enter does nothing until the box holds exactly what is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from artifact_tui.deletion.confirm import Challenge, matches
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Key, Paste
    from textual.widgets import Input

SETTLE = 0.4
"""Seconds after the challenge was drawn before keys count: nobody reads and types faster."""

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

        def __init__(self, typed: str, generation: int) -> None:
            super().__init__()
            self.typed = typed
            self.generation = generation
            """Which challenge it answers: the value that `ask` returned."""

    class Left(Message):
        """The user went back to the lists."""

    class Opened(Message):
        """The box takes keys from now on."""

    def __init__(self, *, enter: str = "enter applies the plan now") -> None:
        """`enter` says what the enter key does once the text is typed."""
        super().__init__(id="confirm")
        self._enter = enter
        self._challenge: Challenge | None = None
        self._refusal = ""
        self.generation = 0

    def compose(self) -> ComposeResult:
        """What to type, then the box."""
        yield Line(id="confirm-prompt")
        with Vertical(id="confirm-row"):
            yield Line(id="confirm-sign")
            yield ConfirmBox()
            yield Line(id="confirm-hint")

    @property
    def box(self) -> ConfirmBox:
        """Where it is typed."""
        return self.query_one(ConfirmBox)

    @property
    def is_open(self) -> bool:
        """Whether the box takes keys."""
        return not self.box.disabled

    @property
    def reason(self) -> str:
        """Why the box is closed; empty when it is not, or will be open in a moment."""
        return self._refusal

    def refuse(self, reason: str) -> None:
        """Close the box, and say why (safe text)."""
        self.generation += 1
        self._challenge, self._refusal = None, reason
        self._shut()
        self._draw()

    def ask(self, challenge: Challenge) -> int:
        """Ask for a text from now on; earlier challenges, and what was typed, are void."""
        self.generation += 1
        self._challenge, self._refusal = challenge, ""
        self._shut()
        self._draw()
        generation = self.generation
        self.call_after_refresh(self._drawn, generation)
        return generation

    def _shut(self) -> None:
        box = self.box
        if box.has_focus:
            self.post_message(self.Left())
        box.open_from = NOT_YET
        box.disabled = True
        box.value = ""

    def _drawn(self, generation: int) -> None:
        """The challenge stands on the screen: what is typed a moment from now on counts."""
        if generation == self.generation:
            self.box.open_from = Message().time + SETTLE
            self.set_timer(SETTLE, lambda: self._open(generation))

    def _open(self, generation: int) -> None:
        if generation == self.generation:
            self.box.disabled = False
            self._draw()
            self.post_message(self.Opened())

    def take_keyboard(self) -> bool:
        """Move the keyboard into the box; False while it is closed."""
        if self.is_open:
            self.box.focus()
        return self.is_open

    # what is said

    def _draw(self) -> None:
        prompt = self.query_one("#confirm-prompt", Line)
        hint = self.query_one("#confirm-hint", Line)
        sign = self.query_one("#confirm-sign", Line)
        closed = self._challenge is None
        self.query_one("#confirm-row").display = not closed
        prompt.set_class(closed, "-whole")
        if self._challenge is None:
            prompt.show(Content.assemble((self._refusal, "bold $text-warning")))
            return
        asked = self._challenge
        why = f"  ({asked.why})" if asked.why else ""
        verb = asked.prompt[0].upper() + asked.prompt[1:]
        prompt.show(Content.assemble((verb, "bold"), (why, "$text-warning")))
        sign.show(Content.assemble((">", "bold $text-error" if self.box.has_focus else "bold")))
        hint.show(self._hint(asked))

    def _hint(self, asked: Challenge) -> Content:
        if not self.is_open:
            return Content("")
        if not self.box.has_focus:
            return Content.assemble(("tab to type here", "$text-muted"))
        if matches(asked, self.box.value):
            return Content.assemble((self._enter, "bold $text-error"))
        return Content.assemble(("esc back", "$text-muted"))

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
        asked = self._challenge
        if asked is None or not self.is_open:
            return
        if matches(asked, event.value):
            answered = self.Confirmed(event.value, self.generation)
            self.refuse(
                "It is being written down and started; until then nothing is sent"
            )  # a second enter finds the box closed
            self.post_message(answered)
            return
        wrong = "That is not what is asked for" if event.value else "Nothing is typed yet"
        self.query_one("#confirm-hint", Line).show(Content.styled(wrong, "bold $text-warning"))
