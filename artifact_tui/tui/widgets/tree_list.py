"""The tree table: collections in memory and, where expanded, windows of their versions.

Two million versions cost no more than two hundred. `Outline` knows which line is which row,
`VersionPages` holds the versions that were fetched, `Fetcher` fetches what is on screen first, and
`TreeList`, the widget, paints a line from these; one that is not here yet is drawn as a
placeholder. Nothing in here waits for I/O but `load`, which changes nothing before it has what is
on screen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import pad
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.line_view import CursorList
from artifact_tui.tui.widgets.tree_painter import (
    LEAD,
    STYLES,
    ColumnLayout,
    LineLook,
    Painter,
    layout_for,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from textual import events
    from textual.timer import Timer

    from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
    from artifact_tui.tui.terminal import Signs


@dataclass(frozen=True, slots=True)
class TreePlace:
    """One line of the tree: a collection's own line, or one of its versions."""

    collection: int
    """Index in the outline."""
    version: int | None = None
    """Index among the collection's versions, None on the collection's own line."""


class Outline:
    """The collections, and which of them are expanded.

    Lines are counted from 0. A collection takes one line, and one more a version when expanded.
    """

    def __init__(self) -> None:
        self.rows: list[CollectionRow] = []
        self.opened: set[int] = set()
        """Ids of the expanded collections; kept when a filter hides them."""
        self._starts: list[int] = []
        self._index: dict[int, int] = {}
        self._lines = 0

    def __len__(self) -> int:
        return self._lines

    def set_rows(self, rows: Sequence[CollectionRow]) -> None:
        """Take these collections in this order."""
        self.rows = list(rows)
        self._index = {row.id: index for index, row in enumerate(rows)}
        self._count()

    def is_open(self, index: int) -> bool:
        """Whether a collection shows its versions."""
        return self.rows[index].id in self.opened

    def set_open(self, index: int, *, opened: bool) -> None:
        """Expand or collapse a collection."""
        row_id = self.rows[index].id
        if opened:
            self.opened.add(row_id)
        else:
            self.opened.discard(row_id)
        self._count()

    def place(self, line: int) -> TreePlace | None:
        """What is on a line; None outside the tree."""
        if not 0 <= line < self._lines:
            return None
        index = bisect_right(self._starts, line) - 1
        inside = line - self._starts[index]
        return TreePlace(index, inside - 1 if inside else None)

    def line(self, place: TreePlace) -> int:
        """The line of a place; that of the collection when it is collapsed."""
        start = self._starts[place.collection]
        versions = self.rows[place.collection].versions
        if place.version is None or not versions or not self.is_open(place.collection):
            return start
        return start + 1 + min(place.version, versions - 1)

    def index_of(self, collection_id: int) -> int | None:
        """Where a collection is in the outline, or None when the filter hides it."""
        return self._index.get(collection_id)

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int | None, int]]:
        """What the lines `first` to `last` (both included) hold, one run a collection.

        Yields `(collection index, None, 0)` for a collection's own line and
        `(collection index, first version, count)` for a stretch of its versions.
        """
        line, last = max(first, 0), min(last, self._lines - 1)
        while line <= last:
            place = self.place(line)
            if place is None:
                return
            if place.version is None:
                yield place.collection, None, 0
                line += 1
                continue
            end = self._starts[place.collection] + self.rows[place.collection].versions
            count = min(end, last) - line + 1
            yield place.collection, place.version, count
            line += count

    def shift_marks(self, changes: Iterable[tuple[int, int]]) -> None:
        """Add to the mark counts: pairs of collection id and difference."""
        for collection_id, difference in changes:
            index = self._index.get(collection_id)
            if index is not None:
                row = self.rows[index]
                marked = min(max(row.marked + difference, 0), row.versions)
                self.rows[index] = replace(row, marked=marked)

    def _count(self) -> None:
        opened = self.opened
        heights = [1 + row.versions if row.id in opened else 1 for row in self.rows]
        ends = list(accumulate(heights))
        self._lines = ends[-1] if ends else 0
        self._starts = [0, *ends[:-1]] if ends else []


