"""Reads the rows of a known, short list of version ids; never a whole table."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from artifact_tui.catalog.connection import told
from artifact_tui.catalog.rows import VersionRef, VersionRow
from artifact_tui.model import Alias, VersionState
from artifact_tui.query import expressions
from artifact_tui.schema import as_number, as_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

_ROWS = f"""
SELECT v.id, {as_text("v.key")}, v.collection_id, {as_text("c.name")}, {as_text("c.type")},
  {as_text("v.label")}, ifnull({as_number("v.ordinal")}, -1), {as_text("v.digest")},
  {as_number("v.size")}, {as_number("v.created_us")}, {as_number("v.used_us")},
  {expressions.EXPIRES}, {as_number("v.ttl_us")}, v.state, {as_text("v.run")},
  {as_number("v.file_count")}, {as_number("v.deleted_us")}, {as_text("v.deleted_by")},
  {expressions.DEPENDENTS},
  EXISTS (SELECT 1 FROM marks.mark m WHERE m.version_key = v.key), v.ttl_inherited,
  {as_text("v.source_key")},
  {as_number("v.used_count")}, {as_number("v.stored")}, {as_text("v.kept")}, v.generated,
  {expressions.LINEAGE_KNOWN}
FROM json_each(:ids) j CROSS JOIN version v ON v.id = j.value
CROSS JOIN collection c ON c.id = v.collection_id
ORDER BY j.key"""
_STATE = 13
_MARKED = 19

_REFS = f"""
SELECT v.id, {as_text("v.key")}, {as_text("c.name")}, {as_text("v.label")}, v.state
FROM json_each(:ids) j CROSS JOIN version v ON v.id = j.value
CROSS JOIN collection c ON c.id = v.collection_id
ORDER BY j.key"""

_ALIASES = f"""
SELECT a.version_id, {as_text("a.name")}, a.protected, {as_text("a.scope")}
FROM json_each(:ids) j CROSS JOIN alias a ON a.version_id = j.value
ORDER BY a.version_id, a.name, a.protected, a.scope"""

_TAGS = f"""
SELECT t.version_id, {as_text("t.name")}
FROM json_each(:ids) j CROSS JOIN tag t ON t.version_id = j.value
ORDER BY t.version_id, t.name"""

_LINKS = f"""
SELECT l.version_id, {as_text("l.name")}
FROM json_each(:ids) j CROSS JOIN link l ON l.version_id = j.value
ORDER BY l.version_id, l.name"""

_SOURCES = """
SELECT v.id, c.name || ':' || s.label
FROM json_each(:ids) j CROSS JOIN version v ON v.id = j.value
CROSS JOIN version s ON s.key = v.source_key
CROSS JOIN collection c ON c.id = s.collection_id
WHERE v.source_key IS NOT NULL"""

_UNIQUE = f"""
SELECT v.id, {expressions.UNIQUE}
FROM json_each(:ids) j CROSS JOIN version v ON v.id = j.value"""


@contextmanager
def snapshot(conn: sqlite3.Connection) -> Iterator[None]:
    """Let several queries see one state of the data.

    Raises:
        RegistryError: SQLite cannot read the catalog.
    """
    if conn.in_transaction:
        yield
        return
    with told(conn):
        conn.execute("BEGIN")
        try:
            yield
        except BaseException:
            conn.rollback()
            raise
        conn.commit()


def rows_of(conn: sqlite3.Connection, ids: Sequence[int]) -> tuple[VersionRow, ...]:
    """The versions with these ids, in this order; those that are gone are left out."""
    aliases, links = aliases_of(conn, ids), links_of(conn, ids)
    sources = sources_of(conn, ids)
    found = conn.execute(_ROWS, {"ids": json.dumps(ids)})
    return tuple(
        _row(row, aliases.get(row[0], ()), links.get(row[0], ()), sources.get(row[0], ""))
        for row in found
    )


def refs_of(conn: sqlite3.Connection, ids: Sequence[int]) -> tuple[VersionRef, ...]:
    """Short forms of the versions with these ids, in this order."""
    aliases = aliases_of(conn, ids)
    return tuple(
        VersionRef(row[0], row[1], row[2], row[3], VersionState(row[4]), aliases.get(row[0], ()))
        for row in conn.execute(_REFS, {"ids": json.dumps(ids)})
    )


def relative_ref(key: str, name: str) -> VersionRef:
    """A version that is not listed here, by its name `COLLECTION:LABEL`."""
    collection, _, label = name.rpartition(":")
    return VersionRef(0, key, collection, label, VersionState.LIVE)


def aliases_of(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[Alias, ...]]:
    """The aliases of these versions by id, sorted; versions without any are left out."""
    grouped: dict[int, list[Alias]] = {}
    for version_id, name, protected, scope in conn.execute(_ALIASES, {"ids": json.dumps(ids)}):
        grouped.setdefault(version_id, []).append(Alias(name, bool(protected), scope))
    return {version_id: tuple(found) for version_id, found in grouped.items()}


def tags_of(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The tags of these versions by id, sorted; versions without any are left out."""
    return _texts(conn, _TAGS, ids)


def links_of(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The collections that show these versions, by id, sorted; those without are left out."""
    return _texts(conn, _LINKS, ids)


def sources_of(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """`COLLECTION:LABEL` of what links show, by the link's id, as far as that is listed here."""
    return dict(conn.execute(_SOURCES, {"ids": json.dumps(ids)}).fetchall())


def unique_of(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int | None]:
    """The bytes that only the one version holds, by id; None where files are not known."""
    return dict(conn.execute(_UNIQUE, {"ids": json.dumps(ids)}).fetchall())


def _texts(conn: sqlite3.Connection, query: str, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The texts that a query gives for each id, in its order."""
    grouped: dict[int, list[str]] = {}
    for version_id, text in conn.execute(query, {"ids": json.dumps(ids)}):
        grouped.setdefault(version_id, []).append(text)
    return {version_id: tuple(found) for version_id, found in grouped.items()}


def _row(
    row: tuple[Any, ...], aliases: tuple[Alias, ...], links: tuple[str, ...], source: str
) -> VersionRow:
    """One row of `_ROWS`: its columns are the fields, in their order."""
    inherited, *more, generated, known = row[_MARKED + 1 :]
    state, marked = VersionState(row[_STATE]), bool(row[_MARKED])
    fields = (*row[:_STATE], state, *row[_STATE + 1 : _MARKED], marked, aliases)
    added = (bool(inherited), *more, bool(generated), bool(known), links, source)
    return VersionRow(*fields, *added)
