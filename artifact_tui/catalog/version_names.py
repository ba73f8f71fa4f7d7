"""Versions by the names that people type, who holds an alias, and the values that exist."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import chain
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_rows import refs_of, rows_of, snapshot
from artifact_tui.database import as_text
from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.query.filter_fields import STATES
from artifact_tui.query.filter_tree import TextPattern
from artifact_tui.query.sql import glob

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRef, VersionRow
    from artifact_tui.query.filter_tree import TextTerm

    _Groups = dict[str, list[tuple[str, str]]]
    """By collection or type: names in it, and the texts that are so read."""


_THESE = "IN (SELECT j.value FROM json_each(:names) j)"

_BY_LABEL = f"""
SELECT v.label, v.id FROM collection c CROSS JOIN version v ON v.collection_id = c.id
WHERE c.name = :group AND v.label {_THESE}"""

# `+`: else each version would be looked up under every one of the names.
_BY_ALIAS = f"""
SELECT a.name, v.id FROM collection c CROSS JOIN version v ON v.collection_id = c.id
CROSS JOIN alias a ON a.version_id = v.id
WHERE c.name = :group AND a.scope = '' AND +a.name {_THESE}
UNION SELECT a.name, a.version_id FROM alias a WHERE a.scope = :group AND a.name {_THESE}"""
"""With `+` the aliases of each version are read; without, each version is asked for each name."""

_BY_TYPE = f"""
SELECT v.label, v.id FROM collection c CROSS JOIN version v ON v.collection_id = c.id
WHERE c.type = :group AND v.label {_THESE}"""

_BY_KEY = "SELECT j.value, v.id FROM json_each(?) j CROSS JOIN version v ON v.key = j.value"

_KEYS = "SELECT v.id FROM json_each(?) j CROSS JOIN version v ON v.key = j.value ORDER BY j.key"

_VALUES = {
    "name": "name FROM collection",
    "type": "type FROM collection",
    "version": "label FROM version",
    "alias": "name FROM alias",
    "tag": "name FROM tag",
    "registry": "name FROM link",
    "run": "nullif(run, '') FROM version",
}
_NEAREST = 3


def find_version(conn: sqlite3.Connection, name: str) -> VersionRow:
    """The version that `COLLECTION:LABEL`, `COLLECTION:ALIAS`, `TYPE/ID` or a key names.

    A label goes before an alias, and both before the others.

    Raises:
        NotFoundError: nothing has this name; the hint holds the nearest ones.
        UsageError: it does not say which version, or several have this name.
    """
    collection, _, label = name.rpartition(":")
    with snapshot(conn):
        ways = (found[name] for found in _ids_by_ways(conn, [name]))
        ids = next((found for found in ways if found), set[int]())
        if len(ids) > 1:
            raise UsageError(
                f"{name} names more than one version.",
                hint="Name it by its key, which `artifact-tui ls --versions --json` prints.",
            )
        if ids:
            rows = rows_of(conn, list(ids))
            if not rows:
                raise NotFoundError(
                    f"{name} is there, but its collection is not.",
                    hint="The database is damaged: `artifact-tui fsck` checks a local registry.",
                )
            return rows[0]
        if not collection or not label:
            raise UsageError(
                f"{name} does not say which version.",
                hint="Write COLLECTION:VERSION or COLLECTION:ALIAS, such as resnet50:v12.",
            )
        raise _not_found(conn, collection, label)


def ids_by_names(conn: sqlite3.Connection, texts: Sequence[str]) -> dict[str, set[int]]:
    """The ids of all versions that each text may name, in whatever way."""
    with snapshot(conn):
        ways = list(_ids_by_ways(conn, texts))
    return {text: set[int]().union(*(found[text] for found in ways)) for text in texts}


def _ids_by_ways(
    conn: sqlite3.Connection, texts: Sequence[str]
) -> Iterator[Mapping[str, set[int]]]:
    """The ids that each text names by a label, then by an alias, then by a key or `TYPE/ID`."""
    named, typed = _grouped(texts, ":"), _grouped(texts, "/")
    yield _ids_in(conn, _BY_LABEL, named)
    yield _ids_in(conn, _BY_ALIAS, named)
    types = {kind for (kind,) in conn.execute("SELECT DISTINCT type FROM collection")}
    keys = _ids_in(conn, _BY_TYPE, {kind: typed[kind] for kind in types & typed.keys()})
    for text, number in ids_by_keys(conn, texts).items():
        keys[text].add(number)
    yield keys


def _grouped(texts: Iterable[str], sign: str) -> _Groups:
    groups: _Groups = defaultdict(list)
    for text in texts:
        group, _, name = text.rpartition(sign) if sign == ":" else text.partition(sign)
        groups[group].append((name, text))
    return groups


def _ids_in(conn: sqlite3.Connection, query: str, groups: _Groups) -> dict[str, set[int]]:
    """By text: the ids that a query tells of its name in its group."""
    found: dict[str, set[int]] = defaultdict(set)
    for group, wanted in groups.items():
        known: dict[str, set[int]] = defaultdict(set)
        names = json.dumps([name for name, _ in wanted])
        for name, number in conn.execute(query, {"group": group, "names": names}):
            known[name].add(number)
        for name, text in wanted:
            found[text] |= known[name]
    return found


def ids_by_keys(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, int]:
    """The ids of the versions with these keys; those that are gone are left out."""
    return dict(conn.execute(_BY_KEY, (json.dumps(list(keys)),)).fetchall())


def rows_by_keys(conn: sqlite3.Connection, keys: Sequence[str]) -> tuple[VersionRow, ...]:
    """The versions with these keys, in this order; those that are gone are left out."""
    with snapshot(conn):
        ids = list(chain.from_iterable(conn.execute(_KEYS, (json.dumps(keys),))))
        return rows_of(conn, ids)


def existing_values(
    conn: sqlite3.Connection, field: str, prefix: str, limit: int = 50
) -> tuple[str, ...]:
    """Values of a text field that begin with `prefix` in any case, sorted; at most `limit`."""
    if field == "state":
        return tuple(state for state in STATES if state.startswith(prefix.lower()))[:limit]
    if field not in _VALUES:
        return ()
    found = conn.execute(
        f"SELECT DISTINCT {as_text('value')} FROM ({_value(field)})"
        " WHERE value GLOB :prefix ORDER BY value COLLATE NOCASE, value LIMIT :limit",
        {"prefix": glob(TextPattern((prefix, "")), fold=True), "limit": limit},
    )
    return tuple(chain.from_iterable(found))


def value_exists(conn: sqlite3.Connection, term: TextTerm) -> bool:
    """Whether anything here has what a term asks for, in whatever state."""
    pattern = term.pattern
    if term.bare:
        part = pattern.literal is not None
        sign, value = "GLOB", glob(pattern, part=part, fold=True)
    elif pattern.literal is None:
        sign, value = "GLOB", glob(pattern)
    else:
        sign, value = "=", pattern.literal
    found = conn.execute(
        f"SELECT 1 FROM ({_value(term.field)}) WHERE value {sign} ? LIMIT 1", (value,)
    )
    return found.fetchone() is not None


def _value(field: str) -> str:
    """A query for all values of a text field."""
    return f"SELECT {_VALUES[field].replace(' FROM', ' AS value FROM')}"


def _not_found(conn: sqlite3.Connection, collection: str, label: str) -> NotFoundError:
    """The error for a name that nothing has, with the nearest names."""
    ids = list(
        chain.from_iterable(conn.execute("SELECT id FROM collection WHERE name = ?", (collection,)))
    )
    if not ids:
        names = list(
            chain.from_iterable(conn.execute(f"SELECT DISTINCT {as_text('name')} FROM collection"))
        )
        return NotFoundError(
            f"There is no collection {collection}.", hint=_did_you_mean(collection, names)
        )
    known = conn.execute(
        f"SELECT {as_text('label')} FROM version WHERE collection_id = :id UNION"
        f" SELECT {as_text('a.name')} FROM version v CROSS JOIN alias a ON a.version_id = v.id"
        " WHERE v.collection_id = :id AND a.scope = '' LIMIT 10000",
        {"id": ids[0]},
    )
    return NotFoundError(
        f"{collection} has no version and no alias {label}.",
        hint=_did_you_mean(label, list(chain.from_iterable(known))),
    )


def _did_you_mean(word: str, known: list[str]) -> str:
    """A sentence with the names nearest to `word`."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow to import, seldom needed

    folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), folded, n=_NEAREST)
    if not near:
        return "List what is there with `artifact-tui ls`."
    return f"Did you mean {' or '.join(quote(folded[name]) for name in near)}?"


