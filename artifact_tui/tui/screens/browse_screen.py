"""Browse: the tree table of collections and versions, and what can be done from it.

Nothing here waits on the event loop: questions to the catalog are asked in workers, and a newer one
supersedes those that are not answered yet. Marks are drawn at once and written behind. On a remote
registry rows appear while it is synced, and the header says how old they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal
from textual.content import Content

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.catalog.filter_doubts import refuse_slips
from artifact_tui.deletion.storage import why_no_storage
from artifact_tui.errors import ArtifactTuiError, QueryError, UsageError
from artifact_tui.query import parse
from artifact_tui.text import plural, safe
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.planning import TaskWatch
from artifact_tui.tui.registry_link import LineageState
from artifact_tui.tui.typed_keys import (
    LEAVING,
    MOVES,
    MOVES_AND_LEAVING,
    MOVES_AND_MARKS,
    KeyWait,
    start,
)
from artifact_tui.tui.widgets.base_screen import BaseScreen, Header
from artifact_tui.tui.widgets.browse_inputs import (
    FilterBar,
    Offers,
    Rule,
    RuleDialog,
    SortMenu,
    rule_done,
    sort_title,
)
from artifact_tui.tui.widgets.browse_view import (
    EMPTY_COLLECTION,
    EVERYTHING,
    NOT_MARKED,
    Marker,
    MarkTotals,
    View,
    ViewAnswer,
    answer_of,
    fact_words,
    filter_words,
    in_collection,
    nothing_words,
)
from artifact_tui.tui.widgets.detail_pane import DetailPane, show_files
from artifact_tui.tui.widgets.dialogs import Overlay
from artifact_tui.tui.widgets.edit_request import EditRequest, names_form
from artifact_tui.tui.widgets.line_view import CursorList
from artifact_tui.tui.widgets.line_widgets import Line
from artifact_tui.tui.widgets.tree_list import TreeList, TreePlace
from artifact_tui.tui.widgets.tree_painter import column_titles

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from typing import Any

    from textual.app import ComposeResult

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.query import Query, Where
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import HeaderFacts
    from artifact_tui.tui.widgets.browse_inputs import RuleAction


POLL = 1.0
"""Seconds between two looks at whether anyone changed the catalog."""

MANY = 20_000
"""Marks that are counted again only once no key has marked for a moment."""

RESTS = 0.5
"""Seconds the cursor, or the keys that mark, rest before what takes long is asked."""

SOON = 0.06
"""Seconds the cursor rests before the detail is read: a held key reads nothing."""

WIDTHS = [(0, "-narrow"), (100, "-wide")]
"""From how many columns on the detail stands beside the list."""


class BrowseList(BaseScreen):
    """The list, its detail, and the facts about both."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    AUTO_FOCUS = "#tree"

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.view = View()
        self.answer: ViewAnswer | None = None
        self.marks: MarkTotals | None = None
        self._goal: VersionRow | None = None
        self.marks_made = 0
        """Counts the keys that mark: a list that was read before one of them is read again."""
        self.just_marked = False
        """Whether the last key that marked did so, and its marks are not counted yet."""
        self.tree_list = TreeList(services.signs, services.now)
        self.pane = DetailPane(services.signs, services.now)
        self.offers = Offers(services.signs)
        self.filter_bar = FilterBar(self.offers)
        self._titles = Line(id="titles")

    def compose(self) -> ComposeResult:
        """Header; titles, list and detail; the filter or the facts; keys."""
        yield self.header
        with Horizontal(id="body"):
            with Horizontal(id="list"):
                yield self._titles
                yield self.tree_list
            yield self.pane
        with Horizontal(id="bottom"):
            yield self.filter_bar
            yield self.status_line
        yield self.keys
        with Overlay():
            yield self.offers

    @property
    def wide(self) -> bool:
        """Whether the detail stands beside the list."""
        return self.has_class("-wide")

    def on_mount(self) -> None:
        """Ask for everything, then look now and then whether it has changed."""
        start(self, "forget", self.services.forget_deleted)
        self.read_first("the list is being read")
        self.reload()
        self.set_interval(POLL, self._look)

    def on_screen_resume(self) -> None:
        """Another screen may have changed something; what it deleted needs no mark any more."""
        if self.answer is not None:
            start(self, "forget", self.services.forget_deleted)
            self.reload_first(MOVES)

    # Asking

    def reload(self) -> None:
        """Ask the present question again; the screen goes on meanwhile."""
        start(self, "load", self._load, latest=True)

    def reload_first(self, lets: frozenset[str] = frozenset()) -> None:
        """Ask again because of a key: what is marked or opened next is what the list shows then."""
        self.read_first("the list is being read", lets)
        self.reload()

    def show_view(self, view: View) -> None:
        """Ask another question."""
        if view != self.view:
            self.view = view
            self.reload_first()

    @property
    def row_since(self) -> float:
        """When the row under the cursor became another by itself."""
        return self.tree_list.swapped

    def waiting(self, *, acts: bool) -> Iterator[KeyWait]:
        """What has to be done before keys mean what they should."""
        yield from super().waiting(acts=acts)
        if acts and self.tree_list.arriving:
            yield KeyWait("the row under the cursor is being read", MOVES_AND_LEAVING)

    async def _load(self) -> None:
        try:
            await self.load_now()
        except ArtifactTuiError as error:
            if self.answer is not None:
                self.view = self.answer.view  # the list that is shown is still that one's
            self.show_facts()
            self.fail(error)
        self.read_done()

    async def load_now(self) -> None:
        """Ask, and show the answer; again when a key has marked something meanwhile."""
        chosen = self.tree_list.range is not None
        while True:
            await self.host.effects.marked()
            made = self.marks_made

            async def turn(made: int = made) -> bool | None:
                if self._is_by_itself:
                    await self.host.typed.free()
                return self._is_by_itself if made == self.marks_made else None

            await self.services.catalog.changed()
            found = await answer_of(self.services, self.view)
            self.tree_list.nothing = self.why_nothing()
            self.tree_list.tell_charged(charged=found.view.sort.field == "stored")
            if await self.tree_list.load(found.rows, found.source, turn):
                break
        self.answer = found
        self.header.update(self.header_facts())
        self.show_titles()
        self.show_facts()
        self.count_marks()
        if chosen and self.tree_list.range is None:
            self.say("The row where the range began is gone: the range is given up.")
        await self._reach(found)

    @property
    def _is_by_itself(self) -> bool:
        """Whether the list is read for another reason than a key."""
        return self._reading is None or self._reading.done.done()

    def reveal(self, row: VersionRow) -> None:
        """Put the cursor on a version, in a list without a filter if need be."""
        self._goal = row
        self.reload_first()

    async def _reach(self, found: ViewAnswer) -> None:
        """Go where `reveal` wants to, once the list is there."""
        goal = self._goal
        if goal is None:
            return
        index = self.tree_list.outline.index_of(goal.collection_id)
        version = await found.source.position(goal.collection_id, goal.id)
        if index is not None and version is not None:
            self._goal = None
            self.tree_list.go(TreePlace(index, version))
        elif self.view.everything:
            self._goal = None
            self.say("This version is not in the list any more.")
        else:
            self.show_view(View(sort=self.view.sort))

    def why_nothing(self) -> str:
        """Why the list is empty."""
        return nothing_words(self.view)

    def _look(self) -> None:
        if self.is_current and self.answer is not None:
            start(self, "look", self._look_now, latest=True)

    async def _look_now(self) -> None:
        try:
            catalog = self.services.catalog
            changed = await catalog.changed() or await catalog.marks_changed()
        except ArtifactTuiError as error:
            self.fail(error)
            return
        if changed:
            self.reload()

    def say_no_row(self) -> None:
        """Say why a key has no row to act on."""
        if self.tree_list.count:
            self.say("This row could not be read: r reads the list again.")
        else:
            self.say("There is nothing in the list.")

    async def chosen(self, row: CollectionRow | VersionRow | None) -> Selection | None:
        """The marks; without any, the row: what was under the cursor when the key was pressed.

        Called once everything is done that earlier keys asked for.

        Raises:
            UsageError: what was marked has gone meanwhile.
        """
        if await self.services.catalog.marked_any():
            return "marked"
        if self.just_marked:
            raise UsageError(
                "What was marked is not in the registry any more.", hint="Nothing is done."
            )
        if isinstance(row, CollectionRow):
            return None if self.answer is None else in_collection(self.answer.where, row.id)
        return None if row is None else (row.key,)

    def count_marks(self) -> None:
        """Work out what the marks come to."""
        if self.answer is not None:
            start(self, "marks-count", self._count_marks, self.answer, latest=True)

    async def _count_marks(self, found: ViewAnswer) -> None:
        """Count the marks, then what they would free; a key that marks has them counted again."""
        made, catalog = self.marks_made, self.services.catalog
        try:
            if self.marks is not None and self.marks.count > MANY:
                await asyncio.sleep(RESTS)
            marked, hidden = await catalog.marked_and_hidden(found.where, latest=True)
            if made != self.marks_made:
                return
            self.just_marked = False
            counted = MarkTotals(marked, hidden)
            if self.marks is None or counted != replace(self.marks, bytes=None):
                self.marks = counted
                if marked > MANY:
                    self.show_facts()
            freed = await catalog.freed(latest=True)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        if made == self.marks_made:
            self.marks = replace(counted, bytes=freed)
            self.show_facts()

    # Showing

    def header_facts(self) -> HeaderFacts:
        """The registry in numbers, and how old they are."""
        facts = super().header_facts()
        if self.answer is None:
            return facts
        totals = self.answer.totals
        return replace(
            facts,
            collections=totals.collections,
            versions=totals.versions,
            size=totals.size,
            stored=totals.stored,
            facts="live",
        )

    def show_titles(self) -> None:
        """Draw the titles of the columns."""
        sort = self.view.sort
        text = column_titles(
            self.tree_list.columns,
            sort_title(sort),
            self.services.signs,
            descending=sort.descending,
            charged=sort.field == "stored",
        )
        self._titles.show(Content(text))

    def show_facts(self) -> None:
        """Draw the filter, the marks and the numbers."""
        if self.answer is None:
            return
        signs = self.services.signs
        typing = self.filter_bar.display
        left = Content("") if typing else filter_words(self.view, signs)
        self.status_line.facts(left, *fact_words(self.answer, self.marks, signs))

    def on_resize(self) -> None:
        """The columns have changed with the width."""
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.show_titles()
        if self.focused is None or (self.pane.has_focus and not self.wide):
            self.set_focus(self.tree_list, scroll_visible=False)

    @on(TreeList.Failed)
    def _window_failed(self, event: TreeList.Failed) -> None:
        self.fail(event.error)

    # The detail of the row

    @on(CursorList.Moved, "#tree")
    def _moved(self) -> None:
        row = self.tree_list.row
        if row is None or isinstance(row, CollectionRow):
            self.workers.cancel_group(self, "detail")
            self.pane.show_row(row)
            self.rests_on(None)
            return
        if self.wide:
            start(self, "detail", self._follow, row, latest=True)
        self.rests_on(row)

    def rests_on(self, row: VersionRow | None) -> None:
        """The cursor is on this version now, or on none."""

    async def _follow(self, row: VersionRow) -> None:
        """Show a version once the cursor rests on it."""
        await asyncio.sleep(SOON)
        await self.show_detail(row)

    async def show_detail(self, row: VersionRow) -> None:
        """Read a version, and show it beside the list."""
        try:
            detail = await self.services.catalog.detail(row.id, latest=True)
        except ArtifactTuiError:
            self.pane.show_row(None)  # it is gone: the list will say so in a moment
            return
        self.pane.show_row(detail, self.services.asker.told(detail.row))


