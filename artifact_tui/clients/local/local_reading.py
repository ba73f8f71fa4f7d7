"""What is read from an embedded registry: facts, pages of rows, and files.

Facts are a version's aliases and nearest live dependents, with a token of it all. A page goes on
from the last row's own id, so deletions in between shift nothing. Files that are written out are
checked against their hash on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local.local_folder import (
    READ_BYTES,
    gc_lock,
    hash_chunks,
    our_errors,
    write_all,
)
from artifact_tui.config import from_home
from artifact_tui.database import as_number, as_text
from artifact_tui.errors import NotFoundError, RegistryError, UsageError
from artifact_tui.model import Alias, Collection, Edge, Facts, File, Listed, Version, VersionState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from artifact_tui.clients.local.local_folder import Layout
    from artifact_tui.clients.local.local_store import LocalStore


LOOKUP_CHUNK = 1000
"""Versions looked up by one statement."""

NEAREST = """
WITH RECURSIVE below(root, id, live) AS (
  SELECT want.value, e.child_id, v.state <> 'trash'
  FROM json_each(?) want
  CROSS JOIN edge e ON e.parent_id = want.value
  CROSS JOIN version v ON v.id = e.child_id
  UNION
  SELECT below.root, e.child_id, v.state <> 'trash'
  FROM below
  CROSS JOIN edge e ON e.parent_id = below.id
  CROSS JOIN version v ON v.id = e.child_id
  WHERE NOT below.live
)
"""
"""Down the lineage from some ids, through the trash, to the first live version on each way."""


def in_chunks(values: Sequence[str], size: int = LOOKUP_CHUNK) -> Iterable[Sequence[str]]:
    """The values in groups of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def json_array(values: Iterable[object]) -> str:
    """Values as the JSON array that `json_each` reads."""
    return json.dumps(list(values))


