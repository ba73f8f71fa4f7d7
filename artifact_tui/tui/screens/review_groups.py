"""A draft in groups: what will be deleted, what needs consent, what stays and why. Pure.

Below them the commands that do the same without a screen, and the calls in their order.
"""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion.items import COLLECTION, OBJECT, VERSION, Action, Item, Reason, Verdict
from artifact_tui.deletion.plan import NAMES_SHOWN
from artifact_tui.deletion.review_words import bytes_words
from artifact_tui.model import VersionState
from artifact_tui.text import count, plural, safe, size
from artifact_tui.tui.widgets.grouped import GroupRow
from artifact_tui.tui.widgets.row_list import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from artifact_tui.deletion.plan import Draft, Summary, WholeCollection
    from artifact_tui.deletion.undo import Reingestion
    from artifact_tui.tui.widgets.row_list import RowSource

    Key = Callable[[str], str]
    """The key of a binding id as people write it."""


def goes(item: Item) -> bool:
    """Whether the plan deletes or unlinks it, as it stands."""
    return item.verdict is Verdict.DELETE


def select(draft: Draft, wanted: Callable[[Item], bool]) -> Callable[[], RowSource[Item]]:
    """The rows of a group: picked when they are to be shown."""
    return lambda: Rows([item for item in draft.items if wanted(item)])


def draft_groups(draft: Draft, key: Key, times: str) -> list[GroupRow[Item]]:
    """The groups of a draft in the order of the screen; empty ones are left out but the first.

    `times` is the sign between a name and how often it occurs.
    """
    return [
        *_going(draft),
        *unlinked_group(draft),
        *storage_groups(draft, key),
        *_joined(draft, key),
        *_aliases(draft, key, times),
        *broken_links(draft, key, times),
        *_orphans(draft, key),
        *whole_collections(draft, key),
        *_emptied(draft),
        *_agreed(draft, key),
        *_unknown(draft, key),
        *_consent(draft, key, times),
        *_blocked(draft, key, times),
    ]


def _going(draft: Draft) -> Iterator[GroupRow[Item]]:
    summary = draft.summary
    others = summary.objects or summary.unlinks or summary.wholes
    if others and summary.versions == summary.unlinks:
        return
    purge = draft.head.options.action is Action.PURGE
    yield GroupRow(
        "delete",
        "will be purged" if purge else "will be deleted",
        summary.versions - summary.unlinks,
        bytes_words(summary),
        tone="bold $text-error",
        items=select(draft, lambda i: goes(i) and i.kind == VERSION and not i.is_link),
    )


def _joined(draft: Draft, key: Key) -> Iterator[GroupRow[Item]]:
    if draft.summary.added:
        yield GroupRow(
            "added",
            "dependents added",
            draft.summary.added,
            "made from your selection, not in it",
            keys=((key("review.dependents"), "leave them out"),),
            items=select(draft, lambda item: goes(item) and item.added_as_dependent),
        )


def _aliases(draft: Draft, key: Key, times: str) -> Iterator[GroupRow[Item]]:
    aliases = draft.summary.aliases
    if aliases:
        yield GroupRow(
            "aliases",
            "aliases that go",
            sum(found for _, found in aliases),
            tally(aliases, times),
            keys=((key("review.aliases"), "keep them"),),
            tone="$text-warning",
            items=select(draft, lambda item: goes(item) and bool(item.facts.aliases)),
        )


def _orphans(draft: Draft, key: Key) -> Iterator[GroupRow[Item]]:
    if draft.summary.orphaned:
        orphaning = [item for item in draft.items if goes(item) and item.outside_dependents]
        names = dict.fromkeys(
            safe(draft.names.get(other, other))
            for item in orphaning
            for other in item.outside_dependents
        )
        made = f"made from {plural(len(orphaning), 'version')} of this plan, not in it"
        yield GroupRow(
            "orphans",
            "lose a parent",
            draft.summary.orphaned,
            f"{first_names(list(names))}: {made}",
            keys=((key("review.orphans"), "forbid it"),),
            tone="bold $text-warning",
            items=lambda: Rows(orphaning),
        )


