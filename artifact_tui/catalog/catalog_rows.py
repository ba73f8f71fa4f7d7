"""Frozen rows that the catalog answers with, and how those of a short list of ids are read.

Times are microseconds UTC, sizes bytes, None is "not known". Names, labels, runs and notes are
untrusted text. Every query here starts from the given ids and never reads a whole table.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_file import plain_errors
from artifact_tui.catalog.lineage import NOTHING_TO_SCAN, LineageCoverage
from artifact_tui.database import as_number, as_text
from artifact_tui.model import Alias, VersionState
from artifact_tui.query import sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from artifact_tui.model import File
    from artifact_tui.query import Query


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole registry; `collections` are those with a version that is not in the trash."""

    collections: int
    versions: int
    size: int | None
    """None when the size of no version is known."""
    trash_versions: int
    trash_size: int
    stored: int | None = None
    """What the registry charges for all of it; None where it tells that of none."""

    def among(self, query: Query) -> int:
        """How many versions a filter chooses from: those in the trash too, if it names a state."""
        return self.versions + self.trash_versions * ("state" in query.fields)


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """One collection; every number is of its versions that match the filter."""

    id: int
    key: str
    name: str
    type: str
    versions: int
    size: int | None
    """None when the size of none of them is known."""
    newest_us: int | None
    marked: int
    links: bool = False
    """It holds only links: its size is shown, but its bytes are those of the sources."""
    stored: int | None = None
    """What the registry charges for them; None where it tells that of none."""

    def weight(self, *, charged: bool) -> int | None:
        """Its bytes: those that the registry charges, or those listed."""
        return self.stored if charged else self.size


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as a list shows it."""

    id: int
    key: str
    collection_id: int
    collection: str
    type: str
    label: str
    ordinal: int
    digest: str
    size: int | None
    created_us: int | None
    used_us: int | None
    expires_us: int | None
    ttl_us: int | None
    state: VersionState
    run: str
    file_count: int | None
    deleted_us: int | None
    deleted_by: str
    dependents: int
    """Live versions made directly from it, looking through those in the trash."""
    marked: bool
    aliases: tuple[Alias, ...] = ()
    ttl_inherited: bool = False
    """Its TTL, or that it has none, comes from the collection or team."""
    source_key: str | None = None
    """Set on a link: the version it shows."""
    used_count: int | None = None
    """How many runs used it."""
    stored: int | None = None
    """Bytes that the registry charges for it."""
    kept: str = ""
    """Why the registry will never delete it: untrusted text."""
    generated: bool = False
    """The registry made it by itself, and may refuse to delete it."""
    lineage_known: bool = True
    """False where dependents have to be asked for and nobody did: `dependents` is the least."""
    links: tuple[str, ...] = ()
    """Other collections that show it, in full, sorted."""
    source: str = ""
    """`COLLECTION:LABEL` of what a link shows, where that is listed here."""

    @property
    def link(self) -> bool:
        """Whether it only shows a version of another collection."""
        return self.source_key is not None

    def weight(self, *, charged: bool) -> int | None:
        """Its bytes: those that the registry charges, or those listed."""
        return self.stored if charged else self.size


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A version named by another one."""

    id: int
    """0 for one that is not listed here."""
    key: str
    collection: str
    label: str
    state: VersionState
    aliases: tuple[Alias, ...] = ()

    @property
    def elsewhere(self) -> bool:
        """Whether it is of a collection that is not listed here: only its name is known."""
        return self.id == 0


@dataclass(frozen=True, slots=True)
class DependentRef:
    """One line of the tree of dependents; direct ones have depth 1."""

    depth: int
    ref: VersionRef


