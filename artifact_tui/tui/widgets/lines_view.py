"""Lines of styled text that scroll. Showing new lines sends only those that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip
from textual.visual import Visual

from artifact_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.content import Content


class LinesView(LineView):
    """Shows one `Content` a line; untrusted parts must have passed `text.safe`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: Sequence[Content] = ()

    @property
    def count(self) -> int:
        """How many lines."""
        return len(self._lines)

    @property
    def lines(self) -> Sequence[Content]:
        """What is shown."""
        return self._lines

    def show(self, lines: Sequence[Content], *, top: bool = False) -> None:
        """Show these lines; `top` scrolls to the first one."""
        self._lines = lines
        if top:
            self.top = 0
        self.changed()

    def draw(self, line: int) -> Strip:
        """One line, cut at the edge."""
        width = self.inner_width
        style = self.visual_style
        content = self._lines[line].truncate(width, ellipsis=True)
        strips = Visual.to_strips(self, content, width, 1, style, pad=True)
        return strips[0].discard_meta() if strips else Strip.blank(width, style.rich_style)