def _emptied(draft: Draft) -> Iterator[GroupRow[Item]]:
    named = {one.name for one in draft.summary.whole}
    emptied = [pair for pair in draft.summary.emptied if pair[0] not in named]
    if emptied:
        names = {name for name, _ in emptied}
        yield GroupRow(
            "emptied",
            "lose every version",
            len(emptied),
            first_names([f"{safe(name)} (all {count(every)})" for name, every in emptied]),
            tone="bold $text-warning",
            items=select(draft, lambda item: goes(item) and item.collection in names),
        )


def _consent(draft: Draft, key: Key, times: str) -> Iterator[GroupRow[Item]]:
    reasons = dict(draft.summary.reasons)
    if found := reasons.get(Reason.ALIAS):
        yield GroupRow(
            "consent",
            "needs your consent",
            found,
            f"carry an alias: {tally(draft.summary.consent_aliases, times)}",
            keys=((key("review.aliases"), "include them"),),
            tone="bold $text-warning",
            items=select(draft, _stays_for(Reason.ALIAS)),
        )
    if found := reasons.get(Reason.LINEAGE_UNKNOWN):
        yield GroupRow(
            "unknown",
            "needs your consent",
            found,
            f"dependents are not fully known: {scanned_words(draft.summary)}",
            keys=((key("review.unknown"), "include them"),),
            tone="bold $text-warning",
            items=select(draft, _stays_for(Reason.LINEAGE_UNKNOWN)),
        )

    for reason, word, _ in _OWN_CONSENTS:
        if found := reasons.get(reason):
            yield GroupRow(
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


_OWN_CONSENTS = (
    (Reason.GENERATED, "generated", _made_itself),
    (Reason.UNFINISHED, "unfinished", _never_finished),
)
"""Consents about what a version is: the reason, the option, and whom it is about."""


def _agreed(draft: Draft, key: Key) -> Iterator[GroupRow[Item]]:
    """What goes because somebody agreed to what it is."""
    for reason, word, about in _OWN_CONSENTS:
        found = [item for item in draft.items if goes(item) and about(item)]
        if found:
            yield GroupRow(
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
    return LineageCoverage(summary.scanned, summary.models).words()


def _unknown(draft: Draft, key: Key) -> Iterator[GroupRow[Item]]:
    """What goes although something that nobody knows of may have been made from it."""
    summary = draft.summary
    untold = sum(goes(i) and i.kind == VERSION and not i.facts.lineage_known for i in draft.items)
    found = summary.versions if summary.scanned < summary.models else untold
    if draft.head.options.unknown_lineage and found:
        yield GroupRow(
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


def _blocked(draft: Draft, key: Key, times: str) -> Iterator[GroupRow[Item]]:
    for reason, found in draft.summary.reasons:
        if reason in _CONSENTS:
            continue
        yield GroupRow(
            f"blocked-{reason}",
            "blocked",
            found,
            _blocked_words(draft, reason, times),
            keys=_way_out(draft, reason, key),
            tone="bold",
            items=select(draft, _blocked_by(reason)),
        )


def _blocked_by(reason: Reason) -> Callable[[Item], bool]:
    return lambda item: item.verdict is Verdict.BLOCKED and item.reason is reason


def _blocked_words(draft: Draft, reason: Reason, times: str) -> str:
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


def made_again_group(again: Reingestion) -> GroupRow[Item]:
    """What follows once the deletion is verified."""
    words = f"from {safe(again.url)} once it is verified gone: a new id and new metrics"
    return GroupRow("again", "then made again", 1, words, tone="bold $text-accent")


def tally(pairs: Iterable[tuple[str, int]], times: str) -> str:
    """Untrusted names, each with how often; safe."""
    return first_names([f"{safe(name)} {times}{count(found)}" for name, found in pairs])


def first_names(names: list[str]) -> str:
    """Safe names in one line, as many as one reads."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {count(more)} more" if more > 0 else "")


def unlinked_group(draft: Draft) -> Iterator[GroupRow[Item]]:
    """The links that go, and what becomes of their sources."""
    found = draft.summary.unlinks
    if found:
        yield GroupRow(
            "unlink",
            "will be unlinked",
            found,
            f"{plural(found, 'link')} will be removed; {draft.summary.sources}",
            tone="bold $text-warning",
            items=select(draft, lambda item: goes(item) and item.is_link),
        )


def broken_links(draft: Draft, key: Key, times: str) -> Iterator[GroupRow[Item]]:
    """The links elsewhere that break because their source goes."""
    linked = draft.summary.linked
    if linked and draft.head.options.break_links:
        yield GroupRow(
            "broken",
            "links that break",
            sum(found for _, found in linked),
            f"shown in {tally(linked, times)}",
            keys=((key("review.links"), "keep them"),),
            tone="bold $text-warning",
            items=select(draft, lambda item: goes(item) and bool(item.facts.links)),
        )


def linked_consent(draft: Draft, found: int, key: Key, times: str) -> GroupRow[Item]:
    """The versions that stay because another collection shows them."""
    where = tally(draft.summary.consent_links, times)
    return GroupRow(
        "linked",
        "needs your consent",
        found,
        f"other collections show them, the links would break: {where}",
        keys=((key("review.links"), "include them"),),
        tone="bold $text-warning",
        items=select(
            draft, lambda item: item.verdict is Verdict.CONSENT and item.reason is Reason.LINKED
        ),
    )


def whole_collections(draft: Draft, key: Key) -> Iterator[GroupRow[Item]]:
    """Collections that one request deletes, or could delete."""
    summary = draft.summary
    used = [one for one in summary.whole if one.used]
    offered = [one for one in summary.whole if not one.used]
    by_one = ((key("review.collections"), "one by one"),)
    if used:
        yield GroupRow(
            "whole",
            "whole collections",
            len(used),
            f"one request each: {first_names([_whole_words(one) for one in used])}",
            keys=by_one if draft.head.options.whole_collections else (),
            tone="bold $text-error",
            items=select(draft, lambda item: goes(item) and item.kind == COLLECTION),
        )
    if offered:
        yield GroupRow(
            "cheaper",
            "cheaper",
            len(offered),
            _offer_words(offered) + _fewer_words(summary.cheaper),
            keys=((key("review.collections"), "use it"),),
            tone="bold $text-accent",
        )


def _fewer_words(requests: int) -> str:
    return f"; {plural(requests, 'request')} fewer" if requests else ""


def _offer_words(whole: Sequence[WholeCollection]) -> str:
    first = whole[0]
    links = plural(first.versions, "link") if first.links else plural(first.versions, "version")
    words = f"all {links} of {safe(first.name)}: one request deletes the collection too"
    more = len(whole) - 1
    others = f", and {plural(more, 'other collection')}" if more else ""
    return f"{words}{_also_words(first)}{others}"


def _whole_words(one: WholeCollection) -> str:
    what = "link" if one.links else "version"
    inside = f"{plural(one.versions, what)}{_also_words(one)}" if one.versions else "empty"
    return f"{safe(one.name)} ({inside})"


def _also_words(one: WholeCollection) -> str:
    """What goes with a collection beside its versions."""
    parts = []
    if one.aliases:
        parts.append(plural(one.aliases, "alias", "aliases"))
    if one.broken:
        parts.append(f"{plural(sum(n for _, n in one.broken), 'link')} elsewhere")
    return f", with {' and '.join(parts)}" if parts else ""


def lineage_failed(error: str) -> GroupRow[Item]:
    """Why not all dependents are known; `error` is untrusted text."""
    words = f"not all that was made from these is known: {safe(error)}"
    return GroupRow("lineage-failed", "lineage", 0, words, tone="bold $text-error")


def storage_groups(draft: Draft, key: Key) -> Iterator[GroupRow[Item]]:
    """The objects that stay behind, or those that go too."""
    summary = draft.summary
    if summary.left_objects:
        yield GroupRow(
            "left",
            "left in storage",
            summary.left_objects,
            f"{size(summary.left_bytes)} stay in {safe(summary.storage)} without their version",
            keys=((key("review.storage"), "delete them too"),),
            tone="bold $text-warning",
        )
    if summary.objects:
        yield GroupRow(
            "objects",
            "stored objects",
            summary.objects,
            _object_words(summary),
            keys=_object_keys(summary, key),
            tone="bold $text-error",
            items=select(draft, lambda item: goes(item) and item.kind == OBJECT),
        )


def _object_words(summary: Summary) -> str:
    weight = size(summary.object_bytes)
    if summary.for_good:
        words = f"{weight} in every stored version of them: gone for good"
    elif summary.markers:
        words = f"hidden only: the bucket keeps versions, so their {weight} stay"
    else:
        words = f"{weight} freed, gone for good"
    when = "once its version is gone" if summary.versions else "if nothing refers to it then"
    return f"{words}; each {when}"


def _object_keys(summary: Summary, key: Key) -> tuple[tuple[str, str], ...]:
    """The keys that leave them, or that change how they go."""
    leave = ((key("review.storage"), "leave them"),) if summary.versions else ()
    if summary.for_good:
        return (*leave, (key("review.versions"), "only hide them"))
    if summary.markers:
        return (*leave, (key("review.versions"), "delete for good"))
    return leave


def storage_failed(error: str) -> GroupRow[Item]:
    """Why nobody knows what stays behind; `error` is untrusted text."""
    words = f"what stays behind in it is not known: {safe(error)}"
    return GroupRow("left", "storage", 0, words, tone="bold $text-error")


def printed_calls(draft: Draft, saved: Path | None) -> list[str]:
    """All lines: commands first, then one line for each call. Safe text."""
    return [*commands(draft, saved), "", *calls(draft)]


def commands(draft: Draft, saved: Path | None) -> list[str]:
    """What to type in a shell to do the same; safe text."""
    plan = "FILE" if saved is None else shlex.quote(str(saved))
    expect = f"artifact-tui apply {plan} --yes --expect {draft.summary.deletes}"
    first = [] if saved is not None else ["# save the plan first (s), and name its file below"]
    return [*first, safe(f"artifact-tui review {plan}"), safe(expect)]


def calls(draft: Draft) -> list[str]:
    """One line for each version in the order of the apply, dependents before parents; safe."""
    wholes = {item.seq for item in draft.items if item.kind == COLLECTION}
    going = [item for item in draft.items if item.verdict is Verdict.DELETE]
    going = [item for item in going if item.belongs not in wholes]
    going.sort(key=lambda item: (item.level, item.seq))
    verb = "purge" if draft.head.options.action is Action.PURGE else "delete"
    requests = plural(len(going), "item")
    head = f"# it will {verb} {requests} of {draft.head.identity.address}, in this order:"
    return [safe(head, limit=5000), *(_call_line(verb, item) for item in going)]


def _call_line(verb: str, item: Item) -> str:
    if item.kind == COLLECTION:
        return f"{verb} collection {safe(item.name)} with all that is in it  {safe(item.key)}"
    if item.is_link:
        return f"unlink {safe(item.name)}  {safe(item.key)}"
    aliases = ", ".join(safe(alias.name) for alias in item.facts.aliases)
    along = f" with aliases {aliases}" if aliases else ""
    return f"{verb} {safe(item.name)}{along}  {safe(item.key)} {safe(item.facts.digest)}"
