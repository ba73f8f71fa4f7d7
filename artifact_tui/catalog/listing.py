"""Lists: how they are sorted, collections with totals, versions by window and all of them in turn.

A list is sorted by one key, then by id; what is not known comes last in either direction.

Counting two million versions takes long, so what a collection weighs in all is worked out once for
each state of the data; filters that only look at collections add up those numbers.

A screen reads any stretch of a sorted collection. The ids of the first rows come from a short
query, those of the last from the same query read backwards; for the rows between, the ids of the
whole order are read once. All are kept (4 bytes a version) until the data change or other orders
push them out. The command line reads all matching versions of a registry: their ids once, then a
few rows at a time.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_file import CatalogConnection, stamp
from artifact_tui.catalog.catalog_rows import CollectionRow, Totals, rows_of, snapshot
from artifact_tui.database import as_number, as_text
from artifact_tui.errors import UsageError
from artifact_tui.query import sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.query import Where


@dataclass(frozen=True, slots=True)
class _SortKey:
    """A key as SQL over `v` and `c`; `turned` where a growing value means a falling column.

    `indexed` where SQLite has an index in this order.
    """

    sql: str
    turned: bool = False
    nullable: bool = True
    common: bool = False
    indexed: bool = False


_SORT_KEYS = {
    "name": _SortKey(f"{as_text('c.name')} COLLATE NOCASE", nullable=False, common=True),
    "version": _SortKey("CASE WHEN v.ordinal >= 0 THEN v.ordinal END"),
    "type": _SortKey(as_text("c.type"), nullable=False, common=True),
    "size": _SortKey("v.size", indexed=True),
    "unique": _SortKey(f"({sql.UNIQUE_BYTES})"),
    "stored": _SortKey(as_number("v.stored")),
    "age": _SortKey("v.created_us", turned=True, indexed=True),
    "created": _SortKey("v.created_us", indexed=True),
    "used": _SortKey(as_number("v.used_us"), turned=True),
    "ttl": _SortKey(sql.EXPIRES_US),
    "deleted": _SortKey(as_number("v.deleted_us"), turned=True),
    "dependents": _SortKey(
        f"ifnull(nullif({sql.DEPENDENTS}, 0), CASE WHEN {sql.DEPENDENTS_KNOWN} THEN 0 END)"
    ),
    "alias": _SortKey(f"(SELECT min({as_text('a.name')}) FROM alias a WHERE a.version_id = v.id)"),
    "run": _SortKey(f"nullif({as_text('v.run')}, '')"),
}

SORT_FIELDS = tuple(_SORT_KEYS)
"""What a list can be sorted by."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One field of `SORT_FIELDS` and a direction.

    `age`, `used` and `deleted` grow with the time passed: without `descending` the youngest come
    first.

    Raises:
        UsageError: there is no such field to sort by.
    """

    field: str = "name"
    descending: bool = False

    def __post_init__(self) -> None:
        if self.field not in _SORT_KEYS:
            raise UsageError(
                f"A list cannot be sorted by {self.field}.",
                hint=f"Sort by one of {', '.join(SORT_FIELDS)}.",
            )

    @property
    def common(self) -> bool:
        """Whether all versions of a collection are equal in it."""
        return _SORT_KEYS[self.field].common

    def order(self, *, backwards: bool = False, whole: bool = False) -> str:
        """What follows ORDER BY, over `v` and `c`; `backwards` gives exactly the opposite order.

        With `whole` every row is wanted, not only the first ones: then rows are sorted, which is
        faster than to look up one after the other in the order of an index.
        """
        key = _SORT_KEYS[self.field]
        falls = (self.descending != key.turned) != backwards
        nulls = f" NULLS {'FIRST' if backwards else 'LAST'}" if key.nullable else ""
        column = f"+{key.sql}" if whole and key.indexed else key.sql  # a sign rules the index out
        return (
            f"{column} {'DESC' if falls else 'ASC'}{nulls}, v.id {'DESC' if backwards else 'ASC'}"
        )

    def within(self, *, backwards: bool = False) -> str:
        """`order` among the versions of one collection: equal ones stand newest first."""
        if self.common or self.field == "version":
            falls = self.common or self.descending
            return f"v.ordinal {'DESC' if falls != backwards else 'ASC'}"
        return self.order(backwards=backwards)


_SIZES_ASKED = "EXISTS (SELECT 1 FROM meta WHERE name = 'asked_sizes' AND value = '1')"


def _sum_of(size: str) -> str:
    """SQL for the sum of what is known; where sizes are told when asked, NULL until all are."""
    return f"CASE WHEN count({size}) = count(*) OR NOT {_SIZES_ASKED} THEN sum({size}) END"


_TALLY = f"""
CREATE TEMP TABLE tally AS
SELECT collection_id, state, count(*) AS versions, {_sum_of(as_number("size"))} AS size,
  sum({as_number("stored")}) AS stored, max({as_number("created_us")}) AS newest_us
