"""The user's marks, and the versions that are picked for a question about all of them.

Marks are version keys in a file of their own beside the catalog. A mark outlives the filter, the
sort, the sync and the program. A mark whose version is gone is not counted and not listed.

Versions are picked by keys, by a filter or by their marks, into the temp table
`picked(version_id)` of the connection; then one query tells what they weigh, what their deletion
frees and what was made from them. Every such query starts from that table and fixes its order with
CROSS JOIN: SQLite cannot know that the table is short, and would scan millions of files instead.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui import model
from artifact_tui.catalog.catalog_rows import PickedBytes, rows_of, snapshot
from artifact_tui.catalog.listing import kept_orders
from artifact_tui.database import as_number
from artifact_tui.query import Where

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.listing import Sort

    Selection = Sequence[str] | Where | Literal["marked"]
    """Keys, what matches, or the marks."""


_THERE = "FROM marks.mark m CROSS JOIN version v ON v.key = m.version_key"

_TRASHED = f"{_THERE} AND v.state = 'trash'"

IS_MARKED = "EXISTS (SELECT 1 FROM marks.mark m WHERE m.version_key = v.key)"
"""Whether `v` is marked, as SQL."""


def only_marked(where: Where) -> Where:
    """What matches and is marked."""
    return where.narrowed(IS_MARKED, marked=True)


def mark_keys(conn: sqlite3.Connection, keys: Iterable[str], *, now_us: int | None = None) -> int:
    """Mark these versions; returns how many were not marked before."""
    at = model.now_us() if now_us is None else now_us
    return conn.execute(
        "INSERT OR IGNORE INTO marks.mark SELECT value, ? FROM json_each(?)",
        (at, json.dumps(list(keys))),
    ).rowcount


def unmark_keys(conn: sqlite3.Connection, keys: Iterable[str]) -> int:
    """Take these marks away; returns how many there were."""
    return conn.execute(
        "DELETE FROM marks.mark WHERE version_key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    ).rowcount


def mark_where(conn: sqlite3.Connection, where: Where, *, now_us: int | None = None) -> int:
    """Mark every version that matches; returns how many were not marked before."""
    at = model.now_us() if now_us is None else now_us
    return conn.execute(
        "INSERT OR IGNORE INTO marks.mark SELECT v.key, :mark_at"
        f" FROM collection c CROSS JOIN version v ON v.collection_id = c.id WHERE {where.sql}"
        " ORDER BY v.key",  # in the order of the table they are written twice as fast
        {**where.params, "mark_at": at},
    ).rowcount


def mark_window(  # noqa: PLR0917 - what is looked at, then which rows of it
    conn: sqlite3.Connection, collection_id: int, where: Where, sort: Sort, start: int, count: int
) -> int:
    """Mark rows `start` to `start + count` of a collection's matching versions, in their order.

    Returns how many were not marked before.
    """
    conn.execute("BEGIN IMMEDIATE")
    try:
        ids = kept_orders(conn).ids(collection_id, where, sort, start, count)
        marked = mark_ids(conn, ids)
    except BaseException:
        conn.rollback()
        raise
    conn.commit()
    return marked


def mark_ids(conn: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Mark the versions with these ids; returns how many were not marked before."""
    return conn.execute(
        "INSERT OR IGNORE INTO marks.mark SELECT v.key, :at"
        " FROM json_each(:ids) j CROSS JOIN version v ON v.id = j.value ORDER BY v.key",
        {"ids": json.dumps(ids), "at": model.now_us()},
    ).rowcount


def unmark_where(conn: sqlite3.Connection, where: Where) -> int:
    """Take the mark of every version that matches away; returns how many there were."""
    return conn.execute(
        "DELETE FROM marks.mark WHERE version_key IN"
        f" (SELECT v.key {_THERE} CROSS JOIN collection c ON c.id = v.collection_id"
        f" WHERE {where.sql})",
        where.params,
    ).rowcount


def marked_trash(conn: sqlite3.Connection) -> tuple[str, ...]:
    """The keys of marked versions that are in the trash."""
    return tuple(chain.from_iterable(conn.execute(f"SELECT v.key {_TRASHED}")))


