"""Whether a database holds what our scripts make, and how its texts are read."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import lru_cache, partial
from typing import NamedTuple

SQLITE_TEXT = partial(str, encoding="utf-8", errors="backslashreplace")
"""How texts of a database are read: one that is not UTF-8 is spelled out, and hides no row."""

_LARGEST = 2**53
"""Numbers beyond this are taken for unknown: some thousands of them can still be added up."""

_COMMENT = re.compile(r"--[^\n]*")
_STRICT = re.compile(r"\)\s*STRICT\s*,?")
"""What earlier formats had, and old SQLite cannot read; it allows less, and nothing more."""
_WORDS = re.compile(r"\w+|[^\w\s]")
_OF_SQLITE = frozenset({"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})
"""Tables that SQLite makes by itself."""


class _Made(NamedTuple):
    """One object of a schema."""

    kind: str
    table: str
    definition: tuple[str, ...]


def as_text(column: str) -> str:
    """SQL for a text column, where another program may have stored bytes."""
    return f"CAST({column} AS TEXT)"


def as_number(column: str) -> str:
    """SQL for a column of whole numbers, where another program may have stored anything.

    What is none is unknown (NULL). Texts and bytes sort behind all numbers, so one comparison
    leaves them out; an index over the column is not used.
    """
    inside = f"{column} BETWEEN {-_LARGEST} AND {_LARGEST}"
    return f"CASE WHEN {inside} THEN CAST({column} AS INTEGER) END"


def strange_object(conn: sqlite3.Connection, *scripts: str, more: bool = False) -> str:
    """What a database has that these scripts do not make, or lacks, such as `trigger evil`.

    Somebody's trigger, view or changed table may do more than a statement says. With `more`,
    further objects are no matter: nothing fires where nothing is written. Empty when all is ours.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    ours, found = _made_by(scripts), _objects(conn)
    for name, made in found.items():
        if ours.get(name, made if more else None) != made:
            return f"{made.kind} {name}"
    return next((f"no {made.kind} {name}" for name, made in ours.items() if name not in found), "")


@lru_cache
def _made_by(scripts: tuple[str, ...]) -> dict[str, _Made]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript("".join(scripts))
        return _objects(conn)


def _objects(conn: sqlite3.Connection) -> dict[str, _Made]:
    """Every object by name, but for those that SQLite makes by itself."""
    rows = conn.execute("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")
    return {
        name: _Made(kind, table, _definition(kind, sql or ""))
        for kind, name, table, sql in rows.fetchall()
        if not (name in _OF_SQLITE if kind == "table" else kind == "index" and sql is None)
    }


@lru_cache(maxsize=256)
def _definition(kind: str, sql: str) -> tuple[str, ...]:
    """A definition without comments; columns of a table in any order, as some came later."""
    words = _WORDS.findall(_STRICT.sub(")", _COMMENT.sub("", sql)))
    if kind != "table":
        return tuple(words)
    parts, depth = [""], 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if (word, depth) in {("(", 1), (",", 1), (")", 0)}:
            parts.append("")
        else:
            parts[-1] += f" {word}"
    return (parts[0], *sorted(parts[1:-1]), parts[-1])
