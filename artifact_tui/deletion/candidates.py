"""From the catalog's `picked` table to candidates: names, sizes and facts, in a few statements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Action, Candidate
from artifact_tui.model import Alias, Facts, VersionState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

_VERSIONS = """
SELECT v.id, v.key, c.name, v.label, c.type, v.size, v.digest, v.state
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id
ORDER BY c.name, c.id, v.ordinal"""

_ALIASES = """
SELECT a.version_id, a.name, a.protected, a.scope
FROM picked p CROSS JOIN alias a ON a.version_id = p.version_id"""

# The nearest live versions below each picked one: through the trash, and no further.
_DEPENDENTS = """
WITH RECURSIVE below(root, id) AS (
  SELECT p.version_id, e.child_id FROM picked p CROSS JOIN edge e ON e.parent_id = p.version_id
  UNION
  SELECT b.root, e.child_id FROM below b CROSS JOIN version t ON t.id = b.id
  CROSS JOIN edge e ON e.parent_id = t.id WHERE t.state = 'trash')
SELECT b.root, v.key, c.name || ':' || v.label
FROM below b CROSS JOIN version v ON v.id = b.id JOIN collection c ON c.id = v.collection_id
WHERE v.state <> 'trash'"""

_EMPTIED = """
SELECT c.name, count(*)
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id GROUP BY c.id
HAVING count(*) = (SELECT count(*) FROM version w WHERE w.collection_id = c.id AND {counted})
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
    dependents: defaultdict[int, list[str]] = defaultdict(list)
    names: dict[str, str] = {}
    for root, key, name in conn.execute(_DEPENDENTS):
        dependents[root].append(key)
        names[key] = name
    candidates = [
        Candidate(
            key=key,
            collection=collection,
            label=label,
            type=type_,
            size=size,
            facts=Facts(
                key=key,
                digest=digest,
                state=VersionState(state),
                aliases=tuple(sorted(aliases[version_id])),
                dependents=tuple(sorted(dependents[version_id])),
            ),
            added_as_dependent=key not in requested,
        )
        for version_id, key, collection, label, type_, size, digest, state in conn.execute(
            _VERSIONS
        )
    ]
    return Found(candidates, names)


def emptied(conn: sqlite3.Connection, action: Action) -> tuple[tuple[str, int], ...]:
    """Collections of which every version is picked: name and count, largest first.

    A deletion leaves what is in the trash out of account; a purge does not.
    """
    counted = "1" if action is Action.PURGE else "w.state <> 'trash'"
    return tuple(conn.execute(_EMPTIED.format(counted=counted)).fetchall())
