"""Retention: what a time to live (TTL) deletes and when, and another one for what is chosen.

Nothing is sent from here: a change opens its review, which shows the dates and is confirmed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.edits.changes import CommonEdit, why_no_inheriting
from artifact_tui.edits.edit_words import expired_words
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import TTL_INHERIT, TTL_OFF
from artifact_tui.query import Where, compile_query, parse
from artifact_tui.query.filter_fields import DAY_US
from artifact_tui.text import age, duration, moment, pad, plural, safe, size, version_name
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.edit_request import EditRequest, subject_words
from artifact_tui.tui.widgets.grouped import Grouped, GroupRow
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.marker import toggle_mark
from artifact_tui.tui.widgets.outline import Windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.catalog.retention import Expiring, ExpiryDay
    from artifact_tui.tui.services import Services


OVERDUE = "expired already"
AHEAD = (
    ("within a week", 7),
    ("within a month", 30),
    ("within 3 months", 91),
    ("within a year", 365),
)
"""Periods to come, and how many days ahead each reaches."""
EXPIRED = "ttl:expired"
"""The filter for what is overdue."""
LATER = "later"


@dataclass(frozen=True, slots=True)
class ExpiryPeriod:
    """What expires in one stretch of time."""

    label: str
    start: int
    """How many versions expire before it."""
    count: int
    size: int | None
    """Bytes; None when the size of none is known."""
    first_us: int | None = None
    """The day on which the first expires, and that of the last; None for what is overdue."""
    last_us: int | None = None

    @property
    def past(self) -> bool:
        """Whether its moment has passed: it goes when the registry next looks, or with a plan."""
        return self.last_us is None


def expiry_periods(found: Expiring, now_us: int) -> Iterator[ExpiryPeriod]:
    """The days that something expires on, put together; empty periods are left out."""
    start = found.overdue.versions
    if start:
        yield ExpiryPeriod(OVERDUE, 0, start, found.overdue.size)
    days = list(found.days)
    for label, ahead in (*AHEAD, (LATER, None)):
        near = [day for day in days if ahead is None or day.start_us < now_us + ahead * DAY_US]
        if near:
            days = days[len(near) :]
            yield _period(label, start, near)
            start += sum(day.versions for day in near)


def _period(label: str, start: int, days: list[ExpiryDay]) -> ExpiryPeriod:
    sizes = [day.size for day in days if day.size is not None]
    count = sum(day.versions for day in days)
    size = sum(sizes) if sizes else None
    return ExpiryPeriod(label, start, count, size, days[0].start_us, days[-1].start_us)


_SIZE = 9
_WHEN = 18
_DAY = len("2026-12-24")


_NOTHING = "No version here has a time to live: nothing expires."


class RetentionScreen(RegistryScreen):
    """The versions that expire, by period; set, inherit and off for the marks or the row."""

    PLACE = "retention"
    TITLE_WORD = "Retention"
    BINDINGS = bindings_of("retention")

    grouped: Grouped[VersionRow]

    def __init__(self, services: Services, chosen: Selection | None) -> None:
        super().__init__(services)
        self.grouped = Grouped["VersionRow"](self.services.signs, self._line, self._facts)
        self._edit = EditRequest(self)
        self._chosen = chosen
        """The marks; else what was chosen in browse, unless a row has the keyboard here."""
        self._chosen_words = ""
        self._expiring: Expiring | None = None

    # drawing

    def _line(self, row: VersionRow, cells: int) -> Content:
        """The line of a version: mark, name, aliases, when it expires, size."""
        signs, now_us = self.services.signs, self.services.now()
        room = cells - 2 - _SIZE - _WHEN - 4
        name = room * 3 // 5
        aliases = Content.styled(alias_words(row.aliases, signs), "$text-muted")
        past = row.expires_us is not None and row.expires_us <= now_us
        when = "expired" if past else age(row.expires_us, now_us)
        return Content.assemble(
            (f"{signs.mark if row.marked else ' '} ", "bold $text-warning"),
            pad(version_name(row), name),
            " ",
            aliases.truncate(max(room - name - 1, 0), ellipsis=True, pad=True),
            " ",
            (pad(when, _WHEN, "right"), "$text-error" if past else ""),
            f" {pad(size(row.size), _SIZE, 'right')} ",
        )

    def _facts(self, row: VersionRow) -> Content:
        """Everything about when one version expires, and why."""
        signs = self.services.signs
        head = [safe(row.type), size(row.size), f"created {moment(row.created_us)}"]
        if row.aliases:
            head.append("aliases " + alias_words(row.aliases, signs))
        span = "" if row.ttl_us is None else duration(row.ttl_us)
        whose = " inherited from its collection or team" if row.ttl_inherited else ""
        past = row.expires_us is not None and row.expires_us <= self.services.now()
        verb = "expired" if past else "expires"
        name = (version_name(row), "bold")
        facts = Content.assemble(name, "  ", f" {signs.dot} ".join(head))
        when = Content(f"{signs.ttl} {span}{whose}, {verb} {moment(row.expires_us)}")
        return Content("\n").join([facts, when])

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
        """Read what expires, in periods from now on."""
        services, now_us = self.services, self.services.now()
        where = compile_query(parse(""), now_us)
        found = await services.catalog.expiring(where, now_us, latest=True)
        await self._read_chosen()
        self._expiring = found
        await self.grouped.show(
            [self._group(period, where) for period in expiry_periods(found, now_us)]
        )
        self._show_totals()
        self.show_keys()

    def _group(self, period: ExpiryPeriod, where: Where) -> GroupRow[VersionRow]:
        """A period as one line, with its versions, the first to expire first."""
        services = self.services
        words = f"{size(period.size)} listed {services.signs.dot} "
        if period.past:
            words += expired_words(services.client, period.count)
        else:
            first, last = (moment(us)[:_DAY] for us in (period.first_us, period.last_us))
            words += first if first == last else f"{first} to {last}"

        async def read(start: int, count: int) -> Sequence[VersionRow]:
            count = min(count, period.count - start)
            return await services.catalog.expiring_rows(where, period.start + start, count)

        return GroupRow(
            period.label,
            period.label,
            period.count,
            words,
            tone="bold $text-error" if period.past else "bold $text-warning",
            items=partial(Windows, period.count, read),
        )

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
        found, dot = self._expiring, self.services.signs.dot
        if found is None:
            return
        left = Content.assemble((f" {self._chosen_now()}", "bold $text-warning"))
        if not found.versions:
            right = Content(f"{_NOTHING} ")
        else:
            versions = plural(found.versions, "version")
            right = Content(f"{versions} with a time to live {dot} {size(found.size)} ")
        self.status_line.facts(left, right, Content(""))

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
        """Mark or unmark the version, and go down; a change is for the marks then."""
        if self.grouped.inside:
            toggle_mark(
                self, self.grouped.items, read_again=self.action_again, then=self._count_marks
            )

    async def _count_marks(self) -> None:
        await self._read_chosen()
        self._show_totals()

    # acting

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        if row_id in {"retention.set", "retention.off"}:
            return self._edit.why_not("ttl")
        if row_id == "retention.inherit":
            client = self.services.client
            return self._edit.why_not("ttl") or why_no_inheriting(client)
        return ""

    def _change(self, row_id: str, wanted: CommonEdit | None) -> None:
        """Ask for a time to live, or show what the given one would do."""
        chosen = self.chosen()
        if self.refused(row_id):
            return
        if chosen is None:
            self.say("Nothing is chosen: mark versions in the list, or go to one here.")
        elif wanted is None:
            self._edit.ask_ttl(partial(_as_chosen, chosen))
        else:
            self._edit.review_change(partial(_as_chosen, chosen), wanted)

    def action_set(self) -> None:
        """Ask for a time to live, with its dates."""
        self._change("retention.set", None)

    def action_inherit(self) -> None:
        """Let the collection or team say it."""
        self._change("retention.inherit", CommonEdit(ttl_us=TTL_INHERIT))

    def action_off(self) -> None:
        """Never expire."""
        self._change("retention.off", CommonEdit(ttl_us=TTL_OFF))

    def action_review(self) -> None:
        """Review the deletion of the marks, of the row, or of all that has expired."""
        if not self.refused("retention.review"):
            grouped = self.grouped
            row = grouped.items.current if grouped.inside else None
            review = self._review_deletion(row, grouped.groups.current)
            self.carry_out("the marks are being looked at", review)

    async def _review_deletion(
        self, row: VersionRow | None, group: GroupRow[VersionRow] | None
    ) -> None:
        """Open the review: marks go first, as everywhere; it waits for those being written."""
        if await self.services.catalog.marked_count():
            self.app.open_review("marked")
        elif row is not None:
            self.app.open_review((row.key,))
        elif group is not None and group.id == OVERDUE:
            where = compile_query(parse(EXPIRED), self.services.now())
            self.app.open_review(where, query_text=EXPIRED)
        else:
            self.say("These have not expired: mark versions, or go to one.")


async def _as_chosen(chosen: Selection) -> Selection:
    return chosen
