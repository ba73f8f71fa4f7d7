"""Days of expiry in a few stretches: nothing is lost, whatever the days are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.catalog.retention import ExpiryDay
from artifact_tui.edits.changes import expiry_days, expiry_stretches
from artifact_tui.query.filter_fields import DAY_US

DAYS = st.lists(st.integers(1, 1_000), max_size=60).map(
    lambda counts: [ExpiryDay(start, count, None) for start, count in enumerate(counts)]
)


@given(DAYS, st.integers(1, 10))
def test_stretches_hold_every_day_once_and_in_order(days: list[ExpiryDay], most: int) -> None:
    found = expiry_stretches(days, most)
    assert len(found) <= most
    assert sum(count for count, _, _ in found) == sum(day.versions for day in days)
    covered = [n for _, first, last in found for n in range(first.start_us, last.start_us + 1)]
    assert covered == [day.start_us for day in days]


def test_few_days_are_told_one_by_one() -> None:
    days = [ExpiryDay(n, 100, None) for n in range(3)]
    assert expiry_stretches(days) == [(100, day, day) for day in days]


def test_versions_by_day_with_their_bytes() -> None:
    found = [(2 * DAY_US, 4), (DAY_US - 1, None), (2 * DAY_US + 5, None), (3 * DAY_US - 1, 1)]
    assert expiry_days(found) == [ExpiryDay(0, 1, None), ExpiryDay(2 * DAY_US, 3, 5)]
    assert expiry_days([]) == []
