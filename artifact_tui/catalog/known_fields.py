"""Which fields a registry tells anything of: the only place that says what its catalog can show.

Columns, details, records, orders, filters and their completion ask here, so that none of them shows
a zero or a "none" where nobody told anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_file import CatalogConnection, stamp
from artifact_tui.catalog.catalog_rows import snapshot
from artifact_tui.query.filter_fields import FIELDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from artifact_tui.clients.base import Client


EVERY_FIELD = frozenset(FIELDS) | {"deleted"}
"""All that a version can be shown with: the fields of the filter language, and its deletion."""

SHOWN = frozenset(
    {"alias", "tag", "size", "unique", "age", "ttl", "dependents", "files", "deleted"}
)
"""Fields that lists and details have a place for."""

_DECLARED = {
    "alias": "aliases", "tag": "tags", "ttl": "ttl", "dependents": "lineage",
    "registry": "links", "link": "links", "deleted": "trash",
}  # fmt: skip
"""Words of `Client.tells` without which nothing tells a field."""

_EVIDENCE = {
    "size": "version WHERE size IS NOT NULL",
    "unique": "file",
    "stored": "version WHERE stored IS NOT NULL AND source_key IS NULL",
    "files": "version WHERE file_count IS NOT NULL",
    "age": "version WHERE created_us IS NOT NULL",
    "created": "version WHERE created_us IS NOT NULL",
    "used": "version WHERE used_us IS NOT NULL",
    "runs": "version WHERE used_count IS NOT NULL",
    "run": "version WHERE run <> ''",
    "deleted": "version WHERE state = 'trash' AND deleted_us IS NOT NULL",
}
"""Where it shows that a registry tells a field."""


def known_fields(
    conn: sqlite3.Connection, client: Client, among: Iterable[str] = SHOWN
) -> frozenset[str]:
    """Those fields `among` these that the registry tells of some version at least.

    An empty registry may tell any of those that its client declares.
    """
    with snapshot(conn):
        return frozenset(name for name in among if _is_known(conn, client, name))


def _is_known(conn: sqlite3.Connection, client: Client, field: str) -> bool:
    """Whether the registry tells a field; looked up once for each state of the data."""
    if field in _DECLARED and _DECLARED[field] not in client.tells:
        return False
    if field not in _EVIDENCE or (field == "size" and client.can("sizes")):
        return True
    kept = conn.kept if isinstance(conn, CatalogConnection) else {}
    name, now = f"tells {field}", stamp(conn)
    for known in (True, False):
        if kept.get(name) == (now, known):
            return known
    every = "version WHERE state = 'trash'" if field == "deleted" else "version"
    known = _any(conn, _EVIDENCE[field]) or not _any(conn, every)
    kept[name] = (now, known)
    return known


def _any(conn: sqlite3.Connection, rows: str) -> bool:
    return conn.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchone() is not None
