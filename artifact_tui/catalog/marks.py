"""The user's marks: versions by key, kept in a file of their own beside the catalog.

A mark outlives the filter, the sort, the sync and the program. A mark whose version is gone is
not counted and not listed.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from artifact_tui.query import Where

_THERE = "FROM marks.mark m CROSS JOIN version v ON v.key = m.version_key"

IS_MARKED = "EXISTS (SELECT 1 FROM marks.mark m WHERE m.version_key = v.key)"
"""Whether `v` is marked, as SQL."""


def only_marked(where: Where) -> Where:
    """What matches and is marked."""
    return where.narrowed(IS_MARKED, marked=True)


def mark(conn: sqlite3.Connection, keys: Iterable[str], *, now_us: int | None = None) -> int:
    """Mark these versions; returns how many were not marked before."""
    at = time.time_ns() // 1000 if now_us is None else now_us
    return _write(
        conn, "INSERT OR IGNORE INTO marks.mark VALUES (?, ?)", [(key, at) for key in keys]
    )


def unmark(conn: sqlite3.Connection, keys: Iterable[str]) -> int:
    """Take these marks away; returns how many there were."""
    return _write(conn, "DELETE FROM marks.mark WHERE version_key = ?", [(key,) for key in keys])


def toggle(conn: sqlite3.Connection, key: str, *, now_us: int | None = None) -> bool:
    """Mark a version, or take its mark away; returns whether it is marked now."""
    return not unmark(conn, [key]) and bool(mark(conn, [key], now_us=now_us))


def mark_where(conn: sqlite3.Connection, where: Where, *, now_us: int | None = None) -> int:
    """Mark every version that matches; returns how many were not marked before."""
    at = time.time_ns() // 1000 if now_us is None else now_us
    return conn.execute(
        "INSERT OR IGNORE INTO marks.mark SELECT v.key, :mark_at"
        f" FROM collection c CROSS JOIN version v ON v.collection_id = c.id WHERE {where.sql}",
        {**where.params, "mark_at": at},
    ).rowcount


def unmark_where(conn: sqlite3.Connection, where: Where) -> int:
    """Take the mark of every version that matches away; returns how many there were."""
    return conn.execute(
        "DELETE FROM marks.mark WHERE version_key IN"
        f" (SELECT v.key {_THERE} CROSS JOIN collection c ON c.id = v.collection_id"
        f" WHERE {where.sql})",
        where.params,
    ).rowcount


def forget_gone(conn: sqlite3.Connection) -> int:
    """Take the marks of versions that are not there any more; returns how many there were.

    A registry that was reset gives old ids to new versions: they must not come marked.
    """
    return conn.execute(
        "DELETE FROM marks.mark WHERE NOT EXISTS"
        " (SELECT 1 FROM version v WHERE v.key = mark.version_key)"
    ).rowcount


def marked_count(conn: sqlite3.Connection) -> int:
    """How many versions are marked."""
    found: int = conn.execute(f"SELECT count(*) {_THERE}").fetchone()[0]
    return found


def marked_any(conn: sqlite3.Connection) -> bool:
    """Whether any version is marked."""
    return bool(conn.execute(f"SELECT EXISTS (SELECT 1 {_THERE})").fetchone()[0])


def marked_keys(conn: sqlite3.Connection) -> tuple[str, ...]:
    """The keys of the marked versions, in the order of their ids."""
    return tuple(chain.from_iterable(conn.execute(f"SELECT v.key {_THERE} ORDER BY v.id")))


def hidden_count(conn: sqlite3.Connection, where: Where) -> int:
    """How many marked versions a filter hides."""
    (found,) = conn.execute(
        f"SELECT count(*) {_THERE} CROSS JOIN collection c ON c.id = v.collection_id"
        f" WHERE ({where.sql}) IS NOT TRUE",
        where.params,
    ).fetchone()
    return int(found)


def _write(
    conn: sqlite3.Connection, sql: str, rows: list[tuple[str, int]] | list[tuple[str]]
) -> int:
    """Carry out one statement for each row in one transaction; returns how many rows changed."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        changed = conn.executemany(sql, rows).rowcount
    except BaseException:
        conn.rollback()
        raise
    conn.commit()
    return max(0, changed)
