"""Help: the keys that apply here, written from the table of keys, and the filter language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.query import FIELDS
from artifact_tui.text import pad, safe
from artifact_tui.tui.bindings import PLACES, bindings_of, rows_of
from artifact_tui.tui.keymap import shown_keys
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines_view import LinesView
from artifact_tui.tui.widgets.wrap import LABEL, fact, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from textual.app import ComposeResult

    from artifact_tui.tui.keyrow import KeyRow
    from artifact_tui.tui.signs import Signs

_SYNTAX = (
    "Words narrow by name. Terms are joined by “and”, | is “or”, - negates, quotes hold spaces, "
    "* stands for anything. For what is ordered: < <= > >="
)


class HelpLines(LinesView):
    """The help for one place, written for its width."""

    DEFAULT_CSS = "HelpLines { background: $surface; }"

    def __init__(
        self,
        place: str,
        keymap: Mapping[str, str],
        why_not: Callable[[str], str],
        signs: Signs,
    ) -> None:
        super().__init__(id="help-lines")
        self._place = place
        self._keymap = keymap
        self._why_not = why_not
        self._signs = signs

    def sized(self) -> None:
        """Write for the width."""
        super().sized()
        self.show(list(self._written(max(self.inner_width - 1, 30))))

    def _written(self, width: int) -> Iterator[Content]:
        for place in (self._place, "list", "app"):
            yield Content.styled(PLACES[place], "bold $accent")
            for row in rows_of(place):
                yield from self._key_lines(row, width)
            yield Content("")
        if self._place == "browse":
            yield from self._signs_lines(width)
            yield from filter_lines(width)

    def _key_lines(self, row: KeyRow, width: int) -> Iterator[Content]:
        keys = Content.styled(pad(shown_keys(self._keymap, row), LABEL + 4), "bold")
        reason = self._why_not(row.id)
        text = words(row.help) if not reason else words(row.help, "dim")
        text.append(Content.styled(row.id, "dim"))
        if reason:
            text += words(f"Not possible here: {safe(reason)}.", "$text-warning")
        for index, line in enumerate(fact("", text, width - 4)):
            yield Content.assemble(keys if not index else " " * (LABEL + 4), line[LABEL:])

    def _signs_lines(self, width: int) -> Iterator[Content]:
        signs = self._signs
        yield Content.styled("Signs", "bold $accent")
        for sign, meaning in (
            (signs.mark, "marked"),
            (signs.partly, "a collection with some versions marked"),
            (signs.protected, "a protected alias: the version cannot be deleted"),
            (f"{signs.dependents}3", "live versions made directly from this one"),
            (signs.ttl, "time until its registry deletes it"),
            (signs.trash, "in the trash"),
            (signs.pending, "its bytes are not complete yet"),
        ):
            yield from fact(sign, words(meaning), width)
        yield Content("")


class HelpBox(Dialog[None]):
    """The help over a screen."""

    BINDINGS = bindings_of("help")
    FOCUS = "#help-lines"

    DEFAULT_CSS = """
    HelpBox { width: 86; height: 90%; }
    """

    def __init__(self, lines: HelpLines) -> None:
        super().__init__(id="help")
        self._help = lines
        self.border_title = Content("Help")
        self.border_subtitle = Content("j k scroll  esc back")

    def compose(self) -> ComposeResult:
        """The lines."""
        yield self._help


def filter_lines(width: int) -> Iterator[Content]:
    """The filter language, from its own table of fields."""
    yield Content.styled("Filter", "bold $accent")
    yield from (line[LABEL:] for line in fact("", words(_SYNTAX), width + LABEL))
    for name, field in FIELDS.items():
        yield from fact(name, words(field.help), width)
