"""What a review says, worked out from objects in memory: the SQL of `judging` is held to it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.catalog import marks
from artifact_tui.catalog.lineage import lineage_coverage
from artifact_tui.database import as_number, as_text
from artifact_tui.deletion.checks import components, lost_aliases
from artifact_tui.deletion.items import COLLECTION, VERSION, Action, Item, Options, Reason, Verdict
from artifact_tui.deletion.plan import NAMES_SHOWN, Head, Summary, WholeCollection, most_first
from artifact_tui.deletion.review import NOBODY, emptied_collections
from artifact_tui.model import Alias, Facts, Holders, Link, VersionState
from artifact_tui.query.sql import LINEAGE_KNOWN
from tests.support.judge import KNOWN, Candidate, judge, levels_of, needs_first

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.clients.base import Client
    from tests.support.judge import Judgement

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


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates in the order of the review, and the names of all that was made from them."""

    candidates: list[Candidate]
    names: dict[str, str]


def read_candidates(
    conn: sqlite3.Connection, requested: Collection[str], holders: Holders = NOBODY
) -> Candidates:
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
                used_by=holders.by.get(row[1], ()),
            ),
            added_as_dependent=row[1] not in requested,
            collection_key=row[2],
            created_us=row[13],
        )
        for row in conn.execute(_CANDIDATE_VERSIONS)
    ]
    return Candidates(candidates, names)


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
        if item.key not in going:
            continue
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


@dataclass(frozen=True, slots=True)
class Freeing:
    """What a deletion frees, and when."""

    freed: int
    untold: int
    """As `Summary.freed_untold`."""
    charged: bool
    after: str
    """As `Summary.freed_after`."""
    own_words: bool
    """As `Summary.freeing`."""
    no_way_back: bool


def summarise(
    items: Sequence[Item],
    *,
    action: Action,
    freeing: Freeing,
    emptied: tuple[tuple[str, int], ...],
    whole: Sequence[WholeCollection] = (),
    coverage: LineageCoverage = KNOWN,
    names: Mapping[str, str],
) -> Summary:
    """The numbers of a list of items; bytes freed and emptied collections come from the catalog.

    `names` has `COLLECTION:LABEL` of each live version that stays and loses a parent, by key.
    """
    goes = [item for item in items if item.verdict is Verdict.DELETE]
    going = {item.key for item in goes}
    stays = [item for item in items if item.verdict is not Verdict.DELETE]
    verdicts = Counter(item.verdict for item in items)
    wholes = [item for item in goes if item.kind == COLLECTION]
    orphaning = [item for item in goes if item.outside_dependents]
    orphans = dict.fromkeys(key for item in orphaning for key in item.outside_dependents)
    orphan_names = dict.fromkeys(names.get(key, key) for key in orphans)
    subject = [item for item in items if item.kind == VERSION]
    rows = [item for item in subject if not item.is_link]
    filled = {item.belongs for item in subject}
    return Summary(
        action=action,
        items=len(items),
        deletes=len(goes),
        consents=verdicts[Verdict.CONSENT],
        blocked=verdicts[Verdict.BLOCKED],
        added=sum(item.added_as_dependent for item in goes),
        listed=sum(item.size or 0 for item in goes),
        unknown_sizes=sum(item.size is None for item in goes),
        freed=freeing.freed,
        freed_untold=freeing.untold,
        freed_now=not freeing.after,
        freed_after=freeing.after,
        freeing=freeing.own_words,
        charged=freeing.charged,
        no_way_back=freeing.no_way_back,
        unlinks=sum(item.is_link for item in goes),
        followed=sum(item.facts.source_key in going for item in goes if item.is_link),
        linked=_count_links(goes, going),
        consent_links=_count_links((i for i in stays if i.reason is Reason.LINKED), set()),
        whole=tuple(whole),
        wholes=len(wholes),
        cheaper=sum(max(0, one.versions - 1) for one in whole if not one.used),
        aliases=_count_aliases(goes),
        consent_aliases=_count_aliases([i for i in stays if i.verdict is Verdict.CONSENT]),
        protected_aliases=_count_aliases(
            [i for i in stays if i.reason is Reason.PROTECTED], protected_only=True
        ),
        collections=len({item.collection for item in goes}),
        emptied=emptied,
        scanned=coverage.scanned,
        models=coverage.total,
        orphaned=len(orphans),
        orphaning=len(orphaning),
        orphan_names=tuple(orphan_names)[:NAMES_SHOWN],
        generated=sum(item.facts.generated for item in goes),
        unfinished=sum(item.facts.state is VersionState.PENDING for item in goes),
        in_use=sum(bool(item.facts.used_by) for item in goes),
        users=_count_users(goes),
        consent_users=_count_users(i for i in stays if i.reason is Reason.IN_USE),
        untold=sum(item.kind == VERSION and not item.facts.lineage_known for item in goes),
        subject_versions=len(rows),
        subject_collections=len({item.collection for item in rows}),
        subject_links=len(subject) - len(rows),
        subject_empty=sum(i.kind == COLLECTION and i.seq not in filled for i in items),
        reasons=tuple(Counter(item.reason for item in stays).most_common()),
    )


