"""Browse: the tree table of collections and versions, and what can be done from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on

from artifact_tui.catalog.doubts import refuse_slips
from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.orphans import why_none
from artifact_tui.query import parse
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.browse_edits import BrowseEdits
from artifact_tui.tui.screens.browse_marks import EMPTY
from artifact_tui.tui.screens.browse_view import EVERYTHING
from artifact_tui.tui.screens.detail import DetailScreen
from artifact_tui.tui.screens.files import show_files
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.filter_bar import FilterBar
from artifact_tui.tui.widgets.sort_menu import SortMenu
from artifact_tui.tui.widgets.tree.outline import Place
from artifact_tui.tui.working import LEAVING, start

if TYPE_CHECKING:
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.sorting import Sort
    from artifact_tui.query import Query
    from artifact_tui.tui.services import Services


class BrowseScreen(BrowseEdits):
    """The first screen."""

    PLACE = "browse"
    BINDINGS = bindings_of("browse")

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._refused: tuple[str, QueryError] | None = None
        """The last filter that asked for what this registry never tells, and why it is none."""

    def why_not(self, row_id: str) -> str:
        """What this registry or this session cannot do."""
        if why := self.edits_why_not(row_id):
            return why
        can = self.services.client.capabilities
        able = {
            "browse.trash": (can.soft_delete, "this registry has no trash"),
            "browse.lineage": (can.lineage, "this registry keeps no lineage"),
            "browse.orphans": (can.storage_cleanup, why_none(self.services.client)),
            "browse.reingest": (can.recreate, "this registry makes nothing from an address"),
        }
        possible, why = able.get(row_id, (True, ""))
        if possible and row_id in {"browse.review", "browse.reingest"}:
            return self.services.read_only_reason
        return "" if possible else why

    # Opening and closing rows

    def action_open(self) -> None:
        """Expand a collection, go into it, or show a version in detail."""
        tree = self.tree_list
        place, row = tree.place, tree.row
        if place is None or row is None:
            return
        if isinstance(row, CollectionRow):
            if not row.versions:
                self.say(EMPTY)
            elif tree.outline.is_open(place.collection):
                tree.go(Place(place.collection, 0))
            else:
                tree.set_open(place.collection, opened=True)
        elif self.wide:
            self.set_focus(self.pane, scroll_visible=False)
        else:
            self.app.push_screen(DetailScreen(self.services, row))

    def action_close(self) -> None:
        """Back to the list, up to the collection, or collapse it."""
        tree = self.tree_list
        place = tree.place
        if self.pane.has_focus:
            self.set_focus(tree, scroll_visible=False)
        elif place is not None and place.version is not None:
            tree.go(Place(place.collection))
        elif place is not None:
            tree.set_open(place.collection, opened=False)

    def action_pane(self) -> None:
        """To the detail and back."""
        if self.pane.has_focus or not self.wide:
            self.set_focus(self.tree_list, scroll_visible=False)
        else:
            self.set_focus(self.pane, scroll_visible=False)

    @on(CursorList.Opened, "#tree")
    def _opened(self) -> None:
        """A click on a collection's sign turns it; a double click opens."""
        tree = self.tree_list
        place, row = tree.place, tree.row
        if place is not None and isinstance(row, CollectionRow) and row.versions:
            is_open = tree.outline.is_open(place.collection)
            tree.set_open(place.collection, opened=not is_open)
        else:
            self.action_open()

    def action_next(self) -> None:
        """The next version."""
        if not self.tree_list.step_version(1):
            self.say("There is no further version in the list.")

    def action_previous(self) -> None:
        """The previous version."""
        if not self.tree_list.step_version(-1):
            self.say("There is no version further up in the list.")

    def action_back(self) -> None:
        """One layer back."""
        if self.tree_list.range is not None:
            self.tree_list.end_range()
        elif self.pane.has_focus:
            self.set_focus(self.tree_list, scroll_visible=False)
        elif self.view.marked_only:
            self.show_view(replace(self.view, marked_only=False))
        elif not self.view.query.everything:
            self.show_view(replace(self.view, query=EVERYTHING))

    # Filter and order

    def action_filter(self) -> None:
        """Type a filter."""
        self.filter_bar.open(self.view.query.text)
        self.show_facts()

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        bar = self.filter_bar
        try:
            query = parse(event.text)
            if self._refused is not None and self._refused[0] == event.text:
                raise self._refused[1]
        except QueryError as error:
            bar.tell(error)
            return
        bar.tell(None)
        if isinstance(event, FilterBar.Done | FilterBar.Cancelled):
            bar.close()
            self.set_focus(self.tree_list, scroll_visible=False)
            self.show_facts()
        if query.root != self.view.query.root or query.text != self.view.query.text:
            self.show_view(replace(self.view, query=query))
        if isinstance(event, FilterBar.Done):
            self.carry_out("the filter is being checked", self._check(query), lets=LEAVING)
        else:
            start(self, "doubts", self._point_out, query, latest=True)

    async def _check(self, query: Query) -> None:
        """Refuse what cannot be meant here; what this registry never tells is undone.

        Raises:
            QueryError: something in the filter cannot be meant here.
        """
        try:
            found = await self.services.doubts(query)
        except QueryError as error:
            self._refused = (query.text, error)
            if self.view.query.text == query.text:
                self.show_view(replace(self.view, query=EVERYTHING))
            raise
        refuse_slips(found, query)

    async def _point_out(self, query: Query) -> None:
        """Say what in the filter cannot be meant here, while it is typed."""
        try:
            await self._check(query)
        except QueryError as error:
            if self.filter_bar.display:
                self.filter_bar.tell(error)
        except ArtifactTuiError as error:
            self.fail(error)

    @on(FilterBar.Asked)
    def _values_asked(self, event: FilterBar.Asked) -> None:
        start(self, "offers", self._offer, event.field, event.word, latest=True)

    async def _offer(self, field: str, word: str) -> None:
        values = await self.services.catalog.values(field, word, limit=8, latest=True)
        self.filter_bar.offer_values(field, word, values)

    def action_sort(self) -> None:
        """Choose the order."""
        self.open_dialog(SortMenu(self.view.sort, self.services.signs), self._sorted)

    def _sorted(self, sort: Sort | None) -> None:
        if sort is not None:
            self.carry_out("the order is being changed", self._sort_by(sort), lets=LEAVING)

    async def _sort_by(self, sort: Sort) -> None:
        """Change the order, unless this registry does not tell what it goes by.

        Raises:
            QueryError: so it is.
        """
        await self.services.refuse_sort(sort)
        self.show_view(replace(self.view, sort=sort))

    # Going elsewhere

    def action_review(self) -> None:
        """Review the deletion of the marks, or of the row."""
        if not self.refused("browse.review") and self.answer is not None:
            review = self._review_chosen(self.tree_list.row, self.view.query.text)
            self.carry_out("the marks are being looked at", review)

    async def _review_chosen(self, row: CollectionRow | VersionRow | None, query_text: str) -> None:
        chosen = await self.chosen(row)
        if chosen is None:
            self.say_no_row()
        elif chosen == "marked" or not isinstance(row, CollectionRow):
            self.host.open_review(chosen, query_text=query_text if chosen == "marked" else "")
        elif row.versions:
            self.host.open_review(chosen, query_text=query_text)
        else:
            self.host.open_review((), collections=(row.key,))

    def action_tasks(self) -> None:
        """Open the tasks."""
        self.host.open_tasks()

    def action_trash(self) -> None:
        """Open the trash."""
        if not self.refused("browse.trash"):
            self.host.open_trash()

    def action_orphans(self) -> None:
        """Compare the registry with its storage."""
        if not self.refused("browse.orphans"):
            self.host.open_orphans()

    def action_reingest(self) -> None:
        """Ask from which address the version is to be made again."""
        row = self.tree_list.row
        if self.refused("browse.reingest") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("A version is ingested again: expand the collection and choose one.")
        else:
            self.say("Asking for its source address" + self.services.signs.ellipsis)
            self.carry_out("its source address is asked for", self._reingest(row), stops=True)

    async def _reingest(self, row: VersionRow) -> None:
        from artifact_tui.tui import remaking  # noqa: PLC0415 - seldom needed
        from artifact_tui.tui.widgets.reingest_dialog import ReingestDialog  # noqa: PLC0415

        name = f"{row.collection}:{row.label}"
        recipe = await remaking.recipe(self.services.client, row)
        self.status_line.hush()

        def go(url: str | None) -> None:
            if url:
                again = remaking.Again(row.key, name, url)
                self.host.open_review((row.key,), again=again)

        self.open_dialog(ReingestDialog(name, recipe), go)

    def action_lineage(self) -> None:
        """Walk through the lineage of the version."""
        row = self.tree_list.row
        if self.refused("browse.lineage") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("Lineage belongs to a version: expand the collection and choose one.")
        else:
            self.host.open_lineage(row)

    def action_files(self) -> None:
        """List the files of the version."""
        row = self.tree_list.row
        if isinstance(row, CollectionRow):
            self.say("Files belong to a version: expand the collection and choose one.")
        elif row is not None:
            show_files(self, row)
        else:
            self.say_no_row()

    def action_copy(self) -> None:
        """Copy the name of the row."""
        row = self.tree_list.row
        if isinstance(row, CollectionRow):
            self.host.copy(row.name)
        elif row is not None:
            self.host.copy(f"{row.collection}:{row.label}")
        else:
            self.say_no_row()
