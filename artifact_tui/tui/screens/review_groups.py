"""A draft in groups: what will be deleted, what needs consent, what stays and why. Pure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.catalog.coverage import Coverage
from artifact_tui.deletion.items import VERSION, Action, Item, Reason, Verdict
from artifact_tui.model import VersionState
from artifact_tui.text import count, freed, plural, safe, size
from artifact_tui.tui.screens.review_items import goes, select
from artifact_tui.tui.screens.review_links import (
    broken,
    linked_consent,
    listed,
    tally,
    unlinked,
    whole_collections,
)
from artifact_tui.tui.screens.review_storage import storage_groups
from artifact_tui.tui.widgets.grouped import Group
from artifact_tui.tui.widgets.row_list import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifact_tui.deletion.draft import Draft, Summary
    from artifact_tui.tui.remaking import Again
    from artifact_tui.tui.screens.review_items import Key


def groups_of(draft: Draft, key: Key, times: str) -> list[Group[Item]]:
    """The groups of a draft in the order of the screen; empty ones are left out but the first.

    `times` is the sign between a name and how often it occurs.
    """
    return [
        *_going(draft),
        *unlinked(draft),
        *storage_groups(draft, key),
        *_joined(draft, key),
        *_aliases(draft, key, times),
        *broken(draft, key, times),
        *_orphans(draft, key),
        *whole_collections(draft, key),
        *_emptied(draft),
        *_agreed(draft, key),
        *_unknown(draft, key),
        *_consent(draft, key, times),
        *_blocked(draft, key, times),
    ]


def _going(draft: Draft) -> Iterator[Group[Item]]:
    summary = draft.summary
    others = summary.objects or summary.unlinks or summary.wholes
    if others and summary.versions == summary.unlinks:
        return
    purge = draft.head.options.action is Action.PURGE
    yield Group(
        "delete",
        "will be purged" if purge else "will be deleted",
        summary.versions - summary.unlinks,
        bytes_words(summary),
        tone="bold $text-error",
        items=select(draft, lambda i: goes(i) and i.kind == VERSION and not i.is_link),
    )


def bytes_words(summary: Summary) -> str:
    """What the deletion does to the bytes, honestly."""
    if not summary.versions:
        return "nothing, as it stands"
    unknown = ""
    if summary.unknown_sizes:
        unknown = f"; the size of {count(summary.unknown_sizes)} is not known"
    where = _where(summary)
    if summary.unknown_sizes == summary.versions:
        return f"{where}; this registry does not tell their sizes"
    listed_ = summary.listed - summary.object_bytes
    known = summary.freed - (0 if summary.markers else summary.object_bytes)
    if summary.freeing:
        verb = "charged by the registry" if summary.charged else "freed"
        freed_ = freed(known, summary.freed_untold, verb)
        words = f"{where}; {size(listed_)} listed, {freed_}{unknown}"
        return f"{words}; {safe(summary.freed_after)}"
    after = f" after {summary.freed_after}" if summary.freed_after else ""
    freed_ = freed(known, summary.freed_untold, f"freed{after}")
    return f"{size(listed_)} listed, {freed_}; {where}{unknown}"


def _where(summary: Summary) -> str:
    """What becomes of the versions themselves."""
    if summary.no_way_back:
        return "no way back"
    trash = summary.action is Action.DELETE and "purge" in summary.freed_after
    return "in the trash until then" if trash else "gone for good"


def _joined(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    if draft.summary.added:
        yield Group(
            "added",
            "dependents added",
            draft.summary.added,
            "made from your selection, not in it",
            keys=((key("review.dependents"), "leave them out"),),
            items=select(draft, lambda item: goes(item) and item.added_as_dependent),
        )


def _aliases(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    aliases = draft.summary.aliases
    if aliases:
        yield Group(
            "aliases",
            "aliases that go",
            sum(found for _, found in aliases),
            tally(aliases, times),
            keys=((key("review.aliases"), "keep them"),),
            tone="$text-warning",
            items=select(draft, lambda item: goes(item) and bool(item.facts.aliases)),
        )


def _orphans(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    if draft.summary.orphaned:
        orphaning = [item for item in draft.items if goes(item) and item.outside_dependents]
        names = dict.fromkeys(
            safe(draft.names.get(other, other))
            for item in orphaning
            for other in item.outside_dependents
        )
        made = f"made from {plural(len(orphaning), 'version')} of this plan, not in it"
        yield Group(
            "orphans",
            "lose a parent",
            draft.summary.orphaned,
            f"{listed(list(names))}: {made}",
            keys=((key("review.orphans"), "forbid it"),),
            tone="bold $text-warning",
            items=lambda: Rows(orphaning),
        )


def _emptied(draft: Draft) -> Iterator[Group[Item]]:
    named = {one.name for one in draft.summary.whole}
    emptied = [pair for pair in draft.summary.emptied if pair[0] not in named]
    if emptied:
        names = {name for name, _ in emptied}
        yield Group(
            "emptied",
            "lose every version",
            len(emptied),
            listed([f"{safe(name)} (all {count(every)})" for name, every in emptied]),
            tone="bold $text-warning",
            items=select(draft, lambda item: goes(item) and item.collection in names),
        )


def _consent(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    reasons = dict(draft.summary.reasons)
    if found := reasons.get(Reason.ALIAS):
        yield Group(
            "consent",
            "needs your consent",
            found,
            f"carry an alias: {tally(draft.summary.consent_aliases, times)}",
            keys=((key("review.aliases"), "include them"),),
            tone="bold $text-warning",
            items=select(draft, _stays_for(Reason.ALIAS)),
        )
    if found := reasons.get(Reason.LINEAGE_UNKNOWN):
        yield Group(
            "unknown",
            "needs your consent",
            found,
            f"dependents are not fully known: {scanned_words(draft.summary)}",
            keys=((key("review.unknown"), "include them"),),
            tone="bold $text-warning",
            items=select(draft, _stays_for(Reason.LINEAGE_UNKNOWN)),
        )

    for reason, word, _ in _OWN:
        if found := reasons.get(reason):
            yield Group(
                word,
                "needs your consent",
                found,
                reason.words,
                keys=((key(f"review.{word}"), "include them"),),
                tone="bold $text-warning",
                items=select(draft, _stays_for(reason)),
            )
    if found := reasons.get(Reason.LINKED):
        yield linked_consent(draft, found, key, times)


def _made_itself(item: Item) -> bool:
    return item.facts.generated


def _never_finished(item: Item) -> bool:
    return item.facts.state is VersionState.PENDING


_OWN = (
    (Reason.GENERATED, "generated", _made_itself),
    (Reason.UNFINISHED, "unfinished", _never_finished),
)
"""Consents about what a version is: the reason, the option, and whom it is about."""


def _agreed(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    """What goes because somebody agreed to what it is."""
    for reason, word, about in _OWN:
        found = [item for item in draft.items if goes(item) and about(item)]
        if found:
            yield Group(
                f"{word}-going",
                "by your consent",
                len(found),
                reason.words,
                keys=((key(f"review.{word}"), "leave them out"),),
                tone="$text-warning",
                items=partial(Rows, found),
            )


def _stays_for(reason: Reason) -> Callable[[Item], bool]:
    return lambda item: item.verdict is not Verdict.DELETE and item.reason is reason


def scanned_words(summary: Summary) -> str:
    """How far the scan of lineage got, where it is scanned."""
    if not summary.models:
        return "the registry did not tell, or was not asked"
    return Coverage(summary.scanned, summary.models).words()


def _unknown(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    """What goes although something that nobody knows of may have been made from it."""
    summary = draft.summary
    untold = sum(goes(i) and i.kind == VERSION and not i.facts.lineage_known for i in draft.items)
    found = summary.versions if summary.scanned < summary.models else untold
    if draft.head.options.unknown_lineage and found:
        yield Group(
            "lineage",
            "lineage unknown",
            found,
            f"others may lose this parent without our knowing: {scanned_words(summary)}",
            keys=((key("review.unknown"), "leave them out"),),
            tone="$text-warning",
            items=select(draft, lambda item: goes(item) and item.kind == VERSION),
        )


_CONSENTS = frozenset(
    {
        Reason.ALIAS,
        Reason.GENERATED,
        Reason.LINEAGE_UNKNOWN,
        Reason.LINKED,
        Reason.UNFINISHED,
    }
)
"""Reasons that have a group of their own."""


def _blocked(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    for reason, found in draft.summary.reasons:
        if reason in _CONSENTS:
            continue
        yield Group(
            f"blocked-{reason}",
            "blocked",
            found,
            _why(draft, reason, times),
            keys=_way_out(draft, reason, key),
            tone="bold",
            items=select(draft, _blocked_by(reason)),
        )


def _blocked_by(reason: Reason) -> Callable[[Item], bool]:
    return lambda item: item.verdict is Verdict.BLOCKED and item.reason is reason


def _why(draft: Draft, reason: Reason, times: str) -> str:
    if reason is Reason.PROTECTED:
        return f"protected alias {tally(draft.summary.protected_aliases, times)}"
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
