"""What a list of versions asks for: a filter as it is typed, its order, a rule to mark by.

The filter is one line, with offers of what could stand at the cursor. A rule is a filter too: keep
the newest, without alias, older than …; its dialog shows which filter, and what it comes to, before
it is carried out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from artifact_tui.catalog.known_fields import EVERY_FIELD
from artifact_tui.catalog.listing import Sort
from artifact_tui.query import Query, complete, parse
from artifact_tui.text import fit, safe
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.widgets.dialogs import Menu, MenuEntry
from artifact_tui.tui.widgets.forms import Form, Toggle
from artifact_tui.tui.widgets.line_widgets import Line, OneLine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from artifact_tui.errors import QueryError
    from artifact_tui.tui.terminal import Signs


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


FilterEnd = Literal["", "kept", "undone"]
"""Whether typing goes on, and else how it ended."""


class FilterBar(Horizontal):
    """Shown while a filter is being typed; above it the words that could stand at the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of("filter")

    DEFAULT_CSS = """
    FilterBar { height: 1; width: 1fr; display: none; }
    FilterBar > #slash { width: 3; color: $text-accent; text-style: bold; }
    """

    def __init__(
        self,
        signs: Signs,
        typed: Callable[[str, FilterEnd], object],
        ask_values: Callable[[str, str], object],
    ) -> None:
        """`typed` is called with each text, `ask_values` with a field and how its values begin."""
        super().__init__(id="filter")
        self.input = OneLine(id="filter-input")
        self.box = Static(id="offers")
        """Where the offers stand, and what cannot be read."""
        self._fields: Container[str] = EVERY_FIELD
        self._signs = signs
        self._typed = typed
        self._ask_values = ask_values
        self._before = ""
        self._offers: Sequence[Offer] = ()
        self._chosen = 0
        self._trouble: QueryError | None = None

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
        self._trouble, self.display = None, False
        self._offer(())

    def tell(self, trouble: QueryError | None) -> None:
        """Show the mistake in the filter and point at it; None takes that away."""
        self._trouble = trouble
        self._draw()

    def offer_fields(self, fields: Container[str]) -> None:
        """Offer these fields, and no others."""
        self._fields = fields
        if self.display:
            self._offer(complete(self.input.value, self.input.cursor_position, fields))

    def offer_values(self, field: str, word: str, values: Sequence[str]) -> None:
        """Offer values that exist, if they are still what is being typed."""
        start = self.input.cursor_position - len(word)
        typed = self.input.value[: self.input.cursor_position]
        if self.display and typed.endswith(f"{field}:{word}"):
            fixed = [offer for offer in self._offers if offer[0] == start]
            self._offer([*fixed, *((start, quoted(v)) for v in values if offerable(v))])

    def _offer(self, offers: Sequence[Offer]) -> None:
        self._offers, self._chosen = offers[:OFFERS], 0
        self._draw()

    def _draw(self) -> None:
        lines = [
            Content.styled(f"   {fit(safe(word), 56)} ", "reverse" if i == self._chosen else "")
            for i, (_, word) in enumerate(self._offers)
        ]
        if (trouble := self._trouble) is not None:
            what = (f"   {safe(str(trouble))}", "bold $text-error")
            place = " " * (SLASH + trouble.position) + self._signs.opened
            lines.append(Content.assemble(what, f" {safe(trouble.hint)} "))
            lines.append(Content.styled(place, "$text-error"))
        self.box.display = bool(lines)
        self.box.update(Content("\n").join(lines))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter at once, and offer what could follow."""
        event.stop()
        self._typed(event.value, "")
        before = event.value[: self.input.cursor_position]
        self._offer(complete(event.value, self.input.cursor_position, self._fields))
        found = _VALUE.search(before)
        if found is not None:
            self._ask_values(found["field"], found["word"])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self._typed(event.value, "kept")

    def action_cancel(self) -> None:
        """Back to the filter from before."""
        self._typed(self._before, "undone")

    def action_complete(self) -> None:
        """Take the offer."""
        if self._offers:
            start, word = self._offers[self._chosen]
            end = self.input.cursor_position
            self.input.replace(word if word.endswith((":", ">", "<")) else f"{word} ", start, end)

    def action_up(self) -> None:
        """The offer above."""
        self._move(-1)

    def action_down(self) -> None:
        """The offer below."""
        self._move(1)

    def _move(self, step: int) -> None:
        if self._offers:
            self._chosen = (self._chosen + step) % len(self._offers)
            self._draw()


def offerable(value: str) -> bool:
    """Whether a value can be typed as it is: an input shows what it holds, raw."""
    return bool(value) and value.isprintable() and '"' not in value and safe(value) == value


def quoted(value: str) -> str:
    """A value as the filter language takes it literally."""
    plain = _PLAIN.fullmatch(value) and value not in ("none", "any")
    return value if plain else f'"{value}"'


_SORT_CHOICES = (
    # field, letter, label, the order that is chosen first, and both in words
    ("name", "n", "name", "ascending", "a to z", "z to a"),
    ("size", "s", "size", "descending", "small first", "big first"),
    ("age", "a", "age", "ascending", "young first", "old first"),
    ("version", "v", "versions", "descending", "few or old first", "many or new first"),
    ("type", "t", "type", "ascending", "a to z", "z to a"),
    ("unique", "u", "bytes only here", "descending", "small first", "big first"),
    ("stored", "c", "charged bytes", "descending", "small first", "big first"),
    ("used", "r", "last used", "ascending", "just used first", "long unused first"),
    ("ttl", "x", "ttl", "ascending", "expiring first", "expiring last"),
    ("dependents", "d", "dependents", "descending", "few first", "many first"),
    ("deleted", "w", "when deleted", "ascending", "just deleted first", "long deleted first"),
)


class SortMenu(Menu[Sort]):
    """Choose a field; the field that is sorted by already turns the order round."""

    def __init__(self, now: Sort, signs: Signs, *, trash: bool, known: Collection[str]) -> None:
        """`known` are the fields that the registry tells; the others cannot be chosen."""
        entries: list[MenuEntry[Sort]] = []
        start = 0
        for field, letter, label, first, *ways in _SORT_CHOICES:
            if field == "deleted" and not trash:
                continue
            descending, note, sign = first == "descending", "", " "
            if field == now.field:
                start, descending, note = len(entries), not now.descending, "turn: "
                sign = signs.descending if now.descending else signs.ascending
            note += ways[descending]
            choice = Sort(field, descending=descending)
            untold = field not in known
            note = "not told by this registry" if untold else note
            entries.append(MenuEntry(choice, label, letter, note, sign, disabled=untold))
        super().__init__("Sort", entries, start=start)


RuleAction = Literal["mark", "unmark"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A filter on top of the list's, for all of it or for one collection."""

    query: Query
    collection_only: bool = False


