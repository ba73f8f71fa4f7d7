"""A menu: a dialog with one line an entry; a letter, or the cursor and enter, chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip

from artifact_tui.text import pad, width
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One line of a menu. Its words are ours, or safe."""

    value: T
    label: str
    letter: str = ""
    """A key that chooses it at once; j and k move."""
    note: str = ""
    sign: str = " "
    disabled: bool = False


class EntryList(CursorList, Generic[T]):
    """The lines of a menu."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"menu--letter", "menu--note", "menu--off"}

    DEFAULT_CSS = """
    EntryList {
        background: $surface;
        & > .menu--letter { color: $text-accent; text-style: bold; }
        & > .menu--note { text-style: dim; }
        & > .menu--off { text-style: dim italic; }
    }
    """

    def __init__(self, entries: Sequence[Entry[T]]) -> None:
        super().__init__(id="entries")
        self.entries = entries

    @property
    def count(self) -> int:
        """How many entries."""
        return len(self.entries)

    @property
    def current(self) -> Entry[T] | None:
        """The entry under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def set_entries(self, entries: Sequence[Entry[T]]) -> None:
        """Show these entries, the cursor on the first."""
        self.entries = entries
        self.changed()
        self.place_cursor(0, 0)

    def paint(self, line: int) -> Strip:
        """One entry."""
        entry = self.entries[line]
        letter = self.ink("menu--letter")
        note = self.ink("menu--note")
        off = self.ink("menu--off")
        room = self.inner_width - 6
        label = pad(entry.label, max(room - width(entry.note) - 1, 8))
        return Strip(
            [
                Segment(f"{entry.sign} ", note),
                Segment(f"{entry.letter or ' '} ", letter),
                Segment(label, off) if entry.disabled else Segment(label),
                Segment(f" {entry.note} ", off if entry.disabled else note),
            ]
        )


class Menu(Dialog[T]):
    """Choose one of some entries."""

    BINDINGS = bindings_of("menu")
    FOCUS = "#entries"

    def __init__(self, title: str, entries: Sequence[Entry[T]], *, start: int = 0) -> None:
        super().__init__()
        self.border_title = Content(title)
        self._entries = entries
        self._start = start

    def compose(self) -> ComposeResult:
        """The list."""
        entries = EntryList(self._entries)
        entries.styles.height = min(len(self._entries), 20)
        yield entries

    def on_mount(self) -> None:
        """The cursor goes to the present choice."""
        self.query_one(EntryList).place_cursor(self._start, 0)

    def on_key(self, event: events.Key) -> None:
        """A letter chooses."""
        for entry in self._entries:
            if entry.letter and event.character == entry.letter and not entry.disabled:
                event.stop()
                event.prevent_default()
                self.close(entry.value)
                return

    def on_cursor_list_opened(self) -> None:
        """A double click chooses."""
        self.action_choose()

    def action_choose(self) -> None:
        """Choose what is under the cursor."""
        entry = self.query_one(EntryList).current
        if entry is not None and not entry.disabled:
            self.close(entry.value)
