"""May this still be deleted? Asked right before, with facts that were just read.

Nothing here reads a registry. `Checks.check` is asked about a batch before it is sent: whatever is
not as it was reviewed is refused here, and nowhere else. `recheck` compares one item's facts, and
lets it through only when nothing has changed apart from what the plan itself has done. What the
review shows is decided in `judging`.

Lineage may run in a circle where it is told by runs: one that logs two checkpoints and reads both
back makes each from the other. No order is right for these, so all of a circle share a level. If
one of them stays, none goes that it was made from, near or far, unless dependents may lose parents.

What joined a plan as a dependent stays when all stay that somebody chose and it was made from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from artifact_tui import text
from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import (
    COLLECTION,
    DETAIL_NAMES,
    DONE,
    OBJECT,
    OPEN,
    VERSION,
    Action,
    ItemState,
    Options,
    Reason,
)
from artifact_tui.model import Alias, Facts, Link, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan

    Stays = Callable[[str], bool]
    """Whether an item of the plan, by key, is not known to be gone."""


def components(graph: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The nodes in circles, and those outside of any alone; each after all that it needs.

    These are the strongly connected components, by Tarjan's way, without recursion. Every node
    that another one needs is in the graph itself.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_nodes: dict[str, None] = {}
    for root in graph:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        open_nodes[root] = None
        work = [(root, iter(graph[root]))]
        while work:
            node, rest = work[-1]
            for needed in rest:
                if needed not in number:
                    number[needed] = low[needed] = len(number)
                    open_nodes[needed] = None
                    work.append((needed, iter(graph[needed])))
                    break
                if needed in open_nodes:
                    low[node] = min(low[node], number[needed])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == number[node]:
                    yield _closed(open_nodes, node)


def _closed(open_nodes: dict[str, None], first: str) -> list[str]:
    """Take the latest nodes, down to `first`, off the open ones."""
    found: list[str] = []
    while not found or found[-1] != first:
        found.append(open_nodes.popitem()[0])
    return found


def held_back(dependents: Mapping[str, Collection[str]], stays: Iterable[str]) -> dict[str, str]:
    """Who stays because of a dependent that stays, however far away; with that dependent.

    `dependents` are those that count, by the key of their parent.
    """
    parents: dict[str, list[str]] = {}
    for key, below in dependents.items():
        for one in below:
            parents.setdefault(one, []).append(key)
    queue = list(stays)
    found: dict[str, str] = {}
    seen = set(queue)
    while queue:
        one = queue.pop()
        for key in parents.get(one, ()):
            if key not in seen:
                seen.add(key)
                found[key] = one
                queue.append(key)
    return found


KNOWN = LineageCoverage(0, 0)
"""Of a registry that tells its lineage by itself."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item is not deleted after all; `gone` when there is nothing left to delete."""

    reason: Reason = Reason.NONE
    detail: str = ""
    keys: tuple[str, ...] = ()
    """The dependents that the reason is about."""
    gone: bool = False


def _blocked(facts: Facts, options: Options, *, old: bool) -> tuple[Reason, str]:
    """What about the version itself forbids the action: its state or a protected alias."""
    why = _state_reason(facts.state, options.action)
    if why is Reason.PENDING and old:
        why = Reason.NONE
    if why is Reason.NONE and (protected := [a for a in lost_aliases(facts) if a.protected]):
        return Reason.PROTECTED, _alias_words(protected)
    if why is Reason.NONE and facts.kept:
        return Reason.KEPT, facts.kept
    return why, ""


def lost_aliases(facts: Facts) -> tuple[Alias, ...]:
    """The aliases that go with it; unlinking takes only those that the link itself carries."""
    return tuple(a for a in facts.aliases if not (facts.source_key and a.scope))


def _consents(
    facts: Facts, broken: Sequence[Link], options: Options, coverage: LineageCoverage
) -> Iterator[tuple[Reason, str]]:
    """What the user must agree to, and has not."""
    lost = lost_aliases(facts)
    if facts.state is VersionState.PENDING and not options.unfinished:
        yield Reason.UNFINISHED, ""
    if facts.generated and not options.generated:
        yield Reason.GENERATED, ""
    if lost and not options.delete_aliases:
        yield Reason.ALIAS, _alias_words(lost)
    if broken and not options.break_links:
        yield Reason.LINKED, names_in_line(link.name for link in broken)
    if not (facts.source_key or options.unknown_lineage):
        if not coverage.complete:
            yield Reason.LINEAGE_UNKNOWN, coverage.words()
        if not facts.lineage_known:
            yield Reason.LINEAGE_UNKNOWN, ""


