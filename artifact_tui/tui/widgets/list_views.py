"""What a list of versions shows: a frozen question, the answer to it, the marks; in words too."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from textual.content import Content

from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
from artifact_tui.catalog.listing import Sort
from artifact_tui.catalog.marks import only_marked
from artifact_tui.query import Query, compile_query, parse
from artifact_tui.query.filter_tree import AllOf
from artifact_tui.text import count, freed, listed, safe
from artifact_tui.tui.widgets.outline import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifact_tui.catalog.catalog_rows import PickedBytes, Totals
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.query import Where
    from artifact_tui.tui.registry_link import LinkState
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs


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

    def where(self, services: Services) -> Where:
        """The condition for this moment."""
        return self.where_and(services, EVERYTHING)

    def where_and(self, services: Services, more: Query) -> Where:
        """The condition for what is shown and also meets another filter."""
        where = compile_query(narrowed(narrowed(self.query, more), self.base), services.now())
        return only_marked(where) if self.marked_only else where


def narrowed(query: Query, more: Query) -> Query:
    """What meets both filters."""
    if more.everything:
        return query
    text = f"{query.text} {more.text}".strip()
    return Query(text, AllOf((query.root, more.root)), query.fields | more.fields)


class VersionSource(Protocol):
    """The versions of an answer: one condition, one order."""

    def below(self, row: Row, /) -> Windows[Row]:
        """The versions below a row of the list."""

    def part(self, where: Where, row_ids: Iterable[int], /) -> Where:
        """What matches below some rows of the list."""

    async def mark_window(self, row_id: int, start: int, count: int, /) -> int:
        """Mark `count` versions from index `start` on; returns how many were not marked before."""


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """The versions of each collection."""

    catalog: Catalog
    where: Where
    sort: Sort

    def below(self, row: Row) -> Windows[Row]:
        """The versions of a collection; none are below a version."""
        catalog, where, sort = self.catalog, self.where, self.sort
        return Windows(
            row.versions if isinstance(row, CollectionRow) else 0,
            partial(catalog.window, row.id, where, sort),
            lambda version: catalog.position(row.id, where, sort, version.id),
        )

    def part(self, where: Where, collection_ids: Iterable[int]) -> Where:
        """What matches in some collections."""
        ids = ", ".join(str(int(one)) for one in collection_ids)
        return where.narrowed(f"c.id IN ({ids})", marked=where.marked)

    async def mark_window(self, collection_id: int, start: int, count: int) -> int:
        """Mark `count` versions from index `start` on; returns how many were not marked before."""
        return await self.catalog.mark_window(collection_id, self.where, self.sort, start, count)


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


async def answer_of(services: Services, view: View) -> ViewAnswer:
    """Ask the catalog; a newer question supersedes one that is not answered yet."""
    where = view.where(services)
    catalog = services.catalog
    empty = view.everything and services.client.can("delete_collection")
    rows, totals = await catalog.listed(where, view.sort, empty=empty, latest=True)
    source = CollectionSource(catalog, where, view.sort)
    return ViewAnswer(view, where, rows, source, totals.among(view.query), totals)


@dataclass(frozen=True, slots=True)
class MarkTotals:
    """The user's marks in numbers."""

    count: int
    hidden: int
    """Marked versions that the list does not show."""
    bytes: PickedBytes | None = None
    """What their deletion would free; None until that is worked out."""

    def shifted(self, difference: int) -> MarkTotals:
        """These numbers once so many of the versions that are shown are marked, or fewer."""
        return MarkTotals(max(self.hidden, self.count + difference), self.hidden)


def filter_words(view: View, signs: Signs) -> Content:
    """What narrows the list; empty when nothing does."""
    parts: list[tuple[str, str]] = []
    if view.marked_only:
        parts.append((f" {signs.mark} only the marked ", "bold $text-warning"))
    if view.query.text.strip():
        parts.append((f" / {safe(view.query.text.strip())}", "bold"))
    return Content.assemble(*parts)


def fact_words(answer: ViewAnswer, marks: MarkTotals | None, signs: Signs) -> list[Content]:
    """Marks and numbers for the right side, the longest form first."""
    shown = f"{count(answer.versions)} of {count(answer.among)} "
    if marks is None or not marks.count:
        return [Content(shown)]
    dot = f" {signs.dot} "
    marked = f"{count(marks.count)} marked"
    if marks.hidden:
        marked += f" ({count(marks.hidden)} hidden)"
    if marks.bytes is None:
        forms = [f"{marked}{dot}{signs.ellipsis}", marked]
    else:
        told = marks.bytes.listed if marks.bytes.listed or not marks.bytes.unknown_count else None
        verb = "charged for them" if marks.bytes.charged else "would be freed"
        freed_ = freed(marks.bytes.freed, marks.bytes.unknown_count, verb)
        forms = [dot.join([marked, listed(told), freed_]), dot.join([marked, freed_]), marked]
    return [Content.assemble((form, "bold $text-warning"), f"   {shown}") for form in forms]


def nothing_words(view: View, link: LinkState | None = None) -> str:
    """Why the list is empty; `link` is that of a remote registry."""
    if view.marked_only and not view.query.everything:
        return "Nothing marked matches the filter: esc shows more."
    if view.marked_only:
        return "Nothing is marked: M or esc shows everything again."
    if not view.query.everything:
        return "Nothing matches the filter: esc clears it."
    if link is None:
        return "Nothing here: u shows the trash, artifact-tui add puts something in."
    return _nothing_linked(link)


def _nothing_linked(link: LinkState) -> str:
    """Why the catalog of a remote registry is empty."""
    if link.syncing:
        return "Listing the registry: rows appear as they arrive."
    if link.error:
        return "Nothing is known yet: r tries again."
    return "This registry is empty." if link.synced_us else "Nothing is known yet: r syncs."
