"""Times to live: what expires when, and what another time to live would do.

Times are microseconds UTC. A link adds no bytes, as everywhere: those are its source's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from artifact_tui.catalog.fetch import rows_of, snapshot
from artifact_tui.model import TTL_INHERIT, TTL_OFF
from artifact_tui.query.values import DAY_US

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.query import Where

SHOWN = 200
"""Rows that a preview holds."""

_SIZE = "CASE WHEN v.source_key IS NULL THEN v.size WHEN v.size IS NOT NULL THEN 0 END"

_EXPIRING = """
FROM version v CROSS JOIN collection c ON c.id = v.collection_id
WHERE v.ttl_us IS NOT NULL AND v.expires_us IS NOT NULL AND v.state <> 'trash' AND ({where})"""

_BY_DAY = f"""
SELECT v.expires_us <= :ttl_now, v.expires_us / {DAY_US} * {DAY_US}, count(*), sum({_SIZE})
{_EXPIRING} GROUP BY 1, 2 ORDER BY 2"""

_WINDOW = f"""
SELECT v.id {_EXPIRING} ORDER BY v.expires_us, v.id LIMIT :ttl_count OFFSET :ttl_start"""

# What a version would inherit is what the newest of its collection that inherits does; a bare
# column beside max() is that row's.
_PLANNED = f"""
CREATE TEMP TABLE ttl_planned AS
SELECT v.id, {_SIZE} AS size, v.created_us + CASE :ttl WHEN {TTL_INHERIT} THEN i.ttl_us
    WHEN {TTL_OFF} THEN NULL ELSE :ttl END AS expires_us,
  CASE WHEN v.source_key IS NOT NULL OR v.state = 'trash' THEN 'refused'
    WHEN :ttl = {TTL_OFF} OR i.collection_id IS NOT NULL AND i.ttl_us IS NULL THEN 'never'
    WHEN v.created_us IS NULL OR :ttl = {TTL_INHERIT} AND i.collection_id IS NULL THEN 'unknown'
    ELSE 'dated' END AS fate
FROM picked p CROSS JOIN version v ON v.id = p.version_id
LEFT JOIN (SELECT w.collection_id, w.ttl_us, max(w.ordinal) FROM version w
  WHERE :ttl = {TTL_INHERIT} AND w.ttl_inherited GROUP BY w.collection_id) i
  ON i.collection_id = v.collection_id"""

_PLANNED_BY_DAY = f"""
SELECT expires_us <= :ttl_now, expires_us / {DAY_US} * {DAY_US}, count(*), sum(size)
FROM temp.ttl_planned WHERE fate = 'dated' GROUP BY 1, 2 ORDER BY 2"""

_FATES = "SELECT fate, count(*) FROM temp.ttl_planned GROUP BY 1"

_FIRST = """
SELECT id, expires_us FROM temp.ttl_planned WHERE fate = 'dated' ORDER BY expires_us, id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Versions that expire together."""

    versions: int = 0
    size: int | None = 0
    """Bytes; None when the size of none is known."""


@dataclass(frozen=True, slots=True)
class Day:
    """Versions that expire on one day."""

    start_us: int
    """Its first moment, UTC."""
    versions: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Expiring:
    """Versions that have a time to live."""

    overdue: Expiry
    """Their time has passed: the registry deletes them as soon as it looks."""
    days: tuple[Day, ...]
    """Those still to come, by date."""

    @property
    def versions(self) -> int:
        """How many there are in all."""
        return self.overdue.versions + sum(day.versions for day in self.days)

    @property
    def size(self) -> int | None:
        """Their bytes; None when the size of none is known."""
        return _sum([self.overdue.size, *(day.size for day in self.days)])

    def until(self, moment_us: int) -> Expiry:
        """Those of days that begin before a moment, what is overdue included."""
        days = [day for day in self.days if day.start_us < moment_us]
        versions = self.overdue.versions + sum(day.versions for day in days)
        return Expiry(versions, _sum([self.overdue.size, *(day.size for day in days)]))


@dataclass(frozen=True, slots=True)
class Planned:
    """One version and when it would expire."""

    row: VersionRow
    expires_us: int


@dataclass(frozen=True, slots=True)
class TtlPreview:
    """What a new time to live would do to the picked versions."""

    expiring: Expiring
    """`overdue` are those that would expire at once."""
    never: int
    """They would be kept for good."""
    unknown: int
    """Nobody can say: when they were created, or what they would inherit, is not known."""
    refused: int
    """Links, and versions in the trash: they have no time to live of their own."""
    first: tuple[Planned, ...]
    """The first to expire, at most `SHOWN`."""

    @property
    def changes(self) -> int:
        """How many versions would get the new time to live."""
        return self.expiring.versions + self.never + self.unknown


def expiring(conn: sqlite3.Connection, where: Where, now_us: int) -> Expiring:
    """The versions that match and have a time to live, by date; what is in the trash left out."""
    with snapshot(conn):
        found = conn.execute(
            _BY_DAY.format(where=where.sql), {**where.params, "ttl_now": now_us}
        ).fetchall()
        return _expiring(found)


def expiring_rows(
    conn: sqlite3.Connection, where: Where, start: int, count: int
) -> tuple[VersionRow, ...]:
    """Rows `start` to `start + count` of them, the first to expire first."""
    asked = {"ttl_start": max(0, start), "ttl_count": max(0, count)}
    with snapshot(conn):
        found = conn.execute(_WINDOW.format(where=where.sql), {**where.params, **asked})
        return rows_of(conn, list(chain.from_iterable(found)))


def ttl_preview(conn: sqlite3.Connection, ttl_us: int, now_us: int) -> TtlPreview:
    """When each picked version would expire with another time to live.

    Args:
        conn: with versions picked by `selection`.
        ttl_us: microseconds from the creation, `TTL_INHERIT` or `TTL_OFF`.
        now_us: what is due by then expires at once.
    """
    with snapshot(conn):
        conn.execute("DROP TABLE IF EXISTS temp.ttl_planned")
        conn.execute(_PLANNED, {"ttl": ttl_us})
        fates = dict(conn.execute(_FATES).fetchall())
        days = conn.execute(_PLANNED_BY_DAY, {"ttl_now": now_us}).fetchall()
        first = dict(conn.execute(_FIRST, (SHOWN,)).fetchall())
        rows = rows_of(conn, list(first))
        conn.execute("DROP TABLE temp.ttl_planned")
    return TtlPreview(
        expiring=_expiring(days),
        never=fates.get("never", 0),
        unknown=fates.get("unknown", 0),
        refused=fates.get("refused", 0),
        first=tuple(Planned(row, first[row.id]) for row in rows),
    )


def _expiring(found: Iterable[tuple[Any, ...]]) -> Expiring:
    """The answer from rows of: overdue, day, how many, bytes."""
    days = [(bool(due), Day(*rest)) for due, *rest in found]
    gone = [day for due, day in days if due]
    overdue = Expiry(sum(day.versions for day in gone), _sum([day.size for day in gone]))
    return Expiring(overdue, tuple(day for due, day in days if not due))


def _sum(sizes: Iterable[int | None]) -> int | None:
    """Bytes added up; None when there are some and none is known."""
    found = list(sizes)
    known = [size for size in found if size is not None]
    return sum(known) if known or not found else None