def _state_reason(state: VersionState, action: Action) -> Reason:
    """Why a version in this state cannot be the object of this action; NONE when it can."""
    if action is Action.PURGE:
        return Reason.NONE if state is VersionState.TRASH else Reason.NOT_IN_TRASH
    return _FORBIDS_DELETION.get(state, Reason.NONE)


_FORBIDS_DELETION = {
    VersionState.TRASH: Reason.IN_TRASH,
    VersionState.PENDING: Reason.PENDING,
}


def _alias_words(aliases: Iterable[Alias]) -> str:
    return names_in_line(f"{a.name} in {a.scope}" if a.scope else a.name for a in aliases)


def names_in_line(names: Iterable[str]) -> str:
    """Names in one line, at most `DETAIL_NAMES` of them; untrusted text as it came."""
    every = list(names)
    more = len(every) - DETAIL_NAMES
    return ", ".join(every[:DETAIL_NAMES]) + (f" and {more} more" if more > 0 else "")


def with_lineage(
    reviewed: Facts, now: Facts, planned: Callable[[str], Sequence[str] | None], still: Stays
) -> Facts:
    """Facts of a registry that cannot tell dependents, with what the review and this plan know.

    Outside dependents are those of the review; dependents in the plan count as long as they stay.
    """
    if now.lineage_known:
        return now
    left = [key for key in reviewed.dependents if planned(key) is None or still(key)]
    return replace(now, dependents=tuple(left))


def is_gone(now: Facts | None, action: Action) -> bool:
    """Whether the action has nothing left to do: the version is away, or where it should be."""
    return now is None or (action is Action.DELETE and now.state is VersionState.TRASH)


def recheck(
    reviewed: Facts,
    now: Facts | None,
    options: Options,
    planned: Callable[[str], Sequence[str] | None],
    together: Collection[str] = frozenset(),
) -> Refusal | None:
    """Compare what was reviewed with what is true now; None means: go on.

    `planned(key)` gives the reviewed dependents of an item of this plan that was to be deleted
    before this one, or None for any other key. Such items are expected to be away by now; what was
    made from them then shows as made from this one, and was reviewed with them. `together` are
    items that go at the same time, as each is made from the other: they may be there, or not.
    """
    if now is None or is_gone(now, options.action):
        return Refusal(gone=True)
    if now.state is not reviewed.state:
        restored = options.action is Action.PURGE and now.state is VersionState.LIVE
        return Refusal(Reason.RESTORED if restored else Reason.STATE_CHANGED)
    if differs := _named(reviewed, now):
        return Refusal(Reason.RENAMED, differs)
    if (now.digest, now.source_key) != (reviewed.digest, reviewed.source_key):
        return Refusal(Reason.CONTENT_CHANGED)
    if now.kept:
        return Refusal(Reason.KEPT, now.kept)
    return (
        _aliases_differ(reviewed, now)
        or _links_differ(reviewed, now, options)
        or _dependents_differ(reviewed, now, options, planned, together)
        or _lineage_untold(reviewed, now, options)
        or _not_agreed(now, options, planned, together)
    )


def _named(reviewed: Facts, now: Facts) -> str:
    """What the registry calls it, when that is not what was shown; a name not told is none."""
    if (
        now.collection in {"", reviewed.collection}
        and now.label in {"", reviewed.label}
        and (not reviewed.type or now.type in {"", reviewed.type})
    ):
        return ""
    kind = f", a {now.type}" if now.type not in {"", reviewed.type} else ""
    return f"it is {now.name if now.label else now.collection}{kind}"