FROM main.version GROUP BY collection_id, state"""

_TOTALS = f"""
SELECT count(DISTINCT CASE WHEN state <> 'trash' THEN collection_id END),
  coalesce(sum(CASE WHEN state <> 'trash' THEN versions END), 0),
  CASE WHEN max(state <> 'trash') IS NOT 1 THEN 0
    WHEN count(CASE WHEN state <> 'trash' THEN own END) = sum(state <> 'trash')
      OR NOT {_SIZES_ASKED} THEN sum(CASE WHEN state <> 'trash' THEN own END) END,
  coalesce(sum(CASE WHEN state = 'trash' THEN versions END), 0),
  coalesce(sum(CASE WHEN state = 'trash' THEN own END), 0),
  sum(CASE WHEN state <> 'trash' AND NOT links THEN stored END)
FROM (SELECT t.*, c.links, t.size * NOT c.links AS own
  FROM temp.tally t CROSS JOIN collection c ON c.id = t.collection_id)"""

_CHARGES = f"""
SELECT EXISTS (SELECT 1 FROM version v CROSS JOIN collection c ON c.id = v.collection_id
  WHERE {as_number("v.stored")} IS NOT NULL AND v.state <> 'trash' AND NOT c.links)"""

# Blobs in state 2 are known to be missing.
_STORED_BYTES = """
SELECT ifnull((SELECT sum(b.size) FROM blob b WHERE b.state <> 2 AND
    (b.unref_us IS NOT NULL OR EXISTS (SELECT 1 FROM file f WHERE f.blob_id = b.id))), 0)
  + ifnull((SELECT sum(v.size) FROM version v WHERE v.source_key IS NULL
    AND NOT EXISTS (SELECT 1 FROM file f WHERE f.version_id = v.id)), 0)"""

_COLLECTION = f"""
SELECT c.id, {as_text("c.key")} AS key, {as_text("c.name")} AS name, {as_text("c.type")} AS type"""

_COMMON = f"""{_COLLECTION}, sum(v.versions) AS versions, {_sum_of("v.size")} AS size,
  max(v.newest_us) AS newest_us, c.links, sum(v.stored) AS stored
FROM temp.tally v CROSS JOIN collection c ON c.id = v.collection_id
WHERE {{where}} GROUP BY c.id"""

_EACH = f"""{_COLLECTION}, count(*) AS versions, {_sum_of(as_number("v.size"))} AS size,
  max({as_number("v.created_us")}) AS newest_us, c.links, sum({as_number("v.stored")}) AS stored
