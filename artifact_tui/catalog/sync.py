"""Fills a catalog file from a client: every collection, version and edge, part by part.

What is written can be seen at once, lineage at the end. A row remembers in `seen`
the newest sync that listed it. What the registry no longer lists is removed at the end, in one
transaction; a sync that does not get there removes nothing, and the next one starts over without
harm. Rows whose keys hold control characters are left out: SQLite's JSON functions end a text at a
NUL, which would make two keys one.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from artifact_tui import model
from artifact_tui.catalog import marks
from artifact_tui.catalog.catalog_file import (
    CatalogLane,
    attach_marks,
    open_to_write,
    transaction,
    write_meta,
)
from artifact_tui.errors import ArtifactTuiError, RegistryError
from artifact_tui.model import GONE
from artifact_tui.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.model import Collection, Edge, File, Version


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a sync is, or what it did."""

    collections: int = 0
    versions: int = 0
    edges: int = 0
    left_out: int = 0
    """Collections and versions with a key that cannot be one."""
    removed: int = 0
    """Versions that the registry no longer lists."""
    done: bool = False

    @property
    def notices(self) -> tuple[str, ...]:
        """Whole sentences about what is missing in the catalog."""
        if not self.left_out:
            return ()
        rows = plural(self.left_out, "collection or version", "collections and versions")
        return (f"{rows} with control characters in a key: left out.",)


async def sync(
    client: Client,
    path: Path,
    *,
    marks_path: Path | None = None,
    progress: Callable[[SyncProgress], object] | None = None,
    now_us: int | None = None,
) -> SyncProgress:
    """Bring the catalog file at `path` up to date; it is made when it is missing.

    Args:
        client: the registry to list.
        path: the catalog file.
        marks_path: the file of the marks: what was deleted since the last sync is unmarked.
        progress: called on the event loop after every page.
        now_us: microseconds UTC that are noted as the time of the sync.

    Raises:
        RegistryError: the registry or the file could not be used; nothing was removed.
    """
    lane = await CatalogLane.open("sync", partial(_open_with_marks, path, marks_path))

    async def write(work: Callable[..., T], *facts: object) -> T:
        return await lane.run(lambda conn: work(conn, *facts), keep=True)

    state, complete, began_us = SyncProgress(), True, model.now_us()
    collections: set[str] = set()
    try:
        in_trash = await write(marks.marked_trash)
        number = await write(begin_sync, client)
        async with aclosing(client.listing()) as listing:
            async for part in listing:
                complete = complete and part.complete
                homes = {one.key: one for one in part.collections if one.key not in collections}
                versions = {one.key: one for one in part.versions}
                usable_homes = [one for one in homes.values() if not _WRONG.search(one.key)]
                usable = [one for one in versions.values() if _has_usable_keys(one)]
                await write(put_collections, usable_homes, number)
                collections |= homes.keys()
                new = await write(put_versions, usable, number)
                if part.files:
                    await write(put_files, part.files)
                if part.held is not None:
                    await write(put_held, part.held)
                await write(put_edges, part.edges)
                wrong = len(homes) - len(usable_homes) + len(versions) - len(usable)
                state = replace(
                    state,
                    collections=state.collections + len(usable_homes),
                    versions=state.versions + new,
                    edges=state.edges + len(part.edges),
                    left_out=state.left_out + wrong,
                )
                if progress is not None:
                    progress(state)
        at_us = model.now_us() if now_us is None else now_us
        removed = await write(partial(finish_sync, complete=complete), number, at_us)
        await write(marks.unmark_gone, in_trash, began_us)
        state = replace(state, removed=removed, done=True)
        if progress is not None:
            progress(state)
        return state
    finally:
        await lane.close()


