"""A review: from a selection to a judged draft, and what must be typed before it is applied.

Where lineage is told only for the asking, the registry is asked about the selection first, and
about all that was made from it when that is to go too. Where a registry tells only what models
were made from, every model that nobody asked yet is asked: any may have been made from these.

A whole collection is offered when every live version of it goes anyway. It stands before its
versions in the order, after all that must go before any of them; should it turn out to have
changed, its versions are still there to be deleted one by one, in the order of the plan.

The greater the harm, the more must be typed. It is always something that is on the screen as well,
in its safe form; a name that cannot be typed gives way to the registry's, and that to the count.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.catalog import connect
from artifact_tui.catalog import marks as picking
from artifact_tui.catalog.catalog_rows import snapshot
from artifact_tui.catalog.lineage import (
    LineageProgress,
    ask_lineage,
    lineage_coverage,
    scan_lineage,
)
from artifact_tui.catalog.listing import last_synced_us
from artifact_tui.clients.base import AskedLineage, LineageScan
from artifact_tui.database import as_number, as_text
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.checks import components, judge, levels_of, lost_aliases, needs_first
from artifact_tui.deletion.items import (
    COLLECTION,
    Action,
    Candidate,
    Item,
    Options,
    Reason,
    Verdict,
)
from artifact_tui.deletion.plan import (
    Draft,
    Freeing,
    Head,
    Status,
    WholeCollection,
    most_first,
    summarise,
)
from artifact_tui.errors import ConfirmationError, PlanError
from artifact_tui.model import Alias, Capabilities, Facts, Link, VersionState, now_us
from artifact_tui.query.sql import LINEAGE_KNOWN

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import PickedBytes
    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.checks import Judgement
    from artifact_tui.deletion.plan import Plan, Summary
    from artifact_tui.model import Identity


async def ask_what_is_needed(
    client: Client,
    catalog_path: Path,
    selection: Selection,
    options: Options,
    *,
    collections: Sequence[str] = (),
    marks: Path | None = None,
    progress: Callable[[LineageProgress], object] | None = None,
) -> LineageProgress | None:
    """Bring the catalog up to what a review of this selection needs to know.

    Args:
        client: the registry.
        catalog_path: its catalog, synced before.
        selection: as for `build.build_plan`.
        options: what will be asked of the plan: with dependents, theirs are asked for too.
        collections: as for `build.build_plan`.
        marks: the file of the marks, for the selection `marked`.
        progress: called with how far it is.

    Returns:
        How far it got; None where nothing had to be asked, as at registries that tell by a sync.

    Raises:
        RegistryError: the registry could not be asked, or the catalog cannot be used.
    """  # fmt: skip
    scanned = client.capabilities.scanned_lineage and isinstance(client, LineageScan)
    if options.action is not Action.DELETE or not (scanned or isinstance(client, AskedLineage)):
        return None
    keys = await asyncio.to_thread(_keys_to_ask, catalog_path, marks, selection, collections)
    if isinstance(client, AskedLineage):
        return await ask_lineage(
            client, catalog_path, keys, closure=options.with_dependents, progress=progress
        )
    if not keys or not isinstance(client, LineageScan):
        return None
    tell = None if progress is None else lambda found: progress(models_asked(found))
    return models_asked(await scan_lineage(client, catalog_path, progress=tell))


def models_asked(found: LineageCoverage) -> LineageProgress:
    """How far the questions about what models were made from are."""
    untold = found.total - found.scanned
    return LineageProgress(asked=found.total, total=found.total, untold=untold, models=True)


def _keys_to_ask(
    path: Path, marks: Path | None, selection: Selection, collections: Sequence[str]
) -> tuple[str, ...]:
    with closing(connect(path, marks=marks)) as conn:
        return pick_request(conn, selection, collections)


_LIKE_LOCAL = Capabilities(soft_delete=True, restore=True, purge=True, garbage_collection=True)

_ALL_OF = """
INSERT OR IGNORE INTO temp.picked SELECT v.id FROM json_each(?) j
CROSS JOIN collection c ON c.key = j.value CROSS JOIN version v ON v.collection_id = c.id
WHERE v.state <> 'trash'"""


def build_plan(
    conn: sqlite3.Connection,
    *,
    identity: Identity,
    name: str,
    selection: Selection,
    options: Options,
    production: bool = False,
    read_only: bool = False,
    now_us: int,
    actor: str = "",
    query_text: str = "",
    capabilities: Capabilities | None = None,
    collections: Sequence[str] = (),
) -> Draft:
    """Judge a selection of one registry's catalog; nothing is written anywhere.

    `conn` is a catalog connection (`catalog.connect`); its `picked` table is used. Keys that the
    catalog does not know are left out. Without `capabilities` a registry with a trash and a
    garbage collection is assumed, as the local one. `collections` are keys (`whole_review.keys_of`
    gives those of a name): all versions of these are selected as well, and an empty one is deleted
    itself, where the registry can do that.
    """
    head = Head(
        id=uuid.uuid4().hex,
        identity=identity,
        registry=name,
        options=options,
        created_us=now_us,
        facts_us=last_synced_us(conn) or now_us,
        actor=actor,
        query=query_text,
        production=production,
        read_only=read_only,
    )
    with snapshot(conn):
        asked = _Request(pick_request(conn, selection, collections), tuple(collections))
        return _build(conn, head, asked, capabilities)


def with_options(conn: sqlite3.Connection, draft: Draft, options: Options, *, now_us: int) -> Draft:
    """The same selection judged again, from fresh facts, with other consents."""
    head = replace(
        draft.head,
        id=uuid.uuid4().hex,
        options=options,
        created_us=now_us,
        facts_us=last_synced_us(conn) or now_us,
    )
    with snapshot(conn):
        picking.pick_keys(conn, draft.requested)
        asked = _Request(draft.requested, draft.collections)
        return _build(conn, head, asked, draft.capabilities)


@dataclass(frozen=True, slots=True)
class _Request:
    """What was selected, before dependents joined: keys."""

    versions: tuple[str, ...]
    collections: tuple[str, ...]


def pick_request(
    conn: sqlite3.Connection, selection: Selection, collections: Sequence[str] = ()
) -> tuple[str, ...]:
    """Pick a selection, and every live version of these collections; the keys of all of it."""
    picking.pick(conn, selection)
    conn.execute(_ALL_OF, (json.dumps(list(collections)),))
    rows = conn.execute(
        "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id ORDER BY v.id"
    )
    return tuple(row[0] for row in rows)


def _build(
    conn: sqlite3.Connection, head: Head, asked: _Request, capabilities: Capabilities | None
) -> Draft:
    options = head.options
    if options.with_dependents and options.action is Action.DELETE:
        picking.pick_dependents(conn)
    found = read_candidates(conn, frozenset(asked.versions))
    coverage = lineage_coverage(conn)
    judged = judge(
        found.candidates, options,
        read_only=head.read_only, names=found.names, coverage=coverage, now_us=head.created_us,
    )  # fmt: skip
    items = tuple(
        _judged_item(seq, candidate, judgement)
        for seq, (candidate, judgement) in enumerate(
            zip(found.candidates, judged, strict=True), start=1
        )
    )
    going = [item.key for item in items if item.verdict is Verdict.DELETE]
    whole: list[WholeCollection] = []
    if _can_delete_whole(options, capabilities):
        homes = {one.key: one.collection_key for one in found.candidates}
        items, whole = _with_wholes(conn, head, asked, items, homes)
    picking.pick_keys(conn, going)
    freed = picking.picked_bytes(conn)
    summary = summarise(
        items,
        action=options.action,
        freeing=_freeing_of(options.action, capabilities, freed),
        emptied=emptied_collections(conn, options.action),
        whole=whole,
        coverage=coverage,
        names=found.names,
    )
    return Draft(head, items, summary, asked.versions, found.names, asked.collections, capabilities)


def _can_delete_whole(options: Options, capabilities: Capabilities | None) -> bool:
    can = capabilities is not None and capabilities.collection_delete
    return can and options.action is Action.DELETE


def _with_wholes(
    conn: sqlite3.Connection,
    head: Head,
    asked: _Request,
    items: tuple[Item, ...],
    homes: Mapping[str, str],
) -> tuple[tuple[Item, ...], list[WholeCollection]]:
    """The items with whole collections among them, and those that one request could delete."""
    going = {homes[item.key] for item in items if item.verdict is Verdict.DELETE}
    listed = read_collections(conn, going | set(asked.collections))
    offers = offer_collections(items, homes, listed)
    used = choose_collections(offers, head.options)
    whole = whole_collections_of(offers, items, homes, used)
    if used:
        items = put_among_items(items, homes, used, read_only=head.read_only)
    return items, whole


def _freeing_of(action: Action, capabilities: Capabilities | None, found: PickedBytes) -> Freeing:
    """What the deletion frees, and what must happen after the plan before bytes are free."""
    can = capabilities or _LIKE_LOCAL
    trash = action is Action.DELETE and can.soft_delete
    steps = ["purge"] if trash and can.purge else []
    steps += ["gc"] if can.garbage_collection else []
    own = can.freeing if not steps else ""
    after = own or " and ".join(steps) or ("its own garbage collection" if trash else "")
    return Freeing(
        freed=found.freed,
        untold=found.unknown_count,
        charged=found.charged,
        after=after,
        own_words=bool(own),
        no_way_back=action is Action.DELETE and not (can.restore or can.recreate),
    )


def _judged_item(seq: int, candidate: Candidate, judgement: Judgement) -> Item:
    return Item(
        seq=seq,
        level=judgement.level,
        key=candidate.key,
        collection=candidate.collection,
        label=candidate.label,
        type=candidate.type,
        size=candidate.size,
        facts=candidate.facts,
        verdict=judgement.verdict,
        reason=judgement.reason,
        detail=judgement.detail,
        added_as_dependent=candidate.added_as_dependent,
        outside_dependents=judgement.outside,
    )


# Nothing can be asked or deleted by a key that is no text.
_CANDIDATE_KEPT = f"""CASE typeof(v.key) WHEN 'text' THEN {as_text("v.kept")}
  ELSE 'another program wrote its key: artifact-tui fsck names the row' END"""

_CANDIDATE_VERSIONS = f"""
SELECT v.id, {as_text("v.key")}, {as_text("c.key")}, {as_text("c.name")}, {as_text("v.label")},
  {as_text("c.type")}, {as_number("v.size")}, {as_text("v.digest")}, v.state,
  ifnull({as_text("v.source_key")}, ''), {_CANDIDATE_KEPT}, {LINEAGE_KNOWN}, v.generated,
  {as_number("v.created_us")}
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id
ORDER BY c.name, c.id, v.ordinal"""

_CANDIDATE_ALIASES = f"""
SELECT a.version_id, {as_text("a.name")}, a.protected, {as_text("a.scope")}
FROM picked p CROSS JOIN alias a ON a.version_id = p.version_id"""

_CANDIDATE_LINKS = f"""
SELECT l.version_id, {as_text("l.key")}, {as_text("l.name")}
FROM picked p CROSS JOIN link l ON l.version_id = p.version_id"""

# The nearest live versions below each picked one: through the trash, and no further. Those of
# collections that are not listed here are told by name only.
_CANDIDATE_DEPENDENTS = f"""
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
class Candidates:
    """Candidates in the order of the review, and the names of all that was made from them."""

    candidates: list[Candidate]
    names: dict[str, str]


