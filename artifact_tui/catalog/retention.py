"""What leaves a registry by itself: versions with a time to live, by date.

Times are microseconds UTC. A link adds no bytes: those are its source's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from artifact_tui.catalog.catalog_rows import rows_of, snapshot
from artifact_tui.database import as_number
from artifact_tui.query import sql
from artifact_tui.query.filter_fields import DAY_US

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.query import Where


_SIZE = (
    f"CASE WHEN v.source_key IS NULL THEN {as_number('v.size')} WHEN v.size IS NOT NULL THEN 0 END"
)

_EXPIRING = f"""
FROM version v CROSS JOIN collection c ON c.id = v.collection_id
WHERE v.ttl_us IS NOT NULL AND {sql.EXPIRES_US} IS NOT NULL
  AND v.state <> 'trash' AND ({{where}})"""

_BY_DAY = f"""
SELECT v.expires_us <= :ttl_now, v.expires_us / {DAY_US} * {DAY_US}, count(*), sum({_SIZE})
{_EXPIRING} GROUP BY 1, 2 ORDER BY 2"""

_WINDOW = f"""
SELECT v.id {_EXPIRING} ORDER BY v.expires_us, v.id LIMIT :ttl_count OFFSET :ttl_start"""

_INHERITED = """
SELECT w.collection_id, w.ttl_us
FROM json_each(:ids) j CROSS JOIN version w ON w.id = (
  SELECT n.id FROM version n WHERE n.collection_id = j.value AND n.ttl_inherited
  AND n.state <> 'trash' AND n.source_key IS NULL ORDER BY n.ordinal DESC LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Versions that expire together."""

    versions: int = 0
    size: int | None = 0
    """Bytes; None when the size of none is known."""


@dataclass(frozen=True, slots=True)
class ExpiryDay:
    """Versions that expire on one day."""

    start_us: int
    """Its first moment, UTC."""
    versions: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Expiring:
    """Versions that have a time to live."""

    overdue: Expiry
    """Their time has passed: they go when the registry next looks, or with a plan."""
    days: tuple[ExpiryDay, ...]
    """Those still to come, by date."""

    @property
    def versions(self) -> int:
        """How many there are in all."""
        return self.overdue.versions + sum(day.versions for day in self.days)

    @property
    def size(self) -> int | None:
        """Their bytes; None when the size of none is known."""
        return total_size([self.overdue.size, *(day.size for day in self.days)])


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


def inherited_ttls(
    conn: sqlite3.Connection, collection_ids: Iterable[int]
) -> dict[int, int | None]:
    """What versions of these collections inherit, by collection id: a time to live, or None.

    It is what the newest of a collection that inherits does. Where none does, it is not known, and
    left out.
    """
    asked = {"ids": json.dumps(sorted(collection_ids))}
    return dict(conn.execute(_INHERITED, asked).fetchall())


def _expiring(found: Iterable[tuple[Any, ...]]) -> Expiring:
    """The answer from rows of: overdue, day, how many, bytes."""
    days = [(bool(due), ExpiryDay(*rest)) for due, *rest in found]
    gone = [day for due, day in days if due]
    overdue = Expiry(sum(day.versions for day in gone), total_size([day.size for day in gone]))
    return Expiring(overdue, tuple(day for due, day in days if not due))


def total_size(sizes: Iterable[int | None]) -> int | None:
    """Bytes added up; None when there are some and none is known."""
    found = list(sizes)
    known = [size for size in found if size is not None]
    return sum(known) if known or not found else None
