"""What the list of browse shows: a frozen question, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.catalog.marks import only_marked
from artifact_tui.catalog.sorting import Sort
from artifact_tui.query import Query, compile_query, parse
from artifact_tui.query.tree import All

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.rows import Bytes, CollectionRow, Totals, VersionRow
    from artifact_tui.query import Where
    from artifact_tui.tui.services import Services

EVERYTHING = parse("")


@dataclass(frozen=True, slots=True)
class View:
    """The question: filter, order, and whether only marks are wanted."""

    query: Query = EVERYTHING
    sort: Sort = field(default_factory=lambda: Sort("size", descending=True))
    marked_only: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is hidden but the trash."""
        return self.query.everything and not self.marked_only

    def where(self, services: Services) -> Where:
        """The condition for this moment."""
        return self.where_and(services, EVERYTHING)

    def where_and(self, services: Services, more: Query) -> Where:
        """The condition for what is shown and also meets another filter."""
        both = narrowed(self.query, more)
        where = compile_query(both, services.now())
        return only_marked(where) if self.marked_only else where


def narrowed(query: Query, more: Query) -> Query:
    """What meets both filters."""
    if more.everything:
        return query
    text = f"{query.text} {more.text}".strip()
    return Query(text, All((query.root, more.root)), query.fields | more.fields)


@dataclass(frozen=True, slots=True)
class ListSource:
    """The versions of one answer, window by window: one condition, one order."""

    catalog: Catalog
    where: Where
    sort: Sort

    async def window(self, collection_id: int, start: int, count: int) -> Sequence[VersionRow]:
        """`count` versions from index `start` on."""
        return await self.catalog.window(collection_id, self.where, self.sort, start, count)

    async def position(self, collection_id: int, version_id: int) -> int | None:
        """Where a version stands; None when it does not match."""
        return await self.catalog.position(collection_id, self.where, self.sort, version_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view came to."""

    view: View
    where: Where
    rows: tuple[CollectionRow, ...]
    totals: Totals
    source: ListSource

    @property
    def versions(self) -> int:
        """How many versions match."""
        return sum(row.versions for row in self.rows)


async def answer(services: Services, view: View) -> Answer:
    """Ask the catalog; a newer question supersedes one that is not answered yet."""
    where = view.where(services)
    catalog = services.catalog
    empty = view.everything and services.client.capabilities.collection_delete
    rows, totals = await catalog.listed(where, view.sort, empty=empty, latest=True)
    return Answer(view, where, rows, totals, ListSource(catalog, where, view.sort))


@dataclass(frozen=True, slots=True)
class Marks:
    """The user's marks in numbers."""

    count: int
    hidden: int
    """Marked versions that the list does not show."""
    bytes: Bytes


async def marks_of(services: Services, where: Where) -> Marks:
    """Count the marks and work out what their deletion would free."""
    catalog = services.catalog
    return Marks(
        await catalog.marked_count(),
        await catalog.hidden_count(where, latest=True),
        await catalog.freed(latest=True),
    )
