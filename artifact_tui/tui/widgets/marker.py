"""The marks of a list of versions: a row, a range, a rule; what they come to.

Marking changes what is drawn at once; the catalog follows in order, and later keys wait for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, QueryError, UsageError
from artifact_tui.text import plural, safe, size
from artifact_tui.tui.typed_keys import MOVES, MOVES_AND_MARKS, start
from artifact_tui.tui.widgets.list_inputs import RuleDialog, rule_done
from artifact_tui.tui.widgets.list_views import MarkTotals
from artifact_tui.tui.widgets.tree_list import TreePlace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.query import Where
    from artifact_tui.tui.widgets.base_screen import BaseScreen
    from artifact_tui.tui.widgets.forms import Form
    from artifact_tui.tui.widgets.list_inputs import Rule, RuleAction
    from artifact_tui.tui.widgets.list_reader import ListReader
    from artifact_tui.tui.widgets.list_views import ViewAnswer
    from artifact_tui.tui.widgets.tree_list import TreeList

    Within = Callable[[Where], Where]
    """What of a condition holds within one collection, or one deletion."""


MANY = 20_000
"""Marks that are counted again only once no key has marked for a moment."""

RESTS = 0.5
"""Seconds that the keys that mark rest before many marks are counted."""

NOT_MARKED = "The keys pressed since were dropped: nothing else has happened."
EMPTY_COLLECTION = "This collection is empty: d reviews the deletion of the collection itself."

COLLECTIONS_AT_ONCE = 1_000
"""Collections of a range that one statement marks."""

LONG_RANGE = 2_000
"""Versions of a range beyond which they are marked by their places, without reading each."""


class Marker:
    """Marks and unmarks what a list shows, and counts the marks."""

    def __init__(
        self,
        screen: BaseScreen,
        catalog: Catalog,
        tree: TreeList,
        reader: ListReader,
        counted: Callable[[], object],
    ) -> None:
        """`counted` is called when `totals` are others."""
        self.totals: MarkTotals | None = None
        self._screen = screen
        self._services = screen.services
        self._catalog = catalog
        self._tree = tree
        self._reader = reader
        self._counted = counted
        self._just_marked = False
        """Whether the last key that marked did so, and its marks are not counted yet."""

    # What is chosen

    @property
    def under_cursor(self) -> Selection | None:
        """The row under the cursor; of a collection, what the list shows of it now."""
        row, answer = self._tree.row, self._reader.answer
        if isinstance(row, CollectionRow):
            return None if answer is None else answer.source.part(answer.where, [row.id])
        return None if row is None else (row.key,)

    async def chosen(self, row: Selection | None) -> Selection | None:
        """The marks; without any, `row`: `under_cursor` when the key was pressed.

        Called once everything is done that earlier keys asked for.

        Raises:
            UsageError: what was marked has gone meanwhile.
        """
        if await self._catalog.marked_any():
            return "marked"
        if self._just_marked or (self.totals is not None and self.totals.count):
            raise UsageError(
                "What was marked is not in the registry any more.", hint="Nothing is done."
            )
        return row

    def count(self) -> None:
        """Work out what the marks come to."""
        if self._reader.answer is not None:
            start(self._screen, "marks-count", self._count, self._reader.answer, latest=True)

    async def _count(self, found: ViewAnswer) -> None:
        """Count the marks, then what they would free; a key that marks has them counted again."""
        made, catalog = self._reader.made, self._catalog
        try:
            if self.totals is not None and self.totals.count > MANY:
                await asyncio.sleep(RESTS)
            marked, hidden = await catalog.marked_and_hidden(found.where, latest=True)
            if made != self._reader.made:
                return
            self._just_marked = False
            counted = MarkTotals(marked, hidden)
            if self.totals is None or counted != replace(self.totals, bytes=None):
                self.totals = counted
                if marked > MANY:
                    self._counted()
            freed = await catalog.freed(latest=True)
        except ArtifactTuiError as error:
            self._screen.fail(error)
            return
        if made == self._reader.made:
            self.totals = replace(counted, bytes=freed)
            self._counted()

    # A row, a range

    def mark(self) -> None:
        """Mark the range, or the row and go down."""
        tree, answer = self._tree, self._reader.answer
        row = tree.row
        if answer is None or tree.place is None:
            return
        if tree.range is not None:
            self._mark_range(*tree.range, answer)
        elif row is None:
            self._screen.say(tree.no_row)
        elif isinstance(row, CollectionRow) and not row.versions:
            self._screen.say(EMPTY_COLLECTION)
        else:
            change = self._toggle(row, answer)
            if isinstance(row, CollectionRow):
                self._has_marked(marks=row.marked < row.versions)
                self._write_many(f"{plural(row.versions, 'mark')} of {safe(row.name)}", change)
            else:
                self._has_marked(marks=not row.marked)
                self._write(change)
            if not self._only_marked:  # there, the next row comes to the cursor by itself
                tree.action_down()

    def range(self) -> None:
        """Start a range, or mark the one that was started."""
        chosen, answer = self._tree.range, self._reader.answer
        if chosen is None:
            self._tree.start_range()
            self._screen.say("Range: move, then v or space marks it; esc gives it up.")
        elif answer is not None:
            self._mark_range(*chosen, answer)

    def all(self) -> None:
        """Mark everything that is listed; when all of it is marked, nothing."""
        answer = self._reader.answer
        if answer is None or not answer.versions:
            return
        marks = any(row.marked < row.versions for row in self._tree.outline.rows)
        self._draw_collections(self._tree.outline.rows, marked=marks)
        self._has_marked(marks=marks)
        change = self._catalog.mark_where if marks else self._catalog.unmark_where
        self._write_many(plural(answer.versions, "mark"), change(answer.where))

    def _mark_range(self, first: int, last: int, answer: ViewAnswer) -> None:
        self._tree.end_range()
        self._has_marked(marks=True)
        self._write_many("the marks of the range", self._mark_lines(first, last, answer))

    @property
    def _only_marked(self) -> bool:
        return self._reader.view.marked_only

    def _has_marked(self, *, marks: bool) -> None:
        self._reader.made += 1
        self._just_marked = marks

    # Writing

    def _write(self, change: Coroutine[Any, Any, object]) -> None:
        """Write the mark of a row that is drawn already; other marks need not wait for it."""
        task = asyncio.create_task(change)  # now: leaving the program must not lose a mark
        lets = frozenset() if self._only_marked else MOVES_AND_MARKS
        work = self._written(task)
        self._screen.carry_out("a mark is being written", work, lets=lets, everywhere=True)

    def _write_many(self, what: str, change: Coroutine[Any, Any, object]) -> None:
        """Write marks, also of rows that are not on the screen; other marks wait for it."""
        task = asyncio.create_task(change)
        lets = frozenset() if self._only_marked else MOVES
        work = self._written(task, many=True)
        self._screen.carry_out(f"{what} are being written", work, lets=lets, everywhere=True)

    async def _written(self, change: asyncio.Task[object], *, many: bool = False) -> None:
        try:
            await asyncio.shield(change)
            if many and not self._only_marked:
                await self._tree.refetch()
        except ArtifactTuiError as error:
            self._reader.reload()  # it was drawn, and is not so
            raise ArtifactTuiError(
                f"Not marked: {error.__cause__ or error}.", hint=NOT_MARKED
            ) from error
        if self._only_marked:
            self._reader.reload_first()
        else:
            self.count()

    # A rule

    def ask_rule(self, action: RuleAction) -> None:
        """Ask for a rule, and mark or unmark by it."""
        row, answer = self._tree.collection, self._reader.answer
        name, within = "", None
        if row is not None and answer is not None:  # the list may change behind the dialog
            source, ids = answer.source, [row.id]
            name, within = row.name, lambda where: source.part(where, ids)

        def preview(form: Form[Rule], rule: Rule) -> None:
            start(self._screen, "rule", self._preview_rule, form, rule, action, within, latest=True)

        dialog = RuleDialog(action, name, self._services.client, preview)
        self._screen.open_dialog(dialog, lambda rule: self._apply_rule(action, rule, within))

    def _rule_where(self, rule: Rule, within: Within | None) -> Where:
        where = self._reader.view.where_and(self._services, rule.query)
        return within(where) if rule.collection_only and within is not None else where

    async def _preview_rule(
        self, form: Form[Rule], rule: Rule, action: RuleAction, within: Within | None
    ) -> None:
        where = self._rule_where(rule, within)
        try:
            await self._services.doubts(rule.query)
        except QueryError as error:
            form.refuse(rule, error)
            return
        versions, total = await self._catalog.matching(where, latest=True)
        words = f"would {action} {plural(versions, 'version')}, {size(total)} listed"
        form.say(rule, words)

    def _apply_rule(self, action: RuleAction, rule: Rule | None, within: Within | None) -> None:
        if rule is not None:
            where = self._rule_where(rule, within)
            words = "the rule is marking" if action == "mark" else "the rule is taking marks away"
            self._has_marked(marks=action == "mark")
            self._screen.say(f"{words[:1].upper()}{words[1:]}{self._services.signs.ellipsis}")
            work = self._by_rule(action, rule, where)
            self._screen.carry_out(words, work, lets=MOVES, everywhere=True)

    async def _by_rule(self, action: RuleAction, rule: Rule, where: Where) -> None:
        change = self._catalog.mark_where if action == "mark" else self._catalog.unmark_where
        try:
            await self._services.doubts(rule.query)
            number = await change(where)
        except ArtifactTuiError:
            self._just_marked = False
            self.count()
            raise
        self._drawn(number if action == "mark" else -number)
        self._screen.say(rule_done(action, number))
        self._reader.reload_first(MOVES)

    # Drawing

    def _drawn(self, more: int) -> None:
        """So many more are marked, or fewer; what they would free is not known yet."""
        if self.totals is not None and more:
            before, self.totals = self.totals, self.totals.shifted(more)
            if max(before.count, self.totals.count) > MANY:  # few are counted in no time
                self._counted()

    def _toggle(
        self, row: CollectionRow | VersionRow, answer: ViewAnswer
    ) -> Coroutine[Any, Any, int]:
        """Mark a row, or take its mark away; a collection with all its listed versions.

        It is drawn when this returns, and written when the result was awaited.
        """
        if isinstance(row, CollectionRow):
            marked = row.marked < row.versions
            self._draw_collections([row], marked=marked)
            where = answer.source.part(answer.where, [row.id])
            return self._catalog.mark_where(where) if marked else self._catalog.unmark_where(where)
        marked = not row.marked
        self._draw([row], marked=marked)
        return self._catalog.mark([row.key]) if marked else self._catalog.unmark([row.key])

    async def _mark_lines(self, first: int, last: int, answer: ViewAnswer) -> None:
        """Mark the versions on some lines; a collapsed collection with all it lists."""
        outline = self._tree.outline
        opened = set(outline.opened)
        runs = [(outline.rows[index], at, n) for index, at, n in outline.runs(first, last)]
        closed = [row for row, at, _ in runs if at is None and row.id not in opened]
        self._draw_collections(closed, marked=True)
        for row, at, length in runs:
            if at is not None and length > LONG_RANGE:
                await self._mark_window(row, answer, at, length)
            elif at is not None:
                rows = await answer.source.window(row.id, at, length)
                self._draw(rows, marked=True)
                await self._catalog.mark([version.key for version in rows])
        for begin in range(0, len(closed), COLLECTIONS_AT_ONCE):
            ids = [row.id for row in closed[begin : begin + COLLECTIONS_AT_ONCE]]
            await self._catalog.mark_where(answer.source.part(answer.where, ids))

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
        marked = await source.mark_window(row.id, start, length)
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
        self._drawn(sum(changes.values()))
