"""A few lines of facts below a list: wrapped, and only the lines that differ are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.events import Resize

_MARGIN = 1
"""Cells to each side."""


class FactsPane(Widget):
    """Shows `Content` of some lines; what does not fit below is not seen."""

    DEFAULT_CSS = "FactsPane { height: 3; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._content = Content("")
        self._rows: list[Content] = []

    def show(self, content: Content) -> None:
        """Show this from now on. Untrusted parts must have passed `text.safe`."""
        before, self._content = self._rows, content
        self._rows = self._wrapped()
        for y in range(self.size.height):
            old, new = _at(before, y), _at(self._rows, y)
            if not old.is_same(new):
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self, event: Resize) -> None:
        """Wrap again."""
        del event
        self._rows = self._wrapped()
        self.refresh()

    def _wrapped(self) -> list[Content]:
        width = self.size.width - 2 * _MARGIN
        if width < 1:
            return []
        rows: list[Content] = []
        for line in self._content.split(allow_blank=True):
            rows += line.wrap(width) if line else [line]
        return rows

    def render_line(self, y: int) -> Strip:
        """One row, for Textual."""
        style = self.visual_style
        blank = Segment(" " * _MARGIN, style.rich_style)
        room = max(self.size.width - 2 * _MARGIN, 0)
        row = _at(self._rows, y).truncate(room, pad=True)
        inner = [
            Segment(text, (style + own).rich_style)
            for text, own in row.render(style, end="", parse_style=self._get_style)
        ]
        return Strip([blank, *inner, blank], self.size.width).simplify()


def _at(rows: list[Content], y: int) -> Content:
    return rows[y] if y < len(rows) else Content("")
