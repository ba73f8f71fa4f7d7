"""A list that draws its visible lines itself and has a cursor: the base of every long list.

A cursor move repaints two lines and nothing else. A subclass says how many lines there are
(`count`) and paints one (`paint`); it calls `changed()` when either has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from artifact_tui.tui.bindings import bindings_of

if TYPE_CHECKING:
    from textual import events


class CursorList(ScrollView, can_focus=True):
    """Lines with a cursor, and a range that starts where the user said so."""

    BINDINGS = bindings_of("list")

    COMPONENT_CLASSES: ClassVar[set[str]] = {"list--cursor", "list--cursor-blurred"}

    DEFAULT_CSS = """
    CursorList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        background: $background;
        & > .list--cursor { background: $primary 40%; text-style: bold; }
        & > .list--cursor-blurred { background: $primary 20%; }
        &:ansi { background: ansi_default; }
        &:ansi > .list--cursor { background: ansi_default; text-style: reverse; }
        &:ansi > .list--cursor-blurred { background: ansi_default; text-style: reverse; }
    }
    """

    cursor: var[int] = var(0, init=False)
    """The line that the cursor is on; not reactive, so that a move repaints two lines only."""

    class Moved(Message):
        """The cursor is on another row, or the row under it has changed."""

        def __init__(self, control: CursorList) -> None:
            super().__init__()
            self._list = control

        @property
        def control(self) -> CursorList:
            """The list."""
            return self._list

    class Opened(Message):
        """The mouse asked for the row under the cursor to be opened."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._range: int | None = None

    def ink(self, component: str) -> Style:
        """The style of a component without its background: a line has one of its own."""
        style = self.get_component_rich_style(component)
        return Style(
            color=style.color,
            bold=style.bold,
            italic=style.italic,
            underline=style.underline,
            dim=style.dim,
        )

    # For subclasses

    @property
    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def paint(self, line: int) -> Strip:
        """One line in its own colours; base and cursor colours are laid under it."""
        raise NotImplementedError

    def in_view(self) -> None:
        """Other lines may have come into view; nothing may wait in here."""

    def changed(self) -> None:
        """Draw again, with another number of lines perhaps."""
        self.virtual_size = Size(self.inner_width, self.count)
        self.refresh()

    # Size

    @property
    def inner_width(self) -> int:
        """Cells of one line."""
        return self.scrollable_content_region.width

    @property
    def page_lines(self) -> int:
        """Lines that are visible at once, at least one."""
        return max(self.scrollable_content_region.height, 1)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view."""
        del event
        self.changed()
        self.reveal()
        self.in_view()

    # Moving

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, or as near as there is one."""
        self.cursor = min(max(line, 0), max(self.count - 1, 0))

    def place_cursor(self, line: int, top: int) -> None:
        """Put the cursor on a line and `top` at the top, in silence: the rows have changed."""
        self.set_reactive(CursorList.cursor, min(max(line, 0), max(self.count - 1, 0)))
        self.scroll_line(top)
        self.reveal()

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaint the two lines, or the range between them, and bring the new one into view."""
        if self._range is None:
            self.refresh_line(old)
            self.refresh_line(new)
        else:
            first, last = sorted((old, new))
            self.refresh_lines(first, last - first + 1)
        self.reveal()
        self.post_message(self.Moved(self))

    def reveal(self) -> None:
        """Scroll as little as needed to see the cursor."""
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_line(self.cursor)
        elif self.cursor >= top + self.page_lines:
            self.scroll_line(self.cursor - self.page_lines + 1)

    def scroll_line(self, line: int) -> None:
        """Put a line at the top, as far as there are lines below it."""
        line = min(max(line, 0), max(self.count - self.page_lines, 0))
        self.scroll_to(y=line, animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines have come into view."""
        super().watch_scroll_y(old_value, new_value)
        self.in_view()

    def action_down(self) -> None:
        """One row down."""
        self.move_to(self.cursor + 1)

    def action_up(self) -> None:
        """One row up."""
        self.move_to(self.cursor - 1)

    def action_top(self) -> None:
        """The first row."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """The last row."""
        self.move_to(self.count - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._page(self.page_lines // 2 or 1)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._page(-(self.page_lines // 2 or 1))

    def action_page_down(self) -> None:
        """A page down."""
        self._page(self.page_lines)

    def action_page_up(self) -> None:
        """A page up."""
        self._page(-self.page_lines)

    def _page(self, lines: int) -> None:
        """Move cursor and view together, so that the cursor stays where the eye is."""
        self.scroll_line(self.scroll_offset.y + lines)
        self.move_to(self.cursor + lines)

    # Choosing a range

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and the last line of the range that is being chosen."""
        if self._range is None:
            return None
        first, last = sorted((self._range, self.cursor))
        return first, last

    def start_range(self) -> None:
        """Choose a range from the cursor on."""
        self._range = self.cursor
        self.refresh_line(self.cursor)

    def end_range(self) -> None:
        """Stop choosing."""
        if self._range is not None:
            self._range = None
            self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One visible line, for Textual."""
        line = self.scroll_offset.y + y
        width = self.inner_width
        if not 0 <= line < self.count:
            return Strip.blank(width, self.rich_style)
        strip = self.paint(line)
        if line != self.cursor:
            return strip.apply_style(self.rich_style).adjust_cell_length(width, self.rich_style)
        return self._under_cursor(strip, width)

    def _under_cursor(self, strip: Strip, width: int) -> Strip:
        name = "list--cursor" if self.has_focus else "list--cursor-blurred"
        style: Style = self.get_component_rich_style(name)
        if style.reverse:  # reversed colours would make a patchwork
            strip = Strip([Segment(strip.text, style)])
        return strip.apply_style(style).adjust_cell_length(width, style)

    # The mouse

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where the mouse is; a second click opens."""
        line = self.scroll_offset.y + event.y
        if 0 <= line < self.count:
            self.move_to(line)
            if event.chain > 1:
                self.post_message(self.Opened())