class BrowseMarking(BrowseList):
    """Everything that marks."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._marker = Marker(services, self.tree_list, self._marks_drawn)

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
            self.say(EMPTY_COLLECTION)
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

    def _marks_drawn(self, more: int) -> None:
        """So many more are marked, or fewer; what they would free is not known yet."""
        if self.marks is not None and more:
            before, self.marks = self.marks, self.marks.shifted(more)
            if max(before.count, self.marks.count) > MANY:  # few are counted in no time
                self.show_facts()

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

    def _ask_rule(self, action: RuleAction) -> None:
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

    def _apply_rule(self, action: RuleAction, rule: Rule | None, collection_id: int | None) -> None:
        if rule is not None:
            where = self._rule_where(rule, collection_id)
            words = "the rule is marking" if action == "mark" else "the rule is taking marks away"
            self._has_marked(marks=action == "mark")
            self.say(f"{words[:1].upper()}{words[1:]}{self.services.signs.ellipsis}")
            work = self._by_rule(action, rule, where)
            self.carry_out(words, work, lets=MOVES, everywhere=True)

    async def _by_rule(self, action: RuleAction, rule: Rule, where: Where) -> None:
        catalog = self.services.catalog
        change = catalog.mark_where if action == "mark" else catalog.unmark_where
        try:
            await self.services.doubts(rule.query)
            number = await change(where)
        except ArtifactTuiError:
            self.just_marked = False
            self.count_marks()
            raise
        self._marks_drawn(number if action == "mark" else -number)
        self.say(rule_done(action, number))
        self.reload_first(MOVES)


class BrowseRemote(BrowseMarking):
    """Adds the link to what browse shows; without a link nothing changes."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._asking = ""
        """Key of the version whose lineage is asked for, or will be in a moment."""
        self._synced_us: int | None = None
        self._noticed: tuple[str, ...] = ()

    def on_mount(self) -> None:
        """Once the catalog is on the screen, sync it."""
        link = self.services.link
        if link is None:
            return
        link.watch(self._link_changed)
        self.tree_list.tell_lineage(known=link.state.coverage.complete)
        self.call_after_refresh(link.sync)
        self.set_interval(POLL, self._show_age)

    def on_screen_resume(self) -> None:
        """A plan that is being applied, or was, changes the registry: sync when it has ended."""
        if self.services.link is not None:
            start(self, "follow", self._follow_tasks, latest=True)

    async def _follow_tasks(self) -> None:
        link, watch = self.services.link, TaskWatch()
        address = self.services.client.identity.address
        while link is not None:
            tasks = [task for task in await watch.read() if task.address == address]
            newest = max((task.ended_us or 0 for task in tasks), default=0)
            if link.state.synced_us is not None and newest > link.state.synced_us:
                link.sync()
            if not any(task.alive for task in tasks):
                return
            await asyncio.sleep(POLL)

    # Lineage that is told only when asked

    def rests_on(self, row: VersionRow | None) -> None:
        """Ask for the lineage of the version under the cursor once it rests there."""
        key = row.key if row is not None and self.services.asker.wants(row) else ""
        if key == self._asking:
            return
        self._asking = key
        self.workers.cancel_group(self, "lineage")
        if row is not None and key:
            start(self, "lineage", self._ask_lineage, row, latest=True)

    async def _ask_lineage(self, row: VersionRow) -> None:
        await asyncio.sleep(RESTS)
        self.pane.tell(row.key, LineageState.ASKING)
        try:
            await self.services.asker.ask(row)
        except ArtifactTuiError as error:
            self.fail(error)
        self._asking = ""
        if self.wide:
            await self.show_detail(row)

    def on_unmount(self) -> None:
        """The link goes on without this screen."""
        if self.services.link is not None:
            self.services.link.unwatch(self._link_changed)

    def action_refresh(self) -> None:
        """Sync again; where there is nothing to sync, read the list again."""
        link = self.services.link
        if link is None:
            self.reload_first(MOVES)
        elif not link.sync():
            self.say("It is being synced already.")

    def action_registries(self) -> None:
        """The configured registries."""
        self.host.open("registries")

    def header_facts(self) -> HeaderFacts:
        """How old the catalog is, and how far the link is."""
        facts = super().header_facts()
        link = self.services.link
        if link is None:
            return facts
        return replace(facts, facts=link.state.words(self.services.now()))

    def why_nothing(self) -> str:
        """Why the list is empty."""
        link = self.services.link
        return nothing_words(self.view, link.state if link is not None else None)

    def _link_changed(self, rows: bool) -> None:  # noqa: FBT001 - a callback
        if not self.is_current:
            return
        self._show_age()
        link = self.services.link
        if link is not None:
            self.tree_list.tell_lineage(known=link.state.coverage.complete)
            if link.state.synced_us != self._synced_us:
                self._synced_us = link.state.synced_us
                self.services.asker.forget()
            if link.state.error:
                self.say(link.state.error, error=True)
            elif link.state.notices and link.state.notices != self._noticed:
                self.say(" ".join(link.state.notices))
            self._noticed = link.state.notices
        if rows:
            self.reload()

    def _show_age(self) -> None:
        """Draw the header again; the same words send nothing."""
        if self.services.link is not None:
            self.services.link.look()
        if self.is_current:
            self.query_one(Header).update(self.header_facts())


