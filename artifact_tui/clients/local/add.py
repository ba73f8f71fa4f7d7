"""Adding versions: bytes first, then one transaction with every row that names them.

Adding the same content again makes a new version with the same digest; it stores no bytes again.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.local import names, words
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.clients.local.blobs import Entry
    from artifact_tui.clients.local.layout import Layout

LATEST = "latest"
"""The alias that follows the newest version of each collection by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What is said about a version when it is added; see `check`."""

    name: str
    """Its collection, made when it is new."""
    type: str
    aliases: tuple[str, ...] = ()
    """Taken away from the version that has them now."""
    protected: tuple[str, ...] = ()
    """Those of its aliases that forbid deletion; they need not be named twice."""
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """Keys of the versions it was made from."""
    ttl_us: int | None = None
    run: str = ""
    note: str = ""
    created_us: int | None = None
    """Now, unless given."""
    used_us: int | None = None
    key: str = ""
    """Its key; a new random one unless given (the sample registry repeats its keys)."""


class BlobGoneError(Exception):
    """A blob that was there is about to be swept: put its bytes again, then try again."""


def check(new: NewVersion) -> NewVersion:
    """The same, when all its names can be stored.

    Raises:
        UsageError: one of them cannot; the message says which and why.
    """
    words.check_name(new.name, "name of the collection")
    words.check_name(new.type, "type")
    for alias in (*new.aliases, *new.protected):
        words.check_alias(alias)
    for tag in new.tags:
        words.check_name(tag, "tag")
    words.check_text(new.run, "run")
    words.check_text(new.note, "note", longest=words.LONGEST_NOTE)
    words.check_ttl(new.ttl_us)
    return new


def manifest_digest(entries: Sequence[Entry]) -> str:
    """The digest of a version: of its files' paths, digests and permission bits, by path."""
    rows = sorted([entry.path, entry.digest, entry.mode] for entry in entries)
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def _collection(conn: sqlite3.Connection, new: NewVersion, now_us: int) -> int:
    row = conn.execute("SELECT id, type FROM collection WHERE name = ?", (new.name,)).fetchone()
    if row is None:
        cursor = conn.execute(
            "INSERT INTO collection(key, name, type, created_us) VALUES(?, ?, ?, ?)",
            (
                str(uuid.uuid5(uuid.NAMESPACE_OID, new.key)) if new.key else uuid.uuid4().hex,
                new.name,
                new.type,
                now_us,
            ),
        )
        return int(cursor.lastrowid or 0)
    found, kind = row
    if kind != new.type:
        raise UsageError(
            f"“{new.name}” already holds versions of type “{kind}”, not “{new.type}”. "
            "Nothing was added.",
            hint="Use another name, or the same type.",
        )
    return int(found)


def _ordinal(conn: sqlite3.Connection, name: str) -> int:
    conn.execute(
        "INSERT INTO next_ordinal(name, next) VALUES(?, 1)"
        " ON CONFLICT(name) DO UPDATE SET next = next + 1",
        (name,),
    )
    (after,) = conn.execute("SELECT next FROM next_ordinal WHERE name = ?", (name,)).fetchone()
    return int(after) - 1


def _there(layout: Layout, entry: Entry) -> bool:
    try:
        return layout.blob(entry.digest).stat().st_size == entry.size
    except FileNotFoundError:
        return False


def _blob(conn: sqlite3.Connection, entry: Entry, layout: Layout, fresh: set[str]) -> int:
    """The blob row of one file, with one reference more.

    A condemned row is never brought back: its file may vanish at any moment.
    """
    row = conn.execute("SELECT id, state FROM blob WHERE digest = ?", (entry.digest,)).fetchone()
    if row is not None and (row[1] == 1 or (row[1] != 0 and entry.digest not in fresh)):
        raise BlobGoneError
    if not _there(layout, entry):
        raise BlobGoneError
    if row is None:
        cursor = conn.execute(
            "INSERT INTO blob(digest, size, refs) VALUES(?, ?, 1)", (entry.digest, entry.size)
        )
        return int(cursor.lastrowid or 0)
    conn.execute(
        "UPDATE blob SET refs = refs + 1, state = 0, unref_us = NULL WHERE id = ?", (row[0],)
    )
    return int(row[0])


def _files(
    conn: sqlite3.Connection,
    version_id: int,
    entries: Sequence[Entry],
    layout: Layout,
    fresh: set[str],
) -> None:
    for entry in entries:
        blob_id = _blob(conn, entry, layout, fresh)
        conn.execute(
            "INSERT INTO file(version_id, path, blob_id, mode) VALUES(?, ?, ?, ?)",
            (version_id, entry.path, blob_id, entry.mode),
        )


def _row(
    conn: sqlite3.Connection, new: NewVersion, entries: Sequence[Entry], now_us: int
) -> tuple[str, int]:
    key = new.key or uuid.uuid4().hex
    created_us = now_us if new.created_us is None else new.created_us
    collection_id = _collection(conn, new, created_us)
    ordinal = _ordinal(conn, new.name)
    cursor = conn.execute(
        "INSERT INTO version(key, collection_id, ordinal, label, digest, size, file_count,"
        " created_us, used_us, run, note, ttl_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key, collection_id, ordinal, f"v{ordinal}", manifest_digest(entries),
            sum(entry.size for entry in entries), len(entries),
            created_us, new.used_us, new.run, new.note, new.ttl_us,
        ),
    )  # fmt: skip
    return key, int(cursor.lastrowid or 0)


def insert(
    conn: sqlite3.Connection,
    new: NewVersion,
    entries: Sequence[Entry],
    *,
    layout: Layout,
    fresh: set[str],
    now_us: int,
) -> str:
    """Write all rows of one new version, in the caller's transaction; gives its key.

    Args:
        conn: inside a writing transaction, with `gc.lock` held shared.
        new: checked.
        entries: its files; their bytes are in `blobs/`.
        layout: where the registry lies.
        fresh: digests whose bytes this call has just put there.
        now_us: the time now.

    Raises:
        BlobGoneError: a blob that we found before is being swept.
        NotFoundError: a parent is not there.
    """
    parents = [names.live_id(conn, key) for key in dict.fromkeys(new.parents)]
    key, version_id = _row(conn, new, entries, now_us)
    _files(conn, version_id, entries, layout, fresh)
    for parent in parents:
        conn.execute("INSERT INTO edge(parent_id, child_id) VALUES(?, ?)", (parent, version_id))
    conn.executemany(
        "INSERT INTO tag(version_id, name) VALUES(?, ?)",
        [(version_id, tag) for tag in dict.fromkeys(new.tags)],
    )
    for alias in dict.fromkeys((LATEST, *new.aliases, *new.protected)):
        names.point(conn, version_id, alias, protected=True if alias in new.protected else None)
    return key
