"""The list: rows by windows, heads that open, a cursor, a range; every list there is.

A row that is not here yet is drawn as a placeholder and read in the background. Showing other rows
waits until those that the screen needs are here, so that nothing flickers, and sends only what
looks different then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style as Ink
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.widgets.line_view import LineView
from artifact_tui.tui.widgets.outline import Anchor, Outline, RowPlace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.events import Click
    from textual.style import Style
    from textual.timer import Timer

    from artifact_tui.tui.widgets.outline import Rows


T = TypeVar("T")

HOLD = 0.05
"""Seconds that a head that was opened may wait for its rows before it is drawn without."""


class RowList(LineView, Generic[T]):
    """Shows rows, one line each.

    `draw(row, cells)` gives the line; its untrusted parts must have passed `text.safe`. `key(row)`
    names the row whenever it is read: the cursor stays on it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"list--cursor", "list--cursor-blurred"}

    DEFAULT_CSS = """
    RowList {
        & > .list--cursor { background: $primary 40%; text-style: bold; }
        & > .list--cursor-blurred { background: $primary 20%; }
        &:ansi > .list--cursor { background: ansi_default; text-style: reverse; }
        &:ansi > .list--cursor-blurred { background: ansi_default; text-style: reverse; }
    }
    """

    cursor: var[int] = var(0, init=False)
    """The line that the cursor is on; not reactive, so that a move repaints two lines only."""

    class _About(Message):
        """A message that tells which list it came from."""

        def __init__(self, control: RowList[Any]) -> None:
            super().__init__()
            self._list = control

        @property
        def control(self) -> RowList[Any]:
            """The list, for `@on` with a selector."""
            return self._list

    class Moved(_About):
        """The cursor is on another row, or the row under it has changed."""

    class Opened(_About):
        """The mouse asked for the row under the cursor to be opened."""

    class Failed(Message):
        """A window could not be read."""

        def __init__(self, error: ArtifactTuiError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        draw: Callable[[T, int], Content],
        *,
        key: Callable[[T], object] = lambda row: row,
        id: str | None = None,  # noqa: A002
        lead: int = 0,
        coming: Content | None = None,
        ranged: str = " ",
    ) -> None:
        """`lead` cells open a row with one click, `coming` stands for a row that is being read.

        `ranged` is the sign before the rows of a range.
        """
        super().__init__(id=id)
        self.outline: Outline[T] = Outline((), key=key)
        self.nothing = Content("")
        """Said instead of rows when there are none."""
        self.swapped = 0.0
        """When the row under the cursor became another without a key (the clock of
        `Message.time`): keys that were pressed before were meant for the row that it was."""
        self._draw_row = draw
        self.key = key
        """What names a row."""
        self._lead, self._coming, self._ranged = lead, coming or Content(""), ranged
        self._anchor: Anchor[T] | None = None
        """The row that the user last went to: filters and orders come and go around it."""
        self._range: int | None = None
        self._range_anchor: Anchor[T] | None = None
        self._held: Timer | None = None
        self._showing = 0
        self._shown = False
        """Whether there was anything before that a key could be meant for."""

    # What is here

    @property
    def count(self) -> int:
        """How many lines the list has."""
        return len(self.outline)

    @property
    def here(self) -> int:
        """The line that moves start from."""
        return self.cursor

    @property
    def place(self) -> RowPlace | None:
        """What the cursor is on, None when the list is empty."""
        return self.outline.place(self.cursor)

    @property
    def current(self) -> T | None:
        """The row under the cursor; None while the list is empty or the row has not arrived."""
        return self.outline.row(self.cursor)

    @property
    def arriving(self) -> bool:
        """Whether the row under the cursor is being read."""
        return self.current is None and self.outline.wants(self.cursor)

    # Showing rows

    async def show(
        self,
        rows: Rows[T] | Outline[T],
        *,
        cursor: int | None = None,
        turn: Callable[[], Awaitable[bool | None]] | None = None,
    ) -> bool:
        """Show these rows from now on; the cursor stays on its row unless a line is given.

        The heads that are open stay open. What the screen needs is read before anything changes.
        Then `turn` waits until the list may change, and tells whether it does so by itself rather
        than by a key; with None from it nothing changes. Returns whether it has changed: of two
        calls, the later one counts.

        Raises:
            ArtifactTuiError: rows cannot be read; those that are shown stay.
        """
        self._showing += 1
        showing, by_itself = self._showing, True
        new = rows if isinstance(rows, Outline) else Outline(rows, key=self.key)
        while True:
            stood = (self._anchor, self.cursor, self.top, self.count, self._range)
            new.open_only(self.outline.opened)
            line, top = cursor, self.top
            if line is None:
                found, _ = await new.find(self._anchor)
                line = self.cursor if found is None else found
                top += line - self.cursor
            line = max(min(line, len(new) - 1), 0)
            top = self._seen_from(top, line, len(new))
            ranged, same = await new.find(self._range_anchor)
            await new.read_lines(top, top + self.page_lines)
            if showing != self._showing:
                return False
            if turn is not None:
                answer = await turn()
                if answer is None:
                    return False
                by_itself = answer
            if stood == (self._anchor, self.cursor, self.top, self.count, self._range):
                break  # else keys have moved the cursor or opened a row
        old = self.current
        self._range = ranged if same and self._range is not None else None
        self._swap(new, line, top)
        if cursor is not None or self._anchor is None:
            self._anchor = new.anchor(line)
        if cursor is None and by_itself and self._shown and not self._same(old, self.current):
            self.swapped = Message().time
        self._shown = True
        return True

    def _same(self, one: T | None, other: T | None) -> bool:
        if one is None or other is None:
            return one is other
        return self.key(one) == self.key(other)

    def put(self, rows: Sequence[T], *, cursor: int) -> None:
        """Show rows that are all here, the cursor on one of them."""
        self._showing += 1
        self._swap(Outline(rows, key=self.key), cursor, 0)

    def _swap(self, outline: Outline[T], line: int, top: int) -> None:
        self.outline = outline
        self.set_reactive(RowList.cursor, line)
        self.top = top
        self.changed()
        self.in_view()
        self.post_message(self.Moved(self))

    def changed(self) -> None:
        """Scroll so that the cursor is seen, and draw the lines that differ now."""
        self.top = self._seen_from(self.top, self.cursor, self.count)
        self.refresh_changed()

    def _seen_from(self, top: int, line: int, count: int) -> int:
        """The first visible line, nearest to `top`, from which a line is seen."""
        top = min(max(top, line - self.page_lines + 1), line)
        return max(min(top, count - self.page_lines), 0)

    async def read_again(self) -> None:
        """Read the rows again: what was read while marks were written may not have them."""
        outline = self.outline
        await outline.read_again(self.top, self.top + self.page_lines)
        if outline is self.outline:
            self.refresh_changed()
            self.in_view()

    def in_view(self) -> None:
        """Read what is on the screen, then a page to each side."""
        top, height, outline = self.top, self.page_lines, self.outline
        wanted = [
            *outline.pages(top, top + height - 1),
            *outline.pages(top + height, top + 2 * height),
            *outline.pages(top - height, top - 1),
        ]
        if outline.want(wanted):
            self.run_worker(self._fetch(outline), group="rows")

    async def _fetch(self, outline: Outline[T]) -> None:
        def arrived(first: int, count: int) -> None:
            if outline is not self.outline:
                return
            if self._held is not None:
                self._release()
            else:
                self.refresh_lines(first, count)
            if first <= self.cursor < first + count:
                self._anchor = outline.anchor(self.cursor)
                self.post_message(self.Moved(self))

        try:
            await outline.fetch(arrived)
        except ArtifactTuiError as error:
            self.post_message(self.Failed(error))

    # Moving, opening and closing heads

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, or as near as there is one."""
        self.cursor = min(max(line, 0), max(self.count - 1, 0))

    def move_by(self, lines: int) -> None:
        """Move cursor and view together, so that the cursor stays where the eye is."""
        self.scroll_line(self.top + lines)
        self.move_to(self.cursor + lines)

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaint the two lines, or the range between them, and bring the new one into view."""
        self._anchor = self.outline.anchor(new)
        if self._range is None:
            self.refresh_lines(old)
            self.refresh_lines(new)
        else:
            first, last = sorted((old, new))
            self.refresh_lines(first, last - first + 1)
        self.scroll_line(self._seen_from(self.top, new, self.count))
        self.post_message(self.Moved(self))

    def go(self, place: RowPlace) -> None:
        """Put the cursor on a place, expanding its head if need be."""
        if place.index is not None:
            self.set_open(place.head, opened=True)
        self.move_to(self.outline.line(place))

    def set_open(self, head: int, *, opened: bool) -> None:
        """Expand or collapse a head; the cursor stays on its row, or on the head.

        It is drawn when what is on the screen has arrived, or in a moment in any case.
        """
        outline, place = self.outline, self.place
        if outline.is_open(head) == opened:
            return
        self.end_range()
        outline.set_open(head, opened=opened)
        line = 0 if place is None else outline.line(place)
        self.set_reactive(RowList.cursor, line)
        self.scroll_line(self._seen_from(self.top, line, self.count))
        self._anchor = outline.anchor(line)
        self.in_view()
        seen = outline.pages(self.top, self.top + self.page_lines - 1)
        if all(outline.has(page) for page in seen):
            self.refresh_changed()
        else:
            self._held = self.set_timer(HOLD, self._release)
        self.post_message(self.Moved(self))

    def _release(self) -> None:
        if self._held is not None:
            self._held.stop()
            self._held = None
            self.refresh_changed()

    # Choosing a range

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and the last line of the range that is being chosen."""
        if self._range is None:
            return None
        first, last = sorted((self._range, self.cursor))
        return first, last

    def start_range(self) -> None:
        """Choose a range from the cursor on; it begins at that row, wherever it comes to stand."""
        self._range, self._range_anchor = self.cursor, self.outline.anchor(self.cursor)
        self.refresh_lines(self.cursor)

    def end_range(self) -> None:
        """Give up the range."""
        chosen = self.range
        if chosen is not None:
            self._range = self._range_anchor = None
            self.refresh_lines(chosen[0], chosen[1] - chosen[0] + 1)

    # Drawing

    def draw(self, line: int) -> Strip:
        """One line in its own colours on its background; in an empty list, why it is empty."""
        row, width, base = self.outline.row(line), self.inner_width, self.visual_style
        content = self._coming if row is None else self._draw_row(row, width)
        if line >= self.count:
            if self.count or line != 1:
                return super().draw(line)
            content = self.nothing
        if (chosen := self.range) is not None and chosen[0] <= line <= chosen[1]:
            content = Content.assemble((self._ranged, "$text-warning bold"), content[1:])
        pieces = content.render(base, end="", parse_style=self._get_style)
        strip = Strip([Segment(text, None if own == base else _ink(own)) for text, own in pieces])
        style = self.rich_style
        if line == self.cursor and self.count:
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
            if event.chain > 1 or event.x < self._lead:
                self.post_message(self.Opened(self))


def _ink(style: Style) -> Ink:
    """The colour of the text alone: what lies under it is the list's own."""
    full = style.rich_style
    return Ink(
        color=full.color, bold=full.bold, dim=full.dim, italic=full.italic, strike=full.strike
    )
