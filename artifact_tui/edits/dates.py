"""The days on which versions expire, told in a few stretches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from artifact_tui.catalog.retention import Day, total
from artifact_tui.query.values import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def by_day(found: Iterable[tuple[int, int | None]]) -> list[Day]:
    """Versions by day, in order; of each the moment (microseconds UTC) and its bytes."""
    grouped: defaultdict[int, list[int | None]] = defaultdict(list)
    for moment, size in found:
        grouped[moment // DAY_US * DAY_US].append(size)
    return [Day(start, len(sizes), total(sizes)) for start, sizes in sorted(grouped.items())]


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
