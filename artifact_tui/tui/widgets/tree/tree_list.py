"""The tree table as a widget: collections and, where expanded, windows of their versions.

Two million versions cost no more than two hundred: a line is painted from the outline and from the
windows that were fetched, and one that is not here yet is drawn as a placeholder. Nothing in here
waits for I/O but `load`, which changes nothing before it has what is on screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import pad
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.tree.columns import LEAD, Layout, layout_for
from artifact_tui.tui.widgets.tree.fetcher import Fetcher, Source
from artifact_tui.tui.widgets.tree.outline import Outline, Place
from artifact_tui.tui.widgets.tree.pages import PAGE, PageId, Pages
from artifact_tui.tui.widgets.tree.painter import STYLES, Look, Painter
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual import events
    from textual.timer import Timer

    from artifact_tui.catalog.rows import CollectionRow, VersionRow
    from artifact_tui.tui.signs import Signs

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

    def __init__(self, signs: Signs, now: Callable[[], int]) -> None:
        super().__init__(id="tree")
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
    def pages(self) -> Pages:
        """The versions that were fetched."""
        return Pages() if self._fetcher is None else self._fetcher.pages

    @property
    def place(self) -> Place | None:
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
        source: Source,
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

    async def _range_start(self, outline: Outline, source: Source) -> int | None:
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
        self, outline: Outline, source: Source, anchor: Anchor | None
    ) -> tuple[Place | None, bool]:
        """Where an anchor is in another outline, or near there, and whether it is the same row."""
        index = None if anchor is None else outline.index_of(anchor.collection_id)
        if anchor is None or index is None:
            return None, False
        if anchor.stood is None:
            return Place(index), True
        if not outline.is_open(index):
            return Place(index), False
        found = None
        if anchor.version_id is not None:
            found = await source.position(anchor.collection_id, anchor.version_id)
        return Place(index, anchor.stood if found is None else found), found is not None

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
        first = self.outline.line(Place(index, page.start))
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

    def go(self, place: Place) -> None:
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
                self.go(Place(place.collection, 0 if step > 0 else last))
                return True
            line += step
        return False

    # Drawing

    @property
    def columns(self) -> Layout:
        """The columns at the present width."""
        return layout_for(self.inner_width)

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
        look = Look(
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
