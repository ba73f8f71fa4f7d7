"""Dialogs that ask: lines to type in, boxes to turn, and enter hands over what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from artifact_tui.text import safe
from artifact_tui.tui.widgets.dialogs import Dialog, Question
from artifact_tui.tui.widgets.line_widgets import Line, OneLine

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.widgets import Input

    from artifact_tui.model import Recipe


T = TypeVar("T")


class Toggle(Widget, can_focus=True):
    """A box that space turns on and off."""

    DEFAULT_CSS = """
    Toggle { height: 1; width: 1fr; }
    Toggle:focus { text-style: reverse; }
    """

    class Changed(Message):
        """It was turned."""

    def __init__(self, label: str, *, on: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.label = label
        self.on = on

    def render(self) -> Content:
        """The box and what it means."""
        return Content(f"[{'x' if self.on else ' '}] {self.label}")

    def turn(self) -> None:
        """Turn it round."""
        self.on = not self.on
        self.refresh()
        self.post_message(self.Changed())

    def on_key(self, event: events.Key) -> None:
        """Space turns it."""
        if event.key == "space":
            event.stop()
            self.turn()

    def on_click(self) -> None:
        """The mouse turns it."""
        self.turn()


class Form(Dialog[T]):
    """A dialog with fields. A subclass composes them, and says what enter does (`action_apply`)."""

    DEFAULT_CSS = "Form Horizontal { height: 1; }"

    @staticmethod
    def field(name: str, label: str, placeholder: str = "") -> Horizontal:
        """A line to type in, behind its label."""
        line = OneLine(id=name)
        line.placeholder = placeholder
        return Horizontal(Static(Content(label)), line)

    def text(self, name: str) -> str:
        """What is typed in a line."""
        return self.query_one(f"#{name}", OneLine).value.strip()

    def is_on(self, name: str) -> bool:
        """Whether a box is turned on; False for one that is not there."""
        return any(toggle.on for toggle in self.query(f"#{name}").results(Toggle))

    def changed(self) -> None:
        """Something else is typed, or a box was turned."""

    def action_apply(self) -> None:
        """Hand over what the fields come to, if that can be read."""
        raise NotImplementedError

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text stands in a line."""
        event.stop()
        self.changed()

    def on_toggle_changed(self, event: Toggle.Changed) -> None:
        """A box was turned."""
        event.stop()
        self.changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a line."""
        event.stop()
        self.action_apply()


_STEPS = (
    "1  you review its deletion, and confirm it by typing",
    "2  it is deleted, and verified gone",
    "3  it is made again from the address above; if that fails, it is gone,",
    "   and t (tasks), m tries again",
    "",
    "Lost for good: its id and its metrics. The new entry gets its own.",
    "Its lineage may change. Objects in the storage stay, unless you take them along.",
)


class ReingestDialog(Form[str]):
    """Asks from which address a version is made again; ends with the address, or None."""

    FOCUS = "#reingest-url"
    DEFAULT_CSS = "ReingestDialog { width: 78; }"

    def __init__(self, name: str, recipe: Recipe) -> None:
        """Ask about `name`, as untrusted text; its recipe fills in the address."""
        super().__init__(id="reingest")
        self._entry = name
        self._recipe = recipe
        self.border_title = Content("Ingest again")
        self.border_subtitle = Content("enter goes to the review \N{MIDDLE DOT} esc leaves")

    def compose(self) -> ComposeResult:
        """What it is about, the address, the steps."""
        head = Line()
        head.show(Content.assemble((safe(self._entry), "bold"), "  ", safe(self._recipe.type)))
        yield head
        label = Line()
        label.show(Content("source address:"))
        yield label
        url = self._recipe.url
        yield OneLine(url if url.isprintable() else "", id="reingest-url")
        hint = Line(id="reingest-hint")
        hint.show(Content.styled(self._hint(url), "$text-muted"))
        yield hint
        steps = Question()
        steps.show(Content("\n".join(_STEPS)))
        yield steps

    def _hint(self, typed: str) -> str:
        if not typed.strip():
            return "the registry needs an address to make it from"
        if typed.strip() == self._recipe.url:
            return "as it is now: change it to correct it"
        return f"instead of {safe(self._recipe.url) or 'nothing'}"

    def changed(self) -> None:
        """Say what the address is compared with the present one."""
        hint = self.query_one("#reingest-hint", Line)
        hint.show(Content.styled(self._hint(self.text("reingest-url")), "$text-muted"))

    def action_apply(self) -> None:
        """Hand the address over."""
        if typed := self.text("reingest-url"):
            self.close(typed)
