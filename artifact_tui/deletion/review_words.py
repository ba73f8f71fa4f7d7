"""Words of a review for both front ends: consents, groups of items, sentences, calls.

All of it is safe text, without markup, keys or option names: a front end adds those. Groups follow
from a plan's numbers; the items of one are read when they are to be shown, a page at a time.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion.draft_items import PickedItems
from artifact_tui.deletion.items import (
    COLLECTION,
    Action,
    Item,
    ItemState,
    Reason,
    Verdict,
)
from artifact_tui.deletion.plan import NAMES_SHOWN, OF_WHOLE
from artifact_tui.text import count, freed, plural, safe, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from artifact_tui.deletion.items import Options
    from artifact_tui.deletion.plan import Draft, Head, Summary, WholeCollection

    Tally = Callable[[Iterable[tuple[str, int]]], str]
    """Untrusted names, each with how often, as one safe line."""


@dataclass(frozen=True, slots=True)
class ConsentKind:
    """Something that a person can agree to, and what is said about it."""

    field: str
    """The field of `Options` that holds it."""
    reasons: frozenset[Reason]
    """Why versions stay without it."""
    agreed: str
    """What a plan with it does."""
    nothing: str
    """Why there is nothing to agree to."""
    take: str
    leave: str
    """What giving it, and taking it back, does to what waits for it."""


CONSENTS = {
    one.field: one
    for one in (
        ConsentKind(
            "delete_aliases",
            frozenset({Reason.ALIAS, Reason.PART}),
            agreed="aliases go along, and stay where only a part of their version goes",
            nothing="no version that could go carries an alias",
            take="include them",
            leave="keep them",
        ),
        ConsentKind(
            "with_dependents",
            frozenset({Reason.DEPENDENTS, Reason.HOLDS}),
            agreed="what was made from the selection goes too",
            nothing="nothing outside this plan was made from it",
            take="include those too",
            leave="leave them out",
        ),
        ConsentKind(
            "orphan_dependents",
            frozenset({Reason.DEPENDENTS, Reason.DEPENDENT_STAYS}),
            agreed="live versions lose a parent",
            nothing="nothing would lose a parent",
            take="let those lose a parent",
            leave="forbid it",
        ),
        ConsentKind(
            "unknown_lineage",
            frozenset({Reason.LINEAGE_UNKNOWN}),
            agreed="dependents may not be known",
            nothing="nothing waits for what is not known of its lineage",
            take="include them",
            leave="leave them out",
        ),
        ConsentKind(
            "storage",
            frozenset(),
            agreed="stored objects go",
            nothing="these versions have no object in the storage",
            take="delete them too",
            leave="leave them",
        ),
        ConsentKind(
            "storage_versions",
            frozenset(),
            agreed="every stored version of the objects goes",
            nothing="no stored object is included",
            take="delete for good",
            leave="only hide them",
        ),
        ConsentKind(
            "break_links",
            frozenset({Reason.LINKED}),
            agreed="links in other collections break",
            nothing="no version that could go is shown in another collection",
            take="include them",
            leave="keep them",
        ),
        ConsentKind(
            "generated",
            frozenset({Reason.GENERATED}),
            agreed="what the registry made by itself goes",
            nothing="no version that could go was made by the registry itself",
            take="include them",
            leave="leave them out",
        ),
        ConsentKind(
            "unfinished",
            frozenset({Reason.UNFINISHED}),
            agreed="uploads that never ended go",
            nothing="no version that could go is pending for so long",
            take="include them",
            leave="leave them out",
        ),
        ConsentKind(
            "in_use",
            frozenset({Reason.IN_USE}),
            agreed="what processes of that machine use goes",
            nothing="no process is known to use a version that could go",
            take="include them",
            leave="leave them out",
        ),
        ConsentKind(
            "whole_collections",
            frozenset(),
            agreed="one request each deletes whole collections",
            nothing="no collection goes as a whole, or it takes a request for each version",
            take="use it",
            leave="one by one",
        ),
    )
}
"""All that can be agreed to in a review, by the field of `Options`."""


def toggled(options: Options, field: str) -> Options:
    """The options with a consent given, or taken back if it was given."""
    match field:
        case "storage":
            taken = options.storage or options.storage_versions
            return replace(options, storage=not taken, storage_versions=False)
        case "storage_versions":
            return replace(options, storage=True, storage_versions=not options.storage_versions)
        case _:
            changes: dict[str, Any] = {field: not getattr(options, field)}
            return replace(options, **changes)


def why_no_choice(head: Head, summary: Summary, field: str) -> str:
    """Why there is nothing to choose for a consent; empty when there is."""
    if field in {"storage", "storage_versions"}:
        return _why_no_storage_choice(summary, field)
    options = head.options
    if field == "with_dependents" and options.action is Action.PURGE:
        return "a purge takes nothing along"
    kind = CONSENTS[field]
    waiting = any(reason in kind.reasons for reason, _ in summary.reasons)
    offered = field == "whole_collections" and summary.whole
    return "" if getattr(options, field) or waiting or offered else kind.nothing


def _why_no_storage_choice(summary: Summary, field: str) -> str:
    match field:
        case _ if not summary.storage:
            return "no storage was looked at for this plan"
        case "storage" if not summary.versions and not _in_trash(summary):
            return "this plan is about nothing else"
        case "storage" if not summary.objects and not summary.left_objects:
            return CONSENTS[field].nothing
        case "storage_versions" if not summary.objects:
            return CONSENTS[field].nothing
        case "storage_versions" if not summary.for_good and not summary.markers:
            return "the bucket keeps no versions: what is deleted is gone"
        case _:
            return ""


def _in_trash(summary: Summary) -> bool:
    """Whether something stays because it is in the trash already; its objects may go."""
    return any(reason is Reason.IN_TRASH for reason, _ in summary.reasons)


def consents_for(reason: Reason, options: Options) -> list[ConsentKind]:
    """What can still be agreed to, so that what stays for this reason goes."""
    kinds = (one for one in CONSENTS.values() if reason in one.reasons)
    purge = options.action is Action.PURGE
    return [
        one
        for one in kinds
        if not getattr(options, one.field) and not (purge and one.field == "with_dependents")
    ]


class ItemPick(NamedTuple):
    """Which items of a plan stand in a group: a condition on `i`, a row of `reviewed`."""

    where: str
    params: tuple[object, ...] = ()


GOING = ItemPick("i.verdict = 'delete'")
"""All that a plan deletes or unlinks."""


def _going_that(condition: str, *params: object) -> ItemPick:
    return ItemPick(f"{GOING.where} AND {condition}", params)


def _with_alias(condition: str) -> str:
    """SQL for items that carry an alias (`a`) of some sort."""
    return f"""i.aliases <> '[]' AND EXISTS(
        SELECT 1 FROM json_each(i.aliases) a WHERE {condition})"""


def items_of(draft: Draft, pick: ItemPick) -> PickedItems:
    """The items of a group, read from the draft as they are looked at."""
    return PickedItems(draft.items, *pick)


class Harm(StrEnum):
    """What a group means for whoever reads it: a front end shows each in its own style."""

    HARM = "harm"
    """Something goes for good, or is not known that should be."""
    LOSS = "loss"
    """Something else suffers from what goes."""
    WARNING = "warning"
    """It goes because somebody agreed to it."""
    CONSENT = "consent"
    """It stays unless somebody agrees."""
    BLOCKED = "blocked"
    """It stays."""
    OFFER = "offer"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class ReviewGroup:
    """Items of a plan of which the same is to be said. All texts are safe."""

    id: str
    label: str
    count: int
    words: str
    harm: Harm = Harm.PLAIN
    ways: tuple[tuple[str, str], ...] = ()
    """Consents (fields of `Options`) that change it, and what giving or taking each does."""
    pick: ItemPick | None = None
    """The items that stand in it; None: it is about none."""

    @property
    def stays(self) -> bool:
        """Whether it is about what stays."""
        return self.harm in {Harm.CONSENT, Harm.BLOCKED}


def review_groups(head: Head, summary: Summary, *, tally: Tally) -> list[ReviewGroup]:
    """What a plan does and what it leaves, in groups; empty ones are left out but the first."""
    return [
        *_what_goes(summary),
        *_what_follows(head.options, summary, tally),
        *_what_stays(head.options, summary, tally),
    ]


def _take(*fields: str) -> tuple[tuple[str, str], ...]:
    return tuple((field, CONSENTS[field].take) for field in fields)


def _leave(*fields: str) -> tuple[tuple[str, str], ...]:
    return tuple((field, CONSENTS[field].leave) for field in fields)


def _what_goes(summary: Summary) -> Iterator[ReviewGroup]:
    """Versions, links and objects; and objects that stay without their version."""
    others = summary.objects or summary.unlinks or summary.wholes
    if not others or summary.versions != summary.unlinks:
        yield ReviewGroup(
            "delete",
            "will be purged" if summary.action is Action.PURGE else "will be deleted",
            summary.versions - summary.unlinks,
            bytes_words(summary),
            Harm.HARM,
            pick=_going_that("i.kind = 'version' AND i.source_key = ''"),
        )
    if summary.unlinks:
        yield ReviewGroup(
            "unlink",
            "will be unlinked",
            summary.unlinks,
            f"{plural(summary.unlinks, 'link')} will be removed; {summary.sources}",
            Harm.LOSS,
            pick=_going_that("i.source_key <> ''"),
        )
    if summary.left_objects:
        yield ReviewGroup(
            "left",
            "left in storage",
            summary.left_objects,
            f"{size(summary.left_bytes)} stay in {safe(summary.storage)} without their version",
            Harm.LOSS,
            _take("storage"),
        )
    if summary.objects:
        weight = size(summary.object_bytes)
        trash = _in_trash(summary)
        ways = _leave("storage") if summary.versions or trash else ()
        if summary.for_good:
            words = f"{weight} in every stored version of them: gone for good"
            ways += _leave("storage_versions")
        elif summary.markers:
            words = f"hidden only: the bucket keeps versions, so their {weight} stay"
            ways += _take("storage_versions")
        else:
            words = f"{weight} freed, gone for good"
            words += ": what is restored comes back without" if trash else ""
        when = "once its version is gone" if summary.versions else "if nothing refers to it then"
        yield ReviewGroup(
            "objects",
            "stored objects",
            summary.objects,
            f"{words}; each {when}",
            Harm.HARM,
            ways,
            _going_that("i.kind = 'object'"),
        )
    if summary.added:
        yield ReviewGroup(
            "added",
            "dependents added",
            summary.added,
            "made from your selection, not in it",
            ways=_leave("with_dependents"),
            pick=_going_that("i.added"),
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
    if summary.no_way_back:
        where = "no way back"
    elif summary.restorable:
        where = "can be restored"
    if summary.unknown_sizes == summary.versions:
        own = f"; {safe(summary.freed_after)}" if summary.freeing else ""
        return f"{where}; this registry does not tell their sizes{own}"
    listed = summary.listed - summary.object_bytes
    known = summary.freed - (0 if summary.markers else summary.object_bytes)
    held = f" ({size(summary.held)} held elsewhere)" if summary.held else ""
    if summary.freeing:
        verb = "charged by the registry" if summary.charged else "freed"
        freed_ = freed(known, summary.freed_untold, verb)
        words = f"{where}; {size(listed)} listed, {freed_}{held}{unknown}"
        return f"{words}; {safe(summary.freed_after)}"
    after = f" after {summary.freed_after}" if summary.freed_after else ""
    freed_ = freed(known, summary.freed_untold, f"freed{after}")
    return f"{size(listed)} listed, {freed_}{held}; {where}{unknown}"


def _what_follows(options: Options, summary: Summary, tally: Tally) -> Iterator[ReviewGroup]:
    """What else suffers from what goes, what could be cheaper, and what was agreed to."""
    if summary.aliases:
        yield ReviewGroup(
            "aliases",
            "aliases that go",
            sum(carriers for _, carriers in summary.aliases),
            tally(summary.aliases),
            Harm.WARNING,
            _leave("delete_aliases"),
            _going_that(_with_alias(f"NOT {OF_WHOLE}")),
        )
    if summary.partial_aliases:
        yield ReviewGroup(
            "partial-aliases",
            "aliases that stay",
            sum(parts for _, parts in summary.partial_aliases),
            f"{tally(summary.partial_aliases)}: on a version that stays, without these parts",
            Harm.WARNING,
            _leave("delete_aliases"),
            _going_that(_with_alias(OF_WHOLE)),
        )
    if summary.linked and options.break_links:
        yield ReviewGroup(
            "broken",
            "links that break",
            sum(links for _, links in summary.linked),
            f"shown in {tally(summary.linked)}",
            Harm.LOSS,
            _leave("break_links"),
            _going_that("i.links <> '[]'"),
        )
    if summary.orphaned:
        names = first_names([safe(name) for name in summary.orphan_names], summary.orphaned)
        parents = plural(summary.orphaning, "version")
        yield ReviewGroup(
            "orphans",
            "lose a parent",
            summary.orphaned,
            f"{names}: made from {parents} of this plan, not in it",
            Harm.LOSS,
            _leave("orphan_dependents"),
            _going_that("EXISTS(SELECT 1 FROM outside o WHERE o.seq = i.seq)"),
        )
    yield from _whole_collections(options, summary)
    users = f"in use by {tally(summary.users)}"
    for field, found, words, sql in (
        ("generated", summary.generated, Reason.GENERATED.words, "i.generated"),
        ("unfinished", summary.unfinished, Reason.UNFINISHED.words, "i.pending"),
        ("in_use", summary.in_use, users, "i.used_by IS NOT NULL"),
    ):
        if found:
            yield ReviewGroup(
                f"{field.replace('_', '-')}-going",
                "by your consent",
                found,
                words,
                Harm.WARNING,
                _leave(field),
                _going_that(sql),
            )
    if summary.users_unseen and summary.versions:
        yield ReviewGroup(
            "users-unseen",
            "use unknown",
            summary.versions,
            "processes of other users cannot be looked at",
        )
    unknown = summary.versions if summary.scanned < summary.models else summary.untold
    if options.unknown_lineage and unknown:
        yield ReviewGroup(
            "lineage",
            "lineage unknown",
            unknown,
            f"others may lose this parent without our knowing: {_scanned_words(summary)}",
            Harm.WARNING,
            _leave("unknown_lineage"),
            _going_that("i.kind = 'version'"),
        )


def _whole_collections(options: Options, summary: Summary) -> Iterator[ReviewGroup]:
    """Collections that one request each deletes, or could; and others that lose every version."""
    used = [one for one in summary.whole if one.used]
    if used:
        insides = [
            plural(one.versions, "link" if one.links else "version") + _also_words(one)
            if one.versions
            else "empty"
            for one in used
        ]
        names = [f"{safe(one.name)} ({inside})" for one, inside in zip(used, insides, strict=True)]
        yield ReviewGroup(
            "whole",
            "whole collections",
            len(used),
            f"one request each: {first_names(names)}",
            Harm.HARM,
            _leave("whole_collections") if options.whole_collections else (),
            _going_that("i.kind = 'collection'"),
        )
    if along := [safe(one.along) for one in used if one.along]:
        words = f"{first_names(along)}: deleted by the same requests, not listed in this plan"
        yield ReviewGroup("along", "go along", len(along), words, Harm.HARM)
    offered = [one for one in summary.whole if not one.used]
    if offered:
        first, more = offered[0], len(offered) - 1
        inside = plural(first.versions, "link" if first.links else "version")
        words = f"all {inside} of {safe(first.name)}: one request deletes the collection too"
        words += _also_words(first) + (f", and {safe(first.along)}" if first.along else "")
        words += f", and {plural(more, 'other collection')}" if more else ""
        words += f"; {plural(summary.cheaper, 'request')} fewer" if summary.cheaper else ""
        ways = _take("whole_collections")
        yield ReviewGroup("cheaper", "cheaper", len(offered), words, Harm.OFFER, ways)
    named = {one.name for one in summary.whole}
    emptied = [pair for pair in summary.emptied if pair[0] not in named]
    if emptied:
        yield ReviewGroup(
            "emptied",
            "lose every version",
            len(emptied),
            first_names([f"{safe(name)} (all {count(every)})" for name, every in emptied]),
            Harm.LOSS,
            pick=_going_that(
                "i.collection IN (SELECT value FROM json_each(?))",
                json.dumps([name for name, _ in emptied]),
            ),
        )


def _also_words(one: WholeCollection) -> str:
    """What goes with a collection beside its versions."""
    parts = []
    if one.aliases:
        parts.append(plural(one.aliases, "alias", "aliases"))
    if one.broken:
        parts.append(f"{plural(sum(links for _, links in one.broken), 'link')} elsewhere")
    return f", with {' and '.join(parts)}" if parts else ""


def _scanned_words(summary: Summary) -> str:
    """How far the scan of lineage got, where it is scanned."""
    if not summary.models:
        return "the registry did not tell, or was not asked"
    return LineageCoverage(summary.scanned, summary.models).words()


_CONSENT_IDS = {
    Reason.ALIAS: "consent",
    Reason.PART: "parts",
    Reason.LINEAGE_UNKNOWN: "unknown",
    Reason.GENERATED: "generated",
    Reason.UNFINISHED: "unfinished",
    Reason.LINKED: "linked",
    Reason.IN_USE: "in-use",
}
"""What waits for a consent, in the order of the review: each has a group of its own."""


def _what_stays(options: Options, summary: Summary, tally: Tally) -> Iterator[ReviewGroup]:
    """What waits for a consent, then what is blocked; each reason is a group."""
    stays = dict(summary.reasons)
    waiting = [reason for reason in _CONSENT_IDS if stays.get(reason)]
    for reason in [*waiting, *(one for one in stays if one not in _CONSENT_IDS)]:
        words = reason.words
        match reason:
            case Reason.ALIAS:
                words = f"carry an alias: {tally(summary.consent_aliases)}"
            case Reason.PART:
                names = tally(summary.consent_parts)
                words = f"parts of a version with the alias {names}, which stays"
            case Reason.LINEAGE_UNKNOWN:
                words = f"dependents are not fully known: {_scanned_words(summary)}"
            case Reason.LINKED:
                where = tally(summary.consent_links)
                words = f"other collections show them, the links would break: {where}"
            case Reason.IN_USE:
                words = f"in use by {tally(summary.consent_users)}"
            case Reason.PROTECTED:
                words = f"protected alias {tally(summary.protected_aliases)}"
        consent = reason in _CONSENT_IDS
        yield ReviewGroup(
            _CONSENT_IDS[reason] if consent else f"blocked-{reason}",
            "needs your consent" if consent else "blocked",
            stays[reason],
            words,
            Harm.CONSENT if consent else Harm.BLOCKED,
            _take(*(one.field for one in consents_for(reason, options))),
            ItemPick("i.verdict <> 'delete' AND i.reason = ?", (str(reason),)),
        )


def made_again(url: str) -> ReviewGroup:
    """What follows once the deletion is verified; the address is untrusted text."""
    words = f"from {safe(url)} once it is verified gone: a new id and new metrics"
    return ReviewGroup("again", "then made again", 1, words, Harm.OFFER)


def storage_unknown(error: str) -> ReviewGroup:
    """Why nobody knows what stays behind in the storage; `error` is untrusted text."""
    words = f"what stays behind in it is not known: {safe(error)}"
    return ReviewGroup("storage-failed", "storage", 0, words, Harm.HARM)


def lineage_unknown(error: str) -> ReviewGroup:
    """Why not all dependents are known; `error` is untrusted text."""
    words = f"not all that was made from these is known: {safe(error)}"
    return ReviewGroup("lineage-failed", "lineage", 0, words, Harm.HARM)


def first_names(names: list[str], total: int | None = None) -> str:
    """Safe names in one line, as many as one reads; of `total`, if that is more than are given."""
    shown = names[:NAMES_SHOWN]
    more = max(len(names), total or 0) - len(shown) if len(shown) == NAMES_SHOWN else 0
    return ", ".join(shown) + (f" and {count(more)} more" if more > 0 else "")


_NAMED_ALREADY = {Reason.ALIAS, Reason.PART, Reason.LINKED, Reason.IN_USE}
"""Why items stay whose line has the names for it in other notes."""


def item_notes(
    item: Item, *, aliases: str, links: str, dependents: str = "", source: str = "link"
) -> Iterator[str]:
    """What is special about an item, as notes for one line; safe.

    A front end says by the others how it writes its aliases, the collections that show it, what was
    made from it, and that it is a link: they are used where there are any.
    """
    goes, reason = item.verdict is Verdict.DELETE, item.reason
    if item.kind == COLLECTION:
        yield "the whole collection"
    if item.added_as_dependent:
        yield "joined as a dependent"
    facts = item.facts
    users = first_names([safe(name) for name in facts.used_by])
    for so, note in (
        (facts.aliases, aliases),
        (facts.dependents and dependents, dependents),
        (facts.links, links),
        (item.is_link, source),
        (users, f"in use by {users}"),
    ):
        if so:
            yield note
    if item.outside_dependents and goes:
        yield f"{plural(len(item.outside_dependents), 'version')} will lose this parent"
    if reason and not goes:
        stands = reason in _NAMED_ALREADY
        yield (
            f"{reason.words} ({safe(item.detail)})" if item.detail and not stands else reason.words
        )
    if item.state is not ItemState.PLANNED:
        yield ": ".join(item_end(item))


def item_end(item: Item) -> list[str]:
    """What happened to an item, and if it did not go the reason, its names, the registry's words.

    All of it is safe.
    """
    if item.state not in {ItemState.REFUSED, ItemState.FAILED}:
        return [item.state.words]
    words = (item.state.words, item.reason.words, safe(item.detail), safe(item.error))
    return [word for word in words if word]


_LONG = 5000
"""Characters of a line that may hold a path or an address."""


def plan_commands(summary: Summary, path: Path | None) -> list[str]:
    """What to type in a shell to review and apply a plan, saved or not; safe text."""
    plan = "FILE" if path is None else shlex.quote(str(path))
    expect = f"artifact-tui apply {plan} --yes --expect {summary.deletes}"
    return [safe(f"artifact-tui review {plan}", _LONG), safe(expect, _LONG)]


def call_lines(head: Head, items: Iterable[Item]) -> list[str]:
    """One line for each call in the order of the apply, dependents before parents; safe text.

    Args:
        head: of the plan.
        items: all that the plan deletes or unlinks.
    """  # fmt: skip
    going = sorted(items, key=lambda item: (item.level, item.seq))
    wholes = {item.seq for item in going if item.kind == COLLECTION}
    going = [item for item in going if item.belongs not in wholes]
    verb = str(head.options.action)
    calls = plural(len(going), "item")
    first = f"# it will {verb} {calls} of {head.identity.address}, in this order:"
    lines = [safe(first, _LONG)]
    for item in going:
        name, key = safe(item.name), safe(item.key)
        aliases = ", ".join(
            safe(one.name) for one in item.facts.aliases if not one.of_whole(item.collection)
        )
        if item.kind == COLLECTION:
            lines.append(f"{verb} collection {name} with all that is in it  {key}")
        elif item.is_link:
            lines.append(f"unlink {name}  {key}")
        else:
            along = f" with aliases {aliases}" if aliases else ""
            lines.append(f"{verb} {name}{along}  {key} {safe(item.facts.digest)}")
    return lines
