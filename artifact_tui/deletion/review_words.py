"""Words of a review for both front ends: safe text, without markup, keys or option names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Action
from artifact_tui.text import count, freed, safe, size

if TYPE_CHECKING:
    from artifact_tui.deletion.plan import Summary


def bytes_words(summary: Summary) -> str:
    """What the deletion does to the bytes, honestly."""
    if not summary.versions:
        return "nothing, as it stands"
    unknown = ""
    if summary.unknown_sizes:
        unknown = f"; the size of {count(summary.unknown_sizes)} is not known"
    where = _fate_words(summary)
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


def _fate_words(summary: Summary) -> str:
    """What becomes of the versions themselves."""
    if summary.no_way_back:
        return "no way back"
    trash = summary.action is Action.DELETE and "purge" in summary.freed_after
    return "in the trash until then" if trash else "gone for good"