def _count_aliases(
    items: Sequence[Item], *, protected_only: bool = False
) -> tuple[tuple[str, int], ...]:
    """Aliases by name; one that a link carries and its source has by that link counts once."""
    inside = {item.key for item in items if item.is_link}
    found = Counter(
        alias.name
        for item in items
        for alias in _own_aliases(item.facts, inside)
        if alias.protected or not protected_only
    )
    return most_first(found)


def _own_aliases(facts: Facts, inside: Container[str]) -> Iterator[Alias]:
    """The aliases that go with an item, but for those that a link in the list carries."""
    shown = {link.name for link in facts.links if link.key in inside}
    return (alias for alias in lost_aliases(facts) if not (alias.scope and alias.scope in shown))


def _count_links(items: Iterable[Item], going: Container[str]) -> tuple[tuple[str, int], ...]:
    """Collections that show these items by links that do not go, with how many of them."""
    links = (link for item in items for link in item.facts.links if link.key not in going)
    return most_first(Counter(link.name for link in links))


def _count_users(items: Iterable[Item]) -> tuple[tuple[str, int], ...]:
    """Processes that use these items, with how many of them."""
    return most_first(Counter(one for item in items for one in item.facts.used_by))


@dataclass(frozen=True, slots=True)
class ReferenceReview:
    """The items and the numbers of a review."""

    items: tuple[Item, ...]
    summary: Summary


def reference_review(
    conn: sqlite3.Connection,
    head: Head,
    keys: Sequence[str],
    collections: Sequence[str],
    *,
    client: Client,
    freeing: Freeing,
    holders: Holders,
) -> ReferenceReview:
    """Judge these versions and whole collections."""
    marks.pick(conn, keys)
    conn.execute(
        """INSERT OR IGNORE INTO temp.picked SELECT v.id FROM json_each(?) j
        CROSS JOIN collection c ON c.key = j.value CROSS JOIN version v ON v.collection_id = c.id
        WHERE v.state <> 'trash'""",
        (json.dumps(list(collections)),),
    )
    picked = conn.execute("SELECT key FROM version WHERE id IN (SELECT version_id FROM picked)")
    requested = frozenset(row[0] for row in picked)
    options = head.options
    if options.with_dependents and options.action is Action.DELETE:
        marks.pick_dependents(conn)
    found = read_candidates(conn, requested, holders)
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
    if client.can("delete_collection") and options.action is Action.DELETE:
        homes = {one.key: one.collection_key for one in found.candidates}
        leaving = {homes[key] for key in going}
        listed = read_collections(conn, leaving | set(collections))
        offers = offer_collections(items, homes, listed)
        used = choose_collections(offers, options)
        whole = whole_collections_of(offers, items, homes, used)
        if used:
            items = put_among_items(items, homes, used, read_only=head.read_only)
        whole = [one for one in whole if not (one.used and head.read_only)]
    marks.pick(conn, going)
    summary = summarise(
        items,
        action=options.action,
        freeing=freeing,
        emptied=emptied_collections(conn, options.action),
        whole=whole,
        coverage=coverage,
        names=found.names,
    )
    summary = replace(summary, users_unseen=holders.unseen)
    return ReferenceReview(items, summary)
