"""The rules of a review on objects in memory, which the SQL of `deletion.judging` is held to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion.checks import alias_names, components, lost_aliases, names_in_line
from artifact_tui.deletion.items import UNFINISHED_DAYS, Action, Options, Reason, Verdict
from artifact_tui.model import VersionState
from artifact_tui.query.filter_fields import DAY_US

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.model import Facts, Link

KNOWN = LineageCoverage(0, 0)
"""Of a registry that tells its lineage by itself."""


def _blocked(facts: Facts, options: Options, *, old: bool) -> tuple[Reason, str]:
    """What about the version itself forbids the action: its state or a protected alias."""
    purge = options.action is Action.PURGE
    if purge and facts.state is not VersionState.TRASH:
        return Reason.NOT_IN_TRASH, ""
    if not purge and facts.state is VersionState.TRASH:
        return Reason.IN_TRASH, ""
    if not purge and facts.state is VersionState.PENDING and not old:
        return Reason.PENDING, ""
    if protected := [a for a in lost_aliases(facts) if a.protected]:
        return Reason.PROTECTED, alias_names(protected)
    return (Reason.KEPT if facts.kept else Reason.NONE), facts.kept


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
        yield Reason.ALIAS, alias_names(lost)
    if facts.used_by and not options.in_use:
        yield Reason.IN_USE, names_in_line(facts.used_by)
    if broken and not options.break_links:
        yield Reason.LINKED, names_in_line(link.name for link in broken)
    if not (facts.source_key or options.unknown_lineage):
        if not coverage.complete:
            yield Reason.LINEAGE_UNKNOWN, coverage.words()
        if not facts.lineage_known:
            yield Reason.LINEAGE_UNKNOWN, ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version as the catalog shows it, before it is judged. Names are untrusted text."""

    key: str
    collection: str
    label: str
    type: str
    size: int | None
    """Bytes listed, or None where the registry does not say; 0 for a link."""
    facts: Facts
    added_as_dependent: bool = False
    """Not asked for: it joined because it was made from something that was."""
    created_us: int | None = None
    collection_key: str = ""


def needs_first(facts: Mapping[str, Facts]) -> dict[str, list[str]]:
    """What must go before each of these versions: its dependents among them, and its links."""
    graph = {
        key: [k for k in (*one.dependents, *(link.key for link in one.links)) if k in facts]
        for key, one in facts.items()
    }
    for key, one in facts.items():
        source = graph.get(one.source_key)
        if source is not None and key not in source:
            source.append(key)
    return graph


