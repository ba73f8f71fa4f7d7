"""Pages of what is in the registry. Every function reads inside the caller's transaction.

A page goes on from the last row's own id, so deletions in between shift nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local import facts
from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import Alias, Collection, Edge, File, Page, Version, VersionState
from artifact_tui.schema import as_number, as_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_VERSION = (
    f"SELECT v.id, {as_text('v.key')}, {as_text('c.key')}, {as_number('v.ordinal')},"
    f" {as_text('v.label')}, {as_text('v.digest')}, v.state, {as_number('v.size')},"
    f" {as_number('v.file_count')}, {as_number('v.created_us')}, {as_number('v.used_us')},"
    f" {as_text('v.run')}, {as_text('v.note')}, {as_number('v.ttl_us')},"
    f" {as_number('v.deleted_us')}, {as_text('v.deleted_by')}"
    " FROM version v JOIN collection c ON c.id = v.collection_id "
)


def _number(after: str | None) -> int:
    if after is None:
        return -1
    try:
        return int(after)
    except ValueError as error:
        raise UsageError(f"“{after}” is not a place in a list of this registry.") from error


def collections(conn: sqlite3.Connection, after: str | None, size: int) -> Page[Collection]:
    """A page of collections, oldest first."""
    rows = conn.execute(
        f"SELECT id, {as_text('key')}, {as_text('name')}, {as_text('type')},"
        f" {as_number('created_us')} FROM collection WHERE id > ? ORDER BY id LIMIT ?",
        (_number(after), size + 1),
    ).fetchall()
    page = tuple(Collection(*row[1:]) for row in rows[:size])
    return Page(page, str(rows[size - 1][0]) if len(rows) > size else None)


def _tags(conn: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for number, name in conn.execute(
        f"SELECT t.version_id, {as_text('t.name')} FROM json_each(?) want"
        " CROSS JOIN tag t ON t.version_id = want.value ORDER BY t.name",
        (facts.dump(numbers),),
    ):
        found.setdefault(number, []).append(name)
    return found


def _versions(conn: sqlite3.Connection, rows: Sequence[Any]) -> tuple[Version, ...]:
    numbers = [int(row[0]) for row in rows]
    aliases: dict[int, list[Alias]] = facts.aliases(conn, numbers)
    tags = _tags(conn, numbers)
    return tuple(_version(row, aliases, tags) for row in rows)


def _version(
    row: Sequence[Any], aliases: dict[int, list[Alias]], tags: dict[int, list[str]]
) -> Version:
    (number, key, collection, ordinal, label, digest, state, size, count,
     created, used, run, note, ttl, deleted, by) = row  # fmt: skip
    return Version(
        key=key, collection_key=collection, ordinal=ordinal, label=label, digest=digest,
        state=VersionState(state), size=size, file_count=count, created_us=created, used_us=used,
        run=run, note=note, ttl_us=ttl, deleted_us=deleted, deleted_by=by,
        aliases=tuple(aliases.get(number, ())), tags=tuple(tags.get(number, ())),
    )  # fmt: skip


def versions(
    conn: sqlite3.Connection, collection_key: str, after: str | None, size: int
) -> Page[Version]:
    """A page of one collection's versions, live and in the trash, oldest first."""
    rows = conn.execute(
        _VERSION + "WHERE c.key = ? AND v.ordinal > ? ORDER BY v.ordinal LIMIT ?",
        (collection_key, _number(after), size + 1),
    ).fetchall()
    page = _versions(conn, rows[:size])
    return Page(page, str(page[-1].ordinal) if len(rows) > size else None)


def version(conn: sqlite3.Connection, key: str) -> Version:
    """One version.

    Raises:
        NotFoundError: there is none with this key.
    """
    rows = conn.execute(_VERSION + "WHERE v.key = ?", (key,)).fetchall()
    if not rows:
        raise NotFoundError(
            f"There is no version with the key “{key}” (any more).",
            hint="List the registry again.",
        )
    return _versions(conn, rows)[0]


def resolve(conn: sqlite3.Connection, name: str) -> str:
    """The key of the version that a person names COLLECTION:LABEL or COLLECTION:ALIAS.

    Raises:
        NotFoundError: there is none.
    """
    collection, _, which = name.rpartition(":")
    row = conn.execute(
        "SELECT v.key FROM collection c JOIN version v ON v.collection_id = c.id"
        " WHERE c.name = ?1 AND v.label = ?2 UNION ALL"
        " SELECT v.key FROM collection c JOIN alias_at a ON a.collection_id = c.id"
        " JOIN version v ON v.id = a.version_id WHERE c.name = ?1 AND a.name = ?2",
        (collection, which),
    ).fetchone()
    if row is None:
        raise NotFoundError(
            f"There is no version “{name}”.",
            hint="A version is named COLLECTION:LABEL or COLLECTION:ALIAS, such as resnet50:v3.",
        )
    return str(row[0])


def edges(conn: sqlite3.Connection, after: str | None, size: int) -> Page[Edge]:
    """A page of lineage edges."""
    parent, _, child = (after or "-1 -1").partition(" ")
    rows = conn.execute(
        "SELECT e.parent_id, e.child_id, p.key, c.key FROM edge e"
        " CROSS JOIN version p ON p.id = e.parent_id CROSS JOIN version c ON c.id = e.child_id"
        " WHERE (e.parent_id, e.child_id) > (?, ?) ORDER BY e.parent_id, e.child_id LIMIT ?",
        (_number(parent), _number(child), size + 1),
    ).fetchall()
    page = tuple(Edge(row[2], row[3]) for row in rows[:size])
    last = f"{rows[size - 1][0]} {rows[size - 1][1]}" if len(rows) > size else None
    return Page(page, last)


def files(conn: sqlite3.Connection, key: str) -> tuple[File, ...]:
    """The files of one version, by path.

    Raises:
        NotFoundError: there is none with this key.
    """
    version(conn, key)
    rows = conn.execute(
        f"SELECT {as_text('f.path')}, b.size, {as_text('b.digest')}, f.mode FROM version v"
        " JOIN file f ON f.version_id = v.id JOIN blob b ON b.id = f.blob_id"
        " WHERE v.key = ? ORDER BY f.path",
        (key,),
    )
    return tuple(File(*row) for row in rows)
