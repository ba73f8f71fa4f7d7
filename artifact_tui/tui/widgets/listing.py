"""A dialog with lines to read, as many as there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.row_list import RowList, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

_MOST = 30


class Listing(Dialog[None]):
    """Shows lines of safe text until it is left."""

    BINDINGS = bindings_of("listing")
    FOCUS = "#listing-lines"
    DEFAULT_CSS = "Listing { width: 94%; }"

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__(id="listing")
        self._lines = lines
        self.border_title = Content(title)
        self.border_subtitle = Content("esc back")

    def compose(self) -> ComposeResult:
        """The lines."""
        lines = RowList[str](lambda line, _width: Content(line), id="listing-lines")
        lines.styles.height = min(len(self._lines), _MOST, self.screen.size.height * 3 // 4)
        yield lines

    def on_mount(self) -> None:
        """Fill it."""
        lines: RowList[str] = self.query_one("#listing-lines", RowList)
        lines.call_later(lines.show, Rows(self._lines))
