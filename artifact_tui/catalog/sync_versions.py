"""Pages of versions into the tables of a catalog file, with their aliases, tags and links."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from artifact_tui.catalog.sync_file import transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.model import Version

_ASIDE = """
UPDATE version SET ordinal = -id
WHERE ordinal = :ordinal AND key <> :key
  AND collection_id = (SELECT id FROM collection WHERE key = :collection_key)"""

# Other content, or another run that used it: its lineage is to be asked for again.
_FORGET = """
DELETE FROM lineage_scan WHERE version_id = (SELECT id FROM version
  WHERE key = :key AND (digest <> :digest OR used_count IS NOT :used_count))"""

_FIELDS = (
    "ordinal",
    "label",
    "digest",
    "state",
    "size",
    "file_count",
    "created_us",
    "used_us",
    "run",
    "note",
    "ttl_us",
    "ttl_inherited",
    "deleted_us",
    "deleted_by",
    "source_key",
    "used_count",
    "stored",
    "kept",
    "generated",
)
# Where no order is told, each gets a number below 0 that no other of its collection has.
_UNTOLD = """ifnull(:ordinal, (SELECT min(ifnull(min(o.ordinal), 0), 0) - 1 FROM version o
  WHERE o.collection_id = (SELECT id FROM collection WHERE key = :collection_key)))"""

_VERSION = f"""
INSERT INTO version(key, collection_id, seen, {", ".join(_FIELDS)})
VALUES (:key, (SELECT id FROM collection WHERE key = :collection_key), :seen,
  {_UNTOLD}, {", ".join(f":{name}" for name in _FIELDS[1:])})
ON CONFLICT(key) DO UPDATE SET collection_id = excluded.collection_id,
  seen = max(seen, excluded.seen),
  {", ".join(f"{name} = excluded.{name}" for name in _FIELDS)}"""

_STORED = f"""
SELECT v.id, v.seen, v.key, c.key, CASE WHEN v.ordinal >= 0 THEN v.ordinal END,
  {", ".join(f"v.{name}" for name in _FIELDS[1:])},
  EXISTS (SELECT 1 FROM alias a WHERE a.version_id = v.id)
  OR EXISTS (SELECT 1 FROM tag t WHERE t.version_id = v.id)
  OR EXISTS (SELECT 1 FROM link l WHERE l.version_id = v.id)
FROM json_each(?) j CROSS JOIN version v ON v.key = j.value
CROSS JOIN collection c ON c.id = v.collection_id"""


def put_versions(conn: sqlite3.Connection, rows: Sequence[Version], seen: int) -> int:
    """Take in a page of versions; their aliases, tags and links replace those known before.

    Returns how many of them this sync had not listed yet.
    """
    with transaction(conn):
        known = _known(conn, rows)
        again: int = sum(found[1] >= seen for found in known.values())
        same: list[tuple[int, int]] = []
        plain: list[dict[str, Any]] = []
        for row in rows:
            before = known.get(row.key)
            facts = {name: getattr(row, name) for name in ("key", "collection_key", *_FIELDS)}
            if before and _bare(row) and before[2:] == (*facts.values(), 0):
                same.append((seen, before[0]))
            elif before is None and _bare(row):
                plain.append({**facts, "seen": seen})
                known[row.key] = ()
            else:
                _put_plain(conn, plain)  # ids are given in the order of the listing
                plain = []
                _put_version(conn, row, {**facts, "seen": seen})
        _put_plain(conn, plain)
        conn.executemany("UPDATE version SET seen = max(seen, ?) WHERE id = ?", same)
    return len({row.key for row in rows}) - again


def _put_plain(conn: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
    """Write versions that are new and bare, all at once if they fit."""
    try:
        conn.executemany(_VERSION, rows)
    except sqlite3.IntegrityError:  # one has the ordinal of another, which will get a new one
        for facts in rows:
            conn.execute(_ASIDE, facts)
            conn.execute(_VERSION, facts)


def _known(conn: sqlite3.Connection, rows: Sequence[Version]) -> dict[str, tuple[Any, ...]]:
    """What is stored of these: id, last sync, the fields, and whether anything hangs on them."""
    keys = json.dumps([row.key for row in rows])
    return {found[2]: found for found in conn.execute(_STORED, (keys,))}


def _bare(row: Version) -> bool:
    """Whether a version has neither alias nor tag nor link."""
    return not row.aliases and not row.tags and not row.links


def _put_version(conn: sqlite3.Connection, row: Version, facts: dict[str, Any]) -> None:
    """Write one version, with what hangs on it, over what is stored of it."""
    conn.execute(_ASIDE, facts)
    conn.execute(_FORGET, facts)
    conn.execute(_VERSION, facts)
    (version_id,) = conn.execute("SELECT id FROM version WHERE key = ?", (row.key,)).fetchone()
    for table in ("alias", "tag", "link"):
        conn.execute(f"DELETE FROM {table} WHERE version_id = ?", (version_id,))
    conn.executemany(
        "INSERT OR IGNORE INTO alias VALUES (?, ?, ?, ?)",
        [(version_id, a.scope, a.name, a.protected) for a in row.aliases],
    )
    conn.executemany(
        "INSERT OR IGNORE INTO tag VALUES (?, ?)", [(version_id, tag) for tag in row.tags]
    )
    conn.executemany(
        "INSERT OR IGNORE INTO link VALUES (?, ?, ?)",
        [(version_id, link.key, link.name) for link in row.links],
    )
