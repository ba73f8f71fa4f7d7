"""What expires when, read from the catalog by periods."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog import queries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.tui.services import Services

DAY = 86_400_000_000
PERIODS = (
    ("expired already", 0),
    ("within a day", DAY),
    ("within a week", 7 * DAY),
    ("within a month", 30 * DAY),
    ("within 3 months", 91 * DAY),
    ("within a year", 365 * DAY),
    ("later", None),
)
"""Names, and how far ahead each reaches."""

_EXPIRING = """
SELECT id, expires_us, size FROM version
WHERE ttl_us IS NOT NULL AND expires_us IS NOT NULL AND state = 'live' AND source_key IS NULL
ORDER BY expires_us, id"""


@dataclass(frozen=True, slots=True)
class Period:
    """What expires in one stretch of time."""

    label: str
    past: bool
    ids: array[int]
    """Ids of versions, the first to expire first."""
    size: int
    first_us: int
    last_us: int

    @property
    def count(self) -> int:
        """How many versions."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that expires; only live versions, and no links."""

    periods: tuple[Period, ...]

    @property
    def count(self) -> int:
        """How many versions."""
        return sum(period.count for period in self.periods)

    @property
    def size(self) -> int:
        """Their bytes, as far as they are known."""
        return sum(period.size for period in self.periods)


async def overview(services: Services) -> Overview:
    """What expires, in periods from now on."""
    now_us = services.now()

    def work(conn: sqlite3.Connection) -> Overview:
        return Overview(tuple(_periods(conn.execute(_EXPIRING), now_us)))

    return await services.catalog.run(work, latest="retention")


def _periods(rows: Iterable[tuple[int, int, int | None]], now_us: int) -> Iterator[Period]:
    """The rows, which come in the order in which they expire, cut into periods."""
    waiting = iter(PERIODS)
    label, ahead = next(waiting)
    ids, weight, times = array("q"), 0, [0, 0]
    for version_id, expires_us, size in rows:
        while ahead is not None and expires_us > now_us + ahead:
            if ids:
                yield Period(label, label == PERIODS[0][0], ids, weight, times[0], times[1])
            label, ahead = next(waiting)
            ids, weight = array("q"), 0
        times = [times[0] if ids else expires_us, expires_us]
        ids.append(version_id)
        weight += size or 0
    if ids:
        yield Period(label, label == PERIODS[0][0], ids, weight, times[0], times[1])


class PeriodRows:
    """The versions of one period by windows."""

    def __init__(self, services: Services, period: Period) -> None:
        self._services = services
        self._ids = period.ids

    @property
    def count(self) -> int:
        """How many versions."""
        return len(self._ids)

    async def window(self, start: int, count: int) -> tuple[VersionRow, ...]:
        """The rows from `start`; those that have gone meanwhile are left out."""
        ids = self._ids[start : start + count].tolist()

        def work(conn: sqlite3.Connection) -> tuple[VersionRow, ...]:
            return queries.rows_of(conn, ids)

        return await self._services.catalog.run(work)
