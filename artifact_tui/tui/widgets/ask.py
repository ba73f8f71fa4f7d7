"""A question that only `y` answers with yes. Enter does nothing; keys typed too early neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message

from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.typed_confirm import NOT_YET, SETTLE

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult


class Question(Line):
    """Sentences, wrapped."""

    DEFAULT_CSS = "Question { height: auto; }"


class Ask(Dialog[bool]):
    """Ends with True after `y`, with None otherwise. The sentences are safe text."""

    BINDINGS = bindings_of("ask")

    def __init__(self, title: str, sentences: str, *, yes: str) -> None:
        super().__init__(id="ask")
        self.border_title = Content(title)
        self.border_subtitle = Content(f"y {yes} \N{MIDDLE DOT} n leaves")
        self._sentences = sentences
        self._heard_from = NOT_YET

    def compose(self) -> ComposeResult:
        """The sentences."""
        question = Question()
        question.show(Content(self._sentences))
        yield question

    def on_mount(self) -> None:
        """Hear nothing before the question was drawn, and for a moment after."""
        self.call_after_refresh(self._drawn)

    def _drawn(self) -> None:
        self._heard_from = Message().time + SETTLE

    def on_key(self, event: events.Key) -> None:
        """Only `y`, typed while the question could be read."""
        if event.character == "y":
            event.stop()
            event.prevent_default()
            if event.time >= self._heard_from:
                self.close(True)  # noqa: FBT003
