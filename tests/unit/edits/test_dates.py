"""Days of expiry in a few stretches: nothing is lost, whatever the days are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.edits.changes import expiry_stretches
from artifact_tui.query.filter_fields import DAY_US

DAYS = st.lists(st.integers(1, 50), max_size=60)


@given(DAYS, st.integers(1, 10))
def test_stretches_hold_every_day_once_and_in_order(counts: list[int], most: int) -> None:
    moments = [day * DAY_US + n for day, count in enumerate(counts) for n in range(count)]
    found = expiry_stretches(reversed(moments), most)
    assert len(found) <= most
    assert sum(count for count, _, _ in found) == len(moments)
    covered = [n for _, first, last in found for n in range(first, last + 1, DAY_US)]
    assert covered == [day * DAY_US for day in range(len(counts))]


def test_few_days_are_told_one_by_one() -> None:
    moments = [2 * DAY_US, DAY_US - 1, 2 * DAY_US + 5, 3 * DAY_US - 1]
    assert expiry_stretches(moments) == [(1, 0, 0), (3, 2 * DAY_US, 2 * DAY_US)]
    assert expiry_stretches([]) == []
