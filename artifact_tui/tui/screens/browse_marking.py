"""The marking half of browse: rows, ranges and rules; drawn at once and written behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.text import plural, safe
from artifact_tui.tui.screens.browse_list import BrowseList
from artifact_tui.tui.screens.browse_marks import EMPTY, NOT_MARKED, Marker, in_collection
from artifact_tui.tui.widgets.rule_dialog import Rule, RuleDialog, rule_done
from artifact_tui.tui.working import MOVES, MOVES_AND_MARKS, start

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
        row = tree.row
        if self.answer is None or tree.place is None:
            return
        if tree.range is not None:
            self._mark_range(*tree.range)
        elif row is None:
            self.say_no_row()
        elif isinstance(row, CollectionRow) and not row.versions:
            self.say(EMPTY)
        else:
            change = self._marker.toggle(row, self.answer)
            if isinstance(row, CollectionRow):
                self._has_marked(marks=row.marked < row.versions)
                self._write_many(f"{plural(row.versions, 'mark')} of {safe(row.name)}", change)
            else:
                self._has_marked(marks=not row.marked)
                self._write(change)
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
            self._has_marked(marks=True)
            change = self._marker.mark_lines(first, last, self.answer)
            self._write_many("the marks of the range", change)

    def _write(self, change: Coroutine[Any, Any, object]) -> None:
        """Write the mark of a row that is drawn already; other marks need not wait for it."""
        task = asyncio.create_task(change)  # now: leaving the program must not lose a mark
        lets = frozenset() if self.view.marked_only else MOVES_AND_MARKS
        self.carry_out("a mark is being written", self._written(task), lets=lets, everywhere=True)

    def _write_many(self, what: str, change: Coroutine[Any, Any, object]) -> None:
        """Write marks, also of rows that are not on the screen; other marks wait for it."""
        task = asyncio.create_task(change)
        lets = frozenset() if self.view.marked_only else MOVES
        written = self._written(task, many=True)
        self.carry_out(f"{what} are being written", written, lets=lets, everywhere=True)

    def _has_marked(self, *, marks: bool) -> None:
        self.marks_made += 1
        self.just_marked = marks

    async def _written(self, change: asyncio.Task[object], *, many: bool = False) -> None:
        try:
            await asyncio.shield(change)
            if many and not self.view.marked_only:
                await self.tree_list.refetch()
        except ArtifactTuiError as error:
            self.reload()  # it was drawn, and is not so
            raise ArtifactTuiError(
                f"Not marked: {error.__cause__ or error}.", hint=NOT_MARKED
            ) from error
        if self.view.marked_only:
            self.reload_first()
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
            words = "the rule is marking" if action == "mark" else "the rule is taking marks away"
            self._has_marked(marks=action == "mark")
            self.say(f"{words[:1].upper()}{words[1:]}{self.services.signs.ellipsis}")
            work = self._by_rule(action, rule, where)
            self.carry_out(words, work, lets=MOVES, everywhere=True)

    async def _by_rule(self, action: Action, rule: Rule, where: Where) -> None:
        catalog = self.services.catalog
        change = catalog.mark_where if action == "mark" else catalog.unmark_where
        try:
            await self.services.doubts(rule.query)
            number = await change(where)
        except ArtifactTuiError:
            self.just_marked = False
            raise
        self.say(rule_done(action, number))
        self.reload_first(MOVES)