_HOLDERS = """
SELECT v.collection_id, v.id FROM alias a CROSS JOIN version v ON v.id = a.version_id
WHERE a.name = :name AND a.scope = ''
AND v.collection_id IN (SELECT j.value FROM json_each(:ids) j)"""

_BESIDE = """
SELECT v.id, min(a.name) FROM version w CROSS JOIN version v ON v.collection_id = w.collection_id
CROSS JOIN alias a ON a.version_id = v.id
WHERE w.key = :key AND v.key <> :key AND v.state <> 'trash'
AND a.name IN (SELECT j.value FROM json_each(:names) j) GROUP BY v.id ORDER BY v.ordinal"""


def alias_holders(
    conn: sqlite3.Connection, alias: str, collection_ids: Iterable[int]
) -> dict[int, VersionRef]:
    """The version that holds an alias in each of these collections, by collection id."""
    with snapshot(conn):
        params = {"name": alias, "ids": json.dumps(sorted(set(collection_ids)))}
        found = conn.execute(_HOLDERS, params).fetchall()
        refs = {ref.id: ref for ref in refs_of(conn, [version for _, version in found])}
    return {collection: refs[version] for collection, version in found}


def others_with_aliases(
    conn: sqlite3.Connection, key: str, names: Iterable[str]
) -> tuple[tuple[VersionRef, str], ...]:
    """Other versions of the same collection that have one of these aliases, each with its name."""
    with snapshot(conn):
        params = {"key": key, "names": json.dumps(sorted(set(names)))}
        found = dict(conn.execute(_BESIDE, params).fetchall())
        return tuple((ref, found[ref.id]) for ref in refs_of(conn, list(found)))


def types_of_name(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The types of the collections with this name, sorted; none when there is no such."""
    found = conn.execute("SELECT DISTINCT type FROM collection WHERE name = ? ORDER BY 1", (name,))
    return tuple(chain.from_iterable(found))
