"""Marking rows of the tree: what is drawn changes at once, the catalog follows in order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from artifact_tui.catalog.rows import CollectionRow

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.query import Where
    from artifact_tui.tui.screens.browse_view import Answer
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.tree.tree_list import TreeList

NOT_MARKED = "The keys pressed since were dropped: nothing else has happened."
EMPTY = "This collection is empty: d reviews the deletion of the collection itself."


def in_collection(where: Where, collection_id: int) -> Where:
    """What matches in one collection."""
    return where.narrowed(f"c.id = {int(collection_id)}", marked=where.marked)


class Marker:
    """Marks and unmarks what the tree shows."""

    def __init__(self, services: Services, tree: TreeList) -> None:
        self._catalog = services.catalog
        self._tree = tree

    def toggle(self, row: CollectionRow | VersionRow, answer: Answer) -> Coroutine[Any, Any, int]:
        """Mark a row, or take its mark away; a collection with all its listed versions.

        It is drawn when this returns, and written when the result was awaited.
        """
        if isinstance(row, CollectionRow):
            return self._set_collection(row, answer, marked=row.marked < row.versions)
        marked = not row.marked
        self._draw([row], marked=marked)
        return self._catalog.mark([row.key]) if marked else self._catalog.unmark([row.key])

    async def mark_lines(self, first: int, last: int, answer: Answer) -> None:
        """Mark the versions on some lines; a collapsed collection with all it lists."""
        outline = self._tree.outline
        opened = set(outline.opened)
        runs = [(outline.rows[index], start, n) for index, start, n in outline.runs(first, last)]
        for row, start, count in runs:
            if start is not None:
                rows = await answer.source.window(row.id, start, count)
                self._draw(rows, marked=True)
                await self._catalog.mark([version.key for version in rows])
            elif row.id not in opened:
                await self._set_collection(row, answer, marked=True)

    def _set_collection(
        self, row: CollectionRow, answer: Answer, *, marked: bool
    ) -> Coroutine[Any, Any, int]:
        tree = self._tree
        tree.pages.set_marked(lambda one: marked if one.collection_id == row.id else None)
        tree.outline.shift_marks([(row.id, row.versions if marked else -row.versions)])
        tree.refresh_changed()
        where = in_collection(answer.where, row.id)
        return self._catalog.mark_where(where) if marked else self._catalog.unmark_where(where)

    def _draw(self, rows: Sequence[VersionRow], *, marked: bool) -> None:
        """Show marks before they are written."""
        changed = {row.key: row.collection_id for row in rows if row.marked != marked}
        tree = self._tree
        tree.pages.set_marked(lambda one: marked if one.key in changed else None)
        step = 1 if marked else -1
        tree.outline.shift_marks((key, step * n) for key, n in Counter(changed.values()).items())
        tree.refresh_changed()
