"""What the list of browse shows: a frozen question, the answer to it, and the marks; in words too.

Marking changes what is drawn at once; the catalog follows in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.catalog.listing import Sort
from artifact_tui.catalog.marks import only_marked
from artifact_tui.query import Query, compile_query, parse
from artifact_tui.query.filter_tree import AllOf
from artifact_tui.text import count, freed, listed, safe
from artifact_tui.tui.widgets.tree_list import TreePlace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from artifact_tui.catalog.catalog_rows import PickedBytes, Totals, VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.query import Where
    from artifact_tui.tui.registry_link import LinkState
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.tree_list import TreeList


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
    return Query(text, AllOf((query.root, more.root)), query.fields | more.fields)


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
class ViewAnswer:
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


async def answer_of(services: Services, view: View) -> ViewAnswer:
    """Ask the catalog; a newer question supersedes one that is not answered yet."""
    where = view.where(services)
    catalog = services.catalog
    empty = view.everything and services.client.capabilities.collection_delete
    rows, totals = await catalog.listed(where, view.sort, empty=empty, latest=True)
    return ViewAnswer(view, where, rows, totals, ListSource(catalog, where, view.sort))


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
    shown = f"{count(answer.versions)} of {count(answer.totals.among(answer.view.query))} "
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


NOT_MARKED = "The keys pressed since were dropped: nothing else has happened."
EMPTY_COLLECTION = "This collection is empty: d reviews the deletion of the collection itself."


def in_collection(where: Where, *collection_ids: int) -> Where:
    """What matches in one collection, or in some of them."""
    ids = ", ".join(str(int(one)) for one in collection_ids)
    return where.narrowed(f"c.id IN ({ids})", marked=where.marked)


COLLECTIONS_AT_ONCE = 1_000
"""Collections of a range that one statement marks."""

LONG_RANGE = 2_000
"""Versions of a range beyond which they are marked by their places, without reading each."""


class Marker:
    """Marks and unmarks what the tree shows."""

    def __init__(
        self, services: Services, tree: TreeList, counted: Callable[[int], object]
    ) -> None:
        """`counted` hears how many more are marked as soon as that is drawn."""
        self._catalog = services.catalog
        self._tree = tree
        self._counted = counted

    def toggle(
        self, row: CollectionRow | VersionRow, answer: ViewAnswer
    ) -> Coroutine[Any, Any, int]:
        """Mark a row, or take its mark away; a collection with all its listed versions.

        It is drawn when this returns, and written when the result was awaited.
        """
        if isinstance(row, CollectionRow):
            marked = row.marked < row.versions
            self._draw_collections([row], marked=marked)
            where = in_collection(answer.where, row.id)
            return self._catalog.mark_where(where) if marked else self._catalog.unmark_where(where)
        marked = not row.marked
        self._draw([row], marked=marked)
        return self._catalog.mark([row.key]) if marked else self._catalog.unmark([row.key])

    async def mark_lines(self, first: int, last: int, answer: ViewAnswer) -> None:
        """Mark the versions on some lines; a collapsed collection with all it lists."""
        outline = self._tree.outline
        opened = set(outline.opened)
        runs = [(outline.rows[index], start, n) for index, start, n in outline.runs(first, last)]
        closed = [row for row, start, _ in runs if start is None and row.id not in opened]
        self._draw_collections(closed, marked=True)
        for row, start, length in runs:
            if start is not None and length > LONG_RANGE:
                await self._mark_window(row, answer, start, length)
            elif start is not None:
                rows = await answer.source.window(row.id, start, length)
                self._draw(rows, marked=True)
                await self._catalog.mark([version.key for version in rows])
        for at in range(0, len(closed), COLLECTIONS_AT_ONCE):
            ids = [row.id for row in closed[at : at + COLLECTIONS_AT_ONCE]]
            await self._catalog.mark_where(in_collection(answer.where, *ids))

    async def _mark_window(
        self, row: CollectionRow, answer: ViewAnswer, start: int, length: int
    ) -> None:
        """Mark a long stretch of a collection; of its rows only those on the screen are drawn."""
        tree, source = self._tree, answer.source
        index = tree.outline.index_of(row.id)
        drawn = 0
        if index is not None:
            above = max(0, tree.top - tree.outline.line(TreePlace(index, start)))
            shown = min(tree.page_lines, length - above)
            rows = await source.window(row.id, start + above, shown)
            drawn = self._draw(rows, marked=True)
        if not row.marked:  # then all of the stretch are newly marked
            self._shift({row.id: length - drawn})
            drawn = length
        marked = await self._catalog.mark_window(row.id, source.where, source.sort, start, length)
        self._shift({row.id: marked - drawn})

    def _draw_collections(self, rows: Sequence[CollectionRow], *, marked: bool) -> None:
        """Show the marks of whole collections before they are written."""
        ids = {row.id for row in rows}
        self._tree.pages.set_marked(lambda one: marked if one.collection_id in ids else None)
        self._shift({row.id: row.versions * marked - row.marked for row in rows})

    def _draw(self, rows: Sequence[VersionRow], *, marked: bool) -> int:
        """Show marks before they are written; returns how many rows change."""
        changed = {row.key: row.collection_id for row in rows if row.marked != marked}
        self._tree.pages.set_marked(lambda one: marked if one.key in changed else None)
        step = 1 if marked else -1
        self._shift({key: step * n for key, n in Counter(changed.values()).items()})
        return len(changed)

    def _shift(self, changes: Mapping[int, int]) -> None:
        """Show so many more marks of each collection, by its id."""
        self._tree.outline.shift_marks(changes.items())
        self._tree.refresh_changed()
        self._counted(sum(changes.values()))
