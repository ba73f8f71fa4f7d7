"""Browse: the tree table of collections and versions, and what can be done from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.query import parse
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.browse_list import BrowseList
from artifact_tui.tui.screens.browse_marks import Marker, in_collection
from artifact_tui.tui.screens.browse_view import EVERYTHING, View
from artifact_tui.tui.screens.detail import DetailScreen
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.filter_bar import FilterBar
from artifact_tui.tui.widgets.rule_dialog import Rule, RuleDialog, rule_done
from artifact_tui.tui.widgets.sort_menu import SortMenu
from artifact_tui.tui.widgets.status import StatusLine
from artifact_tui.tui.widgets.tree.outline import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.sorting import Sort
    from artifact_tui.query import Where
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.rule_dialog import Action


class BrowseScreen(BrowseList):
    """The first screen."""

    PLACE = "browse"
    BINDINGS = bindings_of("browse")

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._marker = Marker(services, self.tree_list)

    def why_not(self, row_id: str) -> str:
        """What this registry or this session cannot do."""
        can = self.services.client.capabilities
        if row_id == "browse.review":
            return self.services.read_only_reason
        if row_id == "browse.trash" and not can.soft_delete:
            return "this registry has no trash"
        if row_id == "browse.lineage" and not can.lineage:
            return "this registry keeps no lineage"
        return ""

    # Opening and closing rows

    def action_open(self) -> None:
        """Expand a collection, go into it, or show a version in detail."""
        tree = self.tree_list
        place, row = tree.place, tree.row
        if place is None or row is None:
            return
        if isinstance(row, CollectionRow):
            if tree.outline.is_open(place.collection):
                tree.go(Place(place.collection, 0))
            else:
                tree.set_open(place.collection, opened=True)
        elif self.wide:
            self.pane.focus()
        else:
            self.app.push_screen(DetailScreen(self.services, row))

    def action_close(self) -> None:
        """Back to the list, up to the collection, or collapse it."""
        tree = self.tree_list
        place = tree.place
        if self.pane.has_focus:
            tree.focus()
        elif place is not None and place.version is not None:
            tree.go(Place(place.collection))
        elif place is not None:
            tree.set_open(place.collection, opened=False)

    def action_pane(self) -> None:
        """To the detail and back."""
        if self.pane.has_focus or not self.wide:
            self.tree_list.focus()
        else:
            self.pane.focus()

    @on(CursorList.Opened)
    def _opened(self) -> None:
        """A click on a collection's sign turns it; a double click opens."""
        tree = self.tree_list
        place = tree.place
        if place is not None and place.version is None:
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

    def action_refresh(self) -> None:
        """Read the list again."""
        self.reload()

    def action_back(self) -> None:
        """One layer back."""
        if self.tree_list.range is not None:
            self.tree_list.end_range()
        elif self.pane.has_focus:
            self.tree_list.focus()
        elif self.view.marked_only:
            self.show_view(replace(self.view, marked_only=False))
        elif not self.view.query.everything:
            self.show_view(replace(self.view, query=EVERYTHING))

    # Filter and order

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open(self.view.query.text)
        self.show_facts()

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        status = self.query_one(StatusLine)
        try:
            query = parse(event.text)
        except QueryError as error:
            if not isinstance(event, FilterBar.Cancelled):
                self.say(f"{error} {error.hint}", error=True)
                return
            query = self.view.query
        status.hush()
        if isinstance(event, FilterBar.Done | FilterBar.Cancelled):
            self.query_one(FilterBar).close()
            self.tree_list.focus()
            self.show_facts()
        if query.root != self.view.query.root or query.text != self.view.query.text:
            self.show_view(replace(self.view, query=query))

    @on(FilterBar.Asked)
    def _values_asked(self, event: FilterBar.Asked) -> None:
        self.run_worker(self._offer(event.field, event.word), group="offers", exclusive=True)

    async def _offer(self, field: str, word: str) -> None:
        values = await self.services.catalog.values(field, word, limit=8, latest=True)
        self.query_one(FilterBar).offer_values(field, word, values)

    def action_sort(self) -> None:
        """Choose the order."""
        self.open_dialog(SortMenu(self.view.sort, self.services.signs), self._sorted)

    def _sorted(self, sort: Sort | None) -> None:
        if sort is not None:
            self.show_view(replace(self.view, sort=sort))

    # Marks

    def action_mark(self) -> None:
        """Mark the range, or the row and go down."""
        tree = self.tree_list
        row = tree.row
        if self.answer is None or row is None:
            return
        if tree.range is not None:
            self._mark_range(*tree.range)
            return
        vanishes = self.view.marked_only
        self._write(self._marker.toggle(row, self.answer))
        if not vanishes:
            tree.action_down()

    def action_range(self) -> None:
        """Start a range, or mark the one that was started."""
        chosen = self.tree_list.range
        if chosen is None:
            self.tree_list.start_range()
            self.say("Range: move, then v or space marks it; esc gives it up.")
        else:
            self._mark_range(*chosen)

    def _mark_range(self, first: int, last: int) -> None:
        if self.answer is not None:
            self.tree_list.end_range()
            self._write(self._marker.mark_lines(first, last, self.answer))

    def _write(self, change: Awaitable[object]) -> None:
        """Write marks in the background, in the order of the calls, then count them."""
        self.run_worker(self._written(change), group="marks")

    async def _written(self, change: Awaitable[object]) -> None:
        try:
            await change
        except ArtifactTuiError as error:
            self.fail(error)
            self.reload()
            return
        if self.view.marked_only:
            self.reload()
        else:
            self.count_marks()

    def action_marked(self) -> None:
        """Only the marked, or everything again."""
        self.show_view(replace(self.view, marked_only=not self.view.marked_only))

    def action_rule(self) -> None:
        """Mark by rule."""
        self._ask_rule("mark")

    def action_unrule(self) -> None:
        """Unmark by rule."""
        self._ask_rule("unmark")

    def _ask_rule(self, action: Action) -> None:
        row = self.tree_list.collection
        name, row_id = ("", None) if row is None else (row.name, row.id)
        dialog = RuleDialog(action, name, row_id)
        self.open_dialog(dialog, lambda rule: self._apply_rule(action, rule, row_id))

    def _rule_where(self, rule: Rule, collection_id: int | None) -> Where:
        where = self.view.where_and(self.services, rule.query)
        if rule.collection_only and collection_id is not None:
            return in_collection(where, collection_id)
        return where

    @on(RuleDialog.Asked)
    def _rule_asked(self, event: RuleDialog.Asked) -> None:
        self.run_worker(self._tell_rule(event.dialog, event.rule), group="rule", exclusive=True)

    async def _tell_rule(self, dialog: RuleDialog, rule: Rule) -> None:
        where = self._rule_where(rule, dialog.collection_id)
        versions, total = await self.services.catalog.matching(where, latest=True)
        dialog.tell(rule, versions, total)

    def _apply_rule(self, action: Action, rule: Rule | None, collection_id: int | None) -> None:
        if rule is not None:
            where = self._rule_where(rule, collection_id)
            self.run_worker(self._carry_out(action, where), group="marks")

    async def _carry_out(self, action: Action, where: Where) -> None:
        catalog = self.services.catalog
        try:
            change = catalog.mark_where if action == "mark" else catalog.unmark_where
            number = await change(where)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        self.say(rule_done(action, number))
        self.reload()

    # Going elsewhere

    def action_review(self) -> None:
        """Review the deletion of the marks, or of the row."""
        if self.refused("browse.review") or self.answer is None:
            return
        row = self.tree_list.row
        if self.marks is not None and self.marks.count:
            self.host.open_review("marked", query_text=self.view.query.text)
        elif isinstance(row, CollectionRow):
            where = in_collection(self.answer.where, row.id)
            self.host.open_review(where, query_text=self.view.query.text)
        elif row is not None:
            self.host.open_review((row.key,))

    def action_tasks(self) -> None:
        """Open the tasks."""
        self.host.open_tasks()

    def action_trash(self) -> None:
        """Open the trash."""
        if not self.refused("browse.trash"):
            self.host.open_trash()

    def action_lineage(self) -> None:
        """Walk through the lineage of the version."""
        row = self.tree_list.row
        if self.refused("browse.lineage") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("Lineage belongs to a version: expand the collection and choose one.")
        else:
            self.host.open_lineage(row)

    def action_copy(self) -> None:
        """Copy the name of the row."""
        row = self.tree_list.row
        if isinstance(row, CollectionRow):
            self.host.copy(row.name)
        elif row is not None:
            self.host.copy(f"{row.collection}:{row.label}")

    def reveal(self, row: VersionRow) -> None:
        """Put the cursor on a version, in a list without a filter if need be."""
        self.run_worker(self._reveal(row), group="load", exclusive=True)

    async def _reveal(self, row: VersionRow) -> None:
        for view in (self.view, View(sort=self.view.sort)):
            self.view = view
            await self.load_now()
            index = self.tree_list.outline.index_of(row.collection_id)
            if index is not None and self.answer is not None:
                place = await self.answer.source.position(row.collection_id, row.id)
                if place is not None:
                    self.tree_list.go(Place(index, place))
                    return
        self.say("This version is not in the list any more.")
