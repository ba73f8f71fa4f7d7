"""May this still be deleted? Asked right before, with facts that were just read.

Nothing here reads a registry. `recheck` compares what was reviewed with what is true now, and lets
an item through only when nothing has changed apart from what the plan itself has done; `Planned`
tells it what that is. What the review shows is decided in `judging`.

Lineage may run in a circle where it is told by runs: one that logs two checkpoints and reads both
back makes each from the other. No order is right for these, so all of a circle share a level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import (
    DONE,
    OBJECT,
    VERSION,
    Action,
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


def reachable(dependents: Mapping[str, Collection[str]], roots: Iterable[str]) -> dict[str, str]:
    """All that was made from these roots, directly or through others: by key, one of the roots.

    `dependents` are those that count, by the key of their parent.
    """
    found: dict[str, str] = {}
    for root in roots:
        queue = [root]
        while queue:
            for key in dependents.get(queue.pop(), ()):
                if key not in found:
                    found[key] = root
                    queue.append(key)
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

NAMES_SHOWN = 5
"""How many names a detail lists before it says how many more there are."""


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
    return {
        VersionState.TRASH: Reason.IN_TRASH,
        VersionState.PENDING: Reason.PENDING,
        VersionState.LIVE: Reason.NONE,
    }[state]


def _alias_words(aliases: Iterable[Alias]) -> str:
    return names_in_line(f"{a.name} in {a.scope}" if a.scope else a.name for a in aliases)


def names_in_line(names: Iterable[str]) -> str:
    """Names in one line, at most `NAMES_SHOWN` of them; untrusted text as it came."""
    every = list(names)
    more = len(every) - NAMES_SHOWN
    return ", ".join(every[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


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
    pairs = (
        (reviewed.collection, now.collection),
        (reviewed.label, now.label),
        (reviewed.type or now.type, now.type),
    )
    if all(told in {"", shown} for shown, told in pairs):
        return ""
    kind = f", a {now.type}" if now.type not in {"", reviewed.type} else ""
    return f"it is {now.name}{kind}"


def _aliases_differ(reviewed: Facts, now: Facts) -> Refusal | None:
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
    known = {link.key for link in reviewed.links}
    if added := [link.name for link in now.links if link.key not in known]:
        return Refusal(Reason.LINKED_SINCE, names_in_line(added))
    if now.links and not options.break_links:
        return Refusal(Reason.LINKED, names_in_line(link.name for link in now.links))
    return None


def _dependents_differ(
    reviewed: Facts,
    now: Facts,
    options: Options,
    planned: Callable[[str], Sequence[str] | None],
    together: Collection[str],
) -> Refusal | None:
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
_LEVEL_STAYED = """SELECT i.key FROM item i JOIN progress p USING(seq)
    WHERE i.level=? AND i.kind='version' AND i.verdict='delete'
    AND p.state IN ('refused','failed','not_tried')"""

_NO_CIRCLE: frozenset[str] = frozenset()


class Circles:
    """Which items of a plan go together: each is made, as reviewed, from every other of them.

    Only what was reviewed counts, and that never changes: keep one for all looks.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._levels: dict[int, dict[str, frozenset[str]]] = {}

    def of(self, item: Item) -> frozenset[str]:
        """The keys of its circle, its own among them; nothing where it is in none."""
        if item.kind != VERSION or not item.facts.dependents:
            return _NO_CIRCLE
        if item.level not in self._levels:
            self._levels[item.level] = self._read(item.level)
        return self._levels[item.level].get(item.key, _NO_CIRCLE)

    def _read(self, level: int) -> dict[str, frozenset[str]]:
        graph: dict[str, list[str]] = {}
        with plan_file.trouble(self._plan.path):
            for parent, child in self._plan.conn.execute(_LEVEL_PAIRS, (level,)):
                graph.setdefault(parent, []).append(child)
                graph.setdefault(child, [])
        circles = (frozenset(part) for part in components(graph) if len(part) > 1)
        return {key: circle for circle in circles for key in circle}


class Planned:
    """For `recheck`: the reviewed dependents of the versions that this plan deletes, by key.

    Make a new one for each look: what has become of items is remembered, too.
    """

    def __init__(self, plan: Plan, circles: Circles | None = None, *, scanned: bool) -> None:
        """`scanned` tells that the registry never tells dependents: those of the review count."""
        self._plan = plan
        self._circles = circles or Circles(plan)
        self._scanned = scanned
        self._known: dict[str, tuple[str, ...] | None] = {}
        self._stays: dict[str, bool] = {}
        self._together: dict[frozenset[str], frozenset[str]] = {}

    def together(self, item: Item) -> frozenset[str]:
        """Those of its circle that may still go, or are gone; all, where parents may be lost."""
        circle = self._circles.of(item)
        if not circle or self._plan.head.options.orphan_dependents:
            return circle
        if circle not in self._together:
            with plan_file.trouble(self._plan.path):
                rows = self._plan.conn.execute(_LEVEL_STAYED, (item.level,)).fetchall()
            self._together[circle] = circle.difference(row[0] for row in rows)
        return self._together[circle]

    def __call__(self, key: str) -> tuple[str, ...] | None:
        """The dependents; None for a key that this plan does not delete."""
        if key not in self._known:
            facts = self._plan.one(_PLANNED_FACTS, (key,))
            found = None if facts is None else msgspec.json.decode(facts, type=Facts).dependents
            self._known[key] = found
        return self._known[key]

    def stays(self, key: str) -> bool:
        """Whether an item is not known to be gone."""
        if key not in self._stays:
            self._stays[key] = self._plan.one(_PLANNED_STATE, (key,)) not in DONE
        return self._stays[key]

    def complete(self, item: Item, now: Facts | None) -> Facts | None:
        """Facts as the registry tells them, with the dependents that it cannot tell."""
        if now is None or item.kind == OBJECT:
            return now
        full = with_lineage(item.facts, now, self, self.stays)
        return replace(full, lineage_known=item.facts.lineage_known) if self._scanned else full
