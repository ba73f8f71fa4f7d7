"""The message line of browse in words: the filter, the marks, how much is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.text import count, freed, listed, safe

if TYPE_CHECKING:
    from artifact_tui.tui.linking import LinkState
    from artifact_tui.tui.screens.browse_view import Answer, Marks, View
    from artifact_tui.tui.signs import Signs


def filter_words(view: View, signs: Signs) -> Content:
    """What narrows the list; empty when nothing does."""
    parts: list[tuple[str, str]] = []
    if view.marked_only:
        parts.append((f" {signs.mark} only the marked ", "bold $text-warning"))
    if view.query.text.strip():
        parts.append((f" / {safe(view.query.text.strip())}", "bold"))
    return Content.assemble(*parts)


def fact_words(answer: Answer, marks: Marks | None, signs: Signs) -> list[Content]:
    """Marks and numbers for the right side, the longest form first."""
    shown = f"{count(answer.versions)} of {count(answer.totals.among(answer.view.query))} "
    if marks is None or not marks.count:
        return [Content(shown)]
    dot = f" {signs.dot} "
    marked = f"{count(marks.count)} marked"
    if marks.hidden:
        marked += f" ({count(marks.hidden)} hidden)"
    told = marks.bytes.listed if marks.bytes.listed or not marks.bytes.unknown_count else None
    verb = "charged for them" if marks.bytes.charged else "would be freed"
    freed_ = freed(marks.bytes.freed, marks.bytes.unknown_count, verb)
    forms = [dot.join([marked, listed(told), freed_]), dot.join([marked, freed_]), marked]
    return [Content.assemble((form, "bold $text-warning"), f"   {shown}") for form in forms]


def nothing_words(view: View, link: LinkState | None = None) -> str:
    """Why the list is empty; `link` is that of a remote registry."""
    if view.marked_only and not view.query.everything:
        return "Nothing marked matches the filter: esc shows more."
    if view.marked_only:
        return "Nothing is marked: M or esc shows everything again."
    if not view.query.everything:
        return "Nothing matches the filter: esc clears it."
    if link is None:
        return "Nothing here: u shows the trash, artifact-tui add puts something in."
    return _nothing_linked(link)


def _nothing_linked(link: LinkState) -> str:
    """Why the catalog of a remote registry is empty."""
    if link.syncing:
        return "Listing the registry: rows appear as they arrive."
    if link.error:
        return "Nothing is known yet: r tries again."
    return "This registry is empty." if link.synced_us else "Nothing is known yet: r syncs."