def _aliases_differ(reviewed: Facts, now: Facts) -> Refusal | None:
    if now.aliases == reviewed.aliases:
        return None
    after = set(now.aliases)
    before = {a for a in reviewed.aliases if a in after or not _went_along(a, reviewed, now)}
    if before == after:
        return None
    if protected := sorted(a for a in after - before if a.protected):
        return Refusal(Reason.PROTECTED_SINCE, _alias_words(protected))
    added = [f"+{a.name}" for a in sorted(after - before)]
    removed = [f"-{a.name}" for a in sorted(before - after)]
    return Refusal(Reason.ALIASES_CHANGED, names_in_line(added + removed))


def _went_along(alias: Alias, reviewed: Facts, now: Facts) -> bool:
    """Whether an alias went with something else: with a link that is gone, or from the source."""
    if reviewed.source_key:
        return bool(alias.scope)
    gone = {link.name for link in reviewed.links} - {link.name for link in now.links}
    return bool(alias.scope) and alias.scope in gone


def _links_differ(reviewed: Facts, now: Facts, options: Options) -> Refusal | None:
    """A link that is gone is fine; one that was not there, or was to go before, is not."""
    if not now.links:
        return None
    known = {link.key for link in reviewed.links}
    if added := [link.name for link in now.links if link.key not in known]:
        return Refusal(Reason.LINKED_SINCE, names_in_line(added))
    if not options.break_links:
        return Refusal(Reason.LINKED, names_in_line(link.name for link in now.links))
    return None


def _dependents_differ(
    reviewed: Facts,
    now: Facts,
    options: Options,
    planned: Callable[[str], Sequence[str] | None],
    together: Collection[str],
) -> Refusal | None:
    if not reviewed.dependents and not now.dependents:
        return None
    own = {now.key}  # through the trash a circle may lead back to where it began
    before, after = set(reviewed.dependents) - own, set(now.dependents) - own
    if stays := sorted(k for k in after if planned(k) is not None and k not in together):
        return Refusal(Reason.DEPENDENT_STAYS, keys=tuple(stays))
    extra = after - before
    if extra and (unknown := sorted(extra - _below(reviewed, planned))):
        return Refusal(Reason.DEPENDENT_ADDED, keys=tuple(unknown))
    # A purge removes lineage edges, its own items' included: fewer dependents are its own doing.
    if options.action is Action.DELETE:
        lost = sorted(key for key in before - after if planned(key) is None)
        if lost:
            return Refusal(Reason.DEPENDENT_LOST, keys=tuple(lost))
    return None


def _lineage_untold(reviewed: Facts, now: Facts, options: Options) -> Refusal | None:
    """Dependents were known at the review; what was made since then is not told."""
    if reviewed.lineage_known and not now.lineage_known and not options.unknown_lineage:
        return Refusal(Reason.LINEAGE_UNKNOWN, "they were at the review")
    return None


def _not_agreed(
    now: Facts,
    options: Options,
    planned: Callable[[str], Sequence[str] | None],
    together: Collection[str],
) -> Refusal | None:
    """What the review would not have let through: the verdict in a plan file proves nothing."""
    why, detail = _blocked(now, options, old=options.unfinished)
    if why is not Reason.NONE:
        return Refusal(why, detail)
    stays = [d for d in now.dependents if planned(d) is None and d not in (now.key, *together)]
    if stays and not options.orphan_dependents:
        return Refusal(Reason.DEPENDENTS, keys=tuple(sorted(stays)))
    missing = next(_consents(now, now.links, options, KNOWN), None)
    return None if missing is None else Refusal(*missing)


def _below(reviewed: Facts, planned: Callable[[str], Sequence[str] | None]) -> set[str]:
    """Every dependent that was reviewed below this version, through items of the plan."""
    seen: set[str] = set()
    queue = list(reviewed.dependents)
    while queue:
        key = queue.pop()
        if key not in seen:
            seen.add(key)
            queue.extend(planned(key) or ())
    return seen


_PLANNED_FACTS = "SELECT facts FROM item WHERE key=? AND kind='version' AND verdict='delete'"
_PLANNED_STATE = (
    "SELECT p.state FROM progress p JOIN item i USING(seq) WHERE i.key=? AND i.kind='version'"
)
# Only what is made from something on its own level can be in a circle.
_LEVEL_PAIRS = """SELECT i.key, o.key FROM item i, json_each(i.facts, '$.dependents') d
    CROSS JOIN item o ON o.key = d.value AND o.kind = 'version'
    AND o.verdict = 'delete' AND o.level = i.level
    WHERE i.level = ? AND i.kind = 'version' AND i.verdict = 'delete'"""