class RuleDialog(Form[Rule]):
    """Asks for a rule and shows the filter that it is, and what it would mark or unmark."""

    BINDINGS = bindings_of("rule")

    DEFAULT_CSS = """
    RuleDialog {
        width: 64;
        & Static { width: auto; }
        & OneLine { width: 8; margin: 0 1; }
        & #rule-filter { text-style: dim; margin-top: 1; }
        & #said { margin-top: 0; }
        & #said.-live { min-height: 1; }
    }
    """

    def __init__(
        self,
        action: RuleAction,
        collection: str,
        known: Collection[str],
        preview: Callable[[Form[Rule], Rule], object],
    ) -> None:
        """`collection` names the collection under the cursor (untrusted), or is empty.

        `known` are the fields that the registry tells: no other is asked for.
        """
        super().__init__(
            "Mark by rule" if action == "mark" else "Unmark by rule",
            (),
            lambda form: Rule(parse(self._text()), collection_only=form.is_on("rule-collection")),
            keys=f"enter {action}   {{next}} next field   space turn   {{cancel}} cancel",
            preview=preview,
            id="rule",
        )
        self._action = action
        self._collection = collection
        self._known = known
        self._filter = Line(id="rule-filter")

    def compose_fields(self) -> Iterable[Widget]:
        """The fields of the rule, and the filter that it makes."""
        newest, older = OneLine(id="rule-latest"), OneLine(id="rule-age")
        yield Horizontal(Static("keep the newest"), newest, Static("of each collection"))
        if "age" in self._known:
            yield Horizontal(Static("only older than"), older, Static("such as 30d, 6mo, 1y"))
        if "alias" in self._known:
            yield Toggle("only without alias", on=self._action == "mark", id="rule-alias")
        if "dependents" in self._known:
            yield Toggle("only without dependents", id="rule-dependents")
        if self._collection:
            yield Toggle(f"only in {safe(self._collection)}", id="rule-collection")
        yield self._filter

    def changed(self) -> None:
        """Show the filter that it makes, and ask what that comes to."""
        self._filter.show(Content(f"filter: {safe(self._text()) or 'everything'}"))
        super().changed()

    def _text(self) -> str:
        """The rule as a filter."""
        latest = self.text("rule-latest")
        age = self.text("rule-age")
        terms = (
            f"-latest:{latest}" if latest else "",
            f"age>{age}" if age else "",
            "alias:none" if self.is_on("rule-alias") else "",
            "dependents:0" if self.is_on("rule-dependents") else "",
        )
        return " ".join(term for term in terms if term)
