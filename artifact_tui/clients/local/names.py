"""Names on versions and lines between them: aliases, protection, tags, lineage, time to live.

Every function works inside the caller's writing transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.local import words
from artifact_tui.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import sqlite3


def live_id(conn: sqlite3.Connection, key: str) -> int:
    """The row of a version that is there and not in the trash.

    Raises:
        NotFoundError: it is gone, or in the trash.
    """
    row = conn.execute("SELECT id, state FROM version WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise NotFoundError(
            f"There is no version with the key “{key}” (any more). Nothing was changed.",
            hint="List the registry again.",
        )
    if row[1] == "trash":
        raise NotFoundError(
            f"The version with the key “{key}” is in the trash. Nothing was changed.",
            hint="Restore it first.",
        )
    return int(row[0])


def holder(conn: sqlite3.Connection, version_id: int, alias: str) -> tuple[int, bool] | None:
    """Which version of the same collection has an alias now, and whether it is protected."""
    row = conn.execute(
        "SELECT at.version_id, a.protected FROM version v"
        " CROSS JOIN alias_at at ON at.collection_id = v.collection_id AND at.name = ?2"
        " CROSS JOIN alias a ON a.version_id = at.version_id AND a.scope = '' AND a.name = ?2"
        " WHERE v.id = ?1",
        (version_id, alias),
    ).fetchone()
    return None if row is None else (int(row[0]), bool(row[1]))


def drop(conn: sqlite3.Connection, version_id: int, alias: str) -> None:
    """Take an alias off a version."""
    conn.execute(
        "DELETE FROM alias WHERE version_id = ? AND scope = '' AND name = ?", (version_id, alias)
    )


def point(conn: sqlite3.Connection, version_id: int, alias: str, *, protected: bool | None) -> None:
    """Put an alias on a version, taking it off the one that has it.

    `protected=None` keeps an alias as protected as it was.
    """
    now = holder(conn, version_id, alias)
    if now is not None:
        drop(conn, now[0], alias)
    keep = now is not None and now[1]
    conn.execute(
        "INSERT INTO alias(version_id, name, protected) VALUES(?, ?, ?)",
        (version_id, alias, int(keep if protected is None else protected)),
    )


def _own(conn: sqlite3.Connection, version_id: int, alias: str) -> bool:
    """Whether this very version has the alias protected; it must have it."""
    now = holder(conn, version_id, alias)
    if now is None or now[0] != version_id:
        raise NotFoundError(
            f"This version has no alias “{alias}”. Nothing was changed.",
            hint="List the version again: the alias may have moved.",
        )
    return now[1]


def alias(conn: sqlite3.Connection, key: str, name: str, *, protected: bool | None) -> None:
    """Put or move an alias; see `point`."""
    words.check_alias(name)
    point(conn, live_id(conn, key), name, protected=protected)


def unalias(conn: sqlite3.Connection, key: str, name: str) -> None:
    """Take an alias off the version that has it.

    Raises:
        UsageError: it is protected.
        NotFoundError: the version, or the alias on it, is not there.
    """
    version_id = live_id(conn, key)
    if _own(conn, version_id, name):
        raise UsageError(
            f"The alias “{name}” is protected. Nothing was changed.",
            hint="Take the protection away first.",
        )
    drop(conn, version_id, name)


def protect(conn: sqlite3.Connection, key: str, name: str, *, protected: bool) -> None:
    """Make an alias forbid deletion, or no longer forbid it."""
    version_id = live_id(conn, key)
    _own(conn, version_id, name)
    conn.execute(
        "UPDATE alias SET protected = ? WHERE version_id = ? AND scope = '' AND name = ?",
        (int(protected), version_id, name),
    )


def tag(conn: sqlite3.Connection, key: str, name: str) -> None:
    """Put a tag on a version; one that is there already stays."""
    words.check_name(name, "tag")
    conn.execute(
        "INSERT OR IGNORE INTO tag(version_id, name) VALUES(?, ?)", (live_id(conn, key), name)
    )


def untag(conn: sqlite3.Connection, key: str, name: str) -> None:
    """Take a tag off a version, when it has it."""
    conn.execute("DELETE FROM tag WHERE version_id = ? AND name = ?", (live_id(conn, key), name))


def set_ttl(conn: sqlite3.Connection, key: str, ttl_us: int | None) -> None:
    """Give a version a time to live, counted from its creation, or take it away (None)."""
    words.check_ttl(ttl_us)
    conn.execute("UPDATE version SET ttl_us = ? WHERE id = ?", (ttl_us, live_id(conn, key)))


def link_parent(conn: sqlite3.Connection, child: str, parent: str) -> None:
    """Record that one version was made from another; a line that is there already stays.

    Raises:
        UsageError: the parent was itself made from the child.
    """
    child_id, parent_id = live_id(conn, child), live_id(conn, parent)
    (loops,) = conn.execute(
        "WITH RECURSIVE below(id) AS (VALUES(?1) UNION"
        " SELECT e.child_id FROM below CROSS JOIN edge e ON e.parent_id = below.id)"
        " SELECT EXISTS(SELECT 1 FROM below WHERE id = ?2)",
        (child_id, parent_id),
    ).fetchone()
    if loops:
        raise UsageError(
            "A version cannot be made from itself, directly or through others. "
            "Nothing was changed.",
            hint="Swap the two versions.",
        )
    conn.execute(
        "INSERT OR IGNORE INTO edge(parent_id, child_id) VALUES(?, ?)", (parent_id, child_id)
    )


def used(conn: sqlite3.Connection, key: str, now_us: int) -> None:
    """Record that somebody took the files of a version."""
    conn.execute("UPDATE version SET used_us = ? WHERE key = ?", (now_us, key))
