"""The reading half of browse: asks the catalog, shows the answer, follows the cursor.

Nothing here waits on the event loop: questions are asked in workers, and a newer one supersedes
those that are not answered yet.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal
from textual.content import Content

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.browse_facts import fact_words, filter_words, nothing_words
from artifact_tui.tui.screens.browse_view import Answer, Marks, View, answer, marks_of
from artifact_tui.tui.trashing import forget_deleted
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.detail_pane import DetailPane
from artifact_tui.tui.widgets.dialog import Overlay
from artifact_tui.tui.widgets.filter_bar import FilterBar, Offers
from artifact_tui.tui.widgets.header import Header
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.sort_menu import sort_title
from artifact_tui.tui.widgets.status import StatusLine
from artifact_tui.tui.widgets.tree.columns import titles
from artifact_tui.tui.widgets.tree.tree_list import TreeList
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts

POLL = 1.0
"""Seconds between two looks at whether anyone changed the catalog."""

SOON = 0.06
"""Seconds the cursor rests before the detail is read: a held key reads nothing."""

FIRST = 0.3
"""Seconds that the first frame may wait for the list."""

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
        self.tree_list = TreeList(services.signs, services.now)

    def compose(self) -> ComposeResult:
        """Header; titles, list and detail; the filter or the facts; keys."""
        yield Header(self.header_facts(), self.services.signs)
        with Horizontal(id="body"):
            with Horizontal(id="list"):
                yield Line(id="titles")
                yield self.tree_list
            yield DetailPane(self.services.signs, self.services.now)
        with Horizontal(id="bottom"):
            yield FilterBar()
            yield StatusLine()
        yield self.keys_line()
        with Overlay():
            yield Offers(self.services.signs)

    @property
    def pane(self) -> DetailPane:
        """The detail."""
        return self.query_one(DetailPane)

    @property
    def wide(self) -> bool:
        """Whether the detail stands beside the list."""
        return self.has_class("-wide")

    def on_mount(self) -> None:
        """Ask for everything, then look now and then whether it has changed."""
        super().on_mount()
        start(self, "forget", forget_deleted, self.services)
        self.reload()
        self.set_interval(POLL, self._look)

    def on_screen_resume(self) -> None:
        """Another screen may have changed something; what it deleted needs no mark any more."""
        if self.answer is not None:
            start(self, "forget", forget_deleted, self.services)
            self.reload()

    # Asking

    def reload(self) -> None:
        """Ask the present question again; the screen goes on meanwhile."""
        start(self, "load", self._load, latest=True)

    def show_view(self, view: View) -> None:
        """Ask another question."""
        if view != self.view:
            self.view = view
            self.reload()

    async def _first_load(self) -> None:
        """Draw once, with the list in it; without it when that takes too long."""
        with ExitStack() as batch:
            batch.enter_context(self.app.batch_update())
            self.set_timer(FIRST, batch.close)
            await self._load()

    async def _load(self) -> None:
        try:
            await self.load_now()
        except ArtifactTuiError as error:
            self.fail(error)

    async def load_now(self) -> None:
        """Ask, and show the answer."""
        await self.services.catalog.changed()
        found = await answer(self.services, self.view)
        self.tree_list.nothing = self.why_nothing()
        await self.tree_list.load(found.rows, found.source)
        self.answer = found
        self.query_one(Header).update(self.header_facts())
        self.show_titles()
        self.show_facts()
        self.count_marks()

    def why_nothing(self) -> str:
        """Why the list is empty."""
        return nothing_words(self.view)

    def _look(self) -> None:
        if self.is_current and self.answer is not None:
            start(self, "look", self._look_now, latest=True)

    async def _look_now(self) -> None:
        try:
            changed = await self.services.catalog.changed()
        except ArtifactTuiError as error:
            self.fail(error)
            return
        if changed:
            self.reload()

    def count_marks(self) -> None:
        """Work out what the marks come to."""
        if self.answer is not None:
            start(self, "marks-count", self._count_marks, self.answer, latest=True)

    async def _count_marks(self, found: Answer) -> None:
        try:
            self.marks = await marks_of(self.services, found.where)
        except ArtifactTuiError as error:
            self.fail(error)
            return
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
        )
        self.query_one("#titles", Line).show(Content(text))

    def show_facts(self) -> None:
        """Draw the filter, the marks and the numbers."""
        if self.answer is None:
            return
        signs = self.services.signs
        typing = self.query_one(FilterBar).display
        left = Content("") if typing else filter_words(self.view, signs)
        status = self.query_one(StatusLine)
        status.facts(left, *fact_words(self.answer, self.marks, signs))

    def on_resize(self) -> None:
        """The columns have changed with the width."""
        self.call_after_refresh(self.show_titles)

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
        elif self.wide:
            start(self, "detail", self._follow, row, latest=True)

    async def _follow(self, row: VersionRow) -> None:
        """Show a version once the cursor rests on it."""
        await asyncio.sleep(SOON)
        try:
            detail = await self.services.catalog.detail(row.id, latest=True)
        except ArtifactTuiError:
            self.pane.show_row(None)  # it is gone: the list will say so in a moment
            return
        self.pane.show_row(detail)
