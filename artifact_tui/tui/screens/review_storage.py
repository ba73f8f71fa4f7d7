"""What a draft says about the storage beside the registry, as groups of the review. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.items import OBJECT
from artifact_tui.text import safe, size
from artifact_tui.tui.screens.review_items import goes, select
from artifact_tui.tui.widgets.grouped import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.deletion.draft import Draft, Summary
    from artifact_tui.deletion.items import Item
    from artifact_tui.tui.screens.review_items import Key


def storage_groups(draft: Draft, key: Key) -> Iterator[Group[Item]]:
    """The objects that stay behind, or those that go too."""
    summary = draft.summary
    if summary.left_objects:
        yield Group(
            "left",
            "left in storage",
            summary.left_objects,
            f"{size(summary.left_bytes)} stay in {safe(summary.storage)} without their version",
            keys=((key("review.storage"), "delete them too"),),
            tone="bold $text-warning",
        )
    if summary.objects:
        yield Group(
            "objects",
            "stored objects",
            summary.objects,
            _words(summary),
            keys=_keys(summary, key),
            tone="bold $text-error",
            items=select(draft, lambda item: goes(item) and item.kind == OBJECT),
        )


def _words(summary: Summary) -> str:
    weight = size(summary.object_bytes)
    if summary.for_good:
        words = f"{weight} in every stored version of them: gone for good"
    elif summary.markers:
        words = f"hidden only: the bucket keeps versions, so their {weight} stay"
    else:
        words = f"{weight} freed, gone for good"
    when = "once its version is gone" if summary.versions else "if nothing refers to it then"
    return f"{words}; each {when}"


def _keys(summary: Summary, key: Key) -> tuple[tuple[str, str], ...]:
    """The keys that leave them, or that change how they go."""
    leave = ((key("review.storage"), "leave them"),) if summary.versions else ()
    if summary.for_good:
        return (*leave, (key("review.versions"), "only hide them"))
    if summary.markers:
        return (*leave, (key("review.versions"), "delete for good"))
    return leave


def storage_failed(error: str) -> Group[Item]:
    """Why nobody knows what stays behind; `error` is untrusted text."""
    words = f"what stays behind in it is not known: {safe(error)}"
    return Group("left", "storage", 0, words, tone="bold $text-error")
