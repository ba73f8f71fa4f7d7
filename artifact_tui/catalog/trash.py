"""What is in the trash, in the order in which people look for it."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_IDS = "SELECT id FROM version WHERE state = 'trash' ORDER BY deleted_us DESC, id DESC"


def ids(conn: sqlite3.Connection) -> array[int]:
    """The ids of the versions in the trash, the last deleted first (eight bytes each)."""
    return array("q", chain.from_iterable(conn.execute(_IDS)))
