"""The command palette: every command of the screen, found by its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.fuzzy import Matcher
from textual.widgets import Static

from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.menu import Entry, EntryList
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.widgets import Input

SHOWN = 12
"""Commands visible at once."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something the palette can start: an action, with the words that find it."""

    title: str
    action: str
    key: str = ""
    reason: str = ""
    """Why it cannot be used now, in safe words; empty when it can."""


class Palette(Dialog[Command]):
    """Type some letters of a command, choose it with enter."""

    BINDINGS = bindings_of("palette")
    FOCUS = "#palette-input"

    DEFAULT_CSS = f"""
    Palette {{ width: 76; }}
    Palette > Horizontal {{ height: 1; }}
    Palette Static {{ width: 2; color: $text-accent; }}
    Palette > EntryList {{ height: {SHOWN}; margin-top: 1; }}
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__(id="palette")
        self._commands = commands
        self.border_title = Content("Commands")

    def compose(self) -> ComposeResult:
        """The line to type in, and what it finds."""
        with Horizontal():
            yield Static(Content(":"))
            yield OneLine(id="palette-input")
        entries = EntryList([entry_for(command) for command in self._commands])
        entries.can_focus = False
        yield entries

    @property
    def _list(self) -> EntryList[Command]:
        return self.query_one(EntryList)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what matches, the best first."""
        event.stop()
        self._list.set_entries([entry_for(c) for c in find(self._commands, event.value)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Start the command under the cursor."""
        event.stop()
        entry = self._list.current
        if entry is not None:
            self.close(entry.value)

    def on_cursor_list_opened(self) -> None:
        """A double click starts a command."""
        entry = self._list.current
        if entry is not None:
            self.close(entry.value)

    def action_down(self) -> None:
        """The command below."""
        self._list.action_down()

    def action_up(self) -> None:
        """The command above."""
        self._list.action_up()


def entry_for(command: Command) -> Entry[Command]:
    """A command as a line; one that cannot be used says why."""
    return Entry(
        command,
        command.title,
        note=command.reason or command.key,
        disabled=bool(command.reason),
    )


def find(commands: Sequence[Command], text: str) -> list[Command]:
    """The commands whose words have these letters in order, the best match first."""
    if not text.strip():
        return list(commands)
    matcher = Matcher(text.strip())
    scored = [(matcher.match(command.title), index) for index, command in enumerate(commands)]
    return [commands[i] for score, i in sorted(scored, key=lambda s: (-s[0], s[1])) if score > 0]
