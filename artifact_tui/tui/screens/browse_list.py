"""The reading half of browse: asks the catalog, shows the answer, follows the cursor.

Nothing here waits on the event loop: questions are asked in workers, and a newer one supersedes
those that are not answered yet.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal
from textual.content import Content

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.browse_facts import fact_words, filter_words, nothing_words
from artifact_tui.tui.screens.browse_marks import in_collection
from artifact_tui.tui.screens.browse_view import Answer, Marks, View, answer, marks_of
from artifact_tui.tui.trashing import forget_deleted
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.detail_pane import DetailPane
from artifact_tui.tui.widgets.dialog import Overlay
from artifact_tui.tui.widgets.filter_bar import FilterBar, Offers
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.sort_menu import sort_title
from artifact_tui.tui.widgets.tree.columns import titles
from artifact_tui.tui.widgets.tree.outline import Place
from artifact_tui.tui.widgets.tree.tree_list import TreeList
from artifact_tui.tui.working import MOVES, MOVES_AND_LEAVING, Waiting, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts

POLL = 1.0
"""Seconds between two looks at whether anyone changed the catalog."""

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
        self.answer: Answer | None = None
        self.marks: Marks | None = None
        self._goal: VersionRow | None = None
        self.marks_made = 0
        """Counts the keys that mark: a list that was read before one of them is read again."""
        self.just_marked = False
        """Whether the last key that marked did so, and the numbers on the screen lack it."""
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
        start(self, "forget", forget_deleted, self.services)
        self.read_first("the list is being read")
        self.reload()
        self.set_interval(POLL, self._look)

    def on_screen_resume(self) -> None:
        """Another screen may have changed something; what it deleted needs no mark any more."""
        if self.answer is not None:
            start(self, "forget", forget_deleted, self.services)
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

    def waiting(self, *, acts: bool) -> Iterator[Waiting]:
        """What has to be done before keys mean what they should."""
        yield from super().waiting(acts=acts)
        if acts and self.tree_list.arriving:
            yield Waiting("the row under the cursor is being read", MOVES_AND_LEAVING)

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
            found = await answer(self.services, self.view)
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

    async def _reach(self, found: Answer) -> None:
        """Go where `reveal` wants to, once the list is there."""
        goal = self._goal
        if goal is None:
            return
        index = self.tree_list.outline.index_of(goal.collection_id)
        version = await found.source.position(goal.collection_id, goal.id)
        if index is not None and version is not None:
            self._goal = None
            self.tree_list.go(Place(index, version))
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

    async def _count_marks(self, found: Answer) -> None:
        made = self.marks_made
        try:
            self.marks = await marks_of(self.services, found.where)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        self.just_marked = self.just_marked and made != self.marks_made
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
        text = titles(
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