def read_candidates(conn: sqlite3.Connection, requested: Collection[str]) -> Candidates:
    """Everything about the picked versions; those not `requested` joined as dependents."""
    aliases: defaultdict[int, list[Alias]] = defaultdict(list)
    for version_id, name, protected, scope in conn.execute(_CANDIDATE_ALIASES):
        aliases[version_id].append(Alias(name, bool(protected), scope))
    links: defaultdict[int, list[Link]] = defaultdict(list)
    for version_id, key, name in conn.execute(_CANDIDATE_LINKS):
        links[version_id].append(Link(key, name))
    dependents: defaultdict[int, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for root, key, name in conn.execute(_CANDIDATE_DEPENDENTS):
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
        for row in conn.execute(_CANDIDATE_VERSIONS)
    ]
    return Candidates(candidates, names)


def emptied_collections(conn: sqlite3.Connection, action: Action) -> tuple[tuple[str, int], ...]:
    """Collections of which every version is picked: name and count, largest first.

    A deletion leaves what is in the trash out of account; a purge does not.
    """
    counted = "1" if action is Action.PURGE else "w.state <> 'trash'"
    return tuple(conn.execute(_EMPTIED.format(counted=counted)).fetchall())


_COLLECTIONS = """
SELECT c.key, c.name, c.type, c.links, (SELECT count(*) FROM version v
  WHERE v.collection_id = c.id AND v.state <> 'trash')
FROM json_each(?) j CROSS JOIN collection c ON c.key = j.value"""