class BrowseEdits(BrowseRemote):
    """Adds `a` and `T` to browse."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._edit = EditRequest(self)

    def edits_why_not(self, row_id: str) -> str:
        """Why a key of this half does nothing; empty for all others."""
        if row_id == "browse.retention":
            has_ttl = self.services.client.capabilities.ttl
            return "" if has_ttl else "this registry has no times to live"
        return self._edit.why_not("aliases", "tags") if row_id == "browse.names" else ""

    def action_names(self) -> None:
        """Ask for other aliases and tags of the marks, or of the row."""
        if not self.refused("browse.names"):
            can = self.services.client.capabilities
            form = names_form(aliases=can.edit_aliases, tags=can.edit_tags)
            self._edit.ask_for(partial(self.chosen, self.tree_list.row), form)

    def action_retention(self) -> None:
        """What expires when, and other times to live for the marks, or the row."""
        if not self.refused("browse.retention"):
            self.carry_out("what is chosen is being read", self._retention(self.tree_list.row))

    async def _retention(self, row: CollectionRow | VersionRow | None) -> None:
        self.host.open("retention", await self.chosen(row))


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
            "browse.orphans": (can.storage_cleanup, why_no_storage(self.services.client)),
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
                self.say(EMPTY_COLLECTION)
            elif tree.outline.is_open(place.collection):
                tree.go(TreePlace(place.collection, 0))
            else:
                tree.set_open(place.collection, opened=True)
        elif self.wide:
            self.set_focus(self.pane, scroll_visible=False)
        else:
            self.host.open("detail", row)

    def action_close(self) -> None:
        """Back to the list, up to the collection, or collapse it."""
        tree = self.tree_list
        place = tree.place
        if self.pane.has_focus:
            self.set_focus(tree, scroll_visible=False)
        elif place is not None and place.version is not None:
            tree.go(TreePlace(place.collection))
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
            self.host.open("review", chosen, query_text=query_text if chosen == "marked" else "")
        elif row.versions:
            self.host.open("review", chosen, query_text=query_text)
        else:
            self.host.open("review", (), collections=(row.key,))

    def action_tasks(self) -> None:
        """Open the tasks."""
        self.host.open("tasks")

    def action_trash(self) -> None:
        """Open the trash."""
        if not self.refused("browse.trash"):
            self.host.open("trash")

    def action_orphans(self) -> None:
        """Compare the registry with its storage."""
        if not self.refused("browse.orphans"):
            self.host.open("orphans")

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
        from artifact_tui.deletion.undo import Reingestion, source_of  # noqa: PLC0415 - seldom needed
        from artifact_tui.tui.widgets.dialogs import ReingestDialog  # noqa: PLC0415 - seldom needed

        name = f"{row.collection}:{row.label}"
        recipe = await source_of(self.services.client, row.key, name)
        self.status_line.hush()

        def go(url: str | None) -> None:
            if url:
                self.host.open("review", (row.key,), again=Reingestion(row.key, name, url))

        self.open_dialog(ReingestDialog(name, recipe), go)

    def action_lineage(self) -> None:
        """Walk through the lineage of the version."""
        row = self.tree_list.row
        if self.refused("browse.lineage") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("Lineage belongs to a version: expand the collection and choose one.")
        else:
            self.host.open("lineage", row)

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
