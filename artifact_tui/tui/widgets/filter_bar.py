"""Where the filter is typed: one line, with offers of what could stand at the cursor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from artifact_tui.query import complete
from artifact_tui.text import fit, safe
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from artifact_tui.errors import QueryError
    from artifact_tui.tui.signs import Signs

OFFERS = 8
"""Offers shown at once."""

SLASH = 3
"""Cells before the first character of the filter."""

_VALUE = re.compile(
    r"(?:^|[\s(|])-*(?P<field>name|type|version|alias|tag|run):(?P<word>[^\s\"()|*]*)$"
)
_PLAIN = re.compile(r"[\w./@+-]+")

Offer = tuple[int, str]
"""Where the word begins, and what would stand there."""


class Offers(Static):
    """The offered words, above the line in which they are typed."""

    DEFAULT_CSS = """
    Offers {
        dock: bottom;
        width: auto;
        max-width: 100%;
        height: auto;
        margin: 0 0 2 0;
        background: $surface;
        display: none;
    }
    """

    def __init__(self, signs: Signs) -> None:
        super().__init__(id="offers")
        self.offers: Sequence[Offer] = ()
        self.chosen = 0
        self._signs = signs
        self._trouble: QueryError | None = None

    @property
    def current(self) -> Offer | None:
        """What tab would take."""
        return self.offers[self.chosen] if self.chosen < len(self.offers) else None

    def offer(self, offers: Sequence[Offer]) -> None:
        """Offer these words."""
        self.offers, self.chosen = offers[:OFFERS], 0
        self._draw()

    def tell(self, trouble: QueryError | None) -> None:
        """Say what cannot be read in the filter, and point at it."""
        self._trouble = trouble
        self._draw()

    def move(self, step: int) -> None:
        """Choose the next (1) or the one before (-1)."""
        if self.offers:
            self.chosen = (self.chosen + step) % len(self.offers)
            self._draw()

    def _draw(self) -> None:
        lines = [
            Content.styled(f"   {fit(safe(word), 56)} ", "reverse" if i == self.chosen else "")
            for i, (_, word) in enumerate(self.offers)
        ]
        if self._trouble is not None:
            lines += _pointed(self._trouble, self._signs)
        self.display = bool(lines)
        self.update(Content("\n").join(lines))


def _pointed(trouble: QueryError, signs: Signs) -> list[Content]:
    """What is wrong, what was expected, and a sign above the place."""
    said = Content.assemble(
        (f"   {safe(str(trouble))}", "bold $text-error"), f" {safe(trouble.hint)} "
    )
    return [said, Content.styled(" " * (SLASH + trouble.position) + signs.opened, "$text-error")]


class FilterBar(Horizontal):
    """Shown while a filter is being typed."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of("filter")

    DEFAULT_CSS = """
    FilterBar { height: 1; width: 1fr; display: none; }
    FilterBar > #slash { width: 3; color: $text-accent; text-style: bold; }
    """

    class Changed(Message):
        """Another text stands there."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Done(Changed):
        """Enter was pressed."""

    class Cancelled(Changed):
        """The filter is to be as it was: `text`."""

    class Asked(Message):
        """Values of a field that begin with a word are wanted."""

        def __init__(self, field: str, word: str) -> None:
            super().__init__()
            self.field = field
            self.word = word

    def __init__(self, offers: Offers) -> None:
        super().__init__(id="filter")
        self.input = OneLine(id="filter-input")
        self._offers = offers
        self._before = ""

    def compose(self) -> ComposeResult:
        """A slash and the line."""
        yield Static(Content(" / "), id="slash")
        yield self.input

    def open(self, text: str) -> None:
        """Start typing, from this text."""
        self._before = text
        self.display = True
        with self.input.prevent(Input.Changed):
            self.input.value = text
        self.input.cursor_position = len(text)
        self.screen.set_focus(self.input, scroll_visible=False)

    def close(self) -> None:
        """Stop typing."""
        self._offers.tell(None)
        self._offers.offer(())
        self.display = False

    def tell(self, trouble: QueryError | None) -> None:
        """Say what cannot be read; None when all can."""
        self._offers.tell(trouble)

    def offer_values(self, field: str, word: str, values: Sequence[str]) -> None:
        """Offer values that exist, if they are still what is being typed."""
        start = self.input.cursor_position - len(word)
        typed = self.input.value[: self.input.cursor_position]
        if typed.endswith(f"{field}:{word}"):
            fixed = [offer for offer in self._offers.offers if offer[0] == start]
            self._offers.offer([*fixed, *((start, quoted(v)) for v in values if offerable(v))])

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter at once, and offer what could follow."""
        event.stop()
        self.post_message(self.Changed(event.value))
        before = event.value[: self.input.cursor_position]
        self._offers.offer(complete(event.value, self.input.cursor_position))
        found = _VALUE.search(before)
        if found is not None:
            self.post_message(self.Asked(found["field"], found["word"]))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self.post_message(self.Done(event.value))

    def action_cancel(self) -> None:
        """Back to the filter from before."""
        self.post_message(self.Cancelled(self._before))

    def action_complete(self) -> None:
        """Take the offer."""
        offer = self._offers.current
        if offer is not None:
            start, word = offer
            end = self.input.cursor_position
            self.input.replace(word if word.endswith((":", ">", "<")) else f"{word} ", start, end)

    def action_up(self) -> None:
        """The offer above."""
        self._offers.move(-1)

    def action_down(self) -> None:
        """The offer below."""
        self._offers.move(1)


def offerable(value: str) -> bool:
    """Whether a value can be typed as it is: an input shows what it holds, raw."""
    return bool(value) and value.isprintable() and '"' not in value and safe(value) == value


def quoted(value: str) -> str:
    """A value as the filter language takes it literally."""
    plain = _PLAIN.fullmatch(value) and value not in ("none", "any")
    return value if plain else f'"{value}"'
