"""All matching versions of a registry, page after page, without ever skipping over rows."""

from __future__ import annotations

import json
from array import array
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.fetch import rows_of, snapshot
from artifact_tui.errors import UsageError
from artifact_tui.model import Page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.sorting import Sort
    from artifact_tui.query import Where

_Stretch = tuple[str, dict[str, object]]

_FROM = "FROM version v CROSS JOIN collection c ON c.id = v.collection_id"


def page(
    conn: sqlite3.Connection, where: Where, sort: Sort, after: str | None, count: int
) -> Page[VersionRow]:
    """The next `count` matching versions of all collections.

    `after` is the `Page.after` of the page before, or None for the first. It holds the last row's
    place rather than a number of rows, so that deletions between two pages shift nothing.

    Raises:
        UsageError: `after` does not come from a page sorted the same way.
    """
    with snapshot(conn):
        ids: list[int] = []
        for stretch in _stretches(sort, after):
            ids += _read(conn, where, sort, stretch, count - len(ids))
            if len(ids) >= count:
                break
        rows = rows_of(conn, ids)
        more = len(ids) >= count > 0
        return Page(rows, _place(conn, sort, ids[-1]) if more else None)


def chunks(
    conn: sqlite3.Connection, where: Where, sort: Sort, *, limit: int | None = None, size: int = 500
) -> Iterator[tuple[VersionRow, ...]]:
    """All matching versions, or the first `limit`, a few at a time and sorted only once.

    What is listed is settled when the first chunk is read. Later chunks tell what is true then, and
    leave out versions that are gone.
    """
    found = conn.execute(
        f"SELECT v.id {_FROM} WHERE {where.sql} ORDER BY {sort.order()} LIMIT :page_limit",
        {**where.params, "page_limit": -1 if limit is None else limit},
    )
    ids = array("q", chain.from_iterable(found))
    for start in range(0, len(ids), size):
        with snapshot(conn):
            rows = rows_of(conn, list(ids[start : start + size]))
        yield rows


def every(conn: sqlite3.Connection, where: Where, sort: Sort) -> Iterator[VersionRow]:
    """All matching versions, one by one; see `chunks`."""
    return chain.from_iterable(chunks(conn, where, sort))


def _stretches(sort: Sort, after: str | None) -> Iterator[_Stretch]:
    """Conditions that together are the rows after a place, each in order and each able to seek."""
    if after is None:
        yield "1", {}
        return
    value, last = _read_place(after)
    if value is None:
        yield f"{sort.key} IS NULL AND v.id > :page_id", {"page_id": last}
        return
    yield f"{sort.key} = :page_key AND v.id > :page_id", {"page_key": value, "page_id": last}
    yield f"{sort.key} {'<' if sort.falling else '>'} :page_key", {"page_key": value}
    if sort.nullable:
        yield f"{sort.key} IS NULL", {}


def _read(
    conn: sqlite3.Connection, where: Where, sort: Sort, stretch: _Stretch, limit: int
) -> list[int]:
    """The ids of one stretch."""
    condition, params = stretch
    found = conn.execute(
        f"SELECT v.id {_FROM} WHERE {condition} AND ({where.sql})"
        f" ORDER BY {sort.order()} LIMIT :page_limit",
        {**where.params, **params, "page_limit": limit},
    )
    return list(chain.from_iterable(found))


def _place(conn: sqlite3.Connection, sort: Sort, version_id: int) -> str:
    """The place of a row in the order, as text."""
    found = conn.execute(f"SELECT {sort.key} {_FROM} WHERE v.id = ?", (version_id,)).fetchone()
    key = found[0]
    if isinstance(key, bytes):  # where another program stored such: see `as_number`
        return json.dumps([None, version_id, key.hex()])
    return json.dumps([key, version_id])


def _read_place(after: str) -> tuple[object, int]:
    """The key and the id in a place."""
    try:
        value, last, *raw = json.loads(after)
        return bytes.fromhex(*raw) if raw else value, int(last)
    except (ValueError, TypeError) as error:
        raise UsageError(
            "This is no place in a list.", hint="Use the `after` of the page before."
        ) from error
