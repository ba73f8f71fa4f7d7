"""What is in the trash, by deletion: what one person deleted with no long pause in between.

Times are microseconds UTC, sizes bytes, None is "not known". Names are untrusted text.
"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog import marks
from artifact_tui.catalog.catalog_rows import snapshot
from artifact_tui.database import as_number, as_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.catalog.listing import Sort
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.query import Where


PAUSE_US = 60_000_000
"""Two deletions of one person with a longer pause between them are two."""

_WHO, _WHEN = as_text("v.deleted_by"), as_number("v.deleted_us")

_DELETIONS = f"""
WITH gone AS (
  SELECT v.id, {_WHO} AS who, {_WHEN} AS at_us FROM version v WHERE v.state = 'trash'),
steps AS (
  SELECT id, who, at_us, lag(at_us) OVER (PARTITION BY who ORDER BY at_us, id) AS before_us
  FROM gone),
parts AS (
  SELECT id, who, at_us,
    sum(CASE WHEN at_us IS before_us OR at_us - before_us <= {PAUSE_US} THEN 0 ELSE 1 END)
      OVER (PARTITION BY who ORDER BY at_us, id) AS part
  FROM steps),
deletion AS (
  SELECT who, part, min(id) AS id, min(at_us) AS first_us, max(at_us) AS last_us
  FROM parts GROUP BY who, part)
SELECT d.id, d.who, hex(d.who), d.first_us, d.last_us, count(*),
  sum(CASE WHEN v.source_key IS NULL THEN {as_number("v.size")} END), sum({as_number("v.stored")}),
  sum({marks.IS_MARKED})
FROM parts p CROSS JOIN version v ON v.id = p.id CROSS JOIN collection c ON c.id = v.collection_id
JOIN deletion d ON d.who = p.who AND d.part = p.part
WHERE {{where}} GROUP BY d.id"""

# Names are compared as hex: SQLite ends a text of JSON at a NUL, which is then another name.
_IN = f"""EXISTS (SELECT 1 FROM json_each(:q_deletions) d
  WHERE json_extract(d.value, '$[0]') = hex({_WHO})
  AND CASE WHEN json_extract(d.value, '$[1]') IS NULL THEN {_WHEN} IS NULL
    ELSE {_WHEN} BETWEEN json_extract(d.value, '$[1]') AND json_extract(d.value, '$[2]') END)"""

_BY_NAME = f"{as_text('c.name')} COLLATE NOCASE, {as_text('c.name')}, v.ordinal DESC, v.id DESC"
_OF_ALL = "FROM version v CROSS JOIN collection c ON c.id = v.collection_id"


@dataclass(frozen=True, slots=True)
class PastDeletion:
    """What was deleted together; every number is of its versions that match the filter."""

    id: int
    """The id of one of its versions: it stays while that one is in the trash."""
    who: str
    """Untrusted text; empty when nobody knows."""
    who_hex: str
    """The bytes of that name, as hex."""
    first_us: int | None
    last_us: int | None
    versions: int
    size: int | None
    stored: int | None
    marked: int


def deletions(
    conn: sqlite3.Connection, where: Where, sort: Sort
) -> tuple[tuple[PastDeletion, ...], int]:
    """The deletions with a version that matches, and how many versions the trash has in all.

    The last one comes first, or the first one when sorted by `deleted`, descending; of sizes and
    numbers of versions, those of a whole deletion count.
    """
    with snapshot(conn):
        found = conn.execute(_DELETIONS.format(where=where.sql), where.params)
        rows = [PastDeletion(*row) for row in found]
        (total,) = conn.execute("SELECT count(*) FROM version WHERE state = 'trash'").fetchone()
    by_time = sort.field == "deleted" and sort.descending
    rows.sort(key=lambda one: (one.last_us or 0, one.id), reverse=not by_time)
    numbers = {"size": "size", "unique": "size", "stored": "stored", "version": "versions"}
    if (name := numbers.get(sort.field)) is not None:
        rows.sort(key=lambda one: getattr(one, name) or 0, reverse=sort.descending)
    return tuple(rows), total


def of_deletions(where: Where, chosen: Sequence[PastDeletion]) -> Where:
    """What matches and was deleted in one of these."""
    values = json.dumps([(one.who_hex, one.first_us, one.last_us) for one in chosen])
    params: dict[str, int | str] = {**where.params, "q_deletions": values}
    condition = _IN
    first = [one.first_us for one in chosen if one.first_us is not None]
    last = [one.last_us for one in chosen if one.last_us is not None]
    if first and len(first) == len(chosen):  # there is an index on the time
        condition = f"v.state = 'trash' AND v.deleted_us BETWEEN :q_first AND :q_last AND {_IN}"
        params |= {"q_first": min(first), "q_last": max(last)}
    return replace(where.narrowed(condition, marked=where.marked), params=params)


def ids_in_order(conn: sqlite3.Connection, where: Where, sort: Sort) -> array[int]:
    """The ids of all versions that match, in order (eight bytes each).

    By `deleted`, versions of one deletion are equal: they stand by name, the newest first.
    """
    order = _BY_NAME if sort.field == "deleted" else sort.order(whole=True)
    with snapshot(conn):
        found = conn.execute(
            f"SELECT v.id {_OF_ALL} WHERE {where.sql} ORDER BY {order}", where.params
        )
        return array("q", chain.from_iterable(found))


def names_of(conn: sqlite3.Connection, chosen: Selection) -> dict[str, str]:
    """`COLLECTION:LABEL` by key of what is chosen; of marks that have gone, the key. Untrusted."""
    with snapshot(conn):
        gone = {}
        if chosen == "marked":
            gone = {key: key for (key,) in conn.execute("SELECT version_key FROM marks.mark")}
        marks.pick(conn, chosen)
        found = conn.execute(
            f"SELECT {as_text('v.key')}, {as_text('c.name')} || ':' || {as_text('v.label')}"
            " FROM temp.picked p CROSS JOIN version v ON v.id = p.version_id"
            " CROSS JOIN collection c ON c.id = v.collection_id"
        )
        return gone | dict(found.fetchall())


def forget_restored(conn: sqlite3.Connection) -> int:
    """Take the marks of what is not in the trash any more away; returns how many there were."""
    return conn.execute(
        "DELETE FROM marks.mark WHERE NOT EXISTS (SELECT 1 FROM version v"
        " WHERE v.key = mark.version_key AND v.state = 'trash')"
    ).rowcount