_STAYED = """SELECT i.key FROM json_each(?) w CROSS JOIN item i ON i.key = w.value
    AND i.kind = 'version' CROSS JOIN progress p USING(seq)
    WHERE p.state IN ('refused','failed','not_tried')"""
_MEMBERS = "i.belongs=? AND i.kind='version' AND i.verdict='delete' ORDER BY i.seq"

_ANY_JOINED = "SELECT EXISTS(SELECT 1 FROM item WHERE added AND verdict='delete')"
_MADE = """CREATE TEMP TABLE IF NOT EXISTS made(parent INTEGER, child INTEGER,
      PRIMARY KEY(parent, child)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS temp.made_from ON made(child);
    INSERT OR IGNORE INTO made SELECT i.seq, o.seq
      FROM item i CROSS JOIN json_each(i.facts, '$.dependents') d
      CROSS JOIN item o ON o.key = d.value AND o.kind = 'version' AND o.verdict = 'delete'
      WHERE i.kind = 'version' AND i.verdict = 'delete';"""
_CHOSEN_ABOVE = """WITH RECURSIVE above(one, seq) AS (
      SELECT value, value FROM json_each(?)
      UNION SELECT a.one, m.parent FROM above a CROSS JOIN made m ON m.child = a.seq)
    SELECT a.one, a.seq, i.key FROM above a CROSS JOIN item i USING(seq)
    WHERE NOT i.added AND a.seq <> a.one ORDER BY i.key"""
_ALL_BELOW = """WITH RECURSIVE below(seq) AS (
      SELECT value FROM json_each(?)
      UNION SELECT m.child FROM below b CROSS JOIN made m ON m.parent = b.seq)
    SELECT seq FROM below"""
# Of what failed for now nobody knows yet whether it stays.
_HELD = """WITH RECURSIVE held(seq) AS (
      SELECT m.parent FROM progress p CROSS JOIN made m ON m.child = p.seq
        WHERE p.state IN ('refused', 'failed') AND NOT p.retryable
      UNION SELECT m.parent FROM held h CROSS JOIN made m ON m.child = h.seq)
    SELECT seq FROM held"""
_STATES = """SELECT p.seq, p.state FROM json_each(?) w
    CROSS JOIN progress p ON p.seq = w.value"""

_NO_CIRCLE: frozenset[str] = frozenset()

KNOWN_MOST = 100_000
"""Versions of which the reviewed dependents are remembered."""


def members_of(plan: Plan, item: Item) -> list[Item]:
    """The versions that were to go with a whole collection; none of anything else."""
    return plan.select(_MEMBERS, (item.seq,)) if item.kind == COLLECTION else []


@dataclass(slots=True)
class Look:
    """What the registry says of some items now."""

    facts: dict[str, Facts] = field(default_factory=dict)
    """By key; those that are gone are left out. With a whole collection come its versions."""
    untold: dict[str, str] = field(default_factory=dict)
    """By key, in the registry's words: why it would not tell about these."""
    inside: dict[str, frozenset[str]] = field(default_factory=dict)
    """By the key of a whole collection: the keys of the versions that are in it now."""
    members: dict[str, Sequence[Item]] = field(default_factory=dict)
    """By the key of a whole collection: the items that were to go with it."""
    kept: frozenset[str] = frozenset()
    """Of stored objects: the keys of those versions that still need theirs."""
    at: float = 0.0
    """When it began (`time.monotonic`): what changed since then may not be in it."""


@dataclass(slots=True)
class Checked:
    """What a check says of some items: each is in one of these."""

    ready: list[tuple[Item, Facts]] = field(default_factory=list)
    refused: list[tuple[Item, Refusal]] = field(default_factory=list)
    gone: list[Item] = field(default_factory=list)
    untold: list[Item] = field(default_factory=list)


