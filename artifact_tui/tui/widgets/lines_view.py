"""Lines of styled text that scroll. Showing new lines sends only those that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from artifact_tui.tui.bindings import bindings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.content import Content


class LinesView(ScrollView, can_focus=True):
    """Shows one `Content` a line; untrusted parts must have passed `text.safe`."""

    BINDINGS = bindings_of("list")

    DEFAULT_CSS = """
    LinesView {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        background: $background;
    }
    LinesView:ansi { background: ansi_default; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: Sequence[Content] = ()

    @property
    def inner_width(self) -> int:
        """Cells of one line."""
        return self.scrollable_content_region.width

    @property
    def lines(self) -> Sequence[Content]:
        """What is shown."""
        return self._lines

    def show(self, lines: Sequence[Content], *, top: bool = False) -> None:
        """Show these lines; `top` scrolls to the first one."""
        before, self._lines = self._lines, lines
        height = max(len(before), len(lines))
        self.virtual_size = Size(self.inner_width, len(lines))
        if top and self.scroll_offset.y:
            self.scroll_to(y=0, animate=False, immediate=True, force=True)
        for index in range(height):
            old = before[index] if index < len(before) else None
            new = lines[index] if index < len(lines) else None
            if old is None or new is None or not old.is_same(new):
                self.refresh_line(index)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again."""
        del event
        self.virtual_size = Size(self.inner_width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """One visible line, for Textual."""
        index = self.scroll_offset.y + y
        width = self.inner_width
        style = self.visual_style
        if index >= len(self._lines) or width <= 0:
            return Strip.blank(width, style.rich_style)
        line = self._lines[index].truncate(width, ellipsis=True)
        strips = Visual.to_strips(self, line, width, 1, style, pad=True)
        return strips[0] if strips else Strip.blank(width, style.rich_style)

    def scroll_lines(self, lines: int) -> None:
        """Scroll by so many lines, down when positive."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True, force=True)

    def action_down(self) -> None:
        """One line down."""
        self.scroll_lines(1)

    def action_up(self) -> None:
        """One line up."""
        self.scroll_lines(-1)

    def action_top(self) -> None:
        """To the first line."""
        self.scroll_lines(-len(self._lines))

    def action_bottom(self) -> None:
        """To the last line."""
        self.scroll_lines(len(self._lines))

    def action_half_down(self) -> None:
        """Half a page down."""
        self.scroll_lines(self.size.height // 2)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.scroll_lines(-(self.size.height // 2))

    def action_page_down(self) -> None:
        """A page down."""
        self.scroll_lines(self.size.height)

    def action_page_up(self) -> None:
        """A page up."""
        self.scroll_lines(-self.size.height)
