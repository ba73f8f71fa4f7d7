"""The days on which versions expire, told in a few stretches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.catalog.retention import Day


def spread(days: Sequence[Day], most: int = 8) -> list[tuple[int, Day, Day]]:
    """Days in at most `most` stretches: how many expire in each, its first and its last day.

    The stretches hold about equally many.
    """
    left = sum(day.versions for day in days)
    found: list[tuple[int, Day, Day]] = []
    stretch: list[Day] = []
    for day in days:
        stretch.append(day)
        count = sum(one.versions for one in stretch)
        if len(days) <= most or count * (most - len(found)) >= left:
            found.append((count, stretch[0], day))
            left, stretch = left - count, []
    return found