FROM collection c CROSS JOIN version v ON v.collection_id = c.id
WHERE {{where}} GROUP BY c.id"""

_EMPTY = f"""{_COLLECTION}, 0, 0, NULL, c.links, NULL FROM collection c
WHERE c.id NOT IN (SELECT t.collection_id FROM temp.tally t WHERE t.state <> 'trash')"""

_MARKED = """
SELECT v.collection_id, count(*)
FROM marks.mark m CROSS JOIN version v ON v.key = m.version_key
CROSS JOIN collection c ON c.id = v.collection_id
WHERE {where} GROUP BY v.collection_id"""

_COLLECTION_ORDERS = {
    "type": ("c.type", False),
    "size": ("size", False),
    "unique": ("size", False),
    "stored": ("stored", False),
    "age": ("newest_us", True),
    "used": ("newest_us", True),
    "created": ("newest_us", False),
    "version": ("versions", False),
}


def registry_totals(conn: sqlite3.Connection) -> Totals:
    """The whole registry in numbers."""
    with snapshot(conn):
        _tally(conn)
        found: tuple[int, int, int | None, int, int, int | None] = conn.execute(_TOTALS).fetchone()
        return Totals(*found)


def stored_bytes(conn: sqlite3.Connection) -> int:
    """Bytes that the whole registry takes, the trash and what waits for gc included.

    Shared bytes count once; of a version whose files are not told, its size counts.
    """
    with snapshot(conn):
        (found,) = conn.execute(_STORED_BYTES).fetchone()
        return int(found)


def last_used_us(conn: sqlite3.Connection) -> int | None:
    """When the version that was used last was used, the trash left out."""
    with snapshot(conn):
        found = conn.execute("SELECT max(used_us) FROM version WHERE state <> 'trash'").fetchone()
        last: int | None = found[0]
        return last


def versions_listed(conn: sqlite3.Connection) -> tuple[int, int]:
    """How many versions are not in the trash, and how many are; faster than all totals."""
    with snapshot(conn):
        (every,) = conn.execute("SELECT count(*) FROM version").fetchone()
        (trash,) = conn.execute("SELECT count(*) FROM version WHERE state = 'trash'").fetchone()
        return every - trash, trash


def charges(conn: sqlite3.Connection) -> bool:
    """Whether the registry tells what it charges for any version outside the trash."""
    with snapshot(conn):
        (found,) = conn.execute(_CHARGES).fetchone()
        return bool(found)


def collection_outline(
    conn: sqlite3.Connection, where: Where, sort: Sort, *, empty: bool = False
) -> tuple[CollectionRow, ...]:
    """The collections with at least one version that matches.

    Sorted by what all their versions come to: `version` by how many, `age`, `used` and `created`
    by the newest, `unique` by size; fields that only one version has, and equal ones, by name.

    With `empty`, and only the trash left out by `where`: those without a live version too.
    """
    with snapshot(conn):
        marked = dict(conn.execute(_MARKED.format(where=where.sql), where.params).fetchall())
        listed = _matches(conn, where)
        if empty:
            _tally(conn)
            listed = f"SELECT * FROM ({listed} UNION ALL {_EMPTY}) c"
        found = conn.execute(f"{listed} ORDER BY {_collection_order(sort)}", where.params)
        return tuple(
            CollectionRow(
                number, key, name, kind, versions, size, newest_us,
                marked.get(number, 0), bool(links), stored,
            )
            for number, key, name, kind, versions, size, newest_us, links, stored in found
        )  # fmt: skip


def matching_totals(conn: sqlite3.Connection, where: Where) -> tuple[int, int | None]:
    """How many versions match, and their bytes; None when the size of none is known.

    A link counts as a version, but its bytes are those of its source.
    """
    with snapshot(conn):
        found = conn.execute(
            "SELECT coalesce(sum(versions), 0), "
            f" CASE WHEN count(*) THEN {_sum_of('size * NOT links')} ELSE 0 END"
            f" FROM ({_matches(conn, where)})",
            where.params,
        ).fetchone()
        return (found[0], found[1])


def _matches(conn: sqlite3.Connection, where: Where) -> str:
    """The query for the collections that match, the cheaper way where there is one."""
    if not where.common:
        return _EACH.format(where=where.sql)
    _tally(conn)
    return _COMMON.format(where=where.sql)


def _tally(conn: sqlite3.Connection) -> None:
    """Make the temp table `tally` fit the present data."""
    now = stamp(conn)
    if isinstance(conn, CatalogConnection) and conn.kept.get("tally") == now:
        return
    conn.execute("DROP TABLE IF EXISTS temp.tally")
    conn.execute(_TALLY)
    if isinstance(conn, CatalogConnection):
        conn.kept["tally"] = now


def _collection_order(sort: Sort) -> str:
    """What follows ORDER BY for collections."""
    if sort.field not in _COLLECTION_ORDERS:
        way = "DESC" if sort.descending and sort.field == "name" else "ASC"
        return f"c.name COLLATE NOCASE {way}, c.name, c.id"
    column, turned = _COLLECTION_ORDERS[sort.field]
    way = "DESC" if sort.descending != turned else "ASC"
    return f"{column} {way} NULLS LAST, c.name COLLATE NOCASE, c.name, c.id"


def last_synced_us(conn: sqlite3.Connection) -> int | None:
    """When the catalog was last synced to its end; None for a registry's own database."""
    row = conn.execute("SELECT value FROM meta WHERE name = 'synced_us'").fetchone()
    return int(row[0]) if row else None


NEAR = 1_024
"""Rows this close to an end are read without knowing the whole order."""
MOST_KEPT = 4_000_000
"""Ids that all kept orders hold together."""

_OF_COLLECTION = """
FROM collection c CROSS JOIN version v ON v.collection_id = c.id
WHERE c.id = :collection AND ({where})"""


class OrderPart(Enum):
    """Which rows of an order are known."""

    HEAD = "the first NEAR"
    TAIL = "the last NEAR"
    ALL = "every one"


