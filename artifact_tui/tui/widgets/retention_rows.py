"""The versions that expire, as periods and as lines. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.edits.expired import becomes
from artifact_tui.text import age, duration, moment, pad, safe, size
from artifact_tui.tui.widgets.grouped import Group
from artifact_tui.tui.widgets.item_rows import alias_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.model import Capabilities
    from artifact_tui.tui.retaining import Period
    from artifact_tui.tui.signs import Signs
    from artifact_tui.tui.widgets.row_list import Source

_SIZE = 9
_WHEN = 18


def period_groups(
    periods: Iterable[Period],
    items: Callable[[Period], Source[VersionRow]],
    signs: Signs,
    can: Capabilities,
) -> list[Group[VersionRow]]:
    """One line for each period in which something expires."""
    return [
        Group(
            period.label,
            period.label,
            period.count,
            period_words(period, signs, can),
            tone="bold $text-error" if period.past else "bold $text-warning",
            items=lambda period=period: items(period),  # type: ignore[misc]
        )
        for period in periods
    ]


def period_words(period: Period, signs: Signs, can: Capabilities) -> str:
    """From which day to which, and how much; of what has expired, what the registry does."""
    told = f"{size(period.size)} listed {signs.dot} "
    if period.past:
        return told + becomes(can, period.count)
    first, last = _day(period.first_us), _day(period.last_us)
    return told + (first if first == last else f"{first} to {last}")


def _day(us: int | None) -> str:
    return moment(us)[: len("2026-12-24")]


def retention_line(row: VersionRow, cells: int, signs: Signs, now_us: int) -> Content:
    """Mark, name, aliases, when it expires, size."""
    room = cells - 2 - _SIZE - _WHEN - 4
    name = room * 3 // 5
    aliases = Content.styled(alias_words(row.aliases, signs), "$text-muted")
    past = row.expires_us is not None and row.expires_us <= now_us
    when = "expired" if past else age(row.expires_us, now_us)
    return Content.assemble(
        (f"{signs.mark if row.marked else ' '} ", "bold $text-warning"),
        pad(safe(f"{row.collection}:{row.label}"), name),
        " ",
        aliases.truncate(max(room - name - 1, 0), ellipsis=True, pad=True),
        " ",
        (pad(when, _WHEN, "right"), "$text-error" if past else ""),
        " ",
        pad(size(row.size), _SIZE, "right"),
        " ",
    )


def retention_facts(row: VersionRow, signs: Signs, now_us: int) -> Content:
    """Everything about when one version expires, and why."""
    dot = f" {signs.dot} "
    head = [safe(row.type), size(row.size), f"created {moment(row.created_us)}"]
    if row.aliases:
        head.append("aliases " + alias_words(row.aliases, signs))
    span = "" if row.ttl_us is None else duration(row.ttl_us)
    whose = " inherited from its collection or team" if row.ttl_inherited else ""
    past = row.expires_us is not None and row.expires_us <= now_us
    verb = "expired" if past else "expires"
    return Content("\n").join(
        [
            Content.assemble((safe(f"{row.collection}:{row.label}"), "bold"), "  ", dot.join(head)),
            Content(f"{signs.ttl} {span}{whose}, {verb} {moment(row.expires_us)}"),
        ]
    )