def levels_of(graph: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The level of each node: above that of all that must go before it, 0 if nothing must.

    All nodes of one circle share a level, which is above that of all that any of them needs.
    """
    levels: dict[str, int] = {}
    for part in components(graph):
        level = max((levels[k] + 1 for key in part for k in graph[key] if k in levels), default=0)
        levels.update(dict.fromkeys(part, level))
    return levels


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one candidate, and its place in the order of deletion."""

    verdict: Verdict
    reason: Reason = Reason.NONE
    detail: str = ""
    level: int = 0
    outside: tuple[str, ...] = ()
    """Keys of its live dependents that stay."""
    broken: tuple[Link, ...] = ()
    """Links to it that do not go in the plan before it, and would break."""


def judge(
    candidates: Sequence[Candidate],
    options: Options,
    *,
    read_only: bool = False,
    names: Mapping[str, str] | None = None,
    coverage: LineageCoverage = KNOWN,
    now_us: int = 0,
) -> list[Judgement]:
    """One verdict for each candidate, in the same order.

    A candidate whose dependent stays (outside the plan, blocked, or without consent) is blocked
    too, unless `orphan_dependents` allows that dependent to lose its parent. Those whose lineage
    runs in a circle are one: all of them go, or, without that consent, none. Links go before what
    they show; one that stays needs the consent to break it. What joined because it was made from
    something goes only when something goes that it was made from. `names` gives the words for keys
    of dependents in details; a key without one stands for itself. `coverage` tells how far the
    registry's lineage was scanned: until then nobody knows all dependents. `now_us` tells which
    pending versions nobody is writing any more.
    """
    old_us = now_us - UNFINISHED_DAYS * DAY_US
    named = {c.key: f"{c.collection}:{c.label}" for c in candidates} | dict(names or {})
    by_key = {c.key: c for c in candidates}
    graph = needs_first({key: candidate.facts for key, candidate in by_key.items()})
    unfinished = {c.key for c in candidates if c.created_us is not None and c.created_us <= old_us}
    asked = _Judge(options, coverage, by_key.keys(), named, unfinished, read_only=read_only)
    found: dict[str, Judgement] = {}
    broken_up = False
    for part in components(graph):
        together = frozenset(part)
        judged = {key: asked.one(by_key[key].facts, together) for key in part}
        going = {key for key, one in judged.items() if one.verdict is Verdict.DELETE}
        if len(going) < len(part) > 1:
            broken_up = True
            going = going if options.orphan_dependents else set()
            judged = {
                key: asked.again(by_key[key].facts, one, going) for key, one in judged.items()
            }
        asked.going |= going
        found |= judged
    if kept := _only_joined(by_key, asked.going):
        broken_up = True
        asked.going -= kept.keys()
        for key, root in kept.items():
            found[key] = replace(
                found[key],
                verdict=Verdict.BLOCKED, reason=Reason.ASKED_STAYS, detail=named[root],
            )  # fmt: skip
    levels = levels_of(_unbound(graph, asked.going) if broken_up else graph)
    return [replace(found[c.key], level=levels[c.key]) for c in candidates]


def _reachable(dependents: Mapping[str, Collection[str]], roots: Iterable[str]) -> dict[str, str]:
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


def _only_joined(by_key: Mapping[str, Candidate], going: Collection[str]) -> dict[str, str]:
    """What would go only because it was made from something that stays; by key, with that."""
    joined = {key for key, one in by_key.items() if one.added_as_dependent}
    if not joined:
        return {}
    below = {key: one.facts.dependents for key, one in by_key.items()}
    asked = [key for key in by_key if key not in joined]
    wanted = _reachable(below, (key for key in asked if key in going))
    because = _reachable(below, (key for key in asked if key not in going))
    return {
        key: because[key]
        for key in by_key
        if key in joined and key in going and key not in wanted and key in because
    }


def _unbound(graph: Mapping[str, Sequence[str]], going: Collection[str]) -> dict[str, list[str]]:
    """The graph without what binds those that go in a circle to those of it that stay."""
    home = {key: number for number, part in enumerate(components(graph)) for key in part}
    return {
        key: [k for k in needs if home[k] != home[key] or (k in going and key in going)]
        for key, needs in graph.items()
    }


@dataclass(slots=True)
class _Judge:
    """What was asked of a review, and which candidates go so far."""

    options: Options
    coverage: LineageCoverage
    inside: Collection[str]
    """Keys of all candidates."""
    named: Mapping[str, str]
    old: Collection[str]
    """Keys of those that, should they be pending, nobody is taken to be writing any more."""
    read_only: bool = field(kw_only=True)
    going: set[str] = field(default_factory=set)

    def one(self, facts: Facts, together: Collection[str]) -> Judgement:
        """The verdict on one candidate if all that are in a circle with it go as well."""
        stays = [d for d in facts.dependents if d not in self.going and d not in together]
        broken = tuple(link for link in facts.links if link.key not in self.going)
        why, detail = Reason.READ_ONLY, ""
        if not self.read_only:
            why, detail = _blocked(facts, self.options, old=facts.key in self.old)
        if why is Reason.NONE and stays and not self.options.orphan_dependents:
            inside = all(d in self.inside for d in stays)
            why = Reason.DEPENDENT_STAYS if inside else Reason.DEPENDENTS
            detail = self._names(stays)
        verdict = Verdict.BLOCKED
        if why is Reason.NONE:
            consents = _consents(facts, broken, self.options, self.coverage)
            why, detail = next(consents, (Reason.NONE, ""))
            verdict = Verdict.DELETE if why is Reason.NONE else Verdict.CONSENT
        return Judgement(verdict, why, detail, outside=tuple(stays), broken=broken)

    def again(self, facts: Facts, found: Judgement, going: Collection[str]) -> Judgement:
        """The same when only `going` go of its circle: with no consent for that, it stays too."""
        stays = tuple(
            d for d in facts.dependents if d not in self.going and d not in going and d != facts.key
        )
        if found.verdict is Verdict.DELETE and facts.key not in going:
            why = Reason.DEPENDENT_STAYS
            return replace(
                found,
                verdict=Verdict.BLOCKED, reason=why, detail=self._names(stays), outside=stays,
            )  # fmt: skip
        return replace(found, outside=stays)

    def _names(self, keys: Iterable[str]) -> str:
        return names_in_line(self.named.get(key, key) for key in keys)
