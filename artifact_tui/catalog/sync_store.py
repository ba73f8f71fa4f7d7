"""The writing side of `sync`: pages of a registry into the tables of a catalog file.

Every function is one transaction. A row remembers in `seen` the newest sync that listed it; only a
sync that got to its end removes what it did not see.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from artifact_tui.catalog.coverage import SCANNED_TYPE
from artifact_tui.errors import RegistryError
from artifact_tui.model import schema_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import Collection, Edge, File, Identity, Version

FORMAT = 1
"""`user_version` of a catalog file; others are refused."""

_CANNOT_HOLD = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    OverflowError,
    UnicodeEncodeError,
)
"""What SQLite and Python raise for values that do not fit the tables."""

_COLLECTION = """
INSERT INTO collection(key, name, type, created_us, seen)
VALUES (:key, :name, :type, :created_us, :seen)
ON CONFLICT(key) DO UPDATE SET name = excluded.name, type = excluded.type,
  created_us = excluded.created_us, seen = max(seen, excluded.seen)"""

_ASIDE = """
UPDATE version SET ordinal = -id
WHERE ordinal = :ordinal AND key <> :key
  AND collection_id = (SELECT id FROM collection WHERE key = :collection_key)"""

_FORGET = """
DELETE FROM lineage_scan WHERE version_id = (SELECT id FROM version
  WHERE key = :key AND digest <> :digest)"""

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
    "deleted_us",
    "deleted_by",
    "source_key",
)
_VERSION = f"""
INSERT INTO version(key, collection_id, seen, {", ".join(_FIELDS)})
VALUES (:key, (SELECT id FROM collection WHERE key = :collection_key), :seen,
  {", ".join(f":{name}" for name in _FIELDS)})
ON CONFLICT(key) DO UPDATE SET collection_id = excluded.collection_id,
  seen = max(seen, excluded.seen),
  {", ".join(f"{name} = excluded.{name}" for name in _FIELDS)}"""

_STORED = f"""
SELECT v.id, v.key, c.key, {", ".join(f"v.{name}" for name in _FIELDS)},
  EXISTS (SELECT 1 FROM alias a WHERE a.version_id = v.id)
  OR EXISTS (SELECT 1 FROM tag t WHERE t.version_id = v.id)
FROM json_each(?) j CROSS JOIN version v ON v.key = j.value
CROSS JOIN collection c ON c.id = v.collection_id"""

_EDGE = """
INSERT OR IGNORE INTO {table}
SELECT p.id, c.id FROM version p CROSS JOIN version c WHERE p.key = ? AND c.key = ?"""

_FILE = """
INSERT INTO file(version_id, path, blob_id, mode)
SELECT ?, ?, id, ? FROM blob WHERE digest = ?"""

_UNLINK = """
DELETE FROM edge WHERE NOT EXISTS (SELECT 1 FROM temp.linked l
  WHERE l.parent_id = edge.parent_id AND l.child_id = edge.child_id)"""

# A version that loses a parent may have been given another: its lineage is to be scanned again.
_UNSCANNED = """
SELECT v.id, v.key FROM version v CROSS JOIN collection c ON c.id = v.collection_id
WHERE v.id > ? AND v.state = 'live' AND c.type = ?
  AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id)
ORDER BY v.id LIMIT ?"""

_SWEEP = """
CREATE TEMP TABLE gone AS SELECT id FROM version WHERE seen < :seen;
DELETE FROM lineage_scan WHERE version_id IN
  (SELECT e.child_id FROM edge e WHERE e.parent_id IN (SELECT id FROM temp.gone));
DELETE FROM lineage_scan WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM edge WHERE parent_id IN (SELECT id FROM temp.gone);
DELETE FROM edge WHERE child_id IN (SELECT id FROM temp.gone);
DELETE FROM alias WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM tag WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM file WHERE version_id IN (SELECT id FROM temp.gone);
DELETE FROM version WHERE id IN (SELECT id FROM temp.gone);
DELETE FROM collection WHERE seen < :seen
  AND NOT EXISTS (SELECT 1 FROM version v WHERE v.collection_id = collection.id);
