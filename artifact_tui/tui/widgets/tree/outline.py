"""Which line of the tree is which row: pure arithmetic, no drawing, no I/O."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifact_tui.catalog.rows import CollectionRow


@dataclass(frozen=True, slots=True)
class Place:
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

    def place(self, line: int) -> Place | None:
        """What is on a line; None outside the tree."""
        if not 0 <= line < self._lines:
            return None
        index = bisect_right(self._starts, line) - 1
        inside = line - self._starts[index]
        return Place(index, inside - 1 if inside else None)

    def line(self, place: Place) -> int:
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
