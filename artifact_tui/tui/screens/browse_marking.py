"""The marking half of browse: rows, ranges and rules; drawn at once and written behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.tui.screens.browse_list import BrowseList
from artifact_tui.tui.screens.browse_marks import EMPTY, Marker, in_collection
from artifact_tui.tui.widgets.rule_dialog import Rule, RuleDialog, rule_done
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from artifact_tui.query import Where
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.rule_dialog import Action


class BrowseMarking(BrowseList):
    """Everything that marks."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._marker = Marker(services, self.tree_list)

    def action_mark(self) -> None:
        """Mark the range, or the row and go down."""
        tree = self.tree_list
        place, row = tree.place, tree.row
        if self.answer is None or place is None:
            return
        if tree.range is not None:
            self._mark_range(*tree.range)
            return
        if row is None:
            self._write(self._marker.toggle_unread(place, self.answer))
        elif isinstance(row, CollectionRow) and not row.versions:
            self.say(EMPTY)
            return
        else:
            self._write(self._marker.toggle(row, self.answer))
        if not self.view.marked_only:  # there, the next row comes to the cursor by itself
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

    def _write(self, change: Coroutine[Any, Any, object]) -> None:
        """Write marks in the background, in the order of the calls, then count them."""
        start(self, "marks", self._written, asyncio.create_task(change))

    async def _written(self, change: asyncio.Task[object]) -> None:
        try:
            await asyncio.shield(change)  # leaving the program must not lose a mark
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
        dialog = RuleDialog(action, name, row_id, self.services.client.capabilities)
        self.open_dialog(dialog, lambda rule: self._apply_rule(action, rule, row_id))

    def _rule_where(self, rule: Rule, collection_id: int | None) -> Where:
        where = self.view.where_and(self.services, rule.query)
        if rule.collection_only and collection_id is not None:
            return in_collection(where, collection_id)
        return where

    @on(RuleDialog.Asked)
    def _rule_asked(self, event: RuleDialog.Asked) -> None:
        start(self, "rule", self._tell_rule, event.dialog, event.rule, latest=True)

    async def _tell_rule(self, dialog: RuleDialog, rule: Rule) -> None:
        where = self._rule_where(rule, dialog.collection_id)
        try:
            await self.services.doubts(rule.query)
        except QueryError as error:
            dialog.refuse(rule, error)
            return
        versions, total = await self.services.catalog.matching(where, latest=True)
        dialog.tell(rule, versions, total)

    def _apply_rule(self, action: Action, rule: Rule | None, collection_id: int | None) -> None:
        if rule is not None:
            where = self._rule_where(rule, collection_id)
            start(self, "marks", self._carry_out, action, rule, where)

    async def _carry_out(self, action: Action, rule: Rule, where: Where) -> None:
        catalog = self.services.catalog
        try:
            await self.services.doubts(rule.query)
            change = catalog.mark_where if action == "mark" else catalog.unmark_where
            number = await change(where)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        self.say(rule_done(action, number))
        self.reload()