_WRONG = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no key may hold: control characters, and half of a character."""


def _has_usable_keys(row: Version) -> bool:
    """Whether no key in a version has characters that a key may not have."""
    keys = (row.key, row.collection_key, row.source_key or "", *(one.key for one in row.links))
    return not any(map(_WRONG.search, keys))


def _open_with_marks(path: Path, marks_path: Path | None) -> sqlite3.Connection:
    """Open the catalog for writing, with the marks as far as there are any that can be used."""
    conn = open_to_write(path)
    try:
        attach_marks(conn, marks_path if marks_path and marks_path.is_file() else None)
    except ArtifactTuiError:  # who marks something is told; this only reads the registry
        attach_marks(conn, None)
    return conn


_COLLECTION = """
INSERT INTO collection(key, name, type, created_us, links, seen)
VALUES (:key, :name, :type, :created_us, :links, :seen)
ON CONFLICT(key) DO UPDATE SET name = excluded.name, type = excluded.type,
  created_us = excluded.created_us, links = excluded.links, seen = max(seen, excluded.seen)"""

_FILE = """
INSERT INTO file(version_id, path, blob_id, mode)
SELECT ?, ?, id, ? FROM blob WHERE digest = ?"""

_LINK = """
INSERT OR IGNORE INTO edge SELECT p.id, c.id FROM temp.linked l
CROSS JOIN version p ON p.key = l.parent CROSS JOIN version c ON c.key = l.child"""

_UNLINK = """
DELETE FROM edge WHERE NOT EXISTS (SELECT 1 FROM version p CROSS JOIN version c
  CROSS JOIN temp.linked l ON l.parent = p.key AND l.child = c.key
  WHERE p.id = edge.parent_id AND c.id = edge.child_id)"""

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


def begin_sync(conn: sqlite3.Connection, client: Client) -> int:
    """Start a sync: returns its number, which is what its rows carry in `seen`.

    What the registry can do is noted where queries depend on it: whether lineage comes with the
    sync, from a scan or for the asking, whether sizes must be asked for, and when bytes are freed.

    Raises:
        RegistryError: the file is the catalog of another registry.
    """
    identity, scanned = client.identity, client.scanned_types
    with transaction(conn):
        known = dict(conn.execute("SELECT name, value FROM meta").fetchall())
        if known.get("uid", identity.uid) != identity.uid:
            raise RegistryError(
                f"This catalog belongs to another registry: {known.get('address', '')}.",
                hint="Remove the catalog file: it is made anew. No artifact was changed.",
            )
        number = int(known.get("generation", 0)) + 1
        write_meta(conn, uid=identity.uid, kind=identity.kind, address=identity.address)
        write_meta(conn, generation=str(number), scanned_lineage=str(int(bool(scanned))))
        write_meta(conn, scanned_types=json.dumps(scanned))
        write_meta(conn, asked_lineage=str(int(client.tells_dependents)), freeing=client.freeing)
        write_meta(conn, asked_sizes=str(int(client.can("sizes"))))
        conn.execute("DROP TABLE IF EXISTS temp.linked")
        conn.execute(
            "CREATE TEMP TABLE linked(parent TEXT, child TEXT,"
            " PRIMARY KEY(parent, child)) WITHOUT ROWID"
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


def put_held(conn: sqlite3.Connection, digests: Iterable[str]) -> None:
    """Note which files are held, and that no others are."""
    with transaction(conn):
        conn.execute("UPDATE blob SET held = 0 WHERE held = 1")
        conn.executemany("UPDATE blob SET held = 1 WHERE digest = ?", ((one,) for one in digests))


def finish_sync(conn: sqlite3.Connection, seen: int, now_us: int, *, complete: bool = True) -> int:
    """End a sync: remove what a complete listing did not show; returns how many versions."""
    with transaction(conn):
        conn.execute(_LINK)
        write_meta(conn, synced_us=str(now_us), incomplete=str(int(not complete)))
        if not complete:
            return 0
        (gone,) = conn.execute("SELECT count(*) FROM version WHERE seen < ?", (seen,)).fetchone()
        if _noted(conn, "asked_lineage"):
            _run_script(conn, _SETTLE_ASKED, seen)
        elif _noted(conn, "scanned_lineage"):
            _run_script(conn, _SETTLE_SCANNED, seen)
        else:
            conn.execute(_UNLINK)
        _run_script(conn, _SWEEP, seen)
        return int(gone)


def put_edges(conn: sqlite3.Connection, rows: Sequence[Edge]) -> None:
    """Take in a part of the lineage; it is settled at the end, when all versions are known."""
    with transaction(conn):
        conn.executemany(
            "INSERT OR IGNORE INTO temp.linked VALUES (?, ?)",
            [(row.parent, row.child) for row in rows if row.parent != row.child],
        )


def _noted(conn: sqlite3.Connection, name: str) -> bool:
    """Whether the registry was noted to do something."""
    row = conn.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row is not None and row[0] == "1"


def _run_script(conn: sqlite3.Connection, script: str, seen: int) -> None:
    """Carry out statement after statement in the present transaction."""
    for statement in script.split(";\n"):
        if statement.strip():
            conn.execute(statement, {"seen": seen} if ":seen" in statement else {})


_ASIDE = """
UPDATE version SET ordinal = -id
WHERE ordinal = :ordinal AND key <> :key
  AND collection_id = (SELECT id FROM collection WHERE key = :collection_key)"""

# Other content, or another run that used it: its lineage is to be asked for again.
_FORGET = """
DELETE FROM lineage_scan WHERE version_id = (SELECT id FROM version
  WHERE key = :key AND (digest <> :digest OR used_count IS NOT :used_count))"""

_VERSION_FIELDS = (
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
_ORDINAL = """ifnull(:ordinal, (SELECT min(ifnull(min(o.ordinal), 0), 0) - 1 FROM version o
  WHERE o.collection_id = (SELECT id FROM collection WHERE key = :collection_key)))"""

_VERSION = f"""
INSERT INTO version(key, collection_id, seen, {", ".join(_VERSION_FIELDS)})
VALUES (:key, (SELECT id FROM collection WHERE key = :collection_key), :seen,
  {_ORDINAL}, {", ".join(f":{name}" for name in _VERSION_FIELDS[1:])})
