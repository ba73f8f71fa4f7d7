"""From the catalog's `picked` table to candidates: names, sizes and facts, in a few statements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Action, Candidate
from artifact_tui.model import Alias, Facts, Link, VersionState
from artifact_tui.query.expressions import LINEAGE_KNOWN
from artifact_tui.schema import as_number, as_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

# Nothing can be asked or deleted by a key that is no text.
_KEPT = f"""CASE typeof(v.key) WHEN 'text' THEN {as_text("v.kept")}
  ELSE 'another program wrote its key: artifact-tui fsck names the row' END"""

_VERSIONS = f"""
SELECT v.id, {as_text("v.key")}, {as_text("c.key")}, {as_text("c.name")}, {as_text("v.label")},
  {as_text("c.type")}, {as_number("v.size")}, {as_text("v.digest")}, v.state,
  ifnull({as_text("v.source_key")}, ''), {_KEPT}, {LINEAGE_KNOWN}, v.generated,
  {as_number("v.created_us")}
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id
ORDER BY c.name, c.id, v.ordinal"""

_ALIASES = f"""
SELECT a.version_id, {as_text("a.name")}, a.protected, {as_text("a.scope")}
FROM picked p CROSS JOIN alias a ON a.version_id = p.version_id"""

_LINKS = f"""
SELECT l.version_id, {as_text("l.key")}, {as_text("l.name")}
FROM picked p CROSS JOIN link l ON l.version_id = p.version_id"""

# The nearest live versions below each picked one: through the trash, and no further. Those of
# collections that are not listed here are told by name only.
_DEPENDENTS = f"""
WITH RECURSIVE below(root, id) AS (
  SELECT p.version_id, e.child_id FROM picked p CROSS JOIN edge e ON e.parent_id = p.version_id
  UNION
  SELECT b.root, e.child_id FROM below b CROSS JOIN version t ON t.id = b.id
  CROSS JOIN edge e ON e.parent_id = t.id WHERE t.state = 'trash')
SELECT b.root, {as_text("v.key")}, c.name || ':' || v.label
FROM below b CROSS JOIN version v ON v.id = b.id JOIN collection c ON c.id = v.collection_id
WHERE v.state <> 'trash' AND v.id <> b.root
UNION
SELECT p.version_id, r.key, r.name FROM picked p
CROSS JOIN relative r ON r.version_id = p.version_id WHERE r.up = 0
UNION
SELECT b.root, r.key, r.name FROM below b CROSS JOIN version t ON t.id = b.id
CROSS JOIN relative r ON r.version_id = t.id WHERE r.up = 0 AND t.state = 'trash'"""

_EMPTIED = f"""
SELECT {as_text("c.name")}, count(*)
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id GROUP BY c.id
HAVING count(*) = (SELECT count(*) FROM version w WHERE w.collection_id = c.id AND {{counted}})
ORDER BY count(*) DESC, c.name"""


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates in the order of the review, and the names of all that was made from them."""

    candidates: list[Candidate]
    names: dict[str, str]


def read(conn: sqlite3.Connection, requested: Collection[str]) -> Found:
    """Everything about the picked versions; those not `requested` joined as dependents."""
    aliases: defaultdict[int, list[Alias]] = defaultdict(list)
    for version_id, name, protected, scope in conn.execute(_ALIASES):
        aliases[version_id].append(Alias(name, bool(protected), scope))
    links: defaultdict[int, list[Link]] = defaultdict(list)
    for version_id, key, name in conn.execute(_LINKS):
        links[version_id].append(Link(key, name))
    dependents: defaultdict[int, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for root, key, name in conn.execute(_DEPENDENTS):
        dependents[root].add(key)
        names[key] = name
    candidates = [
        Candidate(
            key=row[1],
            collection=row[3],
            label=row[4],
            type=row[5],
            size=0 if row[9] else row[6],
            facts=Facts(
                key=row[1],
                digest=row[7],
                state=VersionState(row[8]),
                aliases=tuple(sorted(aliases[row[0]])),
                dependents=tuple(sorted(dependents[row[0]])),
                lineage_known=bool(row[11]),
                source_key=row[9],
                links=tuple(sorted(links[row[0]])),
                kept=row[10],
                generated=bool(row[12]),
                collection=row[3],
                label=row[4],
                type=row[5],
            ),
            added_as_dependent=row[1] not in requested,
            collection_key=row[2],
            created_us=row[13],
        )
        for row in conn.execute(_VERSIONS)
    ]
    return Found(candidates, names)


def emptied(conn: sqlite3.Connection, action: Action) -> tuple[tuple[str, int], ...]:
    """Collections of which every version is picked: name and count, largest first.

    A deletion leaves what is in the trash out of account; a purge does not.
    """
    counted = "1" if action is Action.PURGE else "w.state <> 'trash'"
    return tuple(conn.execute(_EMPTIED.format(counted=counted)).fetchall())
