"""Marks: a row, a range, a rule; what they come to. They are kept by version key.

Marking changes what is drawn at once; the catalog follows in order, and later keys wait for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, QueryError, UsageError
from artifact_tui.text import count, plural, safe, size
from artifact_tui.tui.typed_keys import MOVES, MOVES_AND_MARKS, start
from artifact_tui.tui.widgets.list_inputs import RuleDialog
from artifact_tui.tui.widgets.list_views import MarkTotals
from artifact_tui.tui.widgets.outline import RowPlace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.query import Where
    from artifact_tui.tui.widgets.base_screen import RegistryScreen
    from artifact_tui.tui.widgets.forms import Form
    from artifact_tui.tui.widgets.list_inputs import Rule, RuleAction
    from artifact_tui.tui.widgets.list_views import Row, ViewAnswer
    from artifact_tui.tui.widgets.row_list import RowList
    from artifact_tui.tui.widgets.version_list import VersionList

    Within = Callable[[Where], Where]
    """What of a condition holds within one collection, or one deletion."""


MANY = 20_000
"""Marks that are counted again only once no key has marked for a moment."""

RESTS = 0.5
"""Seconds that the keys that mark rest before many marks are counted."""

NOT_MARKED = "The keys pressed since were dropped: nothing else has happened."

COLLECTIONS_AT_ONCE = 1_000
"""Collections of a range that one statement marks."""

LONG_RANGE = 2_000
"""Versions of a range beyond which they are marked by their places, without reading each."""


def write_marks(
    screen: RegistryScreen,
    change: Coroutine[Any, Any, object],
    *,
    read_again: Callable[[], object],
    then: Callable[[], Awaitable[object]] | None = None,
    words: str = "a mark is being written",
    lets: frozenset[str] = MOVES_AND_MARKS,
) -> None:
    """Write marks that are drawn already; keys that are not of the kinds in `lets` wait for it.

    `then` is awaited once they are written; `read_again` is called when they cannot be.
    """
    task = asyncio.create_task(change)  # now: leaving the program must not lose a mark

    async def written() -> None:
        try:
            await asyncio.shield(task)
            if then is not None:
                await then()
        except ArtifactTuiError as error:
            read_again()  # it was drawn, and is not so
            raise ArtifactTuiError(
                f"Not marked: {error.__cause__ or error}.", hint=NOT_MARKED
            ) from error

    screen.carry_out(words, written(), lets=lets, everywhere=True)


def toggle_mark(
    screen: RegistryScreen,
    rows: RowList[Any],
    *,
    read_again: Callable[[], object],
    then: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Mark the row under the cursor by its key, or take its mark away, and go down."""
    row, catalog = rows.current, screen.services.catalog
    if row is None:
        return
    marked = not row.marked
    rows.outline.change(lambda one: replace(one, marked=marked) if one.key == row.key else one)
    rows.refresh_changed()
    change = catalog.mark([row.key]) if marked else catalog.unmark([row.key])
    write_marks(screen, change, read_again=read_again, then=then)
    rows.action_down()


