"""A list of rows of one sort, of any length: all lists but that of versions are made of it.

Rows come in windows from a `RowSource`; one that is not there yet is drawn blank and asked for.
Showing a source whose visible rows are the same sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from rich.segment import Segment
from rich.style import Style as Ink
from textual.message import Message
from textual.strip import Strip

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.widgets.line_view import CursorList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.content import Content
    from textual.style import Style


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PAGE = 128
"""Rows asked for at once."""

PAGES_KEPT = 16
"""Windows remembered; the oldest goes first."""


class RowSource(Protocol[T_co]):
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


class RowList(CursorList, Generic[T]):
    """Shows a source, one line a row.

    `draw(row, width)` gives the line; its untrusted parts must have passed `text.safe`. `key(row)`
    tells whether a row is the same when the list is read again.
    """

    DEFAULT_CSS = "RowList { width: 1fr; }"

    class Failed(Message):
        """A window could not be read; the rows stay as they were."""

        def __init__(self, error: ArtifactTuiError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        draw: Callable[[T, int], Content],
        *,
        key: Callable[[T], object] = lambda row: row,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._draw_row = draw
        self._key = key
        self._source: RowSource[T] = Rows(())
        self._pages: dict[int, Sequence[T]] = {}
        self._asked: set[int] = set()
        self._showing = 0

    @property
    def count(self) -> int:
        """How many rows the list has."""
        return self._source.count

    @property
    def current(self) -> T | None:
        """The row under the cursor; None while the list is empty or the row has not arrived."""
        return self.row_at(self.cursor)

    @property
    def arriving(self) -> bool:
        """Whether the row under the cursor is being fetched."""
        return self.cursor // PAGE in self._asked and self.current is None

    def row_at(self, index: int) -> T | None:
        """A row that is in memory, or None."""
        page = self._pages.get(index // PAGE)
        offset = index % PAGE
        return page[offset] if page is not None and offset < len(page) else None

    async def show(self, source: RowSource[T], *, cursor: int | None = None) -> None:
        """Show another source, once the rows that the screen needs have arrived.

        The cursor stays at its line unless another is given. Of two calls, the later one counts.
        """
        self._showing += 1
        showing = self._showing
        pages: dict[int, Sequence[T]] = {}
        while True:
            line = max(0, min(self.cursor if cursor is None else cursor, source.count - 1))
            top = max(0, min(self.top, line))
            first = {index // PAGE for index in (top, top + self.page_lines, line)}
            needed = {page for page in first if page * PAGE < source.count} - pages.keys()
            if not needed:  # also for where keys have moved the cursor meanwhile
                break
            try:
                for page in sorted(needed):
                    pages[page] = await source.window(page * PAGE, PAGE)
            except ArtifactTuiError as error:
                self.post_message(self.Failed(error))
                return
            if showing != self._showing:
                return
        before = self.current
        self._swap(source, pages, line, top)
        now = self.current
        if cursor is None and before is not None and self._identity(now) != self._identity(before):
            self.swapped = Message().time

    def put(self, rows: Sequence[T], *, cursor: int, top: int = 0) -> None:
        """Show rows that are all here, the cursor on one of them, from `top` on if it is seen."""
        self._showing += 1
        pages = {n // PAGE: rows[n : n + PAGE] for n in range(0, len(rows), PAGE)}
        self._swap(Rows(rows), pages, cursor, top)

    def _identity(self, row: T | None) -> object:
        return None if row is None else self._key(row)

    def _swap(
        self, source: RowSource[T], pages: dict[int, Sequence[T]], line: int, top: int
    ) -> None:
        same_count = source.count == self.count
        before = [self.row_at(index) for index in self._visible()] if same_count else []
        moved = line != self.cursor
        self._source, self._pages, self._asked = source, pages, set()
        if moved or not same_count:
            self.changed()
            self.place_cursor(line, top)
        else:
            for index, old in zip(self._visible(), before, strict=True):
                if self.row_at(index) != old:
                    self.refresh_line(index)
        self.post_message(self.Moved(self))

    def _visible(self) -> range:
        return range(self.top, min(self.top + self.page_lines, self.count))

    def paint(self, line: int) -> Strip:
        """One row; blank until it has arrived."""
        row = self.row_at(line)
        if row is None:
            self._ask(line // PAGE)
            return Strip.blank(0)
        content = self._draw_row(row, self.inner_width)
        base = self.visual_style
        return Strip(
            [
                Segment(text, _text_style(style) if style != base else None)
                for text, style in content.render(base, end="", parse_style=self._get_style)
            ]
        )

    def _ask(self, page: int) -> None:
        if page not in self._asked:
            self._asked.add(page)
            self.run_worker(self._fetch(page, self._source), group="rows")

    async def _fetch(self, page: int, source: RowSource[T]) -> None:
        try:
            rows = await source.window(page * PAGE, PAGE)
        except ArtifactTuiError as error:
            self._asked.discard(page)
            self.post_message(self.Failed(error))
            return
        if source is not self._source:
            return
        self._asked.discard(page)
        self._pages[page] = rows
        while len(self._pages) > PAGES_KEPT:
            del self._pages[next(iter(self._pages))]
        self.refresh_lines(page * PAGE, len(rows))
        if self.cursor // PAGE == page:
            self.post_message(self.Moved(self))


def _text_style(style: Style) -> Ink:
    """The colour of the text alone: what lies under it is the list's own."""
    full = style.rich_style
    return Ink(
        color=full.color, bold=full.bold, dim=full.dim, italic=full.italic, strike=full.strike
    )