UPDATE blob SET refs = (SELECT count(*) FROM file f WHERE f.blob_id = blob.id);
DELETE FROM blob WHERE refs = 0;
DROP TABLE temp.gone;
"""


def open_file(path: Path) -> sqlite3.Connection:
    """Open a catalog file for writing; a new one is readable by its owner only.

    Raises:
        RegistryError: it cannot be written, or is of another format.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        conn = sqlite3.connect(path, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        _prepare(conn, path)
    except BaseException:
        conn.close()
        raise
    return conn


def begin(conn: sqlite3.Connection, identity: Identity, *, scanned: bool = False) -> int:
    """Start a sync: returns its number, which is what its rows carry in `seen`.

    `scanned` tells that lineage does not come with the sync, but from a scan (`lineage_scan`).

    Raises:
        RegistryError: the file is the catalog of another registry.
    """
    with transaction(conn):
        known = dict(conn.execute("SELECT name, value FROM meta").fetchall())
        if known.get("uid", identity.uid) != identity.uid:
            raise RegistryError(
                f"This catalog belongs to another registry: {known.get('address', '')}.",
                hint="Remove the catalog file: it is made anew. No artifact was changed.",
            )
        number = int(known.get("generation", 0)) + 1
        _note(conn, uid=identity.uid, kind=identity.kind, address=identity.address)
        _note(conn, generation=str(number), scanned_lineage=str(int(scanned)))
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
            facts = {"key": row.key, "name": row.name, "type": row.type}
            conn.execute(_COLLECTION, {**facts, "created_us": row.created_us, "seen": seen})


def put_versions(conn: sqlite3.Connection, rows: Sequence[Version], seen: int) -> None:
    """Take in a page of versions; their aliases and tags replace those known before."""
    with transaction(conn):
        known = _known(conn, rows)
        same: list[tuple[int, int]] = []
        plain: list[dict[str, Any]] = []
        for row in rows:
            before = known.get(row.key)
            facts = {name: getattr(row, name) for name in ("key", "collection_key", *_FIELDS)}
            if before and _bare(row) and before[1:] == (*facts.values(), 0):
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


def _put_plain(conn: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
    """Write versions that are new and have neither alias nor tag, all at once if they fit."""
    try:
        conn.executemany(_VERSION, rows)
    except sqlite3.IntegrityError:  # one has the ordinal of another, which will get a new one
        for facts in rows:
            conn.execute(_ASIDE, facts)
            conn.execute(_VERSION, facts)


def _known(conn: sqlite3.Connection, rows: Sequence[Version]) -> dict[str, tuple[Any, ...]]:
    """What is stored of these versions: id, the fields, and whether there are aliases or tags."""
    keys = json.dumps([row.key for row in rows])
    return {found[1]: found for found in conn.execute(_STORED, (keys,))}


def _bare(row: Version) -> bool:
    """Whether a version has neither alias nor tag."""
    return not row.aliases and not row.tags


def _put_version(conn: sqlite3.Connection, row: Version, facts: dict[str, Any]) -> None:
    """Write one version, with its aliases and tags, over what is stored of it."""
    conn.execute(_ASIDE, facts)
    conn.execute(_FORGET, facts)
    conn.execute(_VERSION, facts)
    (version_id,) = conn.execute("SELECT id FROM version WHERE key = ?", (row.key,)).fetchone()
    conn.execute("DELETE FROM alias WHERE version_id = ?", (version_id,))
    conn.execute("DELETE FROM tag WHERE version_id = ?", (version_id,))
    conn.executemany(
        "INSERT OR IGNORE INTO alias VALUES (?, ?, ?, ?)",
        [(version_id, a.scope, a.name, a.protected) for a in row.aliases],
    )
    conn.executemany(
        "INSERT OR IGNORE INTO tag VALUES (?, ?)", [(version_id, tag) for tag in row.tags]
    )


def put_edges(conn: sqlite3.Connection, rows: Sequence[Edge]) -> None:
    """Take in a page of lineage; edges between versions that are not known are left out."""
    pairs = [(row.parent, row.child) for row in rows if row.parent != row.child]
    with transaction(conn):
        for table in ("edge", "temp.linked"):
            conn.executemany(_EDGE.format(table=table), pairs)


def put_files(conn: sqlite3.Connection, found: Mapping[str, Sequence[File]]) -> None:
    """Replace the files of versions, by key.

    Versions with a file that has no digest are left without any: which bytes they share is not
    known then.
    """
    with transaction(conn):
        for key, files in found.items():
            row = conn.execute("SELECT id FROM version WHERE key = ?", (key,)).fetchone()
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


def scans(conn: sqlite3.Connection) -> bool:
    """Whether this registry's lineage comes from a scan."""
    row = conn.execute("SELECT value FROM meta WHERE name = 'scanned_lineage'").fetchone()
    return row is not None and row[0] == "1"


def unscanned(conn: sqlite3.Connection, after: int, count: int) -> list[tuple[int, str]]:
    """Id and key of the next live versions whose own parents nobody has asked for yet."""
    return conn.execute(_UNSCANNED, (after, SCANNED_TYPE, count)).fetchall()


def put_lineage(conn: sqlite3.Connection, found: Mapping[str, Sequence[Edge]], now_us: int) -> None:
    """The parents of versions, by key: these and no others."""
    with transaction(conn):
        for key, edges in found.items():
            row = conn.execute("SELECT id FROM version WHERE key = ?", (key,)).fetchone()
            if row is None:
                continue
            conn.execute("DELETE FROM edge WHERE child_id = ?", row)
            pairs = [(edge.parent, key) for edge in edges if edge.parent != key]
            conn.executemany(_EDGE.format(table="edge"), pairs)
            conn.execute("INSERT OR REPLACE INTO lineage_scan VALUES (?, ?)", (row[0], now_us))


def forget_scans(conn: sqlite3.Connection) -> None:
    """Start over: what every version was made from is to be asked again."""
    with transaction(conn):
        conn.execute("DELETE FROM lineage_scan")


def finish(conn: sqlite3.Connection, seen: int, now_us: int) -> int:
    """End a sync that saw everything: remove what it did not see; returns how many versions."""
    with transaction(conn):
        (gone,) = conn.execute("SELECT count(*) FROM version WHERE seen < ?", (seen,)).fetchone()
        if not scans(conn):
            conn.execute(_UNLINK)
        for statement in _SWEEP.split(";\n"):
            if statement.strip():
                conn.execute(statement, {"seen": seen} if ":seen" in statement else {})
        _note(conn, synced_us=str(now_us))
        return int(gone)


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; what SQLite refuses to hold is the registry's fault."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except _CANNOT_HOLD as error:
        conn.rollback()
        raise RegistryError(
            f"The registry listed something that a catalog cannot hold: {error}.",
            hint="The sync was stopped; what the catalog knew before is still there.",
        ) from error
    except sqlite3.Error as error:
        conn.rollback()
        raise RegistryError(
            f"The catalog cannot be written: {error}.",
            hint="Check the disk. The sync was stopped; what the catalog knew is still there.",
        ) from error
    except BaseException:
        conn.rollback()
        raise
    conn.commit()


def _prepare(conn: sqlite3.Connection, path: Path) -> None:
    """Set up the connection, and the tables of a new file."""
    try:
        conn.execute("PRAGMA busy_timeout = 15000")
        conn.execute("PRAGMA foreign_keys = ON")
        conn.execute("PRAGMA synchronous = NORMAL")
        (tables,) = conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.executescript(f"BEGIN; {schema_sql()} PRAGMA user_version = {FORMAT}; COMMIT;")
        (version,) = conn.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    if version != FORMAT:
        raise RegistryError(
            f"The catalog {path} is of format {version}; this program reads format {FORMAT}.",
            hint="Remove the file: it is made anew. No artifact was changed.",
        )


def _unusable(path: Path, error: Exception) -> RegistryError:
    """The error for a file that cannot be a catalog."""
    return RegistryError(
        f"The catalog {path} cannot be written: {error}.",
        hint="Remove the file, or check the folder: it is made anew. No artifact was changed.",
    )


def _note(conn: sqlite3.Connection, **facts: str) -> None:
    """Write facts about the catalog itself."""
    conn.executemany("INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)", facts.items())
