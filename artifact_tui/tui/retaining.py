"""What expires when, read from the catalog by periods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.query import compile_query, parse
from artifact_tui.query.values import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.retention import Day, Expiring
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.query import Where
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
class Period:
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


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that has a time to live."""

    where: Where
    periods: tuple[Period, ...]
    count: int
    size: int | None


async def overview(services: Services) -> Overview:
    """What expires, in periods from now on."""
    now_us = services.now()
    where = compile_query(parse(""), now_us)
    found = await services.catalog.expiring(where, now_us, latest=True)
    return Overview(where, tuple(_periods(found, now_us)), found.versions, found.size)


def _periods(found: Expiring, now_us: int) -> Iterator[Period]:
    """The days that something expires on, put together; empty periods are left out."""
    start = found.overdue.versions
    if start:
        yield Period(OVERDUE, 0, start, found.overdue.size)
    days = list(found.days)
    for label, ahead in (*AHEAD, (LATER, None)):
        near = [day for day in days if ahead is None or day.start_us < now_us + ahead * DAY_US]
        if near:
            days = days[len(near) :]
            yield _period(label, start, near)
            start += sum(day.versions for day in near)


def _period(label: str, start: int, days: list[Day]) -> Period:
    sizes = [day.size for day in days if day.size is not None]
    count = sum(day.versions for day in days)
    size = sum(sizes) if sizes else None
    return Period(label, start, count, size, days[0].start_us, days[-1].start_us)


class PeriodRows:
    """The versions of one period by windows, the first to expire first."""

    def __init__(self, services: Services, where: Where, period: Period) -> None:
        self._catalog = services.catalog
        self._where = where
        self._period = period

    @property
    def count(self) -> int:
        """How many versions."""
        return self._period.count

    async def window(self, start: int, count: int) -> tuple[VersionRow, ...]:
        """The rows from `start`."""
        count = min(count, self.count - start)
        return await self._catalog.expiring_rows(self._where, self._period.start + start, count)
