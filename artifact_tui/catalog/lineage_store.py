"""Lineage into the tables of a catalog file, in the three ways in which registries tell it.

A sync brings all edges (`put_edges`), or every version is asked for its parents (`put_lineage`),
or versions are asked for their dependents before they are needed (`put_asked`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.coverage import SCANNED_TYPE
from artifact_tui.catalog.sync_file import transaction
from artifact_tui.model import GONE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from artifact_tui.model import Edge, Lineage, Relative

_EDGE = """
INSERT OR IGNORE INTO {table}
SELECT p.id, c.id FROM version p CROSS JOIN version c WHERE p.key = ? AND c.key = ?"""

_RELATIVE = """
INSERT OR REPLACE INTO relative
SELECT :id, :up, :key, :name WHERE NOT EXISTS (SELECT 1 FROM version WHERE key = :key)"""

_UNSCANNED = """
SELECT v.id, v.key FROM version v CROSS JOIN collection c ON c.id = v.collection_id
WHERE v.id > ? AND v.state = 'live' AND c.type = ?
  AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id)
ORDER BY v.id LIMIT ?"""


def put_edges(conn: sqlite3.Connection, rows: Sequence[Edge]) -> None:
    """Take in a page of lineage; edges between versions that are not known are left out."""
    pairs = [(row.parent, row.child) for row in rows if row.parent != row.child]
    with transaction(conn):
        for table in ("edge", "temp.linked"):
            conn.executemany(_EDGE.format(table=table), pairs)


def unscanned(conn: sqlite3.Connection, after: int, count: int) -> list[tuple[int, str]]:
    """Id and key of the next live versions whose own parents nobody has asked for yet."""
    return conn.execute(_UNSCANNED, (after, SCANNED_TYPE, count)).fetchall()


def put_lineage(
    conn: sqlite3.Connection, found: Mapping[str, Sequence[Relative]], now_us: int
) -> None:
    """The parents of versions, by key: these and no others; without any, those known to be gone."""
    with transaction(conn):
        for key, parents in found.items():
            version_id = _id(conn, key)
            if version_id is None:
                continue
            conn.execute("DELETE FROM edge WHERE child_id = ?", (version_id,))
            above = [parent for parent in parents if parent.key != key]
            conn.executemany(_EDGE.format(table="edge"), [(row.key, key) for row in above])
            if above:
                conn.execute("DELETE FROM relative WHERE version_id = ? AND up", (version_id,))
                _put_relatives(conn, version_id, above, up=True)
            _scanned(conn, version_id, now_us)


def forget_scans(conn: sqlite3.Connection) -> None:
    """Start over: what every version was made from is to be asked again."""
    with transaction(conn):
        conn.execute("DELETE FROM lineage_scan")


def put_asked(
    conn: sqlite3.Connection,
    asked: Sequence[str],
    found: Mapping[str, Lineage],
    now_us: int,
    *,
    parents: bool,
) -> None:
    """What the registry answered about these versions; what it left out is not known any more.

    The dependents are these and no others. Parents are only added to: an edge may stand for a
    way through deleted versions, which the answer about the child does not tell.
    """
    with transaction(conn):
        for key in asked:
            version_id, answer = _id(conn, key), found.get(key)
            if version_id is None:
                continue
            if answer is None:
                conn.execute("DELETE FROM lineage_scan WHERE version_id = ?", (version_id,))
                continue
            conn.execute("DELETE FROM edge WHERE parent_id = ?", (version_id,))
            below = [row for row in answer.dependents if row.key != key]
            conn.executemany(_EDGE.format(table="edge"), [(key, row.key) for row in below])
            _put_relatives(conn, version_id, below, up=False)
            if parents:
                above = [row for row in answer.parents if row.key != key]
                conn.executemany(_EDGE.format(table="edge"), [(row.key, key) for row in above])
                _put_relatives(conn, version_id, above, up=True)
            _scanned(conn, version_id, now_us)


def _put_relatives(
    conn: sqlite3.Connection, version_id: int, rows: Sequence[Relative], *, up: bool
) -> None:
    """The relatives in one direction that are not listed here: these, and known gone parents."""
    side = (version_id, int(up), f"%{GONE}" if up else "")
    conn.execute("DELETE FROM relative WHERE version_id = ? AND up = ? AND name NOT LIKE ?", side)
    conn.executemany(
        _RELATIVE,
        [{"id": version_id, "up": int(up), "key": row.key, "name": row.name} for row in rows],
    )


def _id(conn: sqlite3.Connection, key: str) -> int | None:
    """The id of a version; None when it is not listed."""
    row = conn.execute("SELECT id FROM version WHERE key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])


def _scanned(conn: sqlite3.Connection, version_id: int, now_us: int) -> None:
    """Note when a version's lineage was told."""
    conn.execute("INSERT OR REPLACE INTO lineage_scan VALUES (?, ?)", (version_id, now_us))