def version_states(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """The row and the state of those versions that are there."""
    found: dict[str, tuple[int, str]] = {}
    for group in in_chunks(keys):
        rows = conn.execute(
            "SELECT v.key, v.id, v.state FROM json_each(?) want"
            " CROSS JOIN version v ON v.key = want.value",
            (json_array(group),),
        )
        found.update({key: (number, state) for key, number, state in rows})
    return found


def version_aliases(conn: sqlite3.Connection, version_ids: Iterable[int]) -> dict[int, list[Alias]]:
    """The aliases of versions, sorted; those without any are left out."""
    found: dict[int, list[Alias]] = {}
    rows = conn.execute(
        f"SELECT a.version_id, {as_text('a.name')}, a.protected, {as_text('a.scope')}"
        " FROM json_each(?) want"
        " CROSS JOIN alias a ON a.version_id = want.value",
        (json_array(version_ids),),
    )
    for version_id, name, protected, scope in rows:
        found.setdefault(version_id, []).append(Alias(name, bool(protected), scope))
    for some in found.values():
        some.sort()
    return found


def live_dependents(conn: sqlite3.Connection, version_ids: Iterable[int]) -> dict[int, list[str]]:
    """The keys of the nearest live dependents, sorted; versions without any are left out."""
    found: dict[int, list[str]] = {}
    rows = conn.execute(
        f"{NEAREST} SELECT below.root, {as_text('v.key')} FROM below"
        " CROSS JOIN version v ON v.id = below.id WHERE below.live",
        (json_array(version_ids),),
    )
    for root, key in rows:
        found.setdefault(root, []).append(key)
    for keys in found.values():
        keys.sort()
    return found


def first_live_dependent(conn: sqlite3.Connection, version_id: int) -> tuple[str, str] | None:
    """The collection and label of one live dependent, or None when nothing live is below."""
    row = conn.execute(
        f"{NEAREST} SELECT c.name, v.label FROM below CROSS JOIN version v ON v.id = below.id"
        " CROSS JOIN collection c ON c.id = v.collection_id WHERE below.live LIMIT 1",
        (json_array([version_id]),),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


_FACTS = (
    f"SELECT v.key, v.id, v.state, {as_text('v.digest')}, {as_text('c.name')},"
    f" {as_text('v.label')}, {as_text('c.type')}, {as_number('v.deleted_us')}"
    " FROM json_each(?) want"
    " CROSS JOIN version v ON v.key = want.value JOIN collection c ON c.id = v.collection_id"
)


def read_facts(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Facts]:
    """The facts of those versions that are there, in the given order."""
    return {key: facts for key, (_, facts) in facts_with_ids(conn, keys).items()}


def facts_with_ids(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[int, Facts]]:
    """The row and the facts of those versions that are there; a token changes with its facts."""
    found: dict[str, tuple[int, Facts]] = {}
    for group in in_chunks(tuple(dict.fromkeys(keys))):
        rows = conn.execute(_FACTS, (json_array(group),)).fetchall()
        numbers = [row[1] for row in rows]
        held, below = version_aliases(conn, numbers), live_dependents(conn, numbers)
        for key, number, state, digest, collection, label, kind, deleted in rows:
            aliases, dependents = tuple(held.get(number, ())), tuple(below.get(number, ()))
            names = [(alias.name, alias.protected, alias.scope) for alias in aliases]
            text = repr((key, digest, state, names, dependents))
            facts = Facts(
                key=key,
                digest=digest,
                state=VersionState(state),
                aliases=aliases,
                dependents=dependents,
                token=hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32],
                collection=collection,
                label=label,
                type=kind,
                deleted_us=deleted,
            )
            found[key] = (number, facts)
    return found


_PAGE = (
    f"SELECT v.id, {as_text('v.key')}, {as_text('c.key')}, {as_number('v.ordinal')},"
    f" {as_text('v.label')}, {as_text('v.digest')}, v.state, {as_number('v.size')},"
    f" {as_number('v.file_count')}, {as_number('v.created_us')}, {as_number('v.used_us')},"
    f" {as_text('v.run')}, {as_text('v.note')}, {as_number('v.ttl_us')},"
    f" {as_number('v.deleted_us')}, {as_text('v.deleted_by')}"
    " FROM version v JOIN collection c ON c.id = v.collection_id"
    " WHERE v.id > ? ORDER BY v.id LIMIT ?"
)


def listing_page(conn: sqlite3.Connection, after: int, size: int) -> tuple[Listed, int | None]:
    """Versions made after one, the oldest first, with their collections and what they come from.

    Also where to go on; None at the end.
    """
    rows = conn.execute(_PAGE, (after, size + 1)).fetchall()
    more = len(rows) > size
    rows = rows[:size]
    ids = json_array(row[0] for row in rows)
    collections = conn.execute(
        f"SELECT {as_text('key')}, {as_text('name')}, {as_text('type')}, {as_number('created_us')}"
        " FROM collection WHERE id IN (SELECT v.collection_id FROM json_each(?) want"
        " CROSS JOIN version v ON v.id = want.value) ORDER BY id",
        (ids,),
    )
    edges = conn.execute(
        "SELECT p.key, c.key FROM json_each(?) want CROSS JOIN edge e ON e.child_id = want.value"
        " CROSS JOIN version p ON p.id = e.parent_id CROSS JOIN version c ON c.id = e.child_id"
        " ORDER BY e.child_id, e.parent_id",
        (ids,),
    )
    held: dict[str, list[File]] = {}
    for key, *file in conn.execute(
        f"SELECT v.key, {as_text('f.path')}, b.size, {as_text('b.digest')}, f.mode"
        " FROM json_each(?) want CROSS JOIN version v ON v.id = want.value"
        " CROSS JOIN file f ON f.version_id = v.id CROSS JOIN blob b ON b.id = f.blob_id"
        " ORDER BY v.id, f.path",
        (ids,),
    ):
        held.setdefault(key, []).append(File(*file))
    part = Listed(
        collections=tuple(Collection(*row) for row in collections),
        versions=_versions(conn, rows),
        edges=tuple(Edge(*row) for row in edges),
        files={key: tuple(files) for key, files in held.items()},
    )
    return part, rows[-1][0] if more else None


def _versions(conn: sqlite3.Connection, rows: Sequence[Any]) -> tuple[Version, ...]:
    """The versions of rows of a page."""
    ids = [int(row[0]) for row in rows]
    aliases = version_aliases(conn, ids)
    tags: dict[int, list[str]] = {}
    for number, name in conn.execute(
        f"SELECT t.version_id, {as_text('t.name')} FROM json_each(?) want"
        " CROSS JOIN tag t ON t.version_id = want.value ORDER BY t.name",
        (json_array(ids),),
    ):
        tags.setdefault(number, []).append(name)
    return tuple(
        Version(
            key=key, collection_key=collection, ordinal=ordinal, label=label, digest=digest,
            state=VersionState(state), size=size, file_count=count, created_us=created,
            used_us=used, run=run, note=note, ttl_us=ttl, deleted_us=deleted, deleted_by=by,
            aliases=tuple(aliases.get(number, ())), tags=tuple(tags.get(number, ())),
        )
        for number, key, collection, ordinal, label, digest, state, size, count,
            created, used, run, note, ttl, deleted, by in rows
    )  # fmt: skip


def version_files(conn: sqlite3.Connection, key: str) -> tuple[File, ...]:
    """The files of one version, by path.

    Raises:
        NotFoundError: there is none with this key.
    """
    if conn.execute("SELECT 1 FROM version WHERE key = ?", (key,)).fetchone() is None:
        raise NotFoundError(
            f"There is no version with the key “{key}” (any more).",
            hint="List the registry again.",
        )
    rows = conn.execute(
        f"SELECT {as_text('f.path')}, b.size, {as_text('b.digest')}, f.mode FROM version v"
        " JOIN file f ON f.version_id = v.id JOIN blob b ON b.id = f.blob_id"
        " WHERE v.key = ? ORDER BY f.path",
        (key,),
    )
    return tuple(File(*row) for row in rows)


HEAL_HINT = "Run `artifact-tui fsck`; adding the same file again puts its bytes back."


def _safe_parts(file: File, layout: Layout) -> list[str]:
    """The parts of a file's path, when it cannot lead out of the folder."""
    parts = file.path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise RegistryError(
            f"{layout.db} holds the impossible file name “{file.path}”. Nothing was written.",
            hint="Somebody changed the database: restore a backup.",
        )
    return parts


def _copy_blob(blob: Path, target: Path, file: File) -> None:
    """Write the bytes of a blob to a new file with the bits of `file`; refuse them when damaged."""
    try:
        source = blob.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise RegistryError(
            f"{blob} is missing: “{file.path}” cannot be given back. Nothing was written.",
            hint=HEAL_HINT,
        ) from error
    except OSError as error:
        raise RegistryError(
            f"{blob} cannot be read: {error.strerror or error}. Nothing was written.",
            hint="Ask the owner of the registry to let you read its files.",
        ) from error
    with source, target.open("xb", buffering=0) as out:
        chunks = iter(partial(source.read, READ_BYTES), b"")
        digest, _ = hash_chunks(chunks, partial(write_all, out.fileno()))
        os.fchmod(out.fileno(), file.mode & 0o777)
    if digest != file.digest:
        raise RegistryError(
            f"{blob} is damaged: “{file.path}” cannot be given back. Nothing was written.",
            hint=HEAL_HINT,
        )


def export_version(store: LocalStore, key: str, dest: Path) -> None:
    """Write the files of a version into a new or empty folder; all of them or nothing.

    They are written beside that folder first, and renamed when all of them are right. That somebody
    used the version is recorded.

    Raises:
        NotFoundError: there is no such version.
        UsageError: there is something at `dest`.
        RegistryError: bytes are missing or damaged, or cannot be written.
    """
    layout = store.layout
    with our_errors(layout), gc_lock(layout):
        with store.reading() as conn:
            files = [(file, _safe_parts(file, layout)) for file in version_files(conn, key)]
        _write_files(files, layout, from_home(dest).absolute())
    if not store.read_only:
        with store.writing() as conn:
            conn.execute("UPDATE version SET used_us = ? WHERE key = ?", (store.clock(), key))


def _write_files(files: Sequence[tuple[File, list[str]]], layout: Layout, top: Path) -> None:
    if top.is_symlink() or (top.exists() and (not top.is_dir() or any(top.iterdir()))):
        raise UsageError(
            f"There is something at {top} already. Nothing was written.",
            hint="Name a new or an empty folder.",
        )
    making = top.with_name(f".{top.name[:100]}.{uuid.uuid4().hex[:8]}")
    try:
        making.mkdir(parents=True)
        for file, parts in files:
            target = making.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy_blob(layout.blob(file.digest), target, file)
        making.rename(top)
    except BaseException as error:
        shutil.rmtree(making, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise RegistryError(
            f"{error.filename or top} could not be written: {error.strerror or error}. "
            "Nothing was left there.",
            hint="Name a folder that you may write to, with enough room.",
        ) from error
