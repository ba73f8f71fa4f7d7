"""Which version of a collection holds an alias now, and what type a collection has."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.fetch import refs_of, snapshot

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from artifact_tui.catalog.rows import VersionRef

_HOLDERS = """
SELECT v.collection_id, v.id FROM alias a CROSS JOIN version v ON v.id = a.version_id
WHERE a.name = :name AND a.scope = ''
AND v.collection_id IN (SELECT j.value FROM json_each(:ids) j)"""

_BESIDE = """
SELECT v.id, min(a.name) FROM version w CROSS JOIN version v ON v.collection_id = w.collection_id
CROSS JOIN alias a ON a.version_id = v.id
WHERE w.key = :key AND v.key <> :key AND v.state <> 'trash'
AND a.name IN (SELECT j.value FROM json_each(:names) j) GROUP BY v.id ORDER BY v.ordinal"""


def holders(
    conn: sqlite3.Connection, alias: str, collection_ids: Iterable[int]
) -> dict[int, VersionRef]:
    """The version that holds an alias in each of these collections, by collection id."""
    with snapshot(conn):
        params = {"name": alias, "ids": json.dumps(sorted(set(collection_ids)))}
        found = conn.execute(_HOLDERS, params).fetchall()
        refs = {ref.id: ref for ref in refs_of(conn, [version for _, version in found])}
    return {collection: refs[version] for collection, version in found}


def beside(
    conn: sqlite3.Connection, key: str, names: Iterable[str]
) -> tuple[tuple[VersionRef, str], ...]:
    """Other versions of the same collection that have one of these aliases, each with its name."""
    with snapshot(conn):
        params = {"key": key, "names": json.dumps(sorted(set(names)))}
        found = dict(conn.execute(_BESIDE, params).fetchall())
        return tuple((ref, found[ref.id]) for ref in refs_of(conn, list(found)))


def types_of(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The types of the collections with this name, sorted; none when there is no such."""
    found = conn.execute("SELECT DISTINCT type FROM collection WHERE name = ? ORDER BY 1", (name,))
    return tuple(chain.from_iterable(found))
