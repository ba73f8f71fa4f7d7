"""Retention: what a time to live (TTL) deletes and when, and another one for what is chosen.

Nothing is sent from here: a change opens its review, which shows the dates and is confirmed there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.edits.wanted import Wanted
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import TTL_INHERIT, TTL_OFF
from artifact_tui.query import Where, compile_query, parse
from artifact_tui.text import plural, size
from artifact_tui.tui import retaining
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.edits import able, wishing
from artifact_tui.tui.screens.editing import Editing, subject_words
from artifact_tui.tui.widgets.grouped import Grouped
from artifact_tui.tui.widgets.retention_rows import (
    period_groups,
    retention_facts,
    retention_line,
)
from artifact_tui.tui.widgets.status import StatusLine
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.grouped import Group
    from artifact_tui.tui.widgets.row_list import RowList

_NOTHING = "No version here has a time to live: nothing expires."


class RetentionScreen(Editing):
    """The versions that expire, by period; set, inherit and off for the marks or the row."""

    PLACE = "retention"
    TITLE_WORD = "Retention"
    BINDINGS = bindings_of("retention")

    def __init__(self, services: Services, chosen: Selection | None) -> None:
        super().__init__(services)
        self._chosen = chosen
        """The marks; else what was chosen in browse, unless a row has the keyboard here."""
        self._chosen_words = ""
        self._overview: retaining.Overview | None = None

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Periods, versions, facts."""
        yield Grouped["VersionRow"](self.services.signs, self._line, self._facts, noun="versions")

    @property
    def grouped(self) -> Grouped[VersionRow]:
        """The lists."""
        return self.query_one(Grouped)

    def _line(self, row: VersionRow, cells: int) -> Content:
        return retention_line(row, cells, self.services.signs, self.services.now())

    def _facts(self, row: VersionRow) -> Content:
        return retention_facts(row, self.services.signs, self.services.now())

    # reading

    def on_mount(self) -> None:
        """The keyboard starts on the periods."""
        self.grouped.groups.focus()

    def on_screen_resume(self) -> None:
        """Something may have changed."""
        self.action_again()

    def action_again(self) -> None:
        """Read what expires; a change is for what is chosen then."""
        self.read_first("what expires is being read")
        start(self, "read", self._read_now, latest=True)

    async def _read_now(self) -> None:
        try:
            await self._read_overview()
        except ArtifactTuiError as error:
            self.fail(error)
        self.read_done()

    async def _read_overview(self) -> None:
        services = self.services
        found = await retaining.overview(services)
        periods = period_groups(
            found.periods,
            lambda period: retaining.PeriodRows(services, found.where, period),
            services.signs,
            services.client.capabilities,
        )
        await self._read_chosen()
        self._overview = found
        await self.grouped.show(periods)
        self._show_totals()
        self.show_keys()

    async def _read_chosen(self) -> None:
        """Find what is chosen while no row has the keyboard, and its words."""
        marked = await self.services.catalog.marked_count()
        if marked:
            self._chosen, self._chosen_words = "marked", plural(marked, "marked version")
        elif self._chosen is None or self._chosen == "marked":
            self._chosen, self._chosen_words = None, ""
        else:
            self._chosen_words = await self._named(self._chosen)

    async def _named(self, chosen: Where | Sequence[str]) -> str:
        """The only version by its name; else how many they are. Safe."""
        catalog = self.services.catalog
        if isinstance(chosen, Where):
            versions, _ = await catalog.matching(chosen)
            return plural(versions, "version")
        return subject_words(await catalog.by_keys(chosen))

    def _show_totals(self) -> None:
        found, dot = self._overview, self.services.signs.dot
        if found is None:
            return
        left = Content.assemble((f" {self._chosen_now()}", "bold $text-warning"))
        if not found.count:
            right = Content(f"{_NOTHING} ")
        else:
            versions = plural(found.count, "version")
            right = Content(f"{versions} with a time to live {dot} {size(found.size)} ")
        self.query_one(StatusLine).facts(left, right, Content(""))

    # choosing

    def chosen(self) -> Selection | None:
        """The marks; the row that has the keyboard; else what was chosen in browse."""
        if not self._is_for_row():
            return self._chosen
        row = self.grouped.items.current
        return None if row is None else (row.key,)

    def _is_for_row(self) -> bool:
        """Whether a change is for the row under the cursor, which may not have arrived yet."""
        grouped = self.grouped
        return self._chosen != "marked" and grouped.inside and grouped.items.count > 0

    def _chosen_now(self) -> str:
        """`chosen` in words, at this moment. Safe."""
        row = self.grouped.items.current if self._is_for_row() else None
        if self.chosen() is None:
            return "nothing is chosen for a change"
        return f"a change is for {self._chosen_words if row is None else subject_words([row])}"

    def on_grouped_pointed(self) -> None:
        """A change may be for something else now."""
        self._show_totals()

    def action_mark(self) -> None:
        """Mark or unmark the version, and go down."""
        row = self.grouped.items.current
        if self.grouped.inside and row is not None:
            self.grouped.items.action_down()
            self.carry_out("a mark is being written", self._mark(row), everywhere=True)

    async def _mark(self, row: VersionRow) -> None:
        catalog = self.services.catalog
        await (catalog.unmark([row.key]) if row.marked else catalog.mark([row.key]))
        self.action_again()

    # acting

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        if row_id in {"retention.set", "retention.off"}:
            return able.ttl_why_not(self.services)
        return able.inherit_why_not(self.services) if row_id == "retention.inherit" else ""

    def _change(self, row_id: str, wanted: Wanted | None) -> None:
        """Ask for a time to live, or show what the given one would do."""
        chosen = self.chosen()
        if self.refused(row_id):
            return
        if chosen is None:
            self.say("Nothing is chosen: mark versions in the list, or go to one here.")
        elif wanted is None:
            self.ask_for(partial(_known, chosen), wishing.TTL)
        else:
            self.review_change(partial(_known, chosen), wanted)

    def action_set(self) -> None:
        """Ask for a time to live, with its dates."""
        self._change("retention.set", None)

    def action_inherit(self) -> None:
        """Let the collection or team say it."""
        self._change("retention.inherit", Wanted(ttl_us=TTL_INHERIT))

    def action_off(self) -> None:
        """Never expire."""
        self._change("retention.off", Wanted(ttl_us=TTL_OFF))

    def action_review(self) -> None:
        """Review the deletion of the marks, of the row, or of all that has expired."""
        if not self.refused("retention.review"):
            grouped = self.grouped
            row = grouped.items.current if grouped.inside else None
            review = self._review_deletion(row, grouped.groups.current)
            self.carry_out("the marks are being looked at", review)

    async def _review_deletion(
        self, row: VersionRow | None, group: Group[VersionRow] | None
    ) -> None:
        """Open the review: marks go first, as everywhere; it waits for those being written."""
        if await self.services.catalog.marked_count():
            self.host.open_review("marked")
        elif row is not None:
            self.host.open_review((row.key,))
        elif group is not None and group.id == retaining.OVERDUE:
            where = compile_query(parse(retaining.EXPIRED), self.services.now())
            self.host.open_review(where, query_text=retaining.EXPIRED)
        else:
            self.say("These have not expired: mark versions, or go to one.")

    def action_open(self) -> None:
        """From a period to its versions."""
        self.grouped.open_items()

    def action_close(self) -> None:
        """From the versions to the periods."""
        self.grouped.close_items()

    def action_back(self) -> None:
        """One layer back; from the periods, leave."""
        if not self.grouped.close_items():
            self.dismiss()

    def on_row_list_failed(self, event: RowList.Failed) -> None:
        """Say why rows are missing."""
        self.fail(event.error)


async def _known(chosen: Selection) -> Selection:
    return chosen
