"""Help and the command palette, both written from the table of keys.

Help lists the keys that apply here, and the filter language. The palette finds a command of the
screen, one of everywhere, or a theme, by its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.fuzzy import Matcher
from textual.widgets import Static

from artifact_tui.query import FIELDS
from artifact_tui.text import pad, safe
from artifact_tui.tui.key_bindings import PLACES, bindings_of, rows_of
from artifact_tui.tui.keymap import shown_key, shown_keys
from artifact_tui.tui.widgets.dialogs import Dialog, MenuEntry, entry_line
from artifact_tui.tui.widgets.line_view import LineView
from artifact_tui.tui.widgets.line_widgets import LABEL, OneLine, fact, words
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.widgets import Input

    from artifact_tui.tui.key_bindings import KeyRow
    from artifact_tui.tui.terminal import Signs


_FILTER_SYNTAX = (
    "Words narrow by name. Terms are joined by “and”, | is “or”, - negates, quotes hold spaces, "
    "* stands for anything. For what is ordered: < <= > >="
)


class HelpLines(LineView):
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
        self.show_lines(list(self._written(max(self.inner_width - 1, 30))))

    def _written(self, width: int) -> Iterator[Content]:
        for place in (self._place, "list", "app"):
            yield Content.styled(PLACES[place], "bold $accent")
            for row in rows_of(place):
                yield from self._key_lines(row, width)
            yield Content("")
        if self._place == "browse":
            yield from self._signs_lines(width)
            yield Content.styled("Filter", "bold $accent")
            yield from (line[LABEL:] for line in fact("", words(_FILTER_SYNTAX), width + LABEL))
            for name, field in FIELDS.items():
                yield from fact(name, words(field.help), width)

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

    def __init__(
        self,
        place: str,
        keymap: Mapping[str, str],
        why_not: Callable[[str], str],
        signs: Signs,
    ) -> None:
        super().__init__(id="help")
        self._help = HelpLines(place, keymap, why_not, signs)
        self.border_title = Content("Help")
        self.border_subtitle = Content("j k scroll  esc back")

    def compose(self) -> ComposeResult:
        """The lines."""
        yield self._help


COMMANDS_SHOWN = 12
"""Commands visible at once."""


class Palette(Dialog[MenuEntry[str]]):
    """Type some letters of a command, choose it with enter; it ends with an action's entry."""

    BINDINGS = bindings_of("palette")
    FOCUS = "#palette-input"

    DEFAULT_CSS = f"""
    Palette {{ width: 76; }}
    Palette > Horizontal {{ height: 1; }}
    Palette Static {{ width: 2; color: $text-accent; }}
    Palette > RowList {{ height: {COMMANDS_SHOWN}; margin-top: 1; background: $surface; }}
    """

    def __init__(self, commands: Sequence[MenuEntry[str]]) -> None:
        super().__init__(id="palette")
        self._commands = commands
        self._list = RowList[MenuEntry[str]](entry_line, id="entries")
        self._list.can_focus = False
        self.border_title = Content("Commands")

    def compose(self) -> ComposeResult:
        """The line to type in, and what it finds."""
        with Horizontal():
            yield Static(Content(":"))
            yield OneLine(id="palette-input")
        yield self._list

    def on_mount(self) -> None:
        """Show all of them."""
        self._list.put(self._commands, cursor=0)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show those whose words have these letters in order, the best match first."""
        event.stop()
        commands, letters = self._commands, event.value.strip()
        if letters:
            score = {one.label: Matcher(letters).match(one.label) for one in commands}
            matching = [one for one in commands if score[one.label] > 0]
            commands = sorted(matching, key=lambda one: -score[one.label])
        self._list.put(commands, cursor=0)

    def on_input_submitted(self) -> None:
        """Start the command under the cursor."""
        entry = self._list.current
        if entry is not None:
            self.close(entry)

    on_cursor_list_opened = on_input_submitted
    """A double click starts a command, too."""

    def action_down(self) -> None:
        """The command below."""
        self._list.action_down()

    def action_up(self) -> None:
        """The command above."""
        self._list.action_up()


def commands_for(
    place: str, keymap: Mapping[str, str], why_not: Callable[[str], str], themes: Iterable[str]
) -> Iterator[MenuEntry[str]]:
    """The action of every key at this place, then the themes; one that cannot be used says why."""
    for row in (*rows_of(place), *rows_of("app")):
        if row.id != "app.palette":
            reason = why_not(row.id)
            yield MenuEntry(
                f"app.{row.verb}" if row.where == "app" else row.action or row.verb,
                f"{row.label}: {row.help}",
                note=reason or shown_key(keymap, row),
                disabled=bool(reason),
            )
    for name in sorted(themes):
        yield MenuEntry(f"app.use_theme('{name}')", f"theme: {name}")
