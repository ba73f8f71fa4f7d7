"""Picked versions: what their deletion frees, whom it hurts and what it takes along.

The picked versions are in the temp table `picked(version_id)` of the connection. Every query
starts there and fixes its order with CROSS JOIN: SQLite cannot know that the table is short, and
would scan millions of files instead.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.fetch import rows_of, snapshot
from artifact_tui.catalog.rows import Bytes
from artifact_tui.query import Where
from artifact_tui.schema import as_number

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from artifact_tui.catalog.rows import VersionRow

    Selection = Sequence[str] | Where | Literal["marked"]
    """Keys, what matches, or the marks."""

# Of a link neither the bytes nor the files are its own. Bytes that are charged stand in for files
# that the registry does not tell.
_LISTED = f"""
SELECT coalesce(sum(v.size), 0), coalesce(sum(CASE WHEN untold THEN v.stored END), 0),
  coalesce(sum(untold AND v.stored IS NOT NULL), 0), coalesce(sum(untold AND v.stored IS NULL), 0)
FROM (SELECT {as_number("w.size")} AS size, {as_number("w.stored")} AS stored,
    NOT EXISTS (SELECT 1 FROM file f WHERE f.version_id = w.id)
    AND NOT (w.file_count IS 0 AND ifnull(w.size, 0) = 0) AS untold
  FROM picked p CROSS JOIN version w ON w.id = p.version_id WHERE w.source_key IS NULL) v"""

_FREED = f"""
SELECT coalesce(sum({as_number("b.size")}), 0)
FROM (SELECT DISTINCT f.blob_id FROM picked p CROSS JOIN file f ON f.version_id = p.version_id) d
CROSS JOIN blob b ON b.id = d.blob_id
WHERE b.state <> 2 AND NOT EXISTS (
  SELECT 1 FROM file o WHERE o.blob_id = b.id
  AND NOT EXISTS (SELECT 1 FROM picked q WHERE q.version_id = o.version_id))"""

_ALL_BELOW = """
INSERT OR IGNORE INTO picked
WITH RECURSIVE below(id) AS (
  SELECT e.child_id FROM picked p CROSS JOIN edge e ON e.parent_id = p.version_id
  UNION
  SELECT e.child_id FROM below CROSS JOIN edge e ON e.parent_id = below.id)
SELECT x.id FROM below CROSS JOIN version x ON x.id = below.id WHERE x.state <> 'trash'"""


def clear(conn: sqlite3.Connection) -> None:
    """Pick nothing."""
    conn.execute("DELETE FROM temp.picked")


def select(conn: sqlite3.Connection, chosen: Selection) -> int:
    """Pick exactly what was chosen; returns how many versions."""
    if isinstance(chosen, Where):
        return select_where(conn, chosen)
    if chosen == "marked":
        return select_marked(conn)
    return select_keys(conn, chosen)


def select_keys(conn: sqlite3.Connection, keys: Sequence[str]) -> int:
    """Pick exactly these versions; keys of versions that are gone are left out.

    Returns how many are picked, as the others do.
    """
    return _pick(
        conn,
        "SELECT v.id FROM json_each(:keys) j CROSS JOIN version v ON v.key = j.value",
        {"keys": json.dumps(list(keys))},
    )


def select_where(conn: sqlite3.Connection, where: Where) -> int:
    """Pick exactly the versions that match."""
    return _pick(
        conn,
        "SELECT v.id FROM collection c CROSS JOIN version v ON v.collection_id = c.id"
        f" WHERE {where.sql}",
        where.params,
    )


def select_marked(conn: sqlite3.Connection) -> int:
    """Pick exactly the marked versions."""
    return _pick(
        conn,
        "SELECT v.id FROM marks.mark m CROSS JOIN version v ON v.key = m.version_key",
        {},
    )


def with_dependents(conn: sqlite3.Connection) -> int:
    """Pick all live versions made from the picked ones too, however far; returns how many more."""
    return conn.execute(_ALL_BELOW).rowcount


def picked_ids(conn: sqlite3.Connection) -> list[int]:
    """The ids of the picked versions, ascending."""
    return list(chain.from_iterable(conn.execute("SELECT version_id FROM picked ORDER BY 1")))


def picked_keys(conn: sqlite3.Connection) -> list[str]:
    """The keys of the picked versions, by id."""
    found = conn.execute(
        "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id ORDER BY v.id"
    )
    return list(chain.from_iterable(found))


def picked_rows(conn: sqlite3.Connection, *, chunk: int = 500) -> Iterator[VersionRow]:
    """The picked versions by id, read a few at a time."""
    ids = picked_ids(conn)
    for start in range(0, len(ids), chunk):
        yield from rows_of(conn, ids[start : start + chunk])


def freed(conn: sqlite3.Connection) -> Bytes:
    """What the picked versions weigh, and what is freed once all of them are purged."""
    with snapshot(conn):
        listed, stored, charged, unknown = conn.execute(_LISTED).fetchone()
        (gone,) = conn.execute(_FREED).fetchone()
        return Bytes(listed, gone + stored, unknown, charged=charged > 0)


def _pick(conn: sqlite3.Connection, query: str, params: object) -> int:
    """Replace what is picked by the ids of a query."""
    with snapshot(conn):
        clear(conn)
        picked: int = conn.execute(f"INSERT OR IGNORE INTO temp.picked {query}", params).rowcount  # type: ignore[arg-type]
        return picked
