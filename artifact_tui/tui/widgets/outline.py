"""The rows of a list: which line is which row, and which windows of them have been read.

Two million rows cost no more than two hundred: a few windows of them are kept, those on the screen
are read first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

T = TypeVar("T")

PAGE = 128
"""Rows a window."""

ROWS_KEPT = 16 * PAGE
"""Rows that are kept: a few screens in each direction."""


@dataclass(frozen=True, slots=True)
class Windows(Generic[T]):
    """Rows that are read by windows, in one order."""

    count: int
    read: Callable[[int, int], Awaitable[Sequence[T]]]
    """The rows from an index on, at most so many."""
    find: Callable[[T], Awaitable[int | None]] | None = None
    """The index of a row, None when it is not among them; without it nobody can tell."""


Rows = Sequence[T] | Windows[T]
"""Rows that are all here, or that are read by windows."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row is: the head itself, or one of the rows below it."""

    head: int
    """Index of the head."""
    index: int | None = None
    """Index among the rows below the head; None on its own line."""


class PageId(NamedTuple):
    """One window: `PAGE` of the rows below a head, from `number * PAGE` on."""

    head: int
    number: int


@dataclass(frozen=True, slots=True)
class Anchor(Generic[T]):
    """A row, to be found again in another outline."""

    head: object
    """Key of its head, or its own."""
    index: int | None
    """Where it stood below its head; None for the head itself."""
    row: T | None
    """None when it was not read yet."""


