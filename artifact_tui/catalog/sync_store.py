"""The writing side of `sync`: pages of a registry into the tables of a catalog file.

Every function is one transaction. A row remembers in `seen` the newest sync that listed it; only a
sync that got to its end removes what it did not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.lineage_store import forget_scans, put_edges, put_lineage, unscanned
from artifact_tui.catalog.sync_file import FORMAT, note, open_file, transaction
from artifact_tui.catalog.sync_versions import put_versions
from artifact_tui.errors import RegistryError
from artifact_tui.model import GONE, Capabilities

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from artifact_tui.model import Collection, File, Identity

__all__ = [
    "FORMAT",
    "begin",
    "finish",
    "finish_partly",
    "forget_scans",
    "open_file",
    "put_collections",
    "put_edges",
    "put_files",
    "put_lineage",
    "put_versions",
    "transaction",
    "unscanned",
]

_COLLECTION = """
INSERT INTO collection(key, name, type, created_us, links, seen)
VALUES (:key, :name, :type, :created_us, :links, :seen)
ON CONFLICT(key) DO UPDATE SET name = excluded.name, type = excluded.type,
  created_us = excluded.created_us, links = excluded.links, seen = max(seen, excluded.seen)"""

_FILE = """
INSERT INTO file(version_id, path, blob_id, mode)
SELECT ?, ?, id, ? FROM blob WHERE digest = ?"""

_UNLINK = """
DELETE FROM edge WHERE NOT EXISTS (SELECT 1 FROM temp.linked l
  WHERE l.parent_id = edge.parent_id AND l.child_id = edge.child_id)"""

# Relatives that are listed by now become edges. Parents that are gone become relatives: the lineage
# of what was made from them is broken, and says so.
_RELATIVES = f"""INSERT OR IGNORE INTO edge
  SELECT CASE WHEN r.up THEN v.id ELSE r.version_id END,
    CASE WHEN r.up THEN r.version_id ELSE v.id END
  FROM relative r CROSS JOIN version v ON v.key = r.key
  WHERE v.seen >= :seen AND v.id <> r.version_id;
DELETE FROM relative WHERE EXISTS
  (SELECT 1 FROM version v WHERE v.key = relative.key AND v.seen >= :seen);
INSERT OR REPLACE INTO relative
  SELECT e.child_id, 1, x.key, c.name || ':' || x.label || '{GONE}'
  FROM version x CROSS JOIN collection c ON c.id = x.collection_id
  CROSS JOIN edge e ON e.parent_id = x.id CROSS JOIN version v ON v.id = e.child_id
  WHERE x.seen < :seen AND v.seen >= :seen;
"""

# A version that loses a parent may have been given another: its lineage is to be scanned again.
_SETTLE_SCANNED = f"""
DELETE FROM lineage_scan WHERE version_id IN
  (SELECT e.child_id FROM edge e CROSS JOIN version x ON x.id = e.parent_id WHERE x.seen < :seen);
{_RELATIVES}"""

# Asked lineage looks through what is deleted: when a dependent goes, others take its place, and
# only the registry knows them.
_SETTLE_ASKED = f"""
DELETE FROM lineage_scan WHERE version_id IN
  (SELECT e.parent_id FROM edge e CROSS JOIN version x ON x.id = e.child_id
   WHERE x.state = 'trash' OR x.seen < :seen);
{_RELATIVES}"""

_SWEEP = """
CREATE TEMP TABLE gone AS SELECT id FROM version WHERE seen < :seen;
DELETE FROM lineage_scan WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM edge WHERE parent_id IN (SELECT id FROM temp.gone);
DELETE FROM edge WHERE child_id IN (SELECT id FROM temp.gone);
DELETE FROM relative WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM alias WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM tag WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM link WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM file WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM version WHERE id IN (SELECT id FROM temp.gone);
DELETE FROM collection WHERE seen < :seen
  AND NOT EXISTS (SELECT 1 FROM version v WHERE v.collection_id = collection.id);
