"""Totals, and the collections that a filter leaves.

Counting two million versions takes long, so what a collection weighs in all is worked out once for
each state of the data; filters that only look at collections add up those numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifact_tui.catalog.connection import CatalogConnection, stamp
from artifact_tui.catalog.fetch import snapshot
from artifact_tui.catalog.rows import CollectionRow, Totals
from artifact_tui.schema import as_number, as_text

if TYPE_CHECKING:
    import sqlite3

    from artifact_tui.catalog.sorting import Sort
    from artifact_tui.query import Where

_TALLY = f"""
CREATE TEMP TABLE tally AS
SELECT collection_id, state, count(*) AS versions, sum({as_number("size")}) AS size,
  sum({as_number("stored")}) AS stored, max({as_number("created_us")}) AS newest_us
FROM main.version GROUP BY collection_id, state"""

_TOTALS = """
SELECT count(DISTINCT CASE WHEN state <> 'trash' THEN collection_id END),
  coalesce(sum(CASE WHEN state <> 'trash' THEN versions END), 0),
  CASE WHEN max(state <> 'trash') THEN sum(CASE WHEN state <> 'trash' THEN own END) ELSE 0 END,
  coalesce(sum(CASE WHEN state = 'trash' THEN versions END), 0),
  coalesce(sum(CASE WHEN state = 'trash' THEN own END), 0),
  sum(CASE WHEN state <> 'trash' AND NOT links THEN stored END)
FROM (SELECT t.*, c.links, t.size * NOT c.links AS own
  FROM temp.tally t CROSS JOIN collection c ON c.id = t.collection_id)"""

_COLLECTION = f"""
SELECT c.id, {as_text("c.key")} AS key, {as_text("c.name")} AS name, {as_text("c.type")} AS type"""

_COMMON = f"""{_COLLECTION}, sum(v.versions) AS versions, sum(v.size) AS size,
  max(v.newest_us) AS newest_us, c.links, sum(v.stored) AS stored
FROM temp.tally v CROSS JOIN collection c ON c.id = v.collection_id
WHERE {{where}} GROUP BY c.id"""

_EACH = f"""{_COLLECTION}, count(*) AS versions, sum({as_number("v.size")}) AS size,
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

_ORDERS = {
    "type": ("c.type", False),
    "size": ("size", False),
    "unique": ("size", False),
    "stored": ("stored", False),
    "age": ("newest_us", True),
    "used": ("newest_us", True),
    "created": ("newest_us", False),
    "version": ("versions", False),
}


def totals(conn: sqlite3.Connection) -> Totals:
    """The whole registry in numbers."""
    with snapshot(conn):
        _tally(conn)
        found: tuple[int, int, int | None, int, int, int | None] = conn.execute(_TOTALS).fetchone()
        return Totals(*found)


def outline(
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
        found = conn.execute(f"{listed} ORDER BY {_order(sort)}", where.params)
        return tuple(_row(row, marked.get(row[0], 0)) for row in found)


def _row(row: tuple[Any, ...], marked: int) -> CollectionRow:
    """One row of `_COMMON` or `_EACH`."""
    number, key, name, kind, versions, size, newest_us, links, stored = row
    return CollectionRow(
        number, key, name, kind, versions, size, newest_us, marked, bool(links), stored
    )


def matching(conn: sqlite3.Connection, where: Where) -> tuple[int, int | None]:
    """How many versions match, and their bytes; None when the size of none is known.

    A link counts as a version, but its bytes are those of its source.
    """
    with snapshot(conn):
        found = conn.execute(
            "SELECT coalesce(sum(versions), 0), "
            " CASE WHEN count(*) THEN sum(size * NOT links) ELSE 0 END"
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


def _order(sort: Sort) -> str:
    """What follows ORDER BY for collections."""
    if sort.field not in _ORDERS:
        way = "DESC" if sort.descending and sort.field == "name" else "ASC"
        return f"c.name COLLATE NOCASE {way}, c.name, c.id"
    column, turned = _ORDERS[sort.field]
    way = "DESC" if sort.descending != turned else "ASC"
    return f"{column} {way} NULLS LAST, c.name COLLATE NOCASE, c.name, c.id"


def synced_us(conn: sqlite3.Connection) -> int | None:
    """When the catalog was last synced to its end; None for a registry's own database."""
    row = conn.execute("SELECT value FROM meta WHERE name = 'synced_us'").fetchone()
    return int(row[0]) if row else None
