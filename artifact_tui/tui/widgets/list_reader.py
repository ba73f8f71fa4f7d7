"""Reads what a list of versions shows: in the background, and changes it when keys let it.

A newer question supersedes one that is not answered yet. The list that is shown stays until the
whole answer is there; its cursor stays on its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.list_views import View
from artifact_tui.tui.widgets.tree_list import TreePlace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.tui.widgets.base_screen import BaseScreen
    from artifact_tui.tui.widgets.list_views import ViewAnswer
    from artifact_tui.tui.widgets.tree_list import TreeList


class ListReader:
    """The question that a list answers now, and its answer."""

    def __init__(
        self,
        screen: BaseScreen,
        catalog: Catalog,
        tree: TreeList,
        view: View,
        *,
        ask: Callable[[View], Awaitable[ViewAnswer]],
        shown: Callable[[], object],
    ) -> None:
        """`ask` answers a view; `shown` is called when the list shows another answer, or none."""
        self.view = view
        self.answer: ViewAnswer | None = None
        self.made = 0
        """Counts the keys that mark: a list that was read before one of them is read again."""
        self._screen = screen
        self._catalog = catalog
        self._tree = tree
        self._ask = ask
        self._shown = shown
        self._goal: VersionRow | None = None

    def show(self, view: View) -> None:
        """Ask another question."""
        if view != self.view:
            self.view = view
            self.reload_first()

    def reload(self) -> None:
        """Ask the present question again; the screen goes on meanwhile."""
        start(self._screen, "load", self._load, latest=True)

    def reload_first(self, lets: frozenset[str] = frozenset()) -> None:
        """Ask again because of a key: what is marked or opened next is what the list shows then."""
        self._screen.read_first("the list is being read", lets)
        self.reload()

    def look(self) -> None:
        """Read again if anyone has changed something."""
        if self._screen.is_current and self.answer is not None:
            start(self._screen, "look", self._look, latest=True)

    async def _look(self) -> None:
        try:
            changed = await self._catalog.changed() or await self._catalog.marks_changed()
        except ArtifactTuiError as error:
            self._screen.fail(error)
            return
        if changed:
            self.reload()

    async def _load(self) -> None:
        try:
            await self._load_now()
        except ArtifactTuiError as error:
            if self.answer is not None:
                self.view = self.answer.view  # the list that is shown is still that one's
            self._shown()
            self._screen.fail(error)
        self._screen.read_done()

    async def _load_now(self) -> None:
        """Ask, and show the answer; again when a key has marked something meanwhile."""
        screen, tree = self._screen, self._tree
        chosen = tree.range is not None
        while True:
            await screen.app.effects.marked()
            made = self.made

            async def turn(made: int = made) -> bool | None:
                by_itself = not screen.is_reading_first
                if by_itself:
                    await screen.app.typed.free()
                return not screen.is_reading_first if made == self.made else None

            await self._catalog.changed()
            found = await self._ask(self.view)
            tree.tell_charged(charged=found.view.sort.field == "stored")
            if await tree.load(found.rows, found.source, turn):
                break
        self.answer = found
        self._shown()
        if chosen and tree.range is None:
            screen.say("The row where the range began is gone: the range is given up.")
        await self._reach(found)

    def reveal(self, row: VersionRow) -> None:
        """Put the cursor on a version, in a list without a filter if need be."""
        self._goal = row
        self.reload_first()

    async def _reach(self, found: ViewAnswer) -> None:
        """Go where `reveal` wants to, once the list is there."""
        goal = self._goal
        if goal is None:
            return
        index = self._tree.outline.index_of(goal.collection_id)
        version = await found.source.position(goal.collection_id, goal.id)
        if index is not None and version is not None:
            self._goal = None
            self._tree.go(TreePlace(index, version))
        elif self.view.everything:
            self._goal = None
            self._screen.say("This version is not in the list any more.")
        else:
            self.show(View(sort=self.view.sort, base=self.view.base))
