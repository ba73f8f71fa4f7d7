"""What is said about links: what a link shows, where a version is shown, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.text import count, safe
from artifact_tui.tui.widgets.wrap import fact, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.tui.signs import Signs

SHOWN = 6
"""Collections that are named; the rest are counted."""


def link_facts(row: VersionRow, signs: Signs, width: int) -> Iterator[Content]:
    """The lines about links of one version; none where there is nothing to say."""
    if row.kept:
        text = f"{signs.locked} the registry keeps it: {safe(row.kept)}"
        yield from fact("kept", words(text, "$text-warning"), width)
    if row.link:
        name = safe(row.source) if row.source else "a version that is not listed here"
        yield from fact("link", words(f"{signs.link} shows {name}"), width)
        yield from fact("", words("Deleting it removes the link; the source stays.", "dim"), width)
    for index, name in enumerate(row.links[:SHOWN]):
        pieces = [Content(f"{signs.link} {safe(name)}")]
        yield from fact("" if index else "shown in", pieces, width)
    if len(row.links) > SHOWN:
        more = f"{signs.ellipsis} {count(len(row.links) - SHOWN)} more"
        yield from fact("", [Content.styled(more, "dim")], width)