class Marker:
    """Marks and unmarks what a list of versions shows, and counts the marks."""

    def __init__(self, versions: VersionList) -> None:
        self.totals: MarkTotals | None = None
        self.made = 0
        """Counts the keys that mark: a list that was read before one of them is read again."""
        self._list = versions
        self._screen = versions.page
        self._services = versions.page.services
        self._catalog = versions.catalog
        self._rows = versions.rows
        self._just_marked = False
        """Whether the last key that marked did so, and its marks are not counted yet."""

    # What is chosen

    @property
    def under_cursor(self) -> Selection | None:
        """The row under the cursor; of a collection, what the list shows of it now."""
        row, answer = self._rows.current, self._list.answer
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
        if self._list.answer is not None:
            start(self._screen, "marks-count", self._count, self._list.answer, latest=True)

    async def _count(self, found: ViewAnswer) -> None:
        """Count the marks, then what they would free; a key that marks has them counted again."""
        made, catalog = self.made, self._catalog
        try:
            if self.totals is not None and self.totals.count > MANY:
                await asyncio.sleep(RESTS)
            marked, hidden = await catalog.marked_and_hidden(found.where, latest=True)
            if made != self.made:
                return
            self._just_marked = False
            counted = MarkTotals(marked, hidden)
            if self.totals is None or counted != replace(self.totals, bytes=None):
                self.totals = counted
                if marked > MANY:
                    self._list.show_facts()
            freed = await catalog.freed(latest=True)
        except ArtifactTuiError as error:
            self._screen.fail(error)
            return
        if made == self.made:
            self.totals = replace(counted, bytes=freed)
            self._list.show_facts()

    # A row, a range

    def mark(self) -> None:
        """Mark the range, or the row and go down."""
        rows, answer, row = self._rows, self._list.answer, self._rows.current
        if answer is None or rows.place is None:
            return
        if rows.range is not None:
            self._mark_range(*rows.range, answer)
        elif row is None:
            self._screen.say(self._list.no_row)
        elif isinstance(row, CollectionRow) and not row.versions:
            self._list.say_empty()
        elif isinstance(row, CollectionRow):
            marks = row.marked < row.versions
            self._draw_collections([row], marked=marks)
            where = answer.source.part(answer.where, [row.id])
            change = self._catalog.mark_where if marks else self._catalog.unmark_where
            words = f"{plural(row.versions, 'mark')} of {safe(row.name)}"
            self._write(change(where), marks=marks, many=words)
        else:
            self._draw([row], marked=not row.marked)
            keys = [row.key]
            change_ = self._catalog.unmark(keys) if row.marked else self._catalog.mark(keys)
            self._write(change_, marks=not row.marked)

    def mark_range(self) -> None:
        """Start a range, or mark the one that was started."""
        chosen, answer = self._rows.range, self._list.answer
        if chosen is None:
            self._rows.start_range()
            again, mark, back = (
                self._screen.key_of(f"{self._screen.PLACE}.{verb}")
                for verb in ("range", "mark", "back")
            )
            self._screen.say(f"Range: move, then {again} or {mark} marks it; {back} gives it up.")
        elif answer is not None:
            self._mark_range(*chosen, answer)

    def mark_all(self) -> None:
        """Mark everything that is listed; when all of it is marked, nothing."""
        answer = self._list.answer
        if answer is None or not answer.versions:
            return
        marks = any(row.marked < row.versions for row in self._list.heads)
        self._draw_collections(self._list.heads, marked=marks)
        change = self._catalog.mark_where if marks else self._catalog.unmark_where
        words = plural(answer.versions, "mark")
        self._write(change(answer.where), marks=marks, many=words, down=False)

    def _mark_range(self, first: int, last: int, answer: ViewAnswer) -> None:
        """Mark the versions on some lines; a collapsed collection with all it lists."""
        outline, heads = self._rows.outline, self._list.heads
        self._rows.end_range()
        runs = list(outline.runs(first, last))
        closed = [heads[head] for head, at, _ in runs if at is None and not outline.is_open(head)]
        stretches = [(heads[head], at, length) for head, at, length in runs if at is not None]
        self._draw_collections(closed, marked=True)
        change = self._mark_stretches(stretches, [row.id for row in closed], answer)
        self._write(change, marks=True, many="the marks of the range", down=False)

    def _write(
        self,
        change: Coroutine[Any, Any, object],
        *,
        marks: bool,
        many: str = "",
        down: bool = True,
    ) -> None:
        """Write marks that are drawn, and go down; `many` says what they are, if not a row's.

        Other marks need not wait for that of a row. Where only the marked are listed, the next row
        comes to the cursor by itself, and every key waits until it has.
        """
        self.made += 1
        self._just_marked = marks
        alone = self._list.view.marked_only

        async def then() -> None:
            if alone:
                self._list.reload_first()
                return
            if many:
                await self._rows.read_again()
            self.count()

        lets = frozenset() if alone else MOVES if many else MOVES_AND_MARKS
        words = f"{many} are being written" if many else "a mark is being written"
        reload = self._list.reload
        write_marks(self._screen, change, read_again=reload, then=then, words=words, lets=lets)
        if down and not alone:
            self._rows.action_down()

    # A rule

    def ask_rule(self, action: RuleAction) -> None:
        """Ask for a rule, and mark or unmark by it."""
        row, answer = self._list.collection, self._list.answer
        name, within = "", None
        if row is not None and answer is not None:  # the list may change behind the dialog
            source, ids = answer.source, [row.id]
            name, within = row.name, lambda where: source.part(where, ids)

        def preview(form: Form[Rule], rule: Rule) -> None:
            start(self._screen, "rule", self._preview_rule, form, rule, action, within, latest=True)

        dialog = RuleDialog(action, name, self._list.fields, preview)
        self._screen.open_dialog(dialog, lambda rule: self._apply_rule(action, rule, within))

    def _rule_where(self, rule: Rule, within: Within | None) -> Where:
        where = self._list.view.where(self._services, rule.query)
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
            self.made += 1
            self._just_marked = action == "mark"
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
        done = f"{count(number)} newly {action}ed." if number else f"Nothing was left to {action}."
        self._screen.say(done)
        self._list.reload_first(MOVES)

    # Drawing

    def _drawn(self, more: int) -> None:
        """Show that more versions are marked, or fewer, before what they would free is known."""
        if self.totals is not None and more:
            before = self.totals
            self.totals = MarkTotals(max(before.hidden, before.count + more), before.hidden)
            if max(before.count, self.totals.count) > MANY:  # few are counted in no time
                self._list.show_facts()

    async def _mark_stretches(
        self, stretches: list[tuple[CollectionRow, int, int]], whole: list[int], answer: ViewAnswer
    ) -> None:
        """Mark stretches of versions below their rows, by their places; and whole collections."""
        for row, at, length in stretches:
            if length > LONG_RANGE:
                await self._mark_window(row, answer, at, length)
            else:
                versions = await answer.source.below(row).read(at, length)
                self._draw(versions, marked=True)
                await self._catalog.mark([version.key for version in versions])
        for begin in range(0, len(whole), COLLECTIONS_AT_ONCE):
            ids = whole[begin : begin + COLLECTIONS_AT_ONCE]
            await self._catalog.mark_where(answer.source.part(answer.where, ids))

    async def _mark_window(
        self, row: CollectionRow, answer: ViewAnswer, start: int, length: int
    ) -> None:
        """Mark a long stretch of a collection; of its rows only those on the screen are drawn."""
        rows, source = self._rows, answer.source
        head = rows.outline.index_of(row.id)
        drawn = 0
        if head is not None:
            above = max(0, rows.top - rows.outline.line(RowPlace(head, start)))
            shown = min(rows.page_lines, length - above)
            drawn = self._draw(await source.below(row).read(start + above, shown), marked=True)
        if not row.marked:  # then all of the stretch are newly marked
            self._shift({row.id: length - drawn})
            drawn = length
        marked = await source.mark_window(row.id, start, length)
        self._shift({row.id: marked - drawn})

    def _draw_collections(self, rows: Sequence[CollectionRow], *, marked: bool) -> None:
        """Show the marks of whole collections before they are written."""
        changes = {row.id: row.versions * marked - row.marked for row in rows}
        self._shift(changes, lambda one: one.collection_id in changes, marked=marked)

    def _draw(self, rows: Sequence[Row], *, marked: bool) -> int:
        """Show marks of versions before they are written; returns how many rows change."""
        changed = {
            row.key: row.collection_id
            for row in rows
            if not isinstance(row, CollectionRow) and row.marked != marked
        }
        step = 1 if marked else -1
        changes = {id_: step * n for id_, n in Counter(changed.values()).items()}
        self._shift(changes, lambda one: one.key in changed, marked=marked)
        return len(changed)

    def _shift(
        self,
        changes: Mapping[int, int],
        versions: Callable[[VersionRow], bool] = lambda _: False,
        *,
        marked: bool = True,
    ) -> None:
        """Show so many more marks of each collection, by its id, and mark or unmark `versions`."""

        def shifted(row: Row) -> Row:
            if not isinstance(row, CollectionRow):
                return replace(row, marked=marked) if versions(row) else row
            if not (more := changes.get(row.id)):
                return row
            return replace(row, marked=min(max(row.marked + more, 0), row.versions))

        self._rows.outline.change(shifted, heads=changes)
        self._rows.refresh_changed()
        self._drawn(sum(changes.values()))
