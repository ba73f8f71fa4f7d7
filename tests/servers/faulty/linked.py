"""A small registry in one SQLite file, with what W&B has: links, and whole collections.

A version is of one collection, others may show it (links); an alias lives in one collection.
Deleting a link never touches its source. Nothing is conditional, and no lineage is checked: what
the engine does not look at goes. Every method is one transaction, so that several processes, and
tests that look at the truth, can share the file.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.base import Client
from artifact_tui.model import (
    Alias,
    Collection,
    CollectionDeletion,
    Edge,
    Facts,
    Identity,
    Link,
    Listed,
    Outcome,
    Result,
    Version,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import Deletion

BATCH = 50

_SCHEMA = """
CREATE TABLE IF NOT EXISTS coll(key TEXT PRIMARY KEY, links INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ver(key TEXT PRIMARY KEY, coll TEXT NOT NULL, ordinal INTEGER NOT NULL,
  digest TEXT NOT NULL, live INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS shown(coll TEXT NOT NULL, ver TEXT NOT NULL, PRIMARY KEY(coll, ver));
CREATE TABLE IF NOT EXISTS alias(coll TEXT NOT NULL, name TEXT NOT NULL, ver TEXT NOT NULL,
  protected INTEGER NOT NULL, PRIMARY KEY(coll, name));
CREATE TABLE IF NOT EXISTS edge(parent TEXT NOT NULL, child TEXT NOT NULL,
  PRIMARY KEY(parent, child));
CREATE TABLE IF NOT EXISTS told(key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY(key, name));
"""


def link_key(collection: str, version: str) -> str:
    """The key of a link."""
    return f"link:{collection}:{version}"


class Registry:
    """The truth, and what others do to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.writing() as conn:
            conn.executescript(_SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        conn = sqlite3.connect(self.path, isolation_level=None, timeout=20)
        try:
            conn.execute("PRAGMA synchronous=OFF")
            conn.execute("BEGIN IMMEDIATE")
            yield conn
            if conn.in_transaction:
                conn.execute("COMMIT")
        finally:
            conn.close()

    def rows(self, sql: str, *params: object) -> list[tuple[str, ...]]:
        """What a query finds."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=20)) as conn:
            return conn.execute(sql, params).fetchall()

    # what tests set up, and others do

    def collection(self, name: str, *, links: bool = False) -> str:
        """Make a collection; its key is its name."""
        with self.writing() as conn:
            conn.execute("INSERT OR IGNORE INTO coll VALUES(?,?)", (name, links))
        return name

    def add(
        self, collection: str, *, aliases: Iterable[str] = (), parents: Iterable[str] = ()
    ) -> str:
        """One more version; its key."""
        self.collection(collection)
        with self.writing() as conn:
            (ordinal,) = conn.execute(
                "SELECT count(*) FROM ver WHERE coll=?", (collection,)
            ).fetchone()
            key = f"{collection}/{ordinal}"
            conn.execute(
                "INSERT INTO ver(key, coll, ordinal, digest) VALUES(?,?,?,?)",
                (key, collection, ordinal, f"sha256:{key}"),
            )
            conn.executemany("INSERT INTO edge VALUES(?,?)", [(p, key) for p in parents])
        for alias in aliases:
            self.alias(collection, key, alias)
        return key

    def chain(self, collection: str, count: int, *, closed: bool = False) -> list[str]:
        """So many versions, each made from the one before it; `closed`: the first from the last."""
        self.collection(collection)
        keys = [f"{collection}/{number}" for number in range(count)]
        pairs = list(zip(keys, keys[1:] + keys[:1], strict=True))
        with self.writing() as conn:
            conn.executemany(
                "INSERT INTO ver(key, coll, ordinal, digest) VALUES(?,?,?,?)",
                [(key, collection, number, f"sha256:{key}") for number, key in enumerate(keys)],
            )
            conn.executemany("INSERT INTO edge VALUES(?,?)", pairs if closed else pairs[:-1])
        return keys

    def edge(self, parent: str, child: str) -> None:
        """One version was made from another; nothing forbids circles."""
        with self.writing() as conn:
            conn.execute("INSERT OR IGNORE INTO edge VALUES(?,?)", (parent, child))

    def link(self, collection: str, version: str, *, aliases: Iterable[str] = ()) -> str:
        """Show a version in another collection; the link's key."""
        self.collection(collection, links=True)
        with self.writing() as conn:
            conn.execute("INSERT OR IGNORE INTO shown VALUES(?,?)", (collection, version))
        for alias in aliases:
            self.alias(collection, version, alias)
        return link_key(collection, version)

    def unlink(self, collection: str, version: str) -> None:
        """Someone takes a version out of a collection."""
        with self.writing() as conn:
            _unlink(conn, collection, version)

    def alias(self, collection: str, version: str, name: str, *, protected: bool = False) -> None:
        """Someone puts an alias on a version, as one collection shows it."""
        with self.writing() as conn:
            conn.execute(
                "INSERT OR REPLACE INTO alias VALUES(?,?,?,?)",
                (collection, name, version, protected),
            )

    def trash(self, version: str) -> None:
        """Someone deletes a version, whatever it carries."""
        with self.writing() as conn:
            _trash(conn, version)

    def tell(self, key: str, **changes: object) -> None:
        """From now on it says so of a version or a link: fields of `Facts`, or `created_us`."""
        with self.writing() as conn:
            conn.executemany(
                "INSERT OR REPLACE INTO told VALUES(?,?,?)",
                [(key, name, json.dumps(value)) for name, value in changes.items()],
            )

    def unalias(self, collection: str, name: str) -> None:
        """Someone takes an alias away."""
        with self.writing() as conn:
            conn.execute("DELETE FROM alias WHERE coll=? AND name=?", (collection, name))

    def unmake(self, child: str) -> None:
        """A version was made from nothing, all of a sudden."""
        with self.writing() as conn:
            conn.execute("DELETE FROM edge WHERE child=?", (child,))

    def drop(self, collection: str) -> None:
        """Someone deletes a whole collection."""
        with self.writing() as conn:
            _drop(conn, collection)

    # the truth

    def live(self) -> set[str]:
        """Versions that are there, and links."""
        sources = {row[0] for row in self.rows("SELECT key FROM ver WHERE live")}
        return sources | {link_key(*row) for row in self.rows("SELECT coll, ver FROM shown")}

    def collections(self) -> set[str]:
        """Collections that are there."""
        return {row[0] for row in self.rows("SELECT key FROM coll")}

    def members(self, collection: str) -> list[str]:
        """Keys of the live versions, or links, of a collection."""
        with self.writing() as conn:
            return _members(conn, collection)

    def facts(self, keys: Sequence[str]) -> dict[str, Facts]:
        """What is true now."""
        with self.writing() as conn:
            found = {key: _facts(conn, key) for key in keys}
        return {key: facts for key, facts in found.items() if facts is not None}

    def delete(self, deletion: Deletion) -> Outcome:
        """Delete a version, or unlink a link."""
        key = deletion.key
        with self.writing() as conn:
            facts = _facts(conn, key)
            if facts is None or facts.state is VersionState.TRASH:
                return Outcome(key, Result.ABSENT, "not there")
            if key.startswith("link:"):
                _unlink(conn, *key.split(":")[1:])
                return Outcome(key, Result.UNLINKED)
            if why := _stands_in_the_way([facts], consent=deletion.delete_aliases):
                return Outcome(key, Result.REFUSED, why)
            _trash(conn, key)
            return Outcome(key, Result.DONE)

    def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        """Delete a collection with all in it."""
        key = deletion.key
        with self.writing() as conn:
            row = conn.execute("SELECT links FROM coll WHERE key=?", (key,)).fetchone()
            if row is None:
                return Outcome(key, Result.ABSENT, "not there")
            every = [f for m in _members(conn, key) if (f := _facts(conn, m)) is not None]
            why = _stands_in_the_way(every, consent=deletion.delete_aliases)
            if why and not row[0]:
                return Outcome(key, Result.REFUSED, why)
            _drop(conn, key)
            return Outcome(key, Result.UNLINKED if row[0] else Result.DONE)


def _members(conn: sqlite3.Connection, collection: str) -> list[str]:
    sources = conn.execute(
        "SELECT key FROM ver WHERE coll=? AND live ORDER BY ordinal", (collection,)
    )
    found = [row[0] for row in sources]
    shown = conn.execute("SELECT ver FROM shown WHERE coll=? ORDER BY ver", (collection,))
    return found + [link_key(collection, row[0]) for row in shown]


def _unlink(conn: sqlite3.Connection, collection: str, version: str) -> None:
    conn.execute("DELETE FROM shown WHERE coll=? AND ver=?", (collection, version))
    conn.execute("DELETE FROM alias WHERE coll=? AND ver=?", (collection, version))


def _trash(conn: sqlite3.Connection, version: str) -> None:
    conn.execute("UPDATE ver SET live=0 WHERE key=?", (version,))
    conn.execute("DELETE FROM shown WHERE ver=?", (version,))
    conn.execute("DELETE FROM alias WHERE ver=?", (version,))


def _drop(conn: sqlite3.Connection, collection: str) -> None:
    for key in _members(conn, collection):
        if key.startswith("link:"):
            _unlink(conn, *key.split(":")[1:])
        else:
            _trash(conn, key)
    conn.execute("DELETE FROM coll WHERE key=?", (collection,))


def _stands_in_the_way(facts: Iterable[Facts], *, consent: bool) -> str:
    aliases = [alias for one in facts for alias in one.aliases]
    if any(alias.protected for alias in aliases):
        return "a protected alias"
    return "it has aliases" if aliases and not consent else ""


def _facts(conn: sqlite3.Connection, key: str) -> Facts | None:
    if key.startswith("link:"):
        _, home, version = key.split(":")
        there = conn.execute("SELECT 1 FROM shown WHERE coll=? AND ver=?", (home, version))
        if there.fetchone() is None:
            return None
    else:
        version = key
    row = conn.execute("SELECT coll, digest, live FROM ver WHERE key=?", (version,)).fetchone()
    if row is None:
        return None
    own, digest, live = row
    link = key != version
    home = home if link else own
    aliases = conn.execute("SELECT name, protected, coll FROM alias WHERE ver=?", (version,))
    shown = conn.execute("SELECT coll FROM shown WHERE ver=? ORDER BY coll", (version,))
    facts = Facts(
        key=key,
        digest=digest,
        state=VersionState.LIVE if live else VersionState.TRASH,
        aliases=tuple(sorted(Alias(n, bool(p), "" if c == home else c) for n, p, c in aliases)),
        dependents=() if link else tuple(sorted(_dependents(conn, version))),
        source_key=version if link else "",
        links=()
        if link
        else tuple(sorted(Link(link_key(c, version), c) for (c,) in shown.fetchall())),
        collection=home,
        label=key.replace("/", "-"),
        type="model",
    )
    told = _told(conn, key)
    told.pop("created_us", None)
    if "state" in told:
        told["state"] = VersionState(told["state"])
    return replace(facts, **told)


def _told(conn: sqlite3.Connection, key: str) -> dict[str, Any]:
    rows = conn.execute("SELECT name, value FROM told WHERE key=?", (key,))
    return {name: json.loads(value) for name, value in rows}


def _dependents(conn: sqlite3.Connection, version: str) -> set[str]:
    found: set[str] = set()
    seen = {version}
    queue = [version]
    while queue:
        sql = "SELECT v.key, v.live FROM edge e JOIN ver v ON v.key=e.child WHERE e.parent=?"
        for key, live in conn.execute(sql, (queue.pop(),)).fetchall():
            if key not in seen:
                seen.add(key)
                found |= {key} if live else set()
                queue += [] if live else [key]
    return found


class LinkedClient(Client):
    """A connection to such a registry."""

    tells = frozenset({"aliases", "links", "lineage", "trash"})
    batch_delete = BATCH
    freeing = "It frees the bytes in its own time"

    def __init__(self, registry: Registry, *, read_only: bool = False) -> None:
        self.registry = registry
        self.read_only = read_only
        address = f"linked:{registry.path}"
        self.identity = Identity("linked", address, address)

    async def listing(self) -> AsyncGenerator[Listed, None]:
        for key, links in self.registry.rows("SELECT key, links FROM coll ORDER BY key"):
            yield Listed((Collection(key, key, "model", links=bool(links)),), self._versions(key))
        rows = self.registry.rows("SELECT parent, child FROM edge ORDER BY parent, child")
        yield Listed(edges=tuple(Edge(*row) for row in rows))

    def _versions(self, collection: str) -> tuple[Version, ...]:
        trash = self.registry.rows("SELECT key FROM ver WHERE coll=? AND NOT live", collection)
        keys = [row[0] for row in trash] + self.registry.members(collection)
        found = self.registry.facts(keys)
        rows = self.registry.rows("SELECT key, value FROM told WHERE name='created_us'")
        created = {key: int(value) for key, value in rows}
        return tuple(
            Version(
                key=key,
                collection_key=collection,
                ordinal=number,
                label=facts.label,
                digest=facts.digest,
                state=facts.state,
                size=100,
                created_us=created.get(key, number + 1),
                source_key=facts.source_key or None,
                links=facts.links,
                stored=10,
                kept=facts.kept,
                generated=facts.generated,
                aliases=facts.aliases,
            )
            for number, (key, facts) in enumerate(found.items())
        )

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        return self.registry.facts(keys)

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        return [self.registry.delete(one) for one in deletions]

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        if collection_key not in self.registry.collections():
            return None
        return self.registry.facts(self.registry.members(collection_key))

    async def collection_name(self, collection_key: str) -> str:
        sql = "SELECT value FROM told WHERE key=? AND name='name'"
        renamed = self.registry.rows(sql, collection_key)
        return json.loads(renamed[0][0]) if renamed else collection_key

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        return self.registry.delete_collection(deletion)
