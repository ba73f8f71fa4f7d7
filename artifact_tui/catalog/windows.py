"""Any stretch of a sorted collection, however long the collection is.

The ids of the first rows come from a short query, those of the last from the same query read
backwards. For the rows between, the ids of the whole order are read once. All are kept (4 bytes a
version) until the data change or other orders push them out.
"""

from __future__ import annotations

from array import array
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.connection import CatalogConnection, stamp
from artifact_tui.catalog.fetch import rows_of, snapshot

if TYPE_CHECKING:
    import sqlite3

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.sorting import Sort
    from artifact_tui.query import Where

    _Values = tuple[tuple[str, int | str], ...]
    _Key = tuple[int, str, _Values, Sort]

NEAR = 1_024
"""Rows this close to an end are read without knowing the whole order."""
MOST_KEPT = 4_000_000
"""Ids that all kept orders hold together."""

_FROM = """
FROM collection c CROSS JOIN version v ON v.collection_id = c.id
WHERE c.id = :collection AND ({where})"""


class Part(Enum):
    """Which rows of an order are known."""

    HEAD = "the first NEAR"
    TAIL = "the last NEAR"
    ALL = "every one"


class Windows:
    """The orders of one connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._stamp: tuple[int, ...] = ()
        self._orders: dict[tuple[Part, *_Key], array[int]] = {}
        self._totals: dict[tuple[int, str, _Values], int] = {}

    def rows(
        self, collection_id: int, where: Where, sort: Sort, start: int, count: int
    ) -> tuple[VersionRow, ...]:
        """Rows `start` to `start + count` of a collection's matching versions, in order."""
        with snapshot(self._conn):
            self._refresh(where)
            return rows_of(self._conn, self._ids(collection_id, where, sort, start, count))

    def position(self, collection_id: int, where: Where, sort: Sort, version_id: int) -> int | None:
        """Where a version stands in the order, counted from 0; None when it does not match."""
        with snapshot(self._conn):
            self._refresh(where)
            try:
                return self._order(Part.ALL, collection_id, where, sort).index(version_id)
            except ValueError:
                return None

    def _refresh(self, where: Where) -> None:
        """Forget everything when the data changed."""
        now = stamp(self._conn, marked=where.marked)
        if now != self._stamp:
            self._orders.clear()
            self._totals.clear()
            self._stamp = now

    def _ids(
        self, collection_id: int, where: Where, sort: Sort, start: int, count: int
    ) -> list[int]:
        """The ids of one stretch."""
        start, end = max(0, start), max(0, start) + max(0, count)
        asked = (collection_id, where, sort)
        if (Part.ALL, *_key(*asked)) in self._orders:
            return list(self._order(Part.ALL, *asked)[start:end])
        head = self._order(Part.HEAD, *asked)
        if end <= NEAR or len(head) < NEAR:
            return list(head[start:end])
        left = self._total(collection_id, where) - start
        if 0 < left <= NEAR:
            return list(self._order(Part.TAIL, *asked)[-left:][: end - start])
        return list(self._order(Part.ALL, *asked)[start:end]) if left > 0 else []

    def _total(self, collection_id: int, where: Where) -> int:
        """How many rows there are."""
        key = (collection_id, where.sql, _values(where))
        if key not in self._totals:
            (self._totals[key],) = self._conn.execute(
                f"SELECT count(*) {_FROM.format(where=where.sql)}",
                {**where.params, "collection": collection_id},
            ).fetchone()
        return self._totals[key]

    def _order(self, part: Part, collection_id: int, where: Where, sort: Sort) -> array[int]:
        """The ids of a part of an order, read once."""
        key = (part, *_key(collection_id, where, sort))
        ids = self._orders.pop(key, None)
        if ids is None:
            ids = self._read(part, collection_id, where, sort)
        self._orders[key] = ids
        while len(self._orders) > 1 and sum(map(len, self._orders.values())) > MOST_KEPT:
            del self._orders[next(iter(self._orders))]
        return ids

    def _read(self, part: Part, collection_id: int, where: Where, sort: Sort) -> array[int]:
        """Read the ids of a part of an order; those of a tail stand in the order's direction."""
        (largest,) = self._conn.execute("SELECT coalesce(max(id), 0) FROM version").fetchone()
        found = self._conn.execute(
            f"SELECT v.id {_FROM.format(where=where.sql)}"
            f" ORDER BY {sort.within(backwards=part is Part.TAIL)} LIMIT :limit",
            {
                **where.params,
                "collection": collection_id,
                "limit": -1 if part is Part.ALL else NEAR,
            },
        )
        ids = array("I" if largest < 2**32 else "q", chain.from_iterable(found))
        if part is Part.TAIL:
            ids.reverse()
        return ids


def windows_of(conn: sqlite3.Connection) -> Windows:
    """The orders that this connection keeps."""
    if not isinstance(conn, CatalogConnection):
        return Windows(conn)
    kept = conn.kept.get("windows")
    if not isinstance(kept, Windows):
        kept = conn.kept["windows"] = Windows(conn)
    return kept


def window(  # noqa: PLR0917 - what is looked at, then which rows of it
    conn: sqlite3.Connection, collection_id: int, where: Where, sort: Sort, start: int, count: int
) -> tuple[VersionRow, ...]:
    """Rows `start` to `start + count` of a collection's matching versions, in order."""
    return windows_of(conn).rows(collection_id, where, sort, start, count)


def position(
    conn: sqlite3.Connection, collection_id: int, where: Where, sort: Sort, version_id: int
) -> int | None:
    """Where a version stands in the order, counted from 0; None when it does not match."""
    return windows_of(conn).position(collection_id, where, sort, version_id)


def _key(collection_id: int, where: Where, sort: Sort) -> _Key:
    """What tells one order from another."""
    return (collection_id, where.sql, _values(where), sort)


def _values(where: Where) -> _Values:
    """The parameters of a filter, as something that can be a key."""
    return tuple(where.params.items())
