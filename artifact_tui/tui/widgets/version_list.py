"""The list of versions below their collections, or their deletions: filter, order, range, marks.

Browse and the trash are made of it. What it shows is read in the background: a newer question
supersedes one that is not answered yet, and the rows that are shown stay until the whole answer is
there. What is marked is kept by a `Marker`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on
from textual.containers import Horizontal
from textual.content import Content

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.catalog.filter_doubts import refuse_slips
from artifact_tui.catalog.known_fields import EVERY_FIELD
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.query import parse
from artifact_tui.text import count, freed, listed, safe, width
from artifact_tui.tui.typed_keys import LEAVING, start
from artifact_tui.tui.widgets.dialogs import Overlay
from artifact_tui.tui.widgets.line_widgets import Line
from artifact_tui.tui.widgets.list_inputs import FilterBar, SortMenu
from artifact_tui.tui.widgets.list_views import EVERYTHING, Row, View
from artifact_tui.tui.widgets.marker import Marker
from artifact_tui.tui.widgets.outline import Outline, RowPlace
from artifact_tui.tui.widgets.row_list import RowList
from artifact_tui.tui.widgets.version_lines import (
    INDENT,
    LEAD,
    VersionPainter,
    column_titles,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.query import Query
    from artifact_tui.tui.widgets.base_screen import RegistryScreen
    from artifact_tui.tui.widgets.list_inputs import FilterEnd
    from artifact_tui.tui.widgets.list_views import ViewAnswer


POLL = 1.0
"""Seconds between two looks at whether anyone changed the catalog."""


class VersionList(Horizontal):
    """The list of a screen. A subclass has the keys of its place, and says what is listed."""

    def __init__(
        self, page: RegistryScreen, catalog: Catalog, view: View, *, trash: bool = False
    ) -> None:
        """`page` is the screen that it is the list of; `catalog` has its rows and its marks."""
        super().__init__(id="body")
        self.page = page
        self.catalog = catalog
        self.view = view
        """The question that is answered."""
        self.answer: ViewAnswer | None = None
        """What it came to; None before the first answer."""
        signs = page.services.signs
        self.rows: RowList[Row] = RowList(
            self._draw,
            key=lambda row: row.id if isinstance(row, CollectionRow) else row.key,
            id="tree",
            lead=LEAD,
            coming=Content.styled(" " * (LEAD + INDENT) + signs.ellipsis, "dim"),
            ranged=signs.ranged,
        )
        self.marker = Marker(self)
        self.trash = trash
        """Whether deletions are listed, with what they deleted, instead of collections."""
        self._lines: VersionPainter | None = None
        self._drawn: Outline[Row] | None = None
        """The rows that `_lines` was made for."""
        self._lineage_known = True
        self.fields = EVERY_FIELD
        """The fields that the registry tells, as of the answer."""
        self._charged = False
        self._goal: VersionRow | None = None
        """Where the cursor is to go once it is listed."""
        self.filter_bar = FilterBar(signs, self._filter_typed, self._ask_values)
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

    def say_empty(self) -> None:
        """Say of the empty collection under the cursor how it can be deleted itself."""
        review = self.page.key_of("browse.review")
        self.page.say(
            f"This collection is empty: {review} reviews the deletion of the collection itself."
        )

    def narrowing(self) -> Content:
        """What narrows the list; empty when nothing does."""
        parts: list[tuple[str, str]] = []
        if self.view.marked_only:
            sign = self.page.services.signs.mark
            parts.append((f" {sign} only the marked ", "bold $text-warning"))
        if self.view.query.text.strip():
            parts.append((f" / {safe(self.view.query.text.strip())}", "bold"))
        return Content.assemble(*parts)

    def describe(self, answer: ViewAnswer) -> Sequence[Content]:
        """Marks and numbers, the longest form first."""
        shown = f"{count(answer.versions)} of {count(answer.among)} "
        marks, signs = self.marker.totals, self.page.services.signs
        if marks is None or not marks.count:
            return [Content(shown)]
        dot = f" {signs.dot} "
        marked = f"{count(marks.count)} marked"
        if marks.hidden:
            marked += f" ({count(marks.hidden)} hidden)"
        forms = [f"{marked}{dot}{signs.ellipsis}", marked]
        if (weight := marks.bytes) is not None:
            known = weight.listed if weight.listed or not weight.unknown_count else None
            verb = "charged for them" if weight.charged else "would be freed"
            frees = freed(weight.freed, weight.unknown_count, verb)
            forms = [dot.join([marked, listed(known), frees]), dot.join([marked, frees]), marked]
        return [Content.assemble((form, "bold $text-warning"), f"   {shown}") for form in forms]

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
            yield self.filter_bar.box

    def compose(self) -> ComposeResult:
        """Titles above the rows."""
        with Horizontal(id="list"):
            yield self._titles
            yield self.rows

    def on_mount(self) -> None:
        """Look now and then whether anything has changed."""

        def look() -> None:
            if self.page.is_current and self.answer is not None:
                start(self.page, "look", self._look, latest=True)

        self.set_interval(POLL, look)

    # What is here

    @property
    def heads(self) -> list[CollectionRow]:
        """The collections, or the deletions, with the marks that are drawn."""
        return cast("list[CollectionRow]", self.rows.outline.heads)

    @property
    def collection(self) -> CollectionRow | None:
        """The collection under the cursor, or that of the version there."""
        place = self.rows.place
        return None if place is None else self.heads[place.head]

    @property
    def no_row(self) -> str:
        """Why a key has no row to act on, in words."""
        if not self.rows.count:
            return "There is nothing in the list."
        again = "" if self.trash else ": r reads the list again"
        return f"This row could not be read{again}."

    # Reading

    def show(self, view: View) -> None:
        """List with another filter or order, and read the list if that changes it."""
        if view != self.view:
            self.view = view
            self.reload_first()

    def reload(self) -> None:
        """Read the list again with the same filter and order, beside the screen."""
        start(self.page, "load", self._load, latest=True)

    def reload_first(self, lets: frozenset[str] = frozenset()) -> None:
        """Read the list again because of a key, and let later keys wait until it is shown."""
        self.page.read_first("the list is being read", lets)
        self.reload()

    def reveal(self, row: VersionRow) -> None:
        """Put the cursor on a version, in a list without a filter if need be."""
        self._goal = row
        self.reload_first()

    async def _look(self) -> None:
        """Read the list again if the catalog or the marks have changed."""
        try:
            if await self.catalog.changed() or await self.catalog.marks_changed():
                self.reload()
        except ArtifactTuiError as error:
            self.page.fail(error)

    async def _load(self) -> None:
        """Read the list and show it; once more if a key has marked something meanwhile."""
        page, rows, ranged = self.page, self.rows, self.rows.range is not None

        async def turn(made: int) -> bool | None:
            by_itself = not page.is_reading_first
            if by_itself:
                await page.app.typed.free()
            return not page.is_reading_first if made == self.marker.made else None

        try:
            shown = False
            while not shown:
                await page.app.effects.marked()
                made = self.marker.made
                await self.catalog.changed()
                found = await self.ask(self.view)
                self.fields = await page.services.known_fields()
                self._charged = found.view.sort.field == "stored"
                outline = Outline[Row](found.rows, key=self.rows.key, below=found.source.below)
                shown = await rows.show(outline, turn=partial(turn, made))
            self.answer = found
            self._shown()
            if ranged and rows.range is None:
                page.say("The row where the range began is gone: the range is given up.")
            if self._goal is not None:
                await self._reach(self._goal, found)
        except ArtifactTuiError as error:
            if self.answer is not None:
                self.view = self.answer.view  # the list that is shown is still that one's
            self._shown()
            page.fail(error)
        page.read_done()

    async def _reach(self, goal: VersionRow, found: ViewAnswer) -> None:
        """Put the cursor on the version of the last `reveal`, once the list has been read."""
        heads = enumerate(self.heads)
        at = next((index for index, head in heads if head.id == goal.collection_id), None)
        below = None if at is None else found.source.below(self.heads[at])
        version = None if below is None or below.find is None else await below.find(goal)
        if at is not None and version is not None:
            self._goal = None
            self.rows.go(RowPlace(at, version))
        elif self.view.everything:
            self._goal = None
            self.page.say("This version is not in the list any more.")
        else:
            self.show(View(sort=self.view.sort, base=self.view.base))

    # Showing

    def _painter(self) -> VersionPainter:
        """What draws the rows that are there now."""
        outline = self.rows.outline
        if self._lines is None or self._drawn is not outline:
            services, charged = self.page.services, self._charged
            types = {head.type for head in self.heads}
            self._drawn = outline
            self._lines = VersionPainter(
                services.signs,
                services.now(),
                max((head.weight(charged=charged) or 0 for head in self.heads), default=0),
                lineage_known=self._lineage_known,
                charged=charged,
                trash=self.trash,
                known=self.fields,
                type_cells=max((width(safe(one)) for one in types), default=0),
            )
        return self._lines

    def _draw(self, row: Row, cells: int) -> Content:
        if isinstance(row, CollectionRow):
            opened = row.id in self.rows.outline.opened
            return self._painter().collection(row, cells, opened=opened)
        return self._painter().version(row, cells)

    def tell_lineage(self, *, known: bool) -> None:
        """Whether the numbers of dependents are all there are; draws again when that changes."""
        if known != self._lineage_known:
            self._lineage_known, self._lines = known, None
            self.rows.refresh()

    def _shown(self) -> None:
        """Redraw what is around the list after it was read, or could not be."""
        self.rows.nothing = Content.styled(" " * LEAD + self.nothing(), "dim")
        self.rows.refresh_changed()
        self.page.show_header()
        self._show_titles()
        self.show_facts()
        self.marker.count()
        self.page.show_keys()

    def _show_titles(self) -> None:
        layout = self._painter().layout(self.rows.inner_width)
        self._titles.show(Content(column_titles(layout, self.view.sort, self.page.services.signs)))

    def show_facts(self) -> None:
        """Draw the filter, the marks and the numbers."""
        if self.answer is not None:
            left = Content("") if self.filter_bar.display else self.narrowing()
            self.page.status_line.facts(left, *self.describe(self.answer))

    def on_resize(self) -> None:
        """The columns have changed with the width."""
        self.call_after_refresh(self._show_titles)

    # Opening and closing rows

    def action_open(self) -> None:
        """Expand a collection, or go into it; or show a version in detail."""
        place, row = self.rows.place, self.rows.current
        if place is None or row is None:
            return
        if not isinstance(row, CollectionRow):
            self.open_version(row)
        elif not row.versions:
            self.say_empty()
        elif self.rows.outline.is_open(place.head):
            self.rows.go(RowPlace(place.head, 0))
        else:
            self.rows.set_open(place.head, opened=True)

    def action_close(self) -> None:
        """Up to the collection, or collapse it."""
        rows, place = self.rows, self.rows.place
        if not rows.has_focus:
            self.page.set_focus(rows, scroll_visible=False)
        elif place is not None and place.index is not None:
            rows.go(RowPlace(place.head))
        elif place is not None:
            rows.set_open(place.head, opened=False)

    @on(RowList.Opened, "#tree")
    def _opened(self) -> None:
        """A click on a collection's sign turns it; a double click opens."""
        rows, place, row = self.rows, self.rows.place, self.rows.current
        if place is not None and isinstance(row, CollectionRow) and row.versions:
            rows.set_open(place.head, opened=not rows.outline.is_open(place.head))
        else:
            self.action_open()

    def action_next(self) -> None:
        """The next version."""
        if not self._step(1):
            self.page.say("There is no further version in the list.")

    def action_previous(self) -> None:
        """The previous version."""
        if not self._step(-1):
            self.page.say("There is no version further up in the list.")

    def _step(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) version, expanding; False when there is none."""
        rows, outline, place = self.rows, self.rows.outline, self.rows.place
        inside = step > 0 and place is not None and place.index is None
        line = rows.cursor if inside else rows.cursor + step
        while (place := outline.place(line)) is not None:
            if place.index is not None:
                rows.move_to(line)
                return True
            last = self.heads[place.head].versions - 1
            if last >= 0 and (step > 0 or not outline.is_open(place.head)):
                rows.go(RowPlace(place.head, 0 if step > 0 else last))
                return True
            line += step
        return False

    def one_layer_back(self) -> bool:
        """Give up the range, what only shows the marked, the filter; False when none is there."""
        if self.rows.range is not None:
            self.rows.end_range()
        elif self.view.marked_only:
            self.show(replace(self.view, marked_only=False))
        elif not self.view.query.everything:
            self.show(replace(self.view, query=EVERYTHING))
        else:
            return False
        return True

    def action_copy(self) -> None:
        """Copy the name of the row."""
        row = self.rows.current
        if isinstance(row, CollectionRow):
            self.page.app.copy(row.name)
        elif row is not None:
            self.page.app.copy(f"{row.collection}:{row.label}")
        else:
            self.page.say(self.no_row)

    # Marks

    def action_mark(self) -> None:
        """Mark the range, or the row and go down."""
        self.marker.mark()

    def action_range(self) -> None:
        """Start a range, or mark the one that was started."""
        self.marker.mark_range()

    def action_all(self) -> None:
        """Mark all that is listed, or nothing."""
        if not self.page.refused(f"{self.page.PLACE}.all"):
            self.marker.mark_all()

    def action_marked(self) -> None:
        """Only the marked, or everything again."""
        self.show(replace(self.view, marked_only=not self.view.marked_only))

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
        start(self.page, "fields", self._offer_fields, latest=True)
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
            self.show(replace(self.view, query=query))
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
                self.show(replace(self.view, query=EVERYTHING))
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

    async def _offer_fields(self) -> None:
        """Let only fields be offered that the registry tells."""
        self.filter_bar.offer_fields(await self.page.services.known_fields(EVERY_FIELD))

    def _ask_values(self, field: str, word: str) -> None:
        start(self.page, "offers", self._offer, field, word, latest=True)

    async def _offer(self, field: str, word: str) -> None:
        values = await self.catalog.values(field, word, limit=8, latest=True)
        self.filter_bar.offer_values(field, word, values)

    def action_sort(self) -> None:
        """Choose the order."""
        self.page.carry_out("the orders are being looked up", self._ask_order(), lets=LEAVING)

    async def _ask_order(self) -> None:
        known = await self.page.services.known_fields(EVERY_FIELD)
        menu = SortMenu(self.view.sort, self.page.services.signs, trash=self.trash, known=known)
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
        self.show(replace(self.view, sort=sort))
