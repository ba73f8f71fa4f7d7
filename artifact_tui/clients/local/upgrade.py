"""Brings a registry of an older format up to date: new columns and tables, nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.model import schema_sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

FIRST = 1
"""The format before versions had links, a run count and what is charged for them."""
SECOND = 2
"""The format before versions told whether their registry made them by itself."""
OLD = frozenset({FIRST, SECOND})
PRESENT = 3

_SECOND_COLUMNS = """
ALTER TABLE collection ADD COLUMN links INTEGER NOT NULL DEFAULT 0 CHECK(links IN (0,1));
ALTER TABLE version ADD COLUMN
  ttl_inherited INTEGER NOT NULL DEFAULT 0 CHECK(ttl_inherited IN (0,1));
ALTER TABLE version ADD COLUMN used_count INTEGER CHECK(used_count >= 0);
ALTER TABLE version ADD COLUMN stored INTEGER CHECK(stored >= 0);
ALTER TABLE version ADD COLUMN kept TEXT NOT NULL DEFAULT '';
"""
_COLUMNS = """
ALTER TABLE version ADD COLUMN generated INTEGER NOT NULL DEFAULT 0 CHECK(generated IN (0,1));
"""
_MADE = re.compile(r"^CREATE (?:TABLE|INDEX) (\w+).*?;", re.MULTILINE | re.DOTALL)


def bring_up_to_date(conn: sqlite3.Connection, check: Callable[[sqlite3.Connection], None]) -> None:
    """Do it in one transaction, unless it was done; the connection is in autocommit mode.

    `check` refuses what came of it by raising: then nothing was changed.
    """
    if _format(conn) not in OLD:
        return
    conn.execute("BEGIN IMMEDIATE")
    try:
        if (old := _format(conn)) in OLD:  # nobody was faster
            columns = (_SECOND_COLUMNS if old == FIRST else "") + _COLUMNS
            for statement in columns.split(";\n"):
                conn.execute(statement)
            _make_missing(conn)
            check(conn)
            conn.execute(f"PRAGMA user_version = {PRESENT}")
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def _make_missing(conn: sqlite3.Connection) -> None:
    """Make the tables and indexes of `model.sql` that are not there, and indexes that changed."""
    there = dict(conn.execute("SELECT name, sql FROM sqlite_schema"))
    for made in _MADE.finditer(schema_sql()):
        if made[0].startswith("CREATE INDEX") and there.get(made[1]) != made[0].rstrip(";"):
            conn.execute(f"DROP INDEX IF EXISTS {made[1]}")
        elif made[1] in there:
            continue
        conn.execute(made[0])


def _format(conn: sqlite3.Connection) -> int:
    """The format of the database."""
    return int(conn.execute("PRAGMA user_version").fetchone()[0])