class Checks:
    """Checks of one apply, and what its plan tells about the lineage of its items, by queries."""

    def __init__(self, plan: Plan, *, scanned: bool) -> None:
        """`scanned` tells that the registry never tells dependents: those of the review count."""
        self._plan = plan
        self._options = plan.head.options
        self._scanned = scanned
        self._circles: dict[int, dict[str, frozenset[str]]] = {}
        self._known: dict[str, tuple[str, ...] | None] = {}
        self._joined = bool(plan.one(_ANY_JOINED))
        if self._joined:
            with plan_file.trouble(plan.path):
                plan.conn.executescript(_MADE)

    def check(
        self,
        items: Sequence[Item],
        look: Look,
        *,
        alone: Mapping[str, str] = MappingProxyType({}),
        early: bool = False,
        among: Collection[str] = (),
    ) -> Checked:
        """What may be sent of these items, whose facts were just read, and why the rest may not.

        Args:
            items: what is asked about: all of a circle, or what is left of it, at once.
            look: what the registry says of them.
            alone: of what joined, by key: a chosen version that stays, as all of its chosen do.
            early: it is not their turn yet: what goes before them may be there.
            among: the keys of versions that go by the same request.
        """
        found = Checked()
        stays: dict[str, bool] = {}
        circles: dict[str, frozenset[str]] = {}
        for item in items:
            if item.key in look.untold:
                found.untold.append(item)
                continue
            facts = self.complete(item, look.facts.get(item.key), stays)
            going = _NO_CIRCLE
            if facts is None:
                pass
            elif early:
                going = frozenset(key for key in facts.dependents if self.planned(key) is not None)
            elif among:
                left = tuple(key for key in facts.dependents if key not in among)
                facts = replace(facts, dependents=left)
            else:
                going = circles[item.key] = self.together(item)
            refusal = recheck(item.facts, facts, self._options, self.planned, going)
            if refusal is None:
                refusal = self._of_others(item, look, alone)
            if refusal is None and facts is not None:
                found.ready.append((item, facts))
            elif refusal is None or refusal.gone:
                found.gone.append(item)
            else:
                found.refused.append((item, refusal))
        self._hold_back(found, circles)
        return found

    def _of_others(self, item: Item, look: Look, alone: Mapping[str, str]) -> Refusal | None:
        """Why an item that has not changed stays: for the sake of others, or of what is in it."""
        if item.key in alone:
            return Refusal(Reason.ASKED_STAYS, keys=(alone[item.key],))
        if item.kind == OBJECT and item.collection in look.kept:
            return Refusal(Reason.ARTIFACT_STAYS)
        if item.kind == COLLECTION and (changed := self._changed_inside(item, look, alone)):
            return Refusal(Reason.COLLECTION_CHANGED, changed)
        return None

    def _changed_inside(self, item: Item, look: Look, alone: Mapping[str, str]) -> str:
        """What in a whole collection was not reviewed, or is not as it was; nothing when all is."""
        members, inside = look.members[item.key], look.inside[item.key]
        among = frozenset(one.key for one in members)
        there = [one for one in members if not self._gone(look, one)]
        found = self.check([one for one in there if one.state in OPEN], look, among=among)
        changed = {one.key for one, _ in found.refused}
        names = [one.name for one in there if one.key in changed or one.state not in OPEN]
        if new := len(inside - among):
            names.append(f"{text.plural(new, 'version')} that nobody reviewed")
        stays = [one.name for one in members if one.state in OPEN and one.key in alone]
        return names_in_line(names or stays)

    def _gone(self, look: Look, item: Item) -> bool:
        return is_gone(look.facts.get(item.key), self._options.action)

    def _hold_back(self, found: Checked, circles: Mapping[str, frozenset[str]]) -> None:
        """Refuse what is ready and in a circle with something that stays, made from it."""
        stays = [item.key for item, _ in found.refused] + [item.key for item in found.untold]
        if not stays or not circles or self._options.orphan_dependents:
            return
        below = {
            item.key: circles[item.key].intersection(facts.dependents)
            for item, facts in found.ready
            if item.key in circles
        }
        held = held_back(below, stays)
        if held:
            found.refused += [
                (item, Refusal(Reason.DEPENDENT_STAYS, keys=(held[item.key],)))
                for item, _ in found.ready
                if item.key in held
            ]
            found.ready = [one for one in found.ready if one[0].key not in held]

    def planned(self, key: str) -> tuple[str, ...] | None:
        """The reviewed dependents of a version that this plan deletes; None for any other key."""
        if key not in self._known:
            if len(self._known) > KNOWN_MOST:
                self._known.clear()
            facts = self._plan.one(_PLANNED_FACTS, (key,))
            found = None if facts is None else msgspec.json.decode(facts, type=Facts).dependents
            self._known[key] = found
        return self._known[key]

    def complete(
        self, item: Item, now: Facts | None, stays: dict[str, bool] | None = None
    ) -> Facts | None:
        """Facts as the registry tells them, with the dependents that it cannot tell.

        `stays` remembers, for one look, which items of the plan are not known to be gone.
        """
        if now is None or now.lineage_known or item.kind != VERSION:
            return now
        known: dict[str, bool] = {} if stays is None else stays

        def still(key: str) -> bool:
            if key not in known:
                known[key] = self._plan.one(_PLANNED_STATE, (key,)) not in DONE
            return known[key]

        full = with_lineage(item.facts, now, self.planned, still)
        return replace(full, lineage_known=item.facts.lineage_known) if self._scanned else full

    def circle(self, item: Item) -> frozenset[str]:
        """The keys of its circle, its own among them; nothing where it is in none.

        Only what was reviewed counts, and that never changes.
        """
        if item.kind != VERSION or not item.facts.dependents:
            return _NO_CIRCLE
        if item.level not in self._circles:
            graph: dict[str, list[str]] = {}
            with plan_file.trouble(self._plan.path):
                for parent, child in self._plan.conn.execute(_LEVEL_PAIRS, (item.level,)):
                    graph.setdefault(parent, []).append(child)
                    graph.setdefault(child, [])
            circles = (frozenset(part) for part in components(graph) if len(part) > 1)
            self._circles[item.level] = {key: circle for circle in circles for key in circle}
        return self._circles[item.level].get(item.key, _NO_CIRCLE)

    def together(self, item: Item) -> frozenset[str]:
        """Those of its circle that may still go, or are gone; all, where parents may be lost."""
        circle = self.circle(item)
        if not circle or self._options.orphan_dependents:
            return circle
        return circle.difference(row[0] for row in self._rows(_STAYED, sorted(circle)))

    def recheck(self, item: Item, now: Facts) -> Refusal | None:
        """Why one item would be refused now, by `recheck`."""
        return recheck(item.facts, now, self._options, self.planned, self.together(item))

    def split_circles(self, items: Sequence[Item]) -> set[frozenset[str]]:
        """The circles that these are in, and others with them.

        Where dependents may lose parents, each of a circle goes or stays by itself.
        """
        if self._options.orphan_dependents:
            return set()
        here = {item.key for item in items}
        return {circle for item in items if not (circle := self.circle(item)) <= here}

    def chosen_above(self, items: Sequence[Item]) -> dict[int, dict[int, str]]:
        """For which chosen versions those of these that only joined did so.

        By the `seq` of what joined: the keys of those versions, by their `seq`.
        """
        found: dict[int, dict[int, str]] = {}
        joined = [item.seq for item in items if item.added_as_dependent] if self._joined else []
        for one, seq, key in self._rows(_CHOSEN_ABOVE, joined) if joined else ():
            found.setdefault(one, {})[seq] = key
        return found

    def all_below(self, seqs: Collection[int]) -> set[int]:
        """These items, and all of the plan that were made from them, near or far, by `seq`."""
        return {row[0] for row in self._rows(_ALL_BELOW, sorted(seqs))}

    def going(self, seqs: Collection[int]) -> set[int]:
        """Those of these items that are gone, or will go as far as anybody can tell, by `seq`."""
        states = {seq: ItemState(state) for seq, state in self._rows(_STATES, sorted(seqs))}
        done = {seq for seq, state in states.items() if state in DONE}
        still = {seq for seq, state in states.items() if state in OPEN}
        if still and not self._options.orphan_dependents:
            with plan_file.trouble(self._plan.path):
                still -= {row[0] for row in self._plan.conn.execute(_HELD)}
        return done | still

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with plan_file.trouble(self._plan.path):
            return self._plan.conn.execute(sql, (json.dumps(values),)).fetchall()
