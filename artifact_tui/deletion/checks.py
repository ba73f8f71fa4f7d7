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
from artifact_tui.model import Alias, Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan

    Planned = Callable[[str], Sequence[str] | None]
    """The reviewed dependents of an item of the plan that is to be deleted, by key; else None."""


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
                    part: list[str] = []
                    while not part or part[-1] != node:
                        part.append(open_nodes.popitem()[0])
                    yield part


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item is not deleted after all; `gone` when there is nothing left to delete."""

    reason: Reason = Reason.NONE
    detail: str = ""
    keys: tuple[str, ...] = ()
    """The dependents that the reason is about."""
    gone: bool = False


def lost_aliases(facts: Facts) -> tuple[Alias, ...]:
    """The aliases that go with it; unlinking takes only those that the link itself carries."""
    return tuple(a for a in facts.aliases if not (facts.source_key and a.scope))


def alias_names(aliases: Iterable[Alias]) -> str:
    """Aliases in one line, with the collection of those that another one gave; untrusted text."""
    return names_in_line(f"{a.name} in {a.scope}" if a.scope else a.name for a in aliases)


def names_in_line(names: Iterable[str]) -> str:
    """Names in one line, at most `DETAIL_NAMES` of them; untrusted text as it came."""
    every = list(names)
    more = len(every) - DETAIL_NAMES
    return ", ".join(every[:DETAIL_NAMES]) + (f" and {more} more" if more > 0 else "")


def is_gone(now: Facts | None, action: Action) -> bool:
    """Whether the action has nothing left to do: the version is away, or where it should be."""
    return now is None or (action is Action.DELETE and now.state is VersionState.TRASH)


def recheck(
    reviewed: Facts,
    now: Facts | None,
    options: Options,
    planned: Planned,
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
    why = next(_changes(reviewed, now, options, planned, together), None)
    return why or next(_not_agreed(now, options, planned, together), None)


def _changes(
    reviewed: Facts, now: Facts, options: Options, planned: Planned, together: Collection[str]
) -> Iterator[Refusal]:
    """What is not as it was reviewed, and was not done by this plan itself."""
    if now.state is not reviewed.state:
        restored = options.action is Action.PURGE and now.state is VersionState.LIVE
        yield Refusal(Reason.RESTORED if restored else Reason.STATE_CHANGED)
    # A name that is not told is no other name.
    called = (now.collection or reviewed.collection, now.label or reviewed.label)
    other_type = bool(reviewed.type) and now.type not in {"", reviewed.type}
    if other_type or called != (reviewed.collection, reviewed.label):
        kind = f", a {now.type}" if now.type not in {"", reviewed.type} else ""
        yield Refusal(Reason.RENAMED, f"it is {now.name if now.label else now.collection}{kind}")
    if (now.digest, now.source_key) != (reviewed.digest, reviewed.source_key):
        yield Refusal(Reason.CONTENT_CHANGED)
    if now.kept:
        yield Refusal(Reason.KEPT, now.kept)
    if now.aliases != reviewed.aliases:
        yield from _alias_changes(reviewed, now)
    known = {link.key for link in reviewed.links}  # one that is gone is fine
    if added := [link.name for link in now.links if link.key not in known]:
        yield Refusal(Reason.LINKED_SINCE, names_in_line(added))
    if now.links and not options.break_links:
        yield Refusal(Reason.LINKED, names_in_line(link.name for link in now.links))
    if reviewed.dependents or now.dependents:
        yield from _dependent_changes(reviewed, now, options, planned, together)
    if reviewed.lineage_known and not now.lineage_known and not options.unknown_lineage:
        yield Refusal(Reason.LINEAGE_UNKNOWN, "they were at the review")


def _alias_changes(reviewed: Facts, now: Facts) -> Iterator[Refusal]:
    """Aliases that came or went, but for those that went with a link that is gone."""
    gone = {link.name for link in reviewed.links} - {link.name for link in now.links}
    after = set(now.aliases)
    before = {
        a
        for a in reviewed.aliases
        if a in after or not a.scope or not (reviewed.source_key or a.scope in gone)
    }
    if protected := sorted(a for a in after - before if a.protected):
        yield Refusal(Reason.PROTECTED_SINCE, alias_names(protected))
    if before != after:
        added = [f"+{a.name}" for a in sorted(after - before)]
        removed = [f"-{a.name}" for a in sorted(before - after)]
        yield Refusal(Reason.ALIASES_CHANGED, names_in_line(added + removed))


def _dependent_changes(
    reviewed: Facts, now: Facts, options: Options, planned: Planned, together: Collection[str]
) -> Iterator[Refusal]:
    """Dependents that stay although the plan was to delete them before, that came, or went."""
    own = {now.key}  # through the trash a circle may lead back to where it began
    before, after = set(reviewed.dependents) - own, set(now.dependents) - own
    if stays := sorted(k for k in after if planned(k) is not None and k not in together):
        yield Refusal(Reason.DEPENDENT_STAYS, keys=tuple(stays))
    below: set[str] = set()
    queue = list(reviewed.dependents) if after - before else []
    while queue:  # what was made from items of the plan that are gone was reviewed with them
        key = queue.pop()
        if key not in below:
            below.add(key)
            queue.extend(planned(key) or ())
    if unknown := sorted(after - before - below):
        yield Refusal(Reason.DEPENDENT_ADDED, keys=tuple(unknown))
    # A purge removes lineage edges, its own items' included: fewer dependents are its own doing.
    missing = before - after if options.action is Action.DELETE else set()
    if lost := sorted(key for key in missing if planned(key) is None):
        yield Refusal(Reason.DEPENDENT_LOST, keys=tuple(lost))


def _not_agreed(
    now: Facts, options: Options, planned: Planned, together: Collection[str]
) -> Iterator[Refusal]:
    """What the options do not allow, whatever verdict the plan file states."""
    lost = lost_aliases(now)
    purge = options.action is Action.PURGE
    if purge and now.state is not VersionState.TRASH:
        yield Refusal(Reason.NOT_IN_TRASH)
    if not purge and now.state is VersionState.PENDING and not options.unfinished:
        yield Refusal(Reason.PENDING)
    if protected := [a for a in lost if a.protected]:
        yield Refusal(Reason.PROTECTED, alias_names(protected))
    others = set(now.dependents).difference((now.key,), together)
    stays = sorted(key for key in others if planned(key) is None)
    if stays and not options.orphan_dependents:
        yield Refusal(Reason.DEPENDENTS, keys=tuple(stays))
    if now.generated and not options.generated:
        yield Refusal(Reason.GENERATED)
    if lost and not options.delete_aliases:
        part = all(alias.of_whole(now.collection) for alias in lost)
        yield Refusal(Reason.PART if part else Reason.ALIAS, alias_names(lost))
    if now.used_by and not options.in_use:
        yield Refusal(Reason.IN_USE, names_in_line(now.used_by))
    if not (now.lineage_known or now.source_key or options.unknown_lineage):
        yield Refusal(Reason.LINEAGE_UNKNOWN)


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

KNOWN_MOST = 100_000
"""Versions of which the reviewed dependents are remembered."""


def members_of(plan: Plan, item: Item) -> list[Item]:
    """The versions that were to go with a whole collection; none of anything else."""
    return plan.select(_MEMBERS, (item.seq,)) if item.kind == COLLECTION else []


@dataclass(slots=True)
class Snapshot:
    """What the registry says of some items at one moment."""

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


class Checks:
    """Checks of one apply, and what its plan tells about the lineage of its items, by queries."""

    def __init__(self, plan: Plan, *, scanned: bool) -> None:
        """`scanned` tells that the registry never tells dependents: those of the review count."""
        self._plan = plan
        self._options = plan.head.options
        self._scanned = scanned
        self._circles: dict[int, dict[str, frozenset[str]]] = {}
        self._known: dict[str, tuple[str, ...] | None] = {}
        self.joined = bool(plan.first_value(_ANY_JOINED))
        """Whether dependents joined for what was chosen."""
        if self.joined:
            with plan_file.trouble(plan.path):
                plan.conn.executescript(_MADE)

    def check(
        self,
        items: Sequence[Item],
        now: Snapshot,
        *,
        stranded: Mapping[str, str] = MappingProxyType({}),
        early: bool = False,
        among: Collection[str] = (),
    ) -> dict[int, Facts | Refusal]:
        """By `seq`: the facts of what may be sent of these items, and why the others may not.

        Args:
            items: what is asked about: all of a circle, or what is left of it, at once.
            now: what the registry says of them.
            stranded: of what joined, by key: a chosen version that stays, as all of its chosen do.
            early: it is not their turn yet: what goes before them may be there.
            among: the keys of versions that go by the same request.
        """
        found: dict[int, Facts | Refusal] = {}
        stays: dict[str, bool] = {}
        circles: dict[str, frozenset[str]] = {}
        for item in items:
            if item.key in now.untold:
                found[item.seq] = Refusal(Reason.NOT_TOLD, now.untold[item.key])
                continue
            facts = self.complete(item, now.facts.get(item.key), stays)
            if facts is None:
                found[item.seq] = Refusal(gone=True)
                continue
            together: frozenset[str] = frozenset()
            if early:
                going = (key for key in facts.dependents if self._planned(key) is not None)
                together = frozenset(going)
            elif among:
                left = tuple(key for key in facts.dependents if key not in among)
                facts = replace(facts, dependents=left)
            else:
                together = circles[item.key] = self._together(item)
            why = recheck(item.facts, facts, self._options, self._planned, together)
            found[item.seq] = why or self._of_others(item, now, stranded) or facts
        if any(circles.values()) and not self._options.orphan_dependents:
            self._hold_back(items, found, circles)
        return found

    def _of_others(self, item: Item, now: Snapshot, stranded: Mapping[str, str]) -> Refusal | None:
        """Why an item that has not changed stays: for the sake of others, or of what is in it."""
        if item.key in stranded:
            return Refusal(Reason.ASKED_STAYS, keys=(stranded[item.key],))
        if item.kind == OBJECT and item.collection in now.kept:
            return Refusal(Reason.ARTIFACT_STAYS)
        if item.kind == COLLECTION and (changed := self._changed_inside(item, now, stranded)):
            return Refusal(Reason.COLLECTION_CHANGED, changed)
        return None

    def _changed_inside(self, item: Item, now: Snapshot, stranded: Mapping[str, str]) -> str:
        """What in a whole collection was not reviewed, or is not as it was; nothing when all is."""
        members = now.members[item.key]
        among = frozenset(one.key for one in members)
        action = self._options.action
        there = [one for one in members if not is_gone(now.facts.get(one.key), action)]
        checked = self.check([one for one in there if one.state in OPEN], now, among=among)
        names = [one.name for one in there if not isinstance(checked.get(one.seq), Facts)]
        if new := len(now.inside[item.key] - among):
            names.append(f"{text.plural(new, 'version')} that nobody reviewed")
        stays = [one.name for one in members if one.state in OPEN and one.key in stranded]
        return names_in_line(names or stays)

    def _hold_back(
        self,
        items: Sequence[Item],
        found: dict[int, Facts | Refusal],
        circles: Mapping[str, frozenset[str]],
    ) -> None:
        """Refuse what is in a circle with something that stays, and was made from it."""
        below: dict[str, Collection[str]] = {}
        stays = []
        for item in items:
            verdict = found[item.seq]
            if isinstance(verdict, Facts):
                below[item.key] = circles[item.key].intersection(verdict.dependents)
            elif not verdict.gone:
                stays.append(item.key)
        held = held_back(below, stays) if stays else {}
        for item in items:
            if item.key in held:
                found[item.seq] = Refusal(Reason.DEPENDENT_STAYS, keys=(held[item.key],))

    def _planned(self, key: str) -> tuple[str, ...] | None:
        """The reviewed dependents of a version that this plan deletes; None for any other key."""
        if key not in self._known:
            if len(self._known) > KNOWN_MOST:
                self._known.clear()
            facts = self._plan.first_value(_PLANNED_FACTS, (key,))
            found = None if facts is None else msgspec.json.decode(facts, type=Facts).dependents
            self._known[key] = found
        return self._known[key]

    def complete(self, item: Item, now: Facts | None, stays: dict[str, bool]) -> Facts | None:
        """Facts as the registry tells them, with the dependents that it cannot tell.

        Outside of the plan those of the review count; those in it as long as they stay. `stays`
        remembers, for one snapshot, which items of the plan are not known to be gone.
        """
        if now is None or now.lineage_known or item.kind != VERSION:
            return now
        left = []
        for key in item.facts.dependents:
            if key not in stays:
                gone = self._plan.first_value(_PLANNED_STATE, (key,)) in DONE
                stays[key] = self._planned(key) is None or not gone
            if stays[key]:
                left.append(key)
        known = self._scanned and item.facts.lineage_known
        return replace(now, dependents=tuple(left), lineage_known=known)

    def circle(self, item: Item) -> frozenset[str]:
        """The keys of an item's circle of lineage, its own among them; empty when it is in none.

        The circles are those that were reviewed.
        """
        if item.kind != VERSION or not item.facts.dependents:
            return frozenset()
        if item.level not in self._circles:
            graph: dict[str, list[str]] = {}
            with plan_file.trouble(self._plan.path):
                for parent, child in self._plan.conn.execute(_LEVEL_PAIRS, (item.level,)):
                    graph.setdefault(parent, []).append(child)
                    graph.setdefault(child, [])
            circles = (frozenset(part) for part in components(graph) if len(part) > 1)
            self._circles[item.level] = {key: circle for circle in circles for key in circle}
        return self._circles[item.level].get(item.key, frozenset())

    def _together(self, item: Item) -> frozenset[str]:
        """Those of its circle that may still go, or are gone; all, where parents may be lost."""
        circle = self.circle(item)
        if not circle or self._options.orphan_dependents:
            return circle
        return circle.difference(row[0] for row in self._rows(_STAYED, sorted(circle)))

    def changed(self, item: Item, now: Facts) -> Refusal | None:
        """Why one item would be refused with these facts."""
        return recheck(item.facts, now, self._options, self._planned, self._together(item))

    def split_circles(self, items: Sequence[Item]) -> set[frozenset[str]]:
        """The circles of which these items are only a part.

        None where dependents may lose parents: then each item goes or stays by itself.
        """
        if self._options.orphan_dependents:
            return set()
        here = {item.key for item in items}
        return {circle for item in items if not (circle := self.circle(item)) <= here}

    def chosen_above(self, items: Sequence[Item]) -> dict[int, dict[int, str]]:
        """The chosen versions because of which items joined the plan as their dependents.

        By the `seq` of the item that joined: the keys of the chosen versions, by their `seq`.
        """
        found: dict[int, dict[int, str]] = {}
        joined = [item.seq for item in items if item.added_as_dependent]
        for one, seq, key in self._rows(_CHOSEN_ABOVE, joined) if joined else ():
            found.setdefault(one, {})[seq] = key
        return found

    def below(self, seqs: Collection[int]) -> set[int]:
        """The `seq` of all other items that were made from these, directly or through others."""
        return {row[0] for row in self._rows(_ALL_BELOW, sorted(seqs))}.difference(seqs)

    def going(self, seqs: Collection[int]) -> set[int]:
        """The `seq` of those items that are gone, or will go as far as anybody can tell."""
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
