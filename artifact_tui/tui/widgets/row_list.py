"""A list of any length that holds only what is near the screen: review, tasks and trash use it.

Rows come in windows from a `Source`; one that is not there yet is drawn blank and asked for. A
move sends two lines, a new window the lines that differ, and nothing is sent while idle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from artifact_tui.tui.bindings import bindings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PAGE = 128
"""Rows asked for at once."""

PAGES_KEPT = 16
"""Windows remembered; the oldest goes first."""


class Source(Protocol[T_co]):
    """Where a list gets its rows from."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    async def window(self, start: int, count: int) -> Sequence[T_co]:
        """The rows from `start` (0 is the first), at most `count` of them."""


class Rows(Generic[T]):
    """A source for rows that are all in memory already."""

    def __init__(self, rows: Sequence[T]) -> None:
        self.rows = rows

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    async def window(self, start: int, count: int) -> Sequence[T]:
        """The rows from `start`, at most `count` of them."""
        return self.rows[start : start + count]


class RowList(ScrollView, Generic[T], can_focus=True):
    """Shows a source, one line a row, with a cursor.

    `draw(row, width)` gives the line; its untrusted parts must have passed `text.safe`.
    """

    BINDINGS = bindings_of("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor", "row-list--cursor-away"}

    DEFAULT_CSS = """
    RowList { height: 1fr; width: 1fr; overflow-x: hidden; overflow-y: auto;
              scrollbar-size-vertical: 1; }
    RowList > .row-list--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground;
    }
    RowList > .row-list--cursor-away { background: $boost; }
    """

    cursor: var[int] = var(0)
    """The row the user is on, counted from 0."""

    class Moved(Message):
        """The cursor is on another row, or its row has arrived."""

        def __init__(self, row_list: RowList[T]) -> None:
            super().__init__()
            self.row_list = row_list

        @property
        def control(self) -> RowList[T]:
            """The list, for `@on` with a selector."""
            return self.row_list

    def __init__(self, draw: Callable[[T, int], Content], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._draw = draw
        self._source: Source[T] = Rows(())
        self._pages: dict[int, Sequence[T]] = {}
        self._asked: set[int] = set()
        self._generation = 0

    @property
    def count(self) -> int:
        """How many rows the list has."""
        return self._source.count

    @property
    def current(self) -> T | None:
        """The row under the cursor; None while the list is empty or the row has not arrived."""
        return self.row_at(self.cursor)

    def row_at(self, index: int) -> T | None:
        """A row that is in memory, or None."""
        page = self._pages.get(index // PAGE)
        offset = index % PAGE
        return page[offset] if page is not None and offset < len(page) else None

    async def show(self, source: Source[T], *, cursor: int | None = None) -> None:
        """Show another source, once the rows that the screen needs have arrived.

        The cursor stays at its place unless one is given. Of two calls, the later one counts.
        """
        self._generation += 1
        generation = self._generation
        wanted = self.cursor if cursor is None else cursor
        target = max(0, min(wanted, source.count - 1))
        top = 0 if cursor is not None else int(self.scroll_offset.y)
        needed = {index // PAGE for index in (top, top + self.size.height, target)}
        pages = {
            page: await source.window(page * PAGE, PAGE)
            for page in sorted(needed)
            if page * PAGE < source.count
        }
        if generation == self._generation:
            self._swap(source, pages, target)

    def _swap(self, source: Source[T], pages: dict[int, Sequence[T]], target: int) -> None:
        before = [self.row_at(index) for index in self._visible()]
        resized = source.count != self._source.count
        self._source, self._pages, self._asked = source, pages, set()
        self.virtual_size = Size(self.size.width, source.count)
        if self.cursor != target:
            self.set_reactive(RowList.cursor, target)
            resized = True
        self._keep_in_view()
        if resized:
            self.refresh()
        else:
            for index, old in zip(self._visible(), before, strict=False):
                if self.row_at(index) != old:
                    self._refresh_row(index)
        self.post_message(self.Moved(self))

    def _visible(self) -> range:
        top = int(self.scroll_offset.y)
        return range(top, top + self.size.height)

    def redraw(self) -> None:
        """Draw every visible row again: what `draw` depends on has changed."""
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """The width changed: rows are laid out again."""
        self.virtual_size = Size(event.size.width, self.count)
        self._keep_in_view()
        self.refresh()

    # drawing

    def render_line(self, y: int) -> Strip:
        """For Textual: one line of the visible part."""
        index = int(self.scroll_offset.y) + y
        width = self.size.width
        base = self.visual_style
        if index >= self.count:
            return Strip([Segment(" " * width, base.rich_style)], width)
        row = self.row_at(index)
        if row is None:
            self._ask(index // PAGE)
            content = Content(" ")
        else:
            content = self._draw(row, width)
        content = content.truncate(width, ellipsis=True, pad=True)
        style = base + self._cursor_style() if index == self.cursor else base
        segments = [
            Segment(text, (style + own).rich_style)
            for text, own in content.render(style, end="", parse_style=self._row_style(index))
        ]
        return Strip(segments, width)

    def _row_style(self, index: int) -> Callable[[str | Style], Style]:
        """How the styles of a row's parts are read: colours give way to the cursor's."""
        if index != self.cursor or not self.has_focus:
            return self._get_style

        def plain(style: str | Style) -> Style:
            read = self._get_style(style)
            return Style(bold=read.bold, italic=read.italic, strike=read.strike)

        return plain

    def _cursor_style(self) -> Style:
        if self.app.native_ansi_color:
            return Style(reverse=True) if self.has_focus else Style(underline=True)
        name = "row-list--cursor" if self.has_focus else "row-list--cursor-away"
        return self.get_visual_style(name, partial=True)

    def _ask(self, page: int) -> None:
        if page not in self._asked:
            self._asked.add(page)
            self.run_worker(self._fetch(page, self._generation), group="rows")

    async def _fetch(self, page: int, generation: int) -> None:
        rows = await self._source.window(page * PAGE, PAGE)
        if generation != self._generation:
            return
        self._asked.discard(page)
        self._pages[page] = rows
        while len(self._pages) > PAGES_KEPT:
            del self._pages[next(iter(self._pages))]
        for index in self._visible():
            if index // PAGE == page:
                self._refresh_row(index)
        if self.cursor // PAGE == page:
            self.post_message(self.Moved(self))

    def _refresh_row(self, index: int) -> None:
        y = index - int(self.scroll_offset.y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # moving

    def watch_cursor(self, before: int, after: int) -> None:
        """Two lines change, unless the list scrolls."""
        self._refresh_row(before)
        self._refresh_row(after)
        self._keep_in_view()
        self.post_message(self.Moved(self))

    def watch_has_focus(self, _value: bool) -> None:  # noqa: FBT001
        """The cursor looks different without the keyboard."""
        self._refresh_row(self.cursor)

    def _keep_in_view(self) -> None:
        height = self.size.height
        if height <= 0:
            return
        top = int(self.scroll_offset.y)
        wanted = max(min(top, self.cursor), self.cursor - height + 1)
        limit = max(self.count - height, 0)
        if (target := min(wanted, limit)) != top:
            self.scroll_to(y=target, animate=False, force=True)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row; beyond the ends, on the last or first one."""
        self.cursor = max(0, min(index, self.count - 1))

    def on_click(self, event: events.Click) -> None:
        """The mouse puts the cursor on a row."""
        self.move_to(int(self.scroll_offset.y) + event.y)

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
        self.move_to(self.cursor + max(self.size.height // 2, 1))

    def action_half_up(self) -> None:
        """Half a page up."""
        self.move_to(self.cursor - max(self.size.height // 2, 1))

    def action_page_down(self) -> None:
        """A page down."""
        self.move_to(self.cursor + max(self.size.height - 1, 1))

    def action_page_up(self) -> None:
        """A page up."""
        self.move_to(self.cursor - max(self.size.height - 1, 1))
