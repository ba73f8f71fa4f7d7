"""May this be deleted? Pure functions from facts to verdicts: at the review, and again just before.

Nothing here reads a registry. `judge` decides what the review shows; `recheck` compares what was
reviewed with what is true now, and lets an item through only when nothing has changed apart from
what the plan itself has done.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from artifact_tui.catalog.coverage import Coverage
from artifact_tui.deletion.items import Action, Candidate, Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Stays = Callable[[str], bool]
    """Whether an item of the plan, by key, is not known to be gone."""

KNOWN = Coverage(0, 0)
"""Of a registry that tells its lineage by itself."""

NAMES_SHOWN = 5
"""How many names a detail lists before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one candidate, and its place in the order of deletion."""

    verdict: Verdict
    reason: Reason = Reason.NONE
    detail: str = ""
    level: int = 0
    outside: tuple[str, ...] = ()
    """Keys of its live dependents that stay."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item is not deleted after all; `gone` when there is nothing left to delete."""

    reason: Reason = Reason.NONE
    detail: str = ""
    keys: tuple[str, ...] = ()
    """The dependents that the reason is about."""
    gone: bool = False


def judge(
    candidates: Sequence[Candidate],
    options: Options,
    *,
    read_only: bool = False,
    names: Mapping[str, str] | None = None,
    coverage: Coverage = KNOWN,
) -> list[Judgement]:
    """One verdict for each candidate, in the same order.

    A candidate whose dependent stays (outside the plan, blocked, or without consent) is blocked
    too, unless `orphan_dependents` allows that dependent to lose its parent. `names` gives the
    words for keys of dependents in details; a key without one stands for itself. `coverage` tells
    how far the registry's lineage was scanned: until then nobody knows all dependents.
    """
    named = {c.key: f"{c.collection}:{c.label}" for c in candidates} | dict(names or {})
    by_key = {c.key: c for c in candidates}
    levels = _levels(by_key)
    found: dict[str, Judgement] = {}
    going: set[str] = set()
    for key in sorted(levels, key=lambda key: levels[key]):
        facts = by_key[key].facts
        outside = tuple(d for d in facts.dependents if d not in going)
        why, detail = (Reason.READ_ONLY, "") if read_only else _blocked(facts, options)
        if why is Reason.NONE and outside and not options.orphan_dependents:
            inside = all(d in by_key for d in outside)
            why = Reason.DEPENDENT_STAYS if inside else Reason.DEPENDENTS
            detail = listed(named.get(d, d) for d in outside)
        verdict = Verdict.BLOCKED
        if why is Reason.NONE:
            verdict, why, detail = _consent(facts, options, coverage)
        found[key] = Judgement(verdict, why, detail, levels[key], outside)
        if verdict is Verdict.DELETE:
            going.add(key)
    loop = Judgement(Verdict.BLOCKED, Reason.LOOP)
    return [found.get(c.key, loop) for c in candidates]


def _levels(by_key: Mapping[str, Candidate]) -> dict[str, int]:
    """Each key's level: 0 without dependents in the plan, else one above the highest of them.

    Keys whose lineage runs in a circle, and all that they were made from, are left out.
    """
    graph = {
        key: [d for d in candidate.facts.dependents if d in by_key]
        for key, candidate in by_key.items()
    }
    sorter = TopologicalSorter(graph)
    with suppress(CycleError):  # get_ready() still gives all that is outside and below the circle
        sorter.prepare()
    levels: dict[str, int] = {}
    while ready := sorter.get_ready():
        for key in ready:
            levels[key] = max((levels[d] + 1 for d in graph[key]), default=0)
        sorter.done(*ready)
    return levels


def _blocked(facts: Facts, options: Options) -> tuple[Reason, str]:
    """What about the version itself forbids the action: its state or a protected alias."""
    why = _state_reason(facts.state, options.action)
    if why is Reason.NONE and (protected := [a for a in facts.aliases if a.protected]):
        return Reason.PROTECTED, _alias_words(protected)
    return why, ""


def _consent(facts: Facts, options: Options, coverage: Coverage) -> tuple[Verdict, Reason, str]:
    """What the user must agree to first."""
    if facts.aliases and not options.delete_aliases:
        return Verdict.CONSENT, Reason.ALIAS, _alias_words(facts.aliases)
    if not coverage.complete and not options.unknown_lineage:
        scanned = f"{coverage.scanned:,} of {coverage.total:,} models scanned"
        return Verdict.CONSENT, Reason.LINEAGE_UNKNOWN, scanned
    return Verdict.DELETE, Reason.NONE, ""


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
    return listed(f"{a.name} in {a.scope}" if a.scope else a.name for a in aliases)


def listed(names: Iterable[str]) -> str:
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
) -> Refusal | None:
    """Compare what was reviewed with what is true now; None means: go on.

    `planned(key)` gives the reviewed dependents of an item of this plan that was to be deleted
    before this one, or None for any other key. Such items are expected to be away by now; what was
    made from them then shows as made from this one, and was reviewed with them.
    """
    if now is None or is_gone(now, options.action):
        return Refusal(gone=True)
    if now.state is not reviewed.state:
        restored = options.action is Action.PURGE and now.state is VersionState.LIVE
        return Refusal(Reason.RESTORED if restored else Reason.STATE_CHANGED)
    if now.digest != reviewed.digest:
        return Refusal(Reason.CONTENT_CHANGED)
    return _aliases_differ(reviewed, now) or _dependents_differ(reviewed, now, options, planned)


def _aliases_differ(reviewed: Facts, now: Facts) -> Refusal | None:
    before, after = set(reviewed.aliases), set(now.aliases)
    if before == after:
        return None
    if protected := sorted(a for a in after - before if a.protected):
        return Refusal(Reason.PROTECTED_SINCE, _alias_words(protected))
    added = [f"+{a.name}" for a in sorted(after - before)]
    removed = [f"-{a.name}" for a in sorted(before - after)]
    return Refusal(Reason.ALIASES_CHANGED, listed(added + removed))


def _dependents_differ(
    reviewed: Facts,
    now: Facts,
    options: Options,
    planned: Callable[[str], Sequence[str] | None],
) -> Refusal | None:
    before, after = set(reviewed.dependents), set(now.dependents)
    if stays := [key for key in now.dependents if planned(key) is not None]:
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
