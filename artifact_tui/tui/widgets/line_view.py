"""Lines that a widget draws itself and scrolls by whole lines: the base of every list.

Textual's own scrolling lays the screen out again when the number of lines changes, and its
scrollbar is drawn with every change of focus. Here a line that did not change is never sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from artifact_tui.tui.key_bindings import bindings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.content import Content
    from textual.events import MouseScrollDown, MouseScrollUp


WHEEL = 3
"""Lines a turn of the mouse wheel."""

_THUMB = "▐"
_DIM = Style(dim=True)


class LineView(Widget, can_focus=True):
    """Shows one `Content` a line, of which those from `top` on are visible.

    Untrusted parts of a line must have passed `text.safe`.
    """

    BINDINGS = bindings_of("list")
    ALLOW_SELECT = False

    DEFAULT_CSS = """
    LineView { height: 1fr; width: 1fr; background: $background; }
    LineView:ansi { background: ansi_default; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        # First: Textual refreshes a widget while it is made.
        self._ready: dict[int, Strip] = {}
        """Rows as they were drawn when they were compared last, until they are drawn again."""
        super().__init__(id=id)
        self.top = 0
        """The first visible line; set it with `scroll_line`."""
        self._lines: Sequence[Content] = ()
        self._drawn: dict[int, Strip] = {}

    @property
    def rich_style(self) -> Style:
        """As in Textual, of the colours that it keeps: every line asks for it."""
        return self.visual_style.rich_style

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def show_lines(self, lines: Sequence[Content], *, top: bool = False) -> None:
        """Show these lines; `top` scrolls to the first one."""
        self._lines = lines
        if top:
            self.top = 0
        self.changed()

    def draw(self, line: int) -> Strip:
        """One line, `inner_width` cells and cut at the edge; blank below the last one."""
        width, style = self.inner_width, self.visual_style
        if line >= self.count:
            return Strip.blank(width, self.rich_style)
        content = self._lines[line].truncate(width, ellipsis=True)
        strips = Visual.to_strips(self, content, width, 1, style, pad=True)
        return strips[0].discard_meta() if strips else Strip.blank(width, style.rich_style)

    def in_view(self) -> None:
        """Other lines may have come into view; nothing may wait in here."""

    def changed(self) -> None:
        """Draw what differs now, with another number of lines perhaps."""
        self.top = max(min(self.top, self.count - self.page_lines), 0)
        self.refresh_changed()

    # Size

    @property
    def inner_width(self) -> int:
        """Cells of one line; the last column of the widget shows where one is."""
        return max(self.content_size.width - 1, 0)

    @property
    def page_lines(self) -> int:
        """Lines that are visible at once, at least one."""
        return max(self.content_size.height, 1)

    def watch_virtual_size(self) -> None:
        """The size has changed.

        Not every widget gets its first Resize: one that is drawn between its mounting and its
        layout counts as one that was there before.
        """
        if self.size:
            self.sized()

    def sized(self) -> None:
        """Show what fits now."""
        self._drawn.clear()
        self.changed()
        self.in_view()

    # Scrolling

    def scroll_line(self, line: int) -> None:
        """Put a line at the top, as far as there are lines below it."""
        top = max(min(line, self.count - self.page_lines), 0)
        if top != self.top:
            self.top = top
            if self.size:
                self.refresh()
            self.in_view()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        event.prevent_default()
        self.scroll_line(self.top + WHEEL)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        event.prevent_default()
        self.scroll_line(self.top - WHEEL)

    # Drawing

    def refresh_lines(self, first: int, count: int = 1) -> None:
        """Draw some lines again, as far as they are visible."""
        if not self.size:
            return
        start = max(first, self.top)
        end = min(first + count, self.top + self.page_lines)
        if start < end:
            self.refresh(Region(0, start - self.top, self.content_size.width, end - start))

    def refresh_changed(self) -> None:
        """Draw those rows of the widget again that differ from what is on the screen."""
        ready = {}
        for y in range(self.content_size.height):
            before = self._drawn.get(y)
            row = None if before is None else self._row(y)
            if row is None or before != row:
                self.refresh(Region(0, y, self.content_size.width, 1))
            if row is not None:
                ready[y] = row
        self._ready = ready

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """As in Textual; rows that were drawn before may look otherwise now."""
        self._ready.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Colours have changed."""
        super().notify_style_update()
        self._drawn.clear()
        self._ready.clear()

    def render_line(self, y: int) -> Strip:
        """One visible line, for Textual."""
        ready = self._ready.pop(y, None)
        strip = self._drawn[y] = self._row(y) if ready is None else ready
        return strip

    def _row(self, y: int) -> Strip:
        """One row of the widget: a line, and the mark that shows where one is."""
        base, height, count = self.rich_style, self.page_lines, self.count
        last = Segment(" ", base)
        if count > height:
            length = max(height * height // count, 1)
            first = self.top * (height - length) // (count - height)
            if first <= y < first + length:
                last = Segment(_THUMB, base + _DIM)
        strip = self.draw(self.top + y).adjust_cell_length(self.inner_width, base)
        return compact([*strip, last])

    # The keyboard

    def on_focus(self, event: events.Focus) -> None:
        """Draw the line that shows where the keyboard is, not everything."""
        event.prevent_default()
        self.has_focus = True
        self.refresh_lines(self.here)
        if self.parent is not None:
            self.parent.post_message(events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        """Draw the line that showed where the keyboard was, not everything."""
        event.prevent_default()
        self.has_focus = False
        self.refresh_lines(self.here)
        if self.parent is not None:
            self.parent.post_message(events.DescendantBlur(self))

    @property
    def here(self) -> int:
        """The line that moves start from."""
        return self.top

    def move_to(self, line: int) -> None:
        """Go to a line, or as near as there is one."""
        self.scroll_line(line)

    def move_by(self, lines: int) -> None:
        """Go so many lines down, or up, the view with them."""
        self.move_to(self.here + lines)

    def action_down(self) -> None:
        """One line down."""
        self.move_to(self.here + 1)

    def action_up(self) -> None:
        """One line up."""
        self.move_to(self.here - 1)

    def action_top(self) -> None:
        """To the first line."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """To the last line."""
        self.move_to(self.count - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.move_by(self.page_lines // 2 or 1)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.move_by(-(self.page_lines // 2 or 1))

    def action_page_down(self) -> None:
        """A page down."""
        self.move_by(self.page_lines)

    def action_page_up(self) -> None:
        """A page up."""
        self.move_by(-self.page_lines)


def compact(segments: Iterable[Segment]) -> Strip:
    """A line of fewer pieces that looks alike: each costs some 30 bytes of colours on the wire.

    A blank has no colour of its own but its background, so it joins its neighbour.
    """
    found: list[tuple[str, Style | None]] = []

    def joins(text: str, style: Style | None) -> bool:
        before, other = found[-1]
        if other == style:
            return True
        if other is None or style is None or not (before.isspace() or text.isspace()):
            return False
        plain = not (other.underline or style.underline or other.reverse or style.reverse)
        return plain and other.bgcolor == style.bgcolor

    for text, style, _ in segments:
        if found and joins(text, style):
            before, other = found[-1]
            found[-1] = (before + text, style if before.isspace() else other)
        elif text:
            found.append((text, style))
    return Strip([Segment(text, style) for text, style in found])