class KeptOrders:
    """The orders of one connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._stamp: tuple[int, ...] = ()
        self._orders: dict[tuple[OrderPart, int, Where, Sort], array[int]] = {}
        self._totals: dict[tuple[int, Where], int] = {}

    def position(self, collection_id: int, where: Where, sort: Sort, version_id: int) -> int | None:
        """Where a version stands in the order; call it within a snapshot."""
        self._refresh(where)
        try:
            return self._order(OrderPart.ALL, collection_id, where, sort).index(version_id)
        except ValueError:
            return None

    def _refresh(self, where: Where) -> None:
        """Forget everything when the data changed."""
        now = stamp(self._conn, marked=where.marked)
        if now != self._stamp:
            self._orders.clear()
            self._totals.clear()
            self._stamp = now

    def ids(
        self, collection_id: int, where: Where, sort: Sort, start: int, count: int
    ) -> list[int]:
        """The ids of rows `start` to `start + count`; call it within a snapshot."""
        self._refresh(where)
        start, end = max(0, start), max(0, start) + max(0, count)
        asked = (collection_id, where, sort)
        if (OrderPart.ALL, *asked) in self._orders:
            return list(self._order(OrderPart.ALL, *asked)[start:end])
        head = self._order(OrderPart.HEAD, *asked)
        if end <= NEAR or len(head) < NEAR:
            return list(head[start:end])
        left = self._total(collection_id, where) - start
        if 0 < left <= NEAR:
            return list(self._order(OrderPart.TAIL, *asked)[-left:][: end - start])
        return list(self._order(OrderPart.ALL, *asked)[start:end]) if left > 0 else []

    def _total(self, collection_id: int, where: Where) -> int:
        """How many rows there are."""
        key = (collection_id, where)
        if key not in self._totals:
            (self._totals[key],) = self._conn.execute(
                f"SELECT count(*) {_OF_COLLECTION.format(where=where.sql)}",
                {**where.params, "collection": collection_id},
            ).fetchone()
        return self._totals[key]

    def _order(self, part: OrderPart, collection_id: int, where: Where, sort: Sort) -> array[int]:
        """The ids of a part of an order, read once."""
        key = (part, collection_id, where, sort)
        ids = self._orders.pop(key, None)
        if ids is None:
            ids = self._read(part, collection_id, where, sort)
        self._orders[key] = ids
        while len(self._orders) > 1 and sum(map(len, self._orders.values())) > MOST_KEPT:
            del self._orders[next(iter(self._orders))]
        return ids

    def _read(self, part: OrderPart, collection_id: int, where: Where, sort: Sort) -> array[int]:
        """Read the ids of a part of an order; those of a tail stand in the order's direction."""
        (largest,) = self._conn.execute("SELECT coalesce(max(id), 0) FROM version").fetchone()
        found = self._conn.execute(
            f"SELECT v.id {_OF_COLLECTION.format(where=where.sql)}"
            f" ORDER BY {sort.within(backwards=part is OrderPart.TAIL)} LIMIT :limit",
            {
                **where.params,
                "collection": collection_id,
                "limit": -1 if part is OrderPart.ALL else NEAR,
            },
        )
        ids = array("I" if largest < 2**32 else "q", chain.from_iterable(found))
        if part is OrderPart.TAIL:
            ids.reverse()
        return ids


def kept_orders(conn: sqlite3.Connection) -> KeptOrders:
    """The orders that this connection keeps."""
    if not isinstance(conn, CatalogConnection):
        return KeptOrders(conn)
    kept = conn.kept.get("windows")
    if not isinstance(kept, KeptOrders):
        kept = conn.kept["windows"] = KeptOrders(conn)
    return kept


def version_window(  # noqa: PLR0917 - what is looked at, then which rows of it
    conn: sqlite3.Connection, collection_id: int, where: Where, sort: Sort, start: int, count: int
) -> tuple[VersionRow, ...]:
    """Rows `start` to `start + count` of a collection's matching versions, in order."""
    with snapshot(conn):
        return rows_of(conn, kept_orders(conn).ids(collection_id, where, sort, start, count))


def version_position(
    conn: sqlite3.Connection, collection_id: int, where: Where, sort: Sort, version_id: int
) -> int | None:
    """Where a version stands in the order, counted from 0; None when it does not match."""
    with snapshot(conn):
        return kept_orders(conn).position(collection_id, where, sort, version_id)


_OF_ALL = "FROM version v CROSS JOIN collection c ON c.id = v.collection_id"


def version_chunks(
    conn: sqlite3.Connection, where: Where, sort: Sort, *, limit: int | None = None, size: int = 500
) -> Iterator[tuple[VersionRow, ...]]:
    """All matching versions, or the first `limit`, a few at a time and sorted only once.

    What is listed is settled when the first chunk is read. Later chunks tell what is true then, and
    leave out versions that are gone.
    """
    found = conn.execute(
        f"SELECT v.id {_OF_ALL} WHERE {where.sql} ORDER BY {sort.order(whole=limit is None)}"
        " LIMIT :page_limit",
        {**where.params, "page_limit": -1 if limit is None else limit},
    )
    ids = array("q", chain.from_iterable(found))
    for start in range(0, len(ids), size):
        with snapshot(conn):
            rows = rows_of(conn, list(ids[start : start + size]))
        yield rows