def unmark_gone(conn: sqlite3.Connection, in_trash: Sequence[str], since_us: int) -> int:
    """Take marks away after a sync that began at `since_us`; returns how many there were.

    They go from versions that are not there any more: a registry that was reset gives old ids to
    new versions, which must not come marked. They go from those that were deleted too, which are
    in the trash now, were not among the marked ones there before (`in_trash`), and were not marked
    since.
    """
    return conn.execute(
        "DELETE FROM marks.mark WHERE NOT EXISTS"
        " (SELECT 1 FROM version v WHERE v.key = mark.version_key)"
        f" OR (at_us < :since AND version_key IN (SELECT v.key {_TRASHED})"
        " AND version_key NOT IN (SELECT value FROM json_each(:before)))",
        {"since": since_us, "before": json.dumps(list(in_trash))},
    ).rowcount


def marked_count(conn: sqlite3.Connection) -> int:
    """How many versions are marked."""
    found: int = conn.execute(f"SELECT count(*) {_THERE}").fetchone()[0]
    return found


def marked_any(conn: sqlite3.Connection) -> bool:
    """Whether any version is marked."""
    return bool(conn.execute(f"SELECT EXISTS (SELECT 1 {_THERE})").fetchone()[0])


def marked_and_hidden(conn: sqlite3.Connection, where: Where) -> tuple[int, int]:
    """How many versions are marked, and how many of these a filter hides."""
    found: tuple[int, int] = conn.execute(
        f"SELECT count(*), coalesce(sum(({where.sql}) IS NOT TRUE), 0)"
        f" {_THERE} CROSS JOIN collection c ON c.id = v.collection_id",
        where.params,
    ).fetchone()
    return found


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
SELECT coalesce(sum(CASE WHEN b.held = 0 THEN {as_number("b.size")} END), 0),
  coalesce(sum(CASE WHEN b.held = 1 THEN {as_number("b.size")} END), 0)
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


def pick(conn: sqlite3.Connection, chosen: Selection, *, limit: int = -1) -> int:
    """Pick exactly what was chosen, or some of it up to a limit; returns how many versions.

    Keys of versions that are gone are left out.
    """
    params: dict[str, int | str] = {"picked_limit": limit}
    if isinstance(chosen, Where):
        found = f"""collection c CROSS JOIN version v ON v.collection_id = c.id
            WHERE {chosen.sql}"""
        params |= chosen.params
    elif chosen == "marked":
        found = "marks.mark m CROSS JOIN version v ON v.key = m.version_key"
    else:
        found = "json_each(:picked_keys) j CROSS JOIN version v ON v.key = j.value"
        params["picked_keys"] = json.dumps(list(chosen))
    with snapshot(conn):
        conn.execute("DELETE FROM temp.picked")
        sql = f"INSERT OR IGNORE INTO temp.picked SELECT v.id FROM {found} LIMIT :picked_limit"
        return conn.execute(sql, params).rowcount


def pick_dependents(conn: sqlite3.Connection) -> int:
    """Pick all live versions made from the picked ones too, however far; returns how many more."""
    return conn.execute(_ALL_BELOW).rowcount


def picked_ids(conn: sqlite3.Connection) -> list[int]:
    """The ids of the picked versions, ascending."""
    return list(chain.from_iterable(conn.execute("SELECT version_id FROM picked ORDER BY 1")))


def picked_rows(conn: sqlite3.Connection, *, chunk: int = 500) -> Iterator[VersionRow]:
    """The picked versions by id, read a few at a time."""
    ids = picked_ids(conn)
    for start in range(0, len(ids), chunk):
        yield from rows_of(conn, ids[start : start + chunk])


def picked_bytes(conn: sqlite3.Connection) -> PickedBytes:
    """What the picked versions weigh, and what is freed once all of them are purged."""
    with snapshot(conn):
        listed, stored, charged, unknown = conn.execute(_LISTED).fetchone()
        gone, held = conn.execute(_FREED).fetchone()
        return PickedBytes(listed, gone + stored, unknown, charged=charged > 0, held=held)


def chosen_bytes(conn: sqlite3.Connection, chosen: Selection) -> PickedBytes:
    """What the chosen versions weigh together, and what is freed once all of them are purged."""
    with snapshot(conn):
        pick(conn, chosen)
        return picked_bytes(conn)