ON CONFLICT(key) DO UPDATE SET collection_id = excluded.collection_id,
  seen = max(seen, excluded.seen),
  {", ".join(f"{name} = excluded.{name}" for name in _VERSION_FIELDS)}"""

_STORED = f"""
SELECT v.id, v.seen, v.key, c.key, CASE WHEN v.ordinal >= 0 THEN v.ordinal END,
  {", ".join(f"v.{name}" for name in _VERSION_FIELDS[1:])},
  EXISTS (SELECT 1 FROM alias a WHERE a.version_id = v.id)
  OR EXISTS (SELECT 1 FROM tag t WHERE t.version_id = v.id)
  OR EXISTS (SELECT 1 FROM link l WHERE l.version_id = v.id)
FROM json_each(?) j CROSS JOIN version v ON v.key = j.value
CROSS JOIN collection c ON c.id = v.collection_id"""
"""What is stored of these: id, last sync, the fields, and whether anything hangs on them."""


_DIGEST, _SIZE = (4 + _VERSION_FIELDS.index(name) for name in ("digest", "size"))
"""Places in a row of `_STORED`."""


def put_versions(conn: sqlite3.Connection, rows: Sequence[Version], seen: int) -> int:
    """Take in a page of versions; their aliases, tags and links replace those known before.

    A size that the registry told when it was asked is kept for the same digest. Returns how many of
    them this sync had not listed yet.
    """
    with transaction(conn):
        keys = json.dumps([row.key for row in rows])
        known: dict[str, tuple[Any, ...]] = {
            found[2]: found for found in conn.execute(_STORED, (keys,))
        }
        keeps_sizes = _noted(conn, "asked_sizes")
        again: int = sum(found[1] >= seen for found in known.values())
        same: list[tuple[int, int]] = []
        plain: list[dict[str, Any]] = []
        for row in rows:
            before = known.get(row.key)
            facts = {
                name: getattr(row, name) for name in ("key", "collection_key", *_VERSION_FIELDS)
            }
            if before and keeps_sizes and row.size is None and row.digest == before[_DIGEST]:
                facts["size"] = before[_SIZE]
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
