"""A draft in groups: what will be deleted, what needs consent, what stays and why. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.coverage import Coverage
from artifact_tui.deletion.items import VERSION, Action, Item, Reason, Verdict
from artifact_tui.text import count, plural, safe, size
from artifact_tui.tui.screens.review_storage import storage_groups
from artifact_tui.tui.widgets.grouped import Group
from artifact_tui.tui.widgets.row_list import Rows, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifact_tui.deletion.draft import Draft, Summary
    from artifact_tui.tui.remaking import Again

    Key = Callable[[str], str]
    """The key of a binding id as people write it."""

_NAMES_SHOWN = 12
"""Names in one group's words before it says how many more there are."""


def groups_of(draft: Draft, key: Key, times: str) -> list[Group[Item]]:
    """The groups of a draft in the order of the screen; empty ones are left out but the first.

    `times` is the sign between a name and how often it occurs.
    """
    return [
        *_going(draft),
        *storage_groups(draft, key),
        *_joined(draft, key),
        *_aliases(draft, key, times),
        *_orphans(draft, key),
        *_emptied(draft),
        *_unknown(draft, key),
        *_consent(draft, key, times),
        *_blocked(draft, key, times),
    ]


def _select(draft: Draft, wanted: Callable[[Item], bool]) -> Callable[[], Source[Item]]:
    return lambda: Rows([item for item in draft.items if wanted(item)])


def _goes(item: Item) -> bool:
    return item.verdict is Verdict.DELETE


def _going(draft: Draft) -> Iterator[Group[Item]]:
    if draft.summary.objects and not draft.summary.versions:
        return
    purge = draft.head.options.action is Action.PURGE
    yield Group(
        "delete",
        "will be purged" if purge else "will be deleted",
        draft.summary.versions,
        bytes_words(draft.summary),
        tone="bold $text-error",
        items=_select(draft, lambda item: _goes(item) and item.kind == VERSION),
    )


def bytes_words(summary: Summary) -> str:
    """What the deletion does to the bytes, honestly."""
    if not summary.versions:
        return "nothing, as it stands"
    unknown = ""
    if summary.unknown_sizes:
        unknown = f"; the size of {count(summary.unknown_sizes)} is not known"
    trash = summary.action is Action.DELETE and "purge" in summary.freed_after
    where = "in the trash until then" if trash else "gone for good"
    if summary.unknown_sizes == summary.versions:
        return f"{where}; this registry does not tell their sizes"
    listed = summary.listed - summary.object_bytes
    freed = summary.freed - (0 if summary.markers else summary.object_bytes)
    words = f"{size(listed)} listed, {size(freed)} freed"
    if summary.freed_after:
        words += f" after {summary.freed_after}"
    return f"{words}; {where}{unknown}"


