"""The list of versions below their collections, or their deletions: filter, order, range, marks.

Browse and the trash are made of it. What it shows is read by a `ListReader`, what is marked is kept
by a `Marker`; here are the keys, the filter as it is typed, and the lines about both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal
from textual.content import Content

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.catalog.filter_doubts import refuse_slips
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.query import parse
from artifact_tui.tui.typed_keys import LEAVING, start
from artifact_tui.tui.widgets.dialogs import Overlay
from artifact_tui.tui.widgets.line_view import CursorList
from artifact_tui.tui.widgets.line_widgets import Line
from artifact_tui.tui.widgets.list_inputs import FilterBar, Offers, SortMenu, sort_title
from artifact_tui.tui.widgets.list_reader import ListReader
from artifact_tui.tui.widgets.list_views import EVERYTHING, fact_words, filter_words
from artifact_tui.tui.widgets.marker import EMPTY_COLLECTION, Marker
from artifact_tui.tui.widgets.tree_list import TreeList, TreePlace
from artifact_tui.tui.widgets.tree_painter import column_titles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.query import Query
    from artifact_tui.tui.widgets.base_screen import BaseScreen
    from artifact_tui.tui.widgets.list_inputs import FilterEnd
    from artifact_tui.tui.widgets.list_views import View, ViewAnswer


POLL = 1.0
"""Seconds between two looks at whether anyone changed the catalog."""


class VersionList(Horizontal):
    """The list of a screen. A subclass has the keys of its place, and says what is listed."""

    def __init__(
        self, page: BaseScreen, catalog: Catalog, view: View, *, trash: bool = False
    ) -> None:
        """`page` is the screen that it is the list of; `catalog` has its rows and its marks."""
        super().__init__(id="body")
        services = page.services
        self.page = page
        self.catalog = catalog
        self.rows = TreeList(services.signs, services.now, trash=trash)
        self.reader = ListReader(page, catalog, self.rows, view, ask=self.ask, shown=self._shown)
        self.marker = Marker(page, catalog, self.rows, self.reader, self.show_facts)
        self._offers = Offers(services.signs)
        self.filter_bar = FilterBar(self._offers, self._filter_typed, self._values_wanted)
        self._titles = Line(id="titles")
        self._refused: tuple[str, QueryError] | None = None
        """The last filter that asked for what this registry never tells, and why it is none."""

    # For subclasses

    async def ask(self, view: View) -> ViewAnswer:
        """What a view comes to."""
        raise NotImplementedError

    def nothing(self) -> str:
        """Why the list is empty, in safe words."""
        raise NotImplementedError

    def open_version(self, row: VersionRow) -> None:
        """Show a version in detail."""
        raise NotImplementedError

    def narrowing(self) -> Content:
        """What narrows the list."""
        return filter_words(self.view, self.page.services.signs)

    def describe(self, answer: ViewAnswer) -> Sequence[Content]:
        """Marks and numbers, the longest form first."""
        return fact_words(answer, self.marker.totals, self.page.services.signs)

    # Composing

    def compose_page(self, *below: Widget) -> ComposeResult:
        """Header; the list, what stands below it, the filter or the facts; keys."""
        page = self.page
        yield page.header
        yield self
        yield from below
        with Horizontal(id="bottom"):
            yield self.filter_bar
            yield page.status_line
        yield page.keys
        with Overlay():
            yield self._offers

    def compose(self) -> ComposeResult:
        """Titles above the tree."""
        with Horizontal(id="list"):
            yield self._titles
            yield self.rows

    def on_mount(self) -> None:
        """Look now and then whether anything has changed."""
        self.set_interval(POLL, self.reader.look)

    # Showing

    @property
    def view(self) -> View:
        """The question that is answered."""
        return self.reader.view

    @property
    def answer(self) -> ViewAnswer | None:
        """What it came to; None before the first answer."""
        return self.reader.answer

    def show_nothing(self) -> None:
        """Say anew why the list is empty, if it is."""
        words = self.nothing()
        if words != self.rows.nothing:
            self.rows.nothing = words
            if not self.rows.count:
                self.rows.refresh()

    def _shown(self) -> None:
        """Another answer is shown, or a question had none."""
        self.show_nothing()
        self.page.show_header()
        self._show_titles()
        self.show_facts()
        self.marker.count()
        self.page.show_keys()

    def _show_titles(self) -> None:
        sort = self.view.sort
        text = column_titles(
            self.rows.columns,
            sort_title(sort),
            self.page.services.signs,
            descending=sort.descending,
            charged=sort.field == "stored",
        )
        self._titles.show(Content(text))

    def show_facts(self) -> None:
        """Draw the filter, the marks and the numbers."""
        if self.answer is not None:
            left = Content("") if self.filter_bar.display else self.narrowing()
            self.page.status_line.facts(left, *self.describe(self.answer))

    def on_resize(self) -> None:
        """The columns have changed with the width."""
        self.call_after_refresh(self._show_titles)

    @on(TreeList.Failed)
    def _window_failed(self, event: TreeList.Failed) -> None:
        self.page.fail(event.error)

    # Opening and closing rows

    def action_open(self) -> None:
        """Expand a collection, or go into it; or show a version in detail."""
        tree, place, row = self.rows, self.rows.place, self.rows.row
        if place is None or row is None:
            return
        if not isinstance(row, CollectionRow):
            self.open_version(row)
        elif not row.versions:
            self.page.say(EMPTY_COLLECTION)
        elif tree.outline.is_open(place.collection):
            tree.go(TreePlace(place.collection, 0))
        else:
            tree.set_open(place.collection, opened=True)

    def action_close(self) -> None:
        """Up to the collection, or collapse it."""
        tree, place = self.rows, self.rows.place
        if not tree.has_focus:
            self.page.set_focus(tree, scroll_visible=False)
        elif place is not None and place.version is not None:
            tree.go(TreePlace(place.collection))
        elif place is not None:
            tree.set_open(place.collection, opened=False)

    @on(CursorList.Opened, "#tree")
    def _opened(self) -> None:
        """A click on a collection's sign turns it; a double click opens."""
        tree, place, row = self.rows, self.rows.place, self.rows.row
        if place is not None and isinstance(row, CollectionRow) and row.versions:
            is_open = tree.outline.is_open(place.collection)
            tree.set_open(place.collection, opened=not is_open)
        else:
            self.action_open()

    def action_next(self) -> None:
        """The next version."""
        if not self.rows.step_version(1):
            self.page.say("There is no further version in the list.")

    def action_previous(self) -> None:
        """The previous version."""
        if not self.rows.step_version(-1):
            self.page.say("There is no version further up in the list.")

    def one_layer_back(self) -> bool:
        """Give up the range, what only shows the marked, the filter; False when none is there."""
        if self.rows.range is not None:
            self.rows.end_range()
        elif self.view.marked_only:
            self.reader.show(replace(self.view, marked_only=False))
        elif not self.view.query.everything:
            self.reader.show(replace(self.view, query=EVERYTHING))
        else:
            return False
        return True

    def action_copy(self) -> None:
        """Copy the name of the row."""
        row = self.rows.row
        if isinstance(row, CollectionRow):
            self.page.app.copy(row.name)
        elif row is not None:
            self.page.app.copy(f"{row.collection}:{row.label}")
        else:
            self.page.say(self.rows.no_row)

    # Marks

    def action_mark(self) -> None:
        """Mark the range, or the row and go down."""
        self.marker.mark()

    def action_range(self) -> None:
        """Start a range, or mark the one that was started."""
        self.marker.range()

    def action_all(self) -> None:
        """Mark all that is listed, or nothing."""
        if not self.page.refused(f"{self.page.PLACE}.all"):
            self.marker.all()

    def action_marked(self) -> None:
        """Only the marked, or everything again."""
        self.reader.show(replace(self.view, marked_only=not self.view.marked_only))

    def action_rule(self) -> None:
        """Mark by rule."""
        self.marker.ask_rule("mark")

    def action_unrule(self) -> None:
        """Unmark by rule."""
        self.marker.ask_rule("unmark")

    # Filter and order

    def action_filter(self) -> None:
        """Type a filter."""
        self.filter_bar.open(self.view.query.text)
        self.show_facts()

    def _filter_typed(self, text: str, end: FilterEnd) -> None:
        bar = self.filter_bar
        try:
            query = parse(text)
            if self._refused is not None and self._refused[0] == text:
                raise self._refused[1]
        except QueryError as error:
            bar.tell(error)
            return
        bar.tell(None)
        if end:
            bar.close()
            self.page.set_focus(self.rows, scroll_visible=False)
            self.show_facts()
        if query.root != self.view.query.root or query.text != self.view.query.text:
            self.reader.show(replace(self.view, query=query))
        if end == "kept":
            self.page.carry_out("the filter is being checked", self._check(query), lets=LEAVING)
        else:
            start(self.page, "doubts", self._point_out, query, latest=True)

    async def _check(self, query: Query) -> None:
        """Refuse what cannot be meant here; what this registry never tells is undone.

        Raises:
            QueryError: something in the filter cannot be meant here.
        """
        try:
            found = await self.page.services.doubts(query)
        except QueryError as error:
            self._refused = (query.text, error)
            if self.view.query.text == query.text:
                self.reader.show(replace(self.view, query=EVERYTHING))
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
            self.page.fail(error)

    def _values_wanted(self, field: str, word: str) -> None:
        start(self.page, "offers", self._offer, field, word, latest=True)

    async def _offer(self, field: str, word: str) -> None:
        values = await self.catalog.values(field, word, limit=8, latest=True)
        self.filter_bar.offer_values(field, word, values)

    def action_sort(self) -> None:
        """Choose the order."""
        signs = self.page.services.signs
        menu = SortMenu(self.view.sort, signs, trash=self.rows.trash)
        self.page.open_dialog(menu, self._sorted)

    def _sorted(self, sort: Sort | None) -> None:
        if sort is not None:
            self.page.carry_out("the order is being changed", self._sort_by(sort), lets=LEAVING)

    async def _sort_by(self, sort: Sort) -> None:
        """Change the order, unless this registry does not tell what it goes by.

        Raises:
            QueryError: so it is.
        """
        await self.page.services.refuse_sort(sort)
        self.reader.show(replace(self.view, sort=sort))