@dataclass(frozen=True, slots=True)
class ListedCollection:
    """A collection as the catalog shows it."""

    key: str
    name: str
    type: str
    links: bool
    live: int
    """Its versions, those in the trash left out."""


def read_collections(conn: sqlite3.Connection, keys: Iterable[str]) -> dict[str, ListedCollection]:
    """These collections, by key; those that the catalog does not know are left out."""
    rows = conn.execute(_COLLECTIONS, (json.dumps(sorted(keys)),))
    found = (
        ListedCollection(key, name, kind, bool(links), live)
        for key, name, kind, links, live in rows
    )
    return {one.key: one for one in found}


def collection_keys_of(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The keys of the collections with this name; there is one of each type at most."""
    rows = conn.execute("SELECT key FROM collection WHERE name = ? ORDER BY id", (name,))
    return tuple(row[0] for row in rows)


def offer_collections(
    items: Sequence[Item], homes: Mapping[str, str], collections: Mapping[str, ListedCollection]
) -> list[ListedCollection]:
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


def whole_collections_of(
    found: Sequence[ListedCollection],
    items: Sequence[Item],
    homes: Mapping[str, str],
    used: Sequence[ListedCollection],
) -> list[WholeCollection]:
    """The same for the review: what else goes with each of them, and whether the plan does it."""
    going = {item.key for item in items if item.verdict is Verdict.DELETE}
    broken: defaultdict[str, Counter[str]] = defaultdict(Counter)
    aliases: Counter[str] = Counter()
    for item in items:
        home = homes[item.key]
        aliases[home] += len(lost_aliases(item.facts))
        broken[home].update(link.name for link in item.facts.links if link.key not in going)
    return [
        WholeCollection(
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


def put_among_items(
    items: Sequence[Item],
    homes: Mapping[str, str],
    found: Sequence[ListedCollection],
    *,
    read_only: bool,
) -> tuple[Item, ...]:
    """The items of a plan with these collections among them, each before its versions."""
    wholes = {one.key: one for one in found}
    facts = {item.key: item.facts for item in items if item.verdict is Verdict.DELETE}
    inside = {key: homes[key] for key in facts if homes[key] in wholes}
    levels = levels_of(_collection_graph(facts, inside, wholes))
    made: list[Item] = []
    seqs: dict[str, int] = {}

    def add(one: ListedCollection) -> None:
        seqs[one.key] = len(made) + 1
        made.append(
            _collection_item(
                one, len(made) + 1, levels[_collection_node(one.key)], read_only=read_only
            )
        )

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


def choose_collections(
    found: Sequence[ListedCollection], options: Options
) -> list[ListedCollection]:
    """Those that the plan deletes by one request: empty ones can go in no other way."""
    return [one for one in found if options.whole_collections or one.live == 0]


def _collection_item(one: ListedCollection, seq: int, level: int, *, read_only: bool) -> Item:
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


def _collection_node(collection_key: str) -> str:
    """A collection as a node: no version has a key with this in front."""
    return f"\0{collection_key}"


def _collection_graph(
    facts: Mapping[str, Facts], inside: Mapping[str, str], wholes: Iterable[str]
) -> dict[str, list[str]]:
    """What must go before each version, and before each whole collection."""
    graph = needs_first(facts)
    needs: dict[str, set[str]] = {_collection_node(key): set() for key in wholes}
    for key, home in inside.items():
        needs[_collection_node(home)].update(k for k in graph[key] if inside.get(k) != home)
        graph[key].append(_collection_node(home))
    return graph | {node: sorted(keys) for node, keys in needs.items()}


def _in_circles(facts: Mapping[str, Facts], homes: Mapping[str, str]) -> set[str]:
    """Collections that could not go before, nor after, another: each needs the other to be first.

    A circle inside one collection is no matter: all of it goes by the same request.
    """
    tied = {key: needs for key, needs in needs_first(facts).items() if needs}
    involved = tied.keys() | {key for needs in tied.values() for key in needs}
    inside = {key: homes[key] for key in involved if key in homes}
    wholes = {_collection_node(home): home for home in inside.values()}
    graph = _collection_graph({key: facts[key] for key in involved}, inside, wholes.values())
    circles = (part for part in components(graph) if len(part) > 1)
    return {wholes[node] for part in circles for node in part if node in wholes}


FEW = 10
"""Up to this many plain versions need only a `y`."""

NAME_LIMIT = 40
"""The name of a collection that is longer is not asked for."""

REGISTRY_LIMIT = 80
"""Nor is a longer name or address of a registry."""


class ChallengeKind(StrEnum):
    """What the challenge asks for."""

    NOTHING = "nothing"
    """There is nothing to delete, so nothing to confirm."""
    YES = "yes"
    COUNT = "count"
    COLLECTION = "collection"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What to type, and why that much; all of it is safe to show."""

    kind: ChallengeKind
    expected: str
    prompt: str
    """Such as `type 3391 to delete`."""
    why: str = ""
    """The harm that asks for it; empty for a plain `y`."""


def challenge(summary: Summary, production: bool, registry_name: str) -> Challenge:  # noqa: FBT001
    """What must be typed for this plan. The registry's name may be untrusted text."""
    count = summary.deletes
    if count == 0:
        return Challenge(ChallengeKind.NOTHING, "", "nothing to delete")
    kind, why = _harm(summary, production=production)
    expected = ""
    if kind is ChallengeKind.COLLECTION:
        expected = typeable(_lost_collections(summary)[0], NAME_LIMIT)
        kind = kind if expected else ChallengeKind.REGISTRY
    if kind is ChallengeKind.REGISTRY:
        expected = typeable(registry_name, REGISTRY_LIMIT)
        kind = kind if expected else ChallengeKind.COUNT
    if kind is ChallengeKind.COUNT:
        expected = str(count)
    elif kind is ChallengeKind.YES:
        expected = "y"
    verb = "purge" if summary.action is Action.PURGE else "delete"
    if summary.unlinks == count:
        verb = "unlink"
    return Challenge(kind, expected, f"type {expected} to {verb}", why)


def _lost_collections(summary: Summary) -> list[str]:
    """Collections that lose every version, and empty ones that go themselves."""
    empty = [one.name for one in summary.whole if one.used and one.versions == 0]
    return [name for name, _ in summary.emptied] + empty


def _harm(summary: Summary, *, production: bool) -> tuple[ChallengeKind, str]:
    """The greatest harm in the plan: what it asks for, and in words."""
    lost = len(_lost_collections(summary))
    whole = any(one.used for one in summary.whole)
    harms = (
        (production, ChallengeKind.REGISTRY, "this registry is marked production"),
        (
            summary.orphaned > 0,
            ChallengeKind.REGISTRY,
            f"{text.plural(summary.orphaned, 'live version')} will lose a parent",
        ),
        (
            summary.empty_registry,
            ChallengeKind.REGISTRY,
            "the registry lists nothing, and is said to be empty",
        ),
        (
            summary.for_good,
            ChallengeKind.REGISTRY,
            f"{text.plural(summary.objects, 'stored object')} will be removed for good",
        ),
        (
            lost > 1,
            ChallengeKind.REGISTRY,
            f"{lost} collections {'go with all in them' if whole else 'lose every version'}",
        ),
        (
            lost == 1,
            ChallengeKind.COLLECTION,
            "the whole collection goes" if whole else "the collection loses every version",
        ),
        (bool(summary.linked), ChallengeKind.COUNT, "links in other collections break"),
        (bool(summary.aliases), ChallengeKind.COUNT, "aliases go too"),
        (summary.objects > 0, ChallengeKind.COUNT, "stored objects go too"),
        (summary.deletes > FEW, ChallengeKind.COUNT, ""),
    )
    return next(((kind, why) for so, kind, why in harms if so), (ChallengeKind.YES, ""))


def typeable(name: str, limit: int) -> str:
    """The (untrusted) name, when it can be typed as it is shown; else nothing."""
    good = name == text.safe(name) == name.strip() and len(name) <= limit
    return name if good else ""


def matches(challenge: Challenge, typed: str) -> bool:
    """Whether what was typed is what was asked for, to the letter. Nothing typed never is."""
    return challenge.expected != "" and typed.strip() == challenge.expected


def challenge_of(plan: Plan) -> Challenge:
    """The challenge for a plan file: of one that was not made here, the registry's name is typed.

    What such a file says about itself may be less than what it does.
    """
    target = plan_file.target_of(plan)
    production = plan.head.production or target.production
    if plan_file.is_made(plan):
        return challenge(plan.summary, production, plan.head.registry)
    asked = challenge(plan.summary, True, target.name)  # noqa: FBT003 - the greatest harm
    if asked.kind is ChallengeKind.NOTHING or production:
        return asked
    return replace(asked, why="this plan was not made here")


def confirm(plan: Plan, typed: str, *, actor: str) -> None:
    """Write into a plan that a person typed what was asked; only then can it be applied.

    Raises:
        ConfirmationError: something else was typed, or there is nothing to delete.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    asked = challenge_of(plan)
    if not matches(asked, typed):
        expected = f"expected {asked.expected}" if asked.expected else asked.prompt
        raise ConfirmationError(
            f"Not confirmed: {expected}. Nothing was deleted.", hint=f"To go on, {asked.prompt}."
        )
    _mark_confirmed(plan, actor)


def confirm_count(plan: Plan, expected: int, *, actor: str) -> None:
    """As `confirm`, for a script that says how many versions it expects to be deleted.

    Raises:
        ConfirmationError: the plan deletes another number of versions, or none.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    count = plan.summary.deletes
    if count != expected or count == 0:
        what = text.plural(count, plan.summary.noun)
        raise ConfirmationError(
            f"The plan {plan.path} deletes {what}, not {expected}. Nothing was deleted.",
            hint="Review the plan, then give the number that it shows.",
        )
    _mark_confirmed(plan, actor)


def _mark_confirmed(plan: Plan, actor: str) -> None:
    sql = """UPDATE journal SET status=CASE status WHEN 'draft' THEN ? ELSE status END,
        confirmed_us=?, confirmed_by=? WHERE status NOT IN ('finished','cancelled')"""
    if plan.write(sql, (Status.CONFIRMED, now_us(), actor)):
        plan_file.note_confirmed(plan)
    else:
        raise PlanError(
            f"The plan {plan.path} has been applied already ({plan.status}).",
            hint=f"What happened to each: artifact-tui report {quote(str(plan.path))}",
        )
