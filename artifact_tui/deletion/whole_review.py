"""Whole collections in a review: which ones a single request could delete, and in what order.

A collection is offered when every live version of it goes anyway. It stands before its versions
in the order, after all that must go before any of them; should it turn out to have changed, its
versions are still there to be deleted one by one, in the order of the plan.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.deletion.checks import lost_aliases
from artifact_tui.deletion.draft import Whole, most_first
from artifact_tui.deletion.items import COLLECTION, Item, Options, Reason, Verdict
from artifact_tui.deletion.order import before, levels_of, parts
from artifact_tui.model import Facts, VersionState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

_COLLECTIONS = """
SELECT c.key, c.name, c.type, c.links, (SELECT count(*) FROM version v
  WHERE v.collection_id = c.id AND v.state <> 'trash')
FROM json_each(?) j CROSS JOIN collection c ON c.key = j.value"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A collection as the catalog shows it."""

    key: str
    name: str
    type: str
    links: bool
    live: int
    """Its versions, those in the trash left out."""


def read(conn: sqlite3.Connection, keys: Iterable[str]) -> dict[str, Listed]:
    """These collections, by key; those that the catalog does not know are left out."""
    rows = conn.execute(_COLLECTIONS, (json.dumps(sorted(keys)),))
    found = (Listed(key, name, kind, bool(links), live) for key, name, kind, links, live in rows)
    return {one.key: one for one in found}


def keys_of(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The keys of the collections with this name; there is one of each type at most."""
    rows = conn.execute("SELECT key FROM collection WHERE name = ? ORDER BY id", (name,))
    return tuple(row[0] for row in rows)


def offered(
    items: Sequence[Item], homes: Mapping[str, str], collections: Mapping[str, Listed]
) -> list[Listed]:
    """The collections that one request each could delete, those with most versions first.

    Args:
        items: the judged versions.
        homes: the collection of each of them, both by key.
        collections: those collections, and any that were asked for by name.
    """  # fmt: skip
    going = [item for item in items if item.verdict is Verdict.DELETE]
    counts = Counter(homes[item.key] for item in going)
    full = {key for key, one in collections.items() if counts[key] == one.live}
    facts = {item.key: item.facts for item in going}
    circles = _in_circles(facts, {key: home for key, home in homes.items() if home in full})
    found = [collections[key] for key in full - circles]
    return sorted(found, key=lambda one: (-one.live, one.name, one.key))


def told(
    found: Sequence[Listed],
    items: Sequence[Item],
    homes: Mapping[str, str],
    used: Sequence[Listed],
) -> list[Whole]:
    """The same for the review: what else goes with each of them, and whether the plan does it."""
    going = {item.key for item in items if item.verdict is Verdict.DELETE}
    broken: defaultdict[str, Counter[str]] = defaultdict(Counter)
    aliases: Counter[str] = Counter()
    for item in items:
        home = homes[item.key]
        aliases[home] += len(lost_aliases(item.facts))
        broken[home].update(link.name for link in item.facts.links if link.key not in going)
    return [
        Whole(
            key=one.key,
            name=one.name,
            versions=one.live,
            links=one.links,
            broken=most_first(broken[one.key]),
            aliases=aliases[one.key],
            used=one in used,
        )
        for one in found
    ]


def joined(
    items: Sequence[Item], homes: Mapping[str, str], found: Sequence[Listed], *, read_only: bool
) -> tuple[Item, ...]:
    """The items of a plan with these collections among them, each before its versions."""
    wholes = {one.key: one for one in found}
    facts = {item.key: item.facts for item in items if item.verdict is Verdict.DELETE}
    inside = {key: homes[key] for key in facts if homes[key] in wholes}
    levels = levels_of(_graph(facts, inside, wholes))
    made: list[Item] = []
    seqs: dict[str, int] = {}

    def add(one: Listed) -> None:
        seqs[one.key] = len(made) + 1
        made.append(_item(one, len(made) + 1, levels[_node(one.key)], read_only=read_only))

    for item in items:
        home = inside.get(item.key)
        if home is not None and home not in seqs:
            add(wholes[home])
        made.append(
            replace(
                item,
                seq=len(made) + 1,
                level=levels.get(item.key, item.level),
                belongs=seqs.get(home) if home is not None else None,
            )
        )
    for one in found:
        if one.key not in seqs:
            add(one)
    return tuple(made)


def wanted(found: Sequence[Listed], options: Options) -> list[Listed]:
    """Those that the plan deletes by one request: empty ones can go in no other way."""
    return [one for one in found if options.whole_collections or one.live == 0]


def _item(one: Listed, seq: int, level: int, *, read_only: bool) -> Item:
    return Item(
        seq=seq,
        level=level,
        key=one.key,
        collection=one.name,
        label="",
        type=one.type,
        size=0,
        facts=Facts(one.key, "", VersionState.LIVE, collection=one.name, type=one.type),
        verdict=Verdict.BLOCKED if read_only else Verdict.DELETE,
        reason=Reason.READ_ONLY if read_only else Reason.NONE,
        kind=COLLECTION,
    )


def _node(collection_key: str) -> str:
    """A collection as a node: no version has a key with this in front."""
    return f"\0{collection_key}"


def _graph(
    facts: Mapping[str, Facts], inside: Mapping[str, str], wholes: Iterable[str]
) -> dict[str, list[str]]:
    """What must go before each version, and before each whole collection."""
    graph = before(facts)
    needs: dict[str, set[str]] = {_node(key): set() for key in wholes}
    for key, home in inside.items():
        needs[_node(home)].update(k for k in graph[key] if inside.get(k) != home)
        graph[key].append(_node(home))
    return graph | {node: sorted(keys) for node, keys in needs.items()}


def _in_circles(facts: Mapping[str, Facts], homes: Mapping[str, str]) -> set[str]:
    """Collections that could not go before, nor after, another: each needs the other to be first.

    A circle inside one collection is no matter: all of it goes by the same request.
    """
    tied = {key: needs for key, needs in before(facts).items() if needs}
    involved = tied.keys() | {key for needs in tied.values() for key in needs}
    inside = {key: homes[key] for key in involved if key in homes}
    wholes = {_node(home): home for home in inside.values()}
    graph = _graph({key: facts[key] for key in involved}, inside, wholes.values())
    circles = (part for part in parts(graph) if len(part) > 1)
    return {wholes[node] for part in circles for node in part if node in wholes}