def _joined(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    if draft.summary.added:
        yield Group(
            "added",
            "dependents added",
            draft.summary.added,
            "made from your selection, not in it",
            keys=((key("review.dependents"), "leave them out"),),
            items=_select(draft, lambda item: _goes(item) and item.added_as_dependent),
        )


def _tally(pairs: Iterable[tuple[str, int]], times: str) -> str:
    return _listed([f"{safe(name)} {times}{count(found)}" for name, found in pairs])


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {count(more)} more" if more > 0 else "")


def _aliases(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    aliases = draft.summary.aliases
    if aliases:
        yield Group(
            "aliases",
            "aliases that go",
            sum(found for _, found in aliases),
            _tally(aliases, times),
            keys=((key("review.aliases"), "keep them"),),
            tone="$text-warning",
            items=_select(draft, lambda item: _goes(item) and bool(item.facts.aliases)),
        )


def _orphans(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    if draft.summary.orphaned:
        goes = [item for item in draft.items if _goes(item) and item.outside_dependents]
        names = dict.fromkeys(
            safe(draft.names.get(other, other))
            for item in goes
            for other in item.outside_dependents
        )
        made = f"made from {plural(len(goes), 'version')} of this plan, not in it"
        yield Group(
            "orphans",
            "lose a parent",
            draft.summary.orphaned,
            f"{_listed(list(names))}: {made}",
            keys=((key("review.orphans"), "forbid it"),),
            tone="bold $text-warning",
            items=lambda: Rows(goes),
        )


def _emptied(draft: Draft) -> Iterator[Group[Item]]:
    emptied = draft.summary.emptied
    if emptied:
        names = {name for name, _ in emptied}
        yield Group(
            "emptied",
            "whole collections",
            len(emptied),
            _listed([f"{safe(name)} (all {count(every)})" for name, every in emptied]),
            tone="bold $text-warning",
            items=_select(draft, lambda item: _goes(item) and item.collection in names),
        )


def _consent(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    reasons = dict(draft.summary.reasons)
    if found := reasons.get(Reason.ALIAS):
        yield Group(
            "consent",
            "needs your consent",
            found,
            f"carry an alias: {_tally(draft.summary.consent_aliases, times)}",
            keys=((key("review.aliases"), "include them"),),
            tone="bold $text-warning",
            items=_select(draft, _stays_for(Reason.ALIAS)),
        )
    if found := reasons.get(Reason.LINEAGE_UNKNOWN):
        yield Group(
            "unknown",
            "needs your consent",
            found,
            f"dependents are not fully known: {scanned_words(draft.summary)}",
            keys=((key("review.unknown"), "include them"),),
            tone="bold $text-warning",
            items=_select(draft, _stays_for(Reason.LINEAGE_UNKNOWN)),
        )


def _stays_for(reason: Reason) -> Callable[[Item], bool]:
    return lambda item: item.verdict is not Verdict.DELETE and item.reason is reason


def scanned_words(summary: Summary) -> str:
    """How far the scan of lineage got."""
    return Coverage(summary.scanned, summary.models).words()


def _unknown(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    """What goes although something that nobody knows of may have been made from it."""
    summary = draft.summary
    if draft.head.options.unknown_lineage and summary.scanned < summary.models and summary.versions:
        yield Group(
            "lineage",
            "lineage unknown",
            summary.versions,
            f"others may lose this parent without our knowing: {scanned_words(summary)}",
            keys=((key("review.unknown"), "leave them out"),),
            tone="$text-warning",
            items=_select(draft, lambda item: _goes(item) and item.kind == VERSION),
        )


def _blocked(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    for reason, found in draft.summary.reasons:
        if reason in {Reason.ALIAS, Reason.LINEAGE_UNKNOWN}:
            continue
        yield Group(
            f"blocked-{reason}",
            "blocked",
            found,
            _why(draft, reason, times),
            keys=_way_out(draft, reason, key),
            tone="bold",
            items=_select(draft, _blocked_by(reason)),
        )


def _blocked_by(reason: Reason) -> Callable[[Item], bool]:
    return lambda item: item.verdict is Verdict.BLOCKED and item.reason is reason


def _why(draft: Draft, reason: Reason, times: str) -> str:
    if reason is Reason.PROTECTED:
        return f"protected alias {_tally(draft.summary.protected_aliases, times)}"
    return reason.words


def _way_out(draft: Draft, reason: Reason, key: Key) -> tuple[tuple[str, str], ...]:
    """The keys that would let these go."""
    if reason not in {Reason.DEPENDENTS, Reason.DEPENDENT_STAYS}:
        return ()
    orphans = (key("review.orphans"), "let those lose a parent")
    options = draft.head.options
    if options.action is Action.PURGE or options.with_dependents:
        return (orphans,)
    return ((key("review.dependents"), "include those too"), orphans)


def made_again(again: Again) -> Group[Item]:
    """What follows once the deletion is verified."""
    words = f"from {safe(again.url)} once it is verified gone: a new id and new metrics"
    return Group("again", "then made again", 1, words, tone="bold $text-accent")
