"""An input of one line: no blinking, and nothing invisible gets in by pasting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

if TYPE_CHECKING:
    from textual.events import Paste


class OneLine(Input):
    """Textual's input, quiet while idle (a blinking cursor sends 2.7 KB a second)."""

    DEFAULT_CSS = """
    OneLine { height: 1; width: 1fr; border: none; padding: 0; background: $boost; }
    OneLine:focus { border: none; }
    OneLine:ansi { background: ansi_default; }
    """

    def __init__(self, value: str = "", *, id: str | None = None, disabled: bool = False) -> None:  # noqa: A002
        super().__init__(value, id=id, disabled=disabled, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def on_paste(self, event: Paste) -> None:
        """Take the first line of a paste, without what cannot be seen."""
        event.stop()
        event.prevent_default()
        line = event.text.partition("\n")[0].rstrip("\r")
        self.insert_text_at_cursor("".join(char for char in line if char.isprintable()))