class Outline(Generic[T]):
    """Heads that are all here, and windows of the rows below those that are open.

    A list without anything below its rows has heads only; one that is too long to be here has
    windows only. Lines are counted from 0: a head takes one, and one more a row below it while it
    is open.
    """

    def __init__(
        self,
        rows: Rows[T],
        *,
        key: Callable[[T], object],
        below: Callable[[T], Windows[T]] | None = None,
    ) -> None:
        """`below` tells what is below a head; no head is open."""
        self.heads: list[T] = [] if isinstance(rows, Windows) else list(rows)
        self.opened: set[object] = set()
        """Keys of the heads that are open; kept when a filter hides them."""
        self._alone = rows if isinstance(rows, Windows) else None
        self._below = below
        self._key = key
        self._index: dict[object, int] = {}
        self._starts: Sequence[int] = ()
        self._lines = 0
        self._pages: OrderedDict[PageId, Sequence[T]] = OrderedDict()
        self._kept = 0
        self._queue: dict[PageId, None] = {}
        self._fetching = False
        self._count()

    # Lines and rows

    def __len__(self) -> int:
        return self._lines

    def _count(self) -> None:
        """Find the line of each head."""
        if self._alone is not None:
            self._starts, self._lines = (-1,), self._alone.count
        elif not self.opened:
            self._starts, self._lines = range(len(self.heads)), len(self.heads)
        else:
            heights = [1] * len(self.heads)
            for key in self.opened:
                if (index := self.index_of(key)) is not None:
                    heights[index] += self._count_below(index)
            *self._starts, self._lines = accumulate(heights, initial=0)

    def _windows(self, head: int) -> Windows[T] | None:
        if self._alone is not None or self._below is None:
            return self._alone
        return self._below(self.heads[head])

    def _count_below(self, head: int) -> int:
        """How many rows are seen below a head."""
        windows = self._windows(head) if self.is_open(head) else None
        return 0 if windows is None else windows.count

    def is_open(self, head: int) -> bool:
        """Whether the rows below a head are seen."""
        return self._alone is not None or self._key(self.heads[head]) in self.opened

    def set_open(self, head: int, *, opened: bool) -> None:
        """Expand or collapse a head."""
        key = self._key(self.heads[head])
        if opened:
            self.opened.add(key)
        else:
            self.opened.discard(key)
        self._count()

    def open_only(self, keys: AbstractSet[object]) -> None:
        """Expand the heads with these keys, and collapse all others."""
        if keys != self.opened:
            self.opened = set(keys)
            self._count()

    def place(self, line: int) -> RowPlace | None:
        """What is on a line; None outside the list."""
        if not 0 <= line < self._lines:
            return None
        head = bisect_right(self._starts, line) - 1
        inside = line - self._starts[head]
        return RowPlace(head, inside - 1 if inside else None)

    def line(self, place: RowPlace) -> int:
        """The line of a place; that of its head when the head is collapsed."""
        start, below = self._starts[place.head], self._count_below(place.head)
        if place.index is None or not below:
            return start
        return start + 1 + min(place.index, below - 1)

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int | None, int]]:
        """What the lines `first` to `last` (both included) hold, one run a head.

        Yields `(head, None, 0)` for a head's own line and `(head, first index, count)` for a
        stretch of the rows below it.
        """
        line, last = max(first, 0), min(last, self._lines - 1)
        while line <= last:
            place = self.place(line)
            if place is None:
                return
            if place.index is None:
                yield place.head, None, 0
                line += 1
                continue
            end = self._starts[place.head] + self._count_below(place.head)
            count = min(end, last) - line + 1
            yield place.head, place.index, count
            line += count

    def row(self, line: int) -> T | None:
        """The row on a line; None outside the list, or when it has not been read."""
        place = self.place(line)
        if place is None:
            return None
        if place.index is None:
            return self.heads[place.head]
        page = self._pages.get(PageId(place.head, place.index // PAGE), ())
        offset = place.index % PAGE
        return page[offset] if offset < len(page) else None

    def rows_here(self) -> Iterator[T]:
        """Every row of the windows that are here."""
        for page in self._pages.values():
            yield from page

    def change(self, changed: Callable[[T], T], heads: Iterable[object] | None = None) -> None:
        """Put another row in the place of each that is here; the same one leaves it as it is.

        Of the heads, which may be a million, only those with the keys `heads` are looked at.
        """
        indexes = range(len(self.heads)) if heads is None else map(self.index_of, heads)
        for index in indexes:
            if index is not None:
                self.heads[index] = changed(self.heads[index])
        for page, rows in self._pages.items():
            self._pages[page] = [changed(row) for row in rows]

    # Finding rows again

    def index_of(self, key: object) -> int | None:
        """Where the head with a key stands, or None when it is not listed."""
        if not self._index:
            self._index = {self._key(head): index for index, head in enumerate(self.heads)}
        return self._index.get(key)

    def anchor(self, line: int) -> Anchor[T] | None:
        """The row on a line, or what is known of it."""
        place = self.place(line)
        if place is None:
            return None
        head = None if self._alone is not None else self._key(self.heads[place.head])
        return Anchor(head, place.index, self.row(line))

    async def find(self, anchor: Anchor[T] | None) -> tuple[int | None, bool]:
        """The line of a row or one near it, None without its head; and whether it is that row."""
        head = 0 if anchor is None or self._alone is not None else self.index_of(anchor.head)
        if anchor is None or head is None:
            return None, False
        if anchor.index is None or not self.is_open(head):
            return self.line(RowPlace(head)), anchor.index is None
        windows, index = self._windows(head), None
        if anchor.row is not None and windows is not None and windows.find is not None:
            index = await windows.find(anchor.row)
        return self.line(
            RowPlace(head, anchor.index if index is None else index)
        ), index is not None

    # Reading windows

    def pages(self, first: int, last: int) -> list[PageId]:
        """The windows that hold the rows on the lines `first` to `last`, both included."""
        return [
            PageId(head, number)
            for head, index, count in self.runs(first, last)
            if index is not None
            for number in range(index // PAGE, (index + count - 1) // PAGE + 1)
        ]

    def has(self, page: PageId) -> bool:
        """Whether a window is here; it then counts as just used."""
        if page not in self._pages:
            return False
        self._pages.move_to_end(page)
        return True

    async def read(self, page: PageId) -> int:
        """Read one window and keep it; returns how many rows it has."""
        windows = self._windows(page.head)
        rows = () if windows is None else await windows.read(page.number * PAGE, PAGE)
        self._kept += len(rows) - len(self._pages.get(page, ()))
        self._pages[page] = rows
        self._pages.move_to_end(page)
        while self._kept > ROWS_KEPT:
            self._kept -= len(self._pages.popitem(last=False)[1])
        return len(rows)

    async def read_lines(self, first: int, last: int) -> None:
        """Read what is not here yet of the lines `first` to `last`, both included."""
        for page in self.pages(first, last):
            if not self.has(page):
                await self.read(page)

    async def read_again(self, first: int, last: int) -> None:
        """Read the rows on some lines anew, and forget the others until they are wanted."""
        fresh = copy(self)
        fresh._pages, fresh._kept = OrderedDict(), 0  # noqa: SLF001 - one of us
        await fresh.read_lines(first, last)
        self._pages, self._kept = fresh._pages, fresh._kept  # noqa: SLF001

    def wants(self, line: int) -> bool:
        """Whether the row on a line is on its way."""
        place = self.place(line)
        if place is None or place.index is None:
            return False
        return PageId(place.head, place.index // PAGE) in self._queue

    def want(self, pages: Iterable[PageId]) -> bool:
        """Set which windows `fetch` reads next, dropping others; True when it must be started."""
        self._queue = dict.fromkeys(page for page in pages if not self.has(page))
        return bool(self._queue) and not self._fetching

    async def fetch(self, arrived: Callable[[int, int], object]) -> None:
        """Read the windows that `want` set; `arrived` gets each one's first line and its rows."""
        if self._fetching:
            return
        self._fetching = True
        try:
            while self._queue:
                page = next(iter(self._queue))
                rows = await self.read(page)
                self._queue.pop(page, None)
                if rows and self.is_open(page.head):
                    arrived(self.line(RowPlace(page.head, page.number * PAGE)), rows)
        except BaseException:
            self._queue.clear()  # it does not come: nobody waits for it
            raise
        finally:
            self._fetching = False
