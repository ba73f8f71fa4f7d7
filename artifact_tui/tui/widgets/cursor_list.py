"""A list with a cursor: the base of the tree, of menus, and of the lists of other screens.

A cursor move repaints two lines and nothing else. A subclass says how many lines there are
(`count`) and paints one (`paint`); it calls `changed()` when either has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from artifact_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from textual.events import Click


class CursorList(LineView):
    """Lines with a cursor, and a range that starts where the user said so."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"list--cursor", "list--cursor-blurred"}

    DEFAULT_CSS = """
    CursorList {
        & > .list--cursor { background: $primary 40%; text-style: bold; }
        & > .list--cursor-blurred { background: $primary 20%; }
        &:ansi > .list--cursor { background: ansi_default; text-style: reverse; }
        &:ansi > .list--cursor-blurred { background: ansi_default; text-style: reverse; }
    }
    """

    cursor: var[int] = var(0, init=False)
    """The line that the cursor is on; not reactive, so that a move repaints two lines only."""

    class _About(Message):
        """Something about one list."""

        def __init__(self, control: CursorList) -> None:
            super().__init__()
            self._list = control

        @property
        def control(self) -> CursorList:
            """The list, for `@on` with a selector."""
            return self._list

    class Moved(_About):
        """The cursor is on another row, or the row under it has changed."""

    class Opened(_About):
        """The mouse asked for the row under the cursor to be opened."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._range: int | None = None
        self.swapped = 0.0
        """When the row under the cursor became another without a key (the clock of
        `Message.time`): keys that were pressed before were meant for the row that it was."""

    @property
    def arriving(self) -> bool:
        """Whether the row under the cursor is being fetched."""
        return False

    def paint(self, line: int) -> Strip:
        """One line in its own colours; base and cursor colours are laid under it."""
        raise NotImplementedError

    def sized(self) -> None:
        """Keep the cursor in view."""
        super().sized()
        self.reveal()

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
        if self.cursor < self.top:
            self.scroll_line(self.cursor)
        elif self.cursor >= self.top + self.page_lines:
            self.scroll_line(self.cursor - self.page_lines + 1)

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
        self.scroll_line(self.top + lines)
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
        chosen = self.range
        if chosen is not None:
            self._range = None
            self.refresh_lines(chosen[0], chosen[1] - chosen[0] + 1)

    # Drawing

    def focus_changed(self) -> None:
        """The cursor looks different without the keyboard."""
        self.refresh_line(self.cursor)

    def draw(self, line: int) -> Strip:
        """A painted line on its background."""
        strip = self.paint(line)
        width = self.inner_width
        if line != self.cursor:
            base = self.rich_style
            return strip.apply_style(base).adjust_cell_length(width, base)
        name = "list--cursor" if self.has_focus else "list--cursor-blurred"
        style = self.get_component_rich_style(name)
        if style.reverse:  # reversed colours would make a patchwork
            strip = Strip([Segment(strip.text, style)])
        return strip.apply_style(style).adjust_cell_length(width, style)

    # The mouse

    def on_click(self, event: Click) -> None:
        """The cursor goes where the mouse is; a second click opens."""
        line = self.top + event.y - self.content_offset.y
        if 0 <= line < self.count:
            self.move_to(line)
            if event.chain > 1:
                self.post_message(self.Opened(self))
