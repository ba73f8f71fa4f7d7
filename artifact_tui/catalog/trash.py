"""What is in the trash, in the order in which people look for it."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog import selection

if TYPE_CHECKING:
    import sqlite3

    from artifact_tui.catalog.rows import Bytes

_WITHIN = "FROM version WHERE state = 'trash' ORDER BY deleted_us DESC, id DESC"


def ids(conn: sqlite3.Connection) -> array[int]:
    """The ids of the versions in the trash, the last deleted first (eight bytes each)."""
    return array("q", chain.from_iterable(conn.execute(f"SELECT id {_WITHIN}")))


def keys(conn: sqlite3.Connection) -> tuple[str, ...]:
    """Their keys, in the same order."""
    return tuple(chain.from_iterable(conn.execute(f"SELECT key {_WITHIN}")))


def names(conn: sqlite3.Connection) -> dict[str, str]:
    """Their names by key. Untrusted text."""
    return dict(
        conn.execute(
            "SELECT v.key, c.name || ':' || v.label"
            " FROM version v JOIN collection c ON c.id = v.collection_id WHERE v.state = 'trash'"
        )
    )


def weight(conn: sqlite3.Connection) -> Bytes:
    """What they weigh together, and what is freed when all of them are purged."""
    selection.select_keys(conn, keys(conn))
    return selection.freed(conn)