@dataclass(frozen=True, slots=True)
class VersionDetail:
    """Everything about one version."""

    row: VersionRow
    note: str
    tags: tuple[str, ...]
    unique: int | None
    """Bytes that only this version holds."""
    parents: tuple[VersionRef, ...]
    dependents: tuple[DependentRef, ...]
    """Live, direct and through others, each once, in the order of a walk down the tree."""
    dependents_total: int
    """All of them, up to `detail.DEPENDENTS_COUNTED`."""
    dependents_capped: bool
    """Whether there are more than `dependents_total`."""
    files: tuple[File, ...]
    """The first by path, at most `detail.FILES_SHOWN`."""
    files_total: int
    used_us: int | None
    coverage: LineageCoverage = NOTHING_TO_SCAN
    """How far lineage was scanned: until that is complete there may be more dependents."""
    lineage_known: bool = True
    """False where this version, or one of `dependents`, was not asked for its own yet."""


@dataclass(frozen=True, slots=True)
class PickedBytes:
    """What the picked versions weigh, and what is freed when all of them are gone."""

    listed: int
    """Their sizes added up; shared bytes count once for each, those of links not at all."""
    freed: int
    """Bytes of the objects that no other version needs."""
    unknown_count: int
    """Versions of which neither the files nor the charge is told; they add nothing to `freed`."""
    charged: bool = False
    """Whether `freed` holds what the registry charges, where bytes of files are not known."""
    held: int = 0
    """Bytes of objects that no other version needs, and that stay: something else holds them."""


ROW_QUERY = f"""
SELECT v.id, {as_text("v.key")}, v.collection_id, {as_text("c.name")}, {as_text("c.type")},
  {as_text("v.label")}, ifnull({as_number("v.ordinal")}, -1), {as_text("v.digest")},
  {as_number("v.size")}, {as_number("v.created_us")}, {as_number("v.used_us")},
  {sql.EXPIRES_US}, {as_number("v.ttl_us")}, v.state, {as_text("v.run")},
  {as_number("v.file_count")}, {as_number("v.deleted_us")}, {as_text("v.deleted_by")},
  {sql.DEPENDENTS},
  EXISTS (SELECT 1 FROM marks.mark m WHERE m.version_key = v.key), v.ttl_inherited,
  {as_text("v.source_key")},
  {as_number("v.used_count")}, {as_number("v.stored")}, {as_text("v.kept")}, v.generated,
  {sql.LINEAGE_KNOWN}
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

UNIQUE_QUERY = f"""
SELECT v.id, {sql.UNIQUE_BYTES}
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
    with plain_errors(conn):
        conn.execute("BEGIN")
        try:
            yield
        except BaseException:
            conn.rollback()
            raise
        conn.commit()


def rows_of(conn: sqlite3.Connection, ids: Sequence[int]) -> tuple[VersionRow, ...]:
    """The versions with these ids, in this order; those that are gone are left out."""
    asked = {"ids": json.dumps(ids)}
    aliases, links = aliases_of(conn, ids), _texts(conn, _LINKS, ids)
    sources = dict(conn.execute(_SOURCES, asked).fetchall())
    rows = []
    for row in conn.execute(ROW_QUERY, asked):  # its columns are the fields, in their order
        inherited, *more, generated, known = row[_MARKED + 1 :]
        state, marked = VersionState(row[_STATE]), bool(row[_MARKED])
        beside = (links.get(row[0], ()), sources.get(row[0], ""))
        fields = (*row[:_STATE], state, *row[_STATE + 1 : _MARKED], marked, aliases.get(row[0], ()))
        added = (bool(inherited), *more, bool(generated), bool(known), *beside)
        rows.append(VersionRow(*fields, *added))
    return tuple(rows)


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


def unique_of(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int | None]:
    """The bytes that only the one version holds, by id; None where files are not known."""
    return dict(conn.execute(UNIQUE_QUERY, {"ids": json.dumps(ids)}).fetchall())


def _texts(conn: sqlite3.Connection, query: str, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The texts that a query gives for each id, in its order."""
    grouped: dict[int, list[str]] = {}
    for version_id, text in conn.execute(query, {"ids": json.dumps(ids)}):
        grouped.setdefault(version_id, []).append(text)
    return {version_id: tuple(found) for version_id, found in grouped.items()}