PAGE = 128
"""Versions a window."""

ROWS_KEPT = 16 * PAGE
"""Rows that are kept: a few screens in each direction."""


class PageId(NamedTuple):
    """One window: `PAGE` versions of a collection from `number * PAGE` on."""

    collection_id: int
    number: int

    @property
    def start(self) -> int:
        """The index of its first version in the collection."""
        return self.number * PAGE


class VersionPages:
    """Windows of version rows by collection id; what is not here has to be fetched."""

    def __init__(self) -> None:
        self._pages: OrderedDict[PageId, tuple[VersionRow, ...]] = OrderedDict()
        self._count = 0

    def row(self, collection_id: int, index: int) -> VersionRow | None:
        """A version by its index in the collection, or None when its window is not here."""
        page = self._pages.get(PageId(collection_id, index // PAGE))
        if page is None or index % PAGE >= len(page):
            return None
        return page[index % PAGE]

    def touch(self, page: PageId) -> bool:
        """Whether a window is here; it then counts as just used."""
        if page not in self._pages:
            return False
        self._pages.move_to_end(page)
        return True

    def put(self, page: PageId, rows: Sequence[VersionRow]) -> None:
        """Keep a window that was fetched."""
        self._count += len(rows) - len(self._pages.get(page, ()))
        self._pages[page] = tuple(rows)
        self._pages.move_to_end(page)
        while self._count > ROWS_KEPT:
            _, dropped = self._pages.popitem(last=False)
            self._count -= len(dropped)

    def rows(self) -> Iterator[VersionRow]:
        """Every row that is here."""
        for rows in self._pages.values():
            yield from rows

    def set_marked(self, marked: Callable[[VersionRow], bool | None]) -> None:
        """Change the mark of rows: True, False, or None to leave a row as it is."""
        for page, rows in self._pages.items():
            answers = [marked(row) for row in rows]
            if any(answer is not None for answer in answers):
                self._pages[page] = tuple(
                    row if answer is None else replace(row, marked=answer)
                    for row, answer in zip(rows, answers, strict=True)
                )


class VersionSource(Protocol):
    """Where the versions of an expanded collection come from, in one order."""

    async def window(self, collection_id: int, start: int, count: int) -> Sequence[VersionRow]:
        """`count` versions from index `start` on."""

    async def position(self, collection_id: int, version_id: int) -> int | None:
        """Where a version stands; None when it is not among them."""


class Fetcher:
    """The windows that are here, and those that are wished for."""

    def __init__(self, source: VersionSource, arrived: Callable[[PageId, int], object]) -> None:
        self.source = source
        self.pages = VersionPages()
        self._arrived = arrived
        self._wanted: dict[PageId, None] = {}
        self._running = False

    def fetches(self, page: PageId) -> bool:
        """Whether a window is on its way."""
        return page in self._wanted

    def want(self, pages: Iterable[PageId]) -> bool:
        """Wish for these windows and no others; True when `run` has to be started."""
        self._wanted = dict.fromkeys(page for page in pages if not self.pages.touch(page))
        return bool(self._wanted) and not self._running

    async def run(self) -> None:
        """Fetch what is wished for until nothing is."""
        if self._running:
            return
        self._running = True
        try:
            while self._wanted:
                page = next(iter(self._wanted))
                rows = await self.get(page)
                self._wanted.pop(page, None)
                self._arrived(page, len(rows))
        except BaseException:
            self._wanted.clear()  # it does not come: nobody waits for it
            raise
        finally:
            self._running = False

    async def get(self, page: PageId) -> Sequence[VersionRow]:
        """Fetch one window and keep it."""
        rows = await self.source.window(page.collection_id, page.start, PAGE)
        self.pages.put(page, rows)
        return rows


HOLD = 0.05
"""Seconds that an expanded collection may wait for its versions before it is drawn without."""


class Anchor(NamedTuple):
    """The row that the user last went to, by id: filters and orders come and go around it."""

    collection_id: int
    version_id: int | None
    """None on a collection's own line, or when the version was not read yet."""
    stood: int | None
    """Where the version stood in its collection."""


class TreeList(CursorList):
    """The list of the browse screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tree--{name}" for name in STYLES}

    class Failed(Message):
        """A window could not be read."""

        def __init__(self, error: ArtifactTuiError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, signs: Signs, now: Callable[[], int], *, trash: bool = False) -> None:
        super().__init__(id="tree")
        self.trash = trash
        """Whether deletions are listed, with what they deleted, instead of collections."""
        self.outline = Outline()
        self._signs = signs
        self._now = now
        self._fetcher: Fetcher | None = None
        self._painter: Painter | None = None
        self._lineage_known = True
        self._charged = False
        self._anchor: Anchor | None = None
        self._range_anchor: Anchor | None = None
        self._held: Timer | None = None
        self.nothing = ""
        """Said instead of rows when there are none; safe words."""

    # What is here

    @property
    def count(self) -> int:
        """Lines of the tree."""
        return len(self.outline)

    @property
    def pages(self) -> VersionPages:
        """The versions that were fetched."""
        return VersionPages() if self._fetcher is None else self._fetcher.pages

    @property
    def place(self) -> TreePlace | None:
        """What the cursor is on, None when the tree is empty."""
        return self.outline.place(self.cursor)

    @property
    def row(self) -> CollectionRow | VersionRow | None:
        """The row under the cursor; None when there is none or it is being fetched."""
        place = self.place
        if place is None or place.version is None:
            return self.collection
        return self.pages.row(self.outline.rows[place.collection].id, place.version)

    @property
    def no_row(self) -> str:
        """Why a key has no row to act on, in words."""
        if not self.count:
            return "There is nothing in the list."
        again = "" if self.trash else ": r reads the list again"
        return f"This row could not be read{again}."

    @property
    def arriving(self) -> bool:
        """Whether the version under the cursor is being fetched."""
        place, fetcher = self.place, self._fetcher
        if place is None or place.version is None or fetcher is None or self.row is not None:
            return False
        row_id = self.outline.rows[place.collection].id
        return fetcher.fetches(PageId(row_id, place.version // PAGE))

    @property
    def collection(self) -> CollectionRow | None:
        """The collection under the cursor, or that of the version there."""
        place = self.place
        return None if place is None else self.outline.rows[place.collection]

    def tell_lineage(self, *, known: bool) -> None:
        """Whether the numbers of dependents are all there are; draws again when that changes."""
        if known != self._lineage_known:
            self._lineage_known = known
            self._painter = None
            self.refresh()

    def tell_charged(self, *, charged: bool) -> None:
        """Whether sizes are what the registry charges; rows are drawn so from the next load on."""
        self._charged = charged
        self._painter = None

    # Loading

    async def load(
        self,
        rows: Sequence[CollectionRow],
        source: VersionSource,
        turn: Callable[[], Awaitable[bool | None]],
    ) -> bool:
        """Show these collections from now on; the cursor stays on its row where that is listed.

        The windows on screen are fetched before anything changes, so that nothing flickers. Then
        `turn` waits until the list may change, and tells whether it does so by itself rather than
        by a key; with None from it nothing changes. Returns whether it has changed.
        """
        fetcher = Fetcher(source, self._arrived)
        while True:
            if self._anchor is None:
                self._drop_anchor()
            before = self._stand
            outline = Outline()
            outline.opened = self.outline.opened
            outline.set_rows(rows)
            place, same = await self._same_place(outline, source, self._anchor)
            line = outline.line(place) if place else min(self.cursor, max(len(outline) - 1, 0))
            top = line - (self.cursor - self.top)
            start_of_range = await self._range_start(outline, source)
            for page in _pages_between(outline, top, top + self.page_lines):
                if not fetcher.pages.touch(page):
                    await fetcher.get(page)
            by_itself = await turn()
            if by_itself is None:
                return False
            if before == self._stand:  # else keys have moved the cursor or opened a row
                break
        if by_itself and not same and self._fetcher is not None:
            self.swapped = Message().time
        self.outline, self._fetcher, self._painter = outline, fetcher, None
        self._range = start_of_range
        self.changed()
        self.place_cursor(line, top)
        self.in_view()
        self.post_message(self.Moved(self))
        return True

    @property
    def _stand(self) -> tuple[object, ...]:
        """What keys may change while a list is being read."""
        return (self._anchor, self.cursor, self.top, len(self.outline), self._range)

    async def refetch(self) -> None:
        """Read the versions again: what was fetched while marks were written may not have them."""
        if self._fetcher is None:
            return
        fetcher = Fetcher(self._fetcher.source, self._arrived)
        for page in _pages_between(self.outline, self.top, self.top + self.page_lines):
            await fetcher.get(page)
        if fetcher.source is self._fetcher.source:
            self._fetcher = fetcher
            self.refresh_changed()
            self.in_view()

    async def _range_start(self, outline: Outline, source: VersionSource) -> int | None:
        """Where the range that is being chosen begins in another outline; None when it is gone."""
        if self._range is None or self._range_anchor is None:
            return None
        place, same = await self._same_place(outline, source, self._range_anchor)
        return outline.line(place) if place is not None and same else None

    def start_range(self) -> None:
        """Choose a range from the cursor on; it begins at that row, wherever it comes to stand."""
        self._drop_anchor()
        self._range_anchor = self._anchor
        super().start_range()

    async def _same_place(
        self, outline: Outline, source: VersionSource, anchor: Anchor | None
    ) -> tuple[TreePlace | None, bool]:
        """Where an anchor is in another outline, or near there, and whether it is the same row."""
        index = None if anchor is None else outline.index_of(anchor.collection_id)
        if anchor is None or index is None:
            return None, False
        if anchor.stood is None:
            return TreePlace(index), True
        if not outline.is_open(index):
            return TreePlace(index), False
        found = None
        if anchor.version_id is not None:
            found = await source.position(anchor.collection_id, anchor.version_id)
        return TreePlace(index, anchor.stood if found is None else found), found is not None

    def _drop_anchor(self) -> None:
        """Hold on to the row that the user went to, whatever a filter does to it meanwhile."""
        place, row = self.place, self.row
        if place is None:
            self._anchor = None
            return
        version = None if place.version is None or row is None else row.id
        self._anchor = Anchor(self.outline.rows[place.collection].id, version, place.version)

    def watch_cursor(self, old: int, new: int) -> None:
        """The user went to another row."""
        self._drop_anchor()
        super().watch_cursor(old, new)

    def in_view(self) -> None:
        """Fetch what is on screen, then a page to each side."""
        if self._fetcher is None:
            return
        top, height = self.top, self.page_lines
        wanted = dict.fromkeys(
            [
                *_pages_between(self.outline, top, top + height - 1),
                *_pages_between(self.outline, top + height, top + 2 * height),
                *_pages_between(self.outline, top - height, top - 1),
            ]
        )
        if self._fetcher.want(wanted):
            start(self, "pages", self._fetch, self._fetcher)

    async def _fetch(self, fetcher: Fetcher) -> None:
        try:
            await fetcher.run()
        except ArtifactTuiError as error:
            self.post_message(self.Failed(error))

    def _arrived(self, page: PageId, count: int) -> None:
        """Draw the lines of a window that was fetched, if it is still wanted."""
        index = self.outline.index_of(page.collection_id)
        if index is None or not self.outline.is_open(index) or not count:
            return
        first = self.outline.line(TreePlace(index, page.start))
        if self._held is not None:
            self._release()
        else:
            self.refresh_lines(first, count)
        if first <= self.cursor < first + count:
            self._drop_anchor()
            self.post_message(self.Moved(self))

    # Expanding, and going to a place

    def set_open(self, index: int, *, opened: bool) -> None:
        """Expand or collapse a collection; the cursor stays on its row, or on the collection."""
        if self.outline.is_open(index) == opened:
            return
        place, top = self.place, self.top
        self.end_range()
        self.outline.set_open(index, opened=opened)
        self.place_cursor(0 if place is None else self.outline.line(place), top)
        self._drop_anchor()
        self.in_view()
        self._draw_soon()
        self.post_message(self.Moved(self))

    def _draw_soon(self) -> None:
        """Draw when what is on screen has arrived, or in a moment in any case."""
        visible = _pages_between(self.outline, self.top, self.top + self.page_lines - 1)
        if all(self.pages.touch(page) for page in visible):
            self.refresh_changed()
        else:
            self._held = self.set_timer(HOLD, self._release)

    def _release(self) -> None:
        if self._held is not None:
            self._held.stop()
            self._held = None
            self.refresh_changed()

    def go(self, place: TreePlace) -> None:
        """Put the cursor on a place, expanding its collection if need be."""
        if place.version is not None:
            self.set_open(place.collection, opened=True)
        self.move_to(self.outline.line(place))

    def step_version(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) version, expanding; False when there is none."""
        here = self.place
        inside = step > 0 and here is not None and here.version is None
        line = self.cursor if inside else self.cursor + step
        while (place := self.outline.place(line)) is not None:
            if place.version is not None:
                self.move_to(line)
                return True
            last = self.outline.rows[place.collection].versions - 1
            if last >= 0 and (step > 0 or not self.outline.is_open(place.collection)):
                self.go(TreePlace(place.collection, 0 if step > 0 else last))
                return True
            line += step
        return False

    # Drawing

    @property
    def columns(self) -> ColumnLayout:
        """The columns at the present width."""
        return layout_for(self.inner_width, trash=self.trash)

    def sized(self) -> None:
        """Choose the columns again."""
        self._painter = None
        super().sized()

    def notify_style_update(self) -> None:
        """Colours have changed."""
        super().notify_style_update()
        self._painter = None

    def draw_below(self, y: int) -> Strip:
        """Below the last line; in an empty tree the second row says why it is empty."""
        if self.count or y != 1 or not self.nothing:
            return super().draw_below(y)
        words = pad(f"{' ' * LEAD}{self.nothing}", self.inner_width)
        return Strip([Segment(words, self.rich_style + self.ink("tree--muted"))])

    def paint(self, line: int) -> Strip:
        """One line of the tree."""
        place = self.outline.place(line)
        if place is None:
            return Strip.blank(0)
        chosen = self.range
        look = LineLook(
            ranged=chosen is not None and chosen[0] <= line <= chosen[1],
            opened=self.outline.is_open(place.collection),
        )
        painter = self._painter_now()
        collection = self.outline.rows[place.collection]
        if place.version is None:
            return Strip(painter.collection(collection, look))
        row = self.pages.row(collection.id, place.version)
        return Strip(painter.placeholder(look) if row is None else painter.version(row, look))

    def _painter_now(self) -> Painter:
        if self._painter is None:
            styles = {name: self.ink(f"tree--{name}") for name in STYLES}
            self._painter = Painter(
                self.columns,
                styles,
                self._signs,
                self._now(),
                biggest=max(
                    (row.weight(charged=self._charged) or 0 for row in self.outline.rows), default=0
                ),
                lineage_known=self._lineage_known,
                charged=self._charged,
                trash=self.trash,
            )
        return self._painter

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where the mouse is; the tree sign, or a second click, opens."""
        if event.chain == 1 and event.x < LEAD:
            self.post_message(self.Opened(self))


def _pages_between(outline: Outline, first: int, last: int) -> list[PageId]:
    """The windows that hold the versions on some lines."""
    found: list[PageId] = []
    for index, version, count in outline.runs(first, last):
        if version is not None:
            numbers = range(version // PAGE, (version + count - 1) // PAGE + 1)
            found += [PageId(outline.rows[index].id, number) for number in numbers]
    return found
