"""What a list of versions shows: a frozen question, the answer to it, the marks in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
from artifact_tui.catalog.listing import Sort
from artifact_tui.catalog.marks import only_marked
from artifact_tui.query import Query, compile_query, parse
from artifact_tui.query.filter_tree import AllOf

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifact_tui.catalog.catalog_rows import PickedBytes, Totals
    from artifact_tui.query import Where
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.outline import Windows


Row = CollectionRow | VersionRow
"""A row of a list of versions."""

EVERYTHING = parse("")


@dataclass(frozen=True, slots=True)
class View:
    """The question: filter, order, and whether only marks are wanted."""

    query: Query = EVERYTHING
    base: Query = EVERYTHING
    """What is listed without a filter."""
    sort: Sort = field(default_factory=lambda: Sort("size", descending=True))
    marked_only: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is hidden that could be listed."""
        return self.query.everything and not self.marked_only

    def where(self, services: Services, more: Query = EVERYTHING) -> Where:
        """The condition of this moment for what is shown and also meets another filter."""
        query = self.query
        for other in (more, self.base):
            if not other.everything:
                text = f"{query.text} {other.text}".strip()
                fields = query.fields | other.fields
                query = Query(text, AllOf((query.root, other.root)), fields)
        where = compile_query(query, services.now())
        return only_marked(where) if self.marked_only else where


class VersionSource(Protocol):
    """The versions of an answer: one condition, one order."""

    def below(self, row: Row, /) -> Windows[Row]:
        """The versions below a row of the list."""

    def part(self, where: Where, row_ids: Iterable[int], /) -> Where:
        """What matches below some rows of the list."""

    async def mark_window(self, row_id: int, start: int, count: int, /) -> int:
        """Mark `count` versions from index `start` on; returns how many were not marked before."""


@dataclass(frozen=True, slots=True)
class ViewAnswer:
    """What a view came to."""

    view: View
    where: Where
    rows: tuple[CollectionRow, ...]
    source: VersionSource
    among: int
    """How many versions the filter chooses from."""
    totals: Totals | None = None
    """The whole registry, where that is wanted."""

    @property
    def versions(self) -> int:
        """How many versions match."""
        return sum(row.versions for row in self.rows)


@dataclass(frozen=True, slots=True)
class MarkTotals:
    """The user's marks in numbers."""

    count: int
    hidden: int
    """Marked versions that the list does not show."""
    bytes: PickedBytes | None = None
    """What their deletion would free; None until that is worked out."""
