"""Marking rows of the tree: what is drawn changes at once, the catalog follows in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.rows import CollectionRow

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.query import Where
    from artifact_tui.tui.screens.browse_view import Answer
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.tree.outline import Place
    from artifact_tui.tui.widgets.tree.tree_list import TreeList

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
        self._draw_version(row, marked=marked)
        return self._catalog.mark([row.key]) if marked else self._catalog.unmark([row.key])

    async def toggle_unread(self, place: Place, answer: Answer) -> None:
        """The same for a version that is still being fetched."""
        row = self._tree.outline.rows[place.collection]
        for version in await answer.source.window(row.id, place.version or 0, 1):
            await self.toggle(version, answer)

    async def mark_lines(self, first: int, last: int, answer: Answer) -> None:
        """Mark the versions on some lines; a collapsed collection with all it lists."""
        outline = self._tree.outline
        for index, start, count in list(outline.runs(first, last)):
            row = outline.rows[index]
            if start is not None:
                rows = await answer.source.window(row.id, start, count)
                for version in rows:
                    self._draw_version(version, marked=True)
                await self._catalog.mark([version.key for version in rows])
            elif not outline.is_open(index):
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

    def _draw_version(self, row: VersionRow, *, marked: bool) -> None:
        """Show the mark before it is written."""
        if row.marked == marked:
            return
        tree = self._tree
        tree.pages.set_marked(lambda one: marked if one.key == row.key else None)
        tree.outline.shift_marks([(row.collection_id, 1 if marked else -1)])
        tree.refresh_version(row)