UPDATE blob SET refs = (SELECT count(*) FROM file f WHERE f.blob_id = blob.id);
DELETE FROM blob WHERE refs = 0;
DROP TABLE temp.gone;
"""


def begin(
    conn: sqlite3.Connection, identity: Identity, capabilities: Capabilities | None = None
) -> int:
    """Start a sync: returns its number, which is what its rows carry in `seen`.

    What the registry can do is noted where queries depend on it: whether lineage comes with the
    sync, from a scan or for the asking, and when bytes are freed.

    Raises:
        RegistryError: the file is the catalog of another registry.
    """
    can = capabilities or Capabilities()
    with transaction(conn):
        known = dict(conn.execute("SELECT name, value FROM meta").fetchall())
        if known.get("uid", identity.uid) != identity.uid:
            raise RegistryError(
                f"This catalog belongs to another registry: {known.get('address', '')}.",
                hint="Remove the catalog file: it is made anew. No artifact was changed.",
            )
        number = int(known.get("generation", 0)) + 1
        note(conn, uid=identity.uid, kind=identity.kind, address=identity.address)
        note(conn, generation=str(number), scanned_lineage=str(int(can.scanned_lineage)))
        note(conn, asked_lineage=str(int(can.asked_lineage)), freeing=can.freeing)
        conn.execute("DROP TABLE IF EXISTS temp.linked")
        conn.execute(
            "CREATE TEMP TABLE linked(parent_id INTEGER, child_id INTEGER,"
            " PRIMARY KEY(parent_id, child_id)) WITHOUT ROWID"
        )
        return number


def put_collections(conn: sqlite3.Connection, rows: Sequence[Collection], seen: int) -> None:
    """Take in a page of collections."""
    with transaction(conn):
        for row in rows:
            facts = {"key": row.key, "name": row.name, "type": row.type, "links": row.links}
            conn.execute(_COLLECTION, {**facts, "created_us": row.created_us, "seen": seen})


def put_files(conn: sqlite3.Connection, found: Mapping[str, Sequence[File]]) -> None:
    """Replace the files of versions, by key; a link has none of its own.

    Versions with a file that has no digest are left without any: which bytes they share is not
    known then.
    """
    with transaction(conn):
        for key, files in found.items():
            row = conn.execute(
                "SELECT id FROM version WHERE key = ? AND source_key IS NULL", (key,)
            ).fetchone()
            if row is None:
                continue
            conn.execute("DELETE FROM file WHERE version_id = ?", row)
            if not all(file.digest for file in files):
                continue
            conn.executemany(
                "INSERT INTO blob(digest, size) VALUES (?, ?)"
                " ON CONFLICT(digest) DO UPDATE SET size = excluded.size",
                [(file.digest, file.size) for file in files],
            )
            conn.executemany(_FILE, [(row[0], f.path, f.mode, f.digest) for f in files])


def finish(conn: sqlite3.Connection, seen: int, now_us: int) -> int:
    """End a sync that saw everything: remove what it did not see; returns how many versions."""
    with transaction(conn):
        (gone,) = conn.execute("SELECT count(*) FROM version WHERE seen < ?", (seen,)).fetchone()
        if _noted(conn, "asked_lineage"):
            _run(conn, _SETTLE_ASKED, seen)
        elif _noted(conn, "scanned_lineage"):
            _run(conn, _SETTLE_SCANNED, seen)
        else:
            conn.execute(_UNLINK)
        _run(conn, _SWEEP, seen)
        note(conn, synced_us=str(now_us), incomplete="0")
        return int(gone)


def finish_partly(conn: sqlite3.Connection, now_us: int) -> int:
    """End a sync to which the registry did not tell everything: nothing is removed."""
    with transaction(conn):
        note(conn, synced_us=str(now_us), incomplete="1")
        return 0


def _noted(conn: sqlite3.Connection, name: str) -> bool:
    """Whether the registry was noted to do something."""
    row = conn.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row is not None and row[0] == "1"


def _run(conn: sqlite3.Connection, script: str, seen: int) -> None:
    """Carry out statement after statement in the present transaction."""
    for statement in script.split(";\n"):
        if statement.strip():
            conn.execute(statement, {"seen": seen} if ":seen" in statement else {})
