"""What a draft says about links and whole collections, as groups of the review. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.items import COLLECTION, OBJECT, VERSION, Item, Reason, Verdict
from artifact_tui.text import count, plural, safe
from artifact_tui.tui.screens.review_items import goes, select
from artifact_tui.tui.widgets.grouped import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifact_tui.deletion.draft import Draft, Whole
    from artifact_tui.tui.screens.review_items import Key

NAMES_SHOWN = 12
"""Names in one group's words before it says how many more there are."""


def subject_of(items: Sequence[Item]) -> str:
    """What is under review: versions of so many collections, links, empty ones, objects."""
    rows = [item for item in items if item.kind == VERSION and not item.is_link]
    links = sum(item.is_link for item in items)
    objects = sum(item.kind == OBJECT for item in items)
    filled = {item.belongs for item in items}
    empty = sum(item.kind == COLLECTION and item.seq not in filled for item in items)
    parts = []
    if rows or not (links or objects or empty):
        collections = plural(len({item.collection for item in rows}), "collection")
        parts.append(f"{plural(len(rows), 'version')} in {collections}")
    if links:
        parts.append(plural(links, "link"))
    if empty:
        parts.append(plural(empty, "empty collection"))
    if objects:
        parts.append(plural(objects, "stored object"))
    return ", ".join(parts)


def tally(pairs: Iterable[tuple[str, int]], times: str) -> str:
    """Untrusted names, each with how often; safe."""
    return listed([f"{safe(name)} {times}{count(found)}" for name, found in pairs])


def listed(names: list[str]) -> str:
    """Safe names in one line, as many as one reads."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {count(more)} more" if more > 0 else "")


def unlinked(draft: Draft) -> Iterator[Group[Item]]:
    """The links that go, and what becomes of their sources."""
    found = draft.summary.unlinks
    if found:
        yield Group(
            "unlink",
            "will be unlinked",
            found,
            f"{plural(found, 'link')} will be removed; {draft.summary.sources}",
            tone="bold $text-warning",
            items=select(draft, lambda item: goes(item) and item.is_link),
        )


def broken(draft: Draft, key: Key, times: str) -> Iterator[Group[Item]]:
    """The links elsewhere that break because their source goes."""
    linked = draft.summary.linked
    if linked and draft.head.options.break_links:
        yield Group(
            "broken",
            "links that break",
            sum(found for _, found in linked),
            f"shown in {tally(linked, times)}",
            keys=((key("review.links"), "keep them"),),
            tone="bold $text-warning",
            items=select(draft, lambda item: goes(item) and bool(item.facts.links)),
        )


def linked_consent(draft: Draft, found: int, key: Key, times: str) -> Group[Item]:
    """The versions that stay because another collection shows them."""
    where = tally(draft.summary.consent_links, times)
    return Group(
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


def whole_collections(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    """Collections that one request deletes, or could delete."""
    summary = draft.summary
    used = [one for one in summary.whole if one.used]
    offered = [one for one in summary.whole if not one.used]
    by_one = ((key("review.collections"), "one by one"),)
    if used:
        yield Group(
            "whole",
            "whole collections",
            len(used),
            f"one request each: {listed([_whole(one) for one in used])}",
            keys=by_one if draft.head.options.whole_collections else (),
            tone="bold $text-error",
            items=select(draft, lambda item: goes(item) and item.kind == COLLECTION),
        )
    if offered:
        yield Group(
            "cheaper",
            "cheaper",
            len(offered),
            _offer(offered) + _fewer(summary.cheaper),
            keys=((key("review.collections"), "use it"),),
            tone="bold $text-accent",
        )


def _fewer(requests: int) -> str:
    return f"; {plural(requests, 'request')} fewer" if requests else ""


def _offer(whole: Sequence[Whole]) -> str:
    first = whole[0]
    links = plural(first.versions, "link") if first.links else plural(first.versions, "version")
    words = f"all {links} of {safe(first.name)}: one request deletes the collection too"
    more = len(whole) - 1
    others = f", and {plural(more, 'other collection')}" if more else ""
    return f"{words}{_also(first)}{others}"


def _whole(one: Whole) -> str:
    what = "link" if one.links else "version"
    inside = f"{plural(one.versions, what)}{_also(one)}" if one.versions else "empty"
    return f"{safe(one.name)} ({inside})"


def _also(one: Whole) -> str:
    """What goes with a collection beside its versions."""
    parts = []
    if one.aliases:
        parts.append(plural(one.aliases, "alias", "aliases"))
    if one.broken:
        parts.append(f"{plural(sum(n for _, n in one.broken), 'link')} elsewhere")
    return f", with {' and '.join(parts)}" if parts else ""


def lineage_failed(error: str) -> Group[Item]:
    """Why not all dependents are known; `error` is untrusted text."""
    words = f"not all that was made from these is known: {safe(error)}"
    return Group("lineage-failed", "lineage", 0, words, tone="bold $text-error")
