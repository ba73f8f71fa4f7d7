"""What is true of versions now: aliases, nearest live dependents, and a token of it all."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from artifact_tui.model import Alias, Facts, VersionState
from artifact_tui.schema import as_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

CHUNK = 1000
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


def chunks(values: Sequence[str], size: int = CHUNK) -> Iterable[Sequence[str]]:
    """The values in groups of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def dump(values: Iterable[object]) -> str:
    """Values as the JSON array that `json_each` reads."""
    return json.dumps(list(values))


def ids(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[int, str, str]]:
    """(id, state, digest) of those versions that are there."""
    found: dict[str, tuple[int, str, str]] = {}
    for group in chunks(keys):
        rows = conn.execute(
            f"SELECT v.key, v.id, v.state, {as_text('v.digest')} FROM json_each(?) want"
            " CROSS JOIN version v ON v.key = want.value",
            (dump(group),),
        )
        found.update({key: (number, state, digest) for key, number, state, digest in rows})
    return found


def names(conn: sqlite3.Connection, version_ids: Iterable[int]) -> dict[int, tuple[str, str, str]]:
    """Collection, label and type of versions."""
    rows = conn.execute(
        f"SELECT v.id, {as_text('c.name')}, {as_text('v.label')}, {as_text('c.type')}"
        " FROM json_each(?) want"
        " CROSS JOIN version v ON v.id = want.value JOIN collection c ON c.id = v.collection_id",
        (dump(version_ids),),
    )
    return {number: (collection, label, kind) for number, collection, label, kind in rows}


def aliases(conn: sqlite3.Connection, version_ids: Iterable[int]) -> dict[int, list[Alias]]:
    """The aliases of versions, sorted; those without any are left out."""
    found: dict[int, list[Alias]] = {}
    rows = conn.execute(
        f"SELECT a.version_id, {as_text('a.name')}, a.protected, {as_text('a.scope')}"
        " FROM json_each(?) want"
        " CROSS JOIN alias a ON a.version_id = want.value",
        (dump(version_ids),),
    )
    for version_id, name, protected, scope in rows:
        found.setdefault(version_id, []).append(Alias(name, bool(protected), scope))
    for some in found.values():
        some.sort()
    return found


def dependents(conn: sqlite3.Connection, version_ids: Iterable[int]) -> dict[int, list[str]]:
    """The keys of the nearest live dependents, sorted; versions without any are left out."""
    found: dict[int, list[str]] = {}
    rows = conn.execute(
        f"{NEAREST} SELECT below.root, {as_text('v.key')} FROM below"
        " CROSS JOIN version v ON v.id = below.id WHERE below.live",
        (dump(version_ids),),
    )
    for root, key in rows:
        found.setdefault(root, []).append(key)
    for keys in found.values():
        keys.sort()
    return found


def first_dependent(conn: sqlite3.Connection, version_id: int) -> tuple[str, str] | None:
    """The collection and label of one live dependent, or None when nothing live is below."""
    row = conn.execute(
        f"{NEAREST} SELECT c.name, v.label FROM below CROSS JOIN version v ON v.id = below.id"
        " CROSS JOIN collection c ON c.id = v.collection_id WHERE below.live LIMIT 1",
        (dump([version_id]),),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def token(key: str, digest: str, state: str, names: Sequence[Alias], below: Sequence[str]) -> str:
    """A short text that changes whenever one of these facts does."""
    text = json.dumps([key, digest, state, [[a.name, a.protected, a.scope] for a in names], below])
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def read(conn: sqlite3.Connection, keys: Sequence[str]) -> Mapping[str, Facts]:
    """The facts of those versions that are there, in the given order."""
    found: dict[str, Facts] = {}
    for group in chunks(tuple(dict.fromkeys(keys))):
        rows = ids(conn, group)
        numbers = [row[0] for row in rows.values()]
        held, below = aliases(conn, numbers), dependents(conn, numbers)
        named = names(conn, numbers)
        for key in group:
            if key not in rows:
                continue
            number, state, digest = rows[key]
            mine, under = tuple(held.get(number, ())), tuple(below.get(number, ()))
            collection, label, kind = named[number]
            found[key] = Facts(
                key=key,
                digest=digest,
                state=VersionState(state),
                aliases=mine,
                dependents=under,
                token=token(key, digest, state, mine, under),
                collection=collection,
                label=label,
                type=kind,
            )
    return found
