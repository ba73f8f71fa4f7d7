"""The words for sizes, times and counts, and text cut to terminal cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from artifact_tui import text

S = 1_000_000
MIN = 60 * S
H = 60 * MIN
D = 24 * H


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (1024, "1.02 KB"),
        (312_000_000, "312 MB"),
        (999_600, "1 MB"),
        (999_499, "999 KB"),
        (1_204_000_000_000, "1.2 TB"),
        (10**19, "10 EB"),
        (10**22, "10,000 EB"),
    ],
)
def test_size_has_three_significant_digits(n: int | None, shown: str) -> None:
    assert text.size(n) == shown


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (0, "0 s"),
        (12 * S, "12 s"),
        (59 * S + 999_999, "59 s"),
        (5 * MIN, "5 min"),
        (23 * H, "23 h"),
        (47 * H, "1 d"),
        (364 * D, "364 d"),
        (365 * D, "1 y"),
        (730 * D - 1, "1.9 y"),
        (-3 * D, "in 3 d"),
    ],
)
def test_age_is_rounded_down(ago: int, shown: str) -> None:
    now = 1_800_000_000 * S
    assert text.age(now - ago, now) == shown
    assert text.age(None, now) == "?"


def test_a_clock_that_runs_ahead_says_so() -> None:
    assert text.ago(5_000_000, 0) == "in 5 s"
    assert text.ago(0, 5_000_000) == "5 s ago"
    assert text.ago(0, 5_000_000, "old") == "5 s old"
    assert text.ago(None, 0) == "?"


@pytest.mark.parametrize(
    ("us", "shown"),
    [
        (None, "?"),
        (0, "1 s"),
        (1, "1 s"),
        (90 * 1_000_000, "90 s"),
        (121 * 1_000_000, "3 min"),
        (7_199 * 1_000_000, "120 min"),
        (7_201 * 1_000_000, "3 h"),
    ],
)
def test_a_wait_is_never_told_as_none(us: int | None, shown: str) -> None:
    assert text.about(us) == shown


@pytest.mark.parametrize(
    ("us", "shown"),
    [
        (30 * D, "30 d"),
        (36 * H, "36 h"),
        (90 * MIN, "90 min"),
        (45 * S, "45 s"),
        (1500_000, "1.5 s"),
        (0, "0 s"),
    ],
)
def test_duration_loses_nothing(us: int, shown: str) -> None:
    assert text.duration(us) == shown


def test_moment_is_utc_and_never_fails() -> None:
    assert text.moment(0) == "1970-01-01 00:00"
    assert text.moment(1_795_252_359_000_000) == "2026-11-21 09:12"
    assert text.moment(None) == "?"
    assert text.moment(10**20) == "?"
    assert text.moment(-(10**20)) == "?"


@pytest.mark.parametrize(
    ("found", "untold", "shown"),
    [
        (0, 0, "0 B freed"),
        (5000, 0, "5 KB freed"),
        (5000, 2, "at least 5 KB freed"),
        (0, 2, "what is freed is not known"),
    ],
)
def test_what_is_freed_is_never_less_than_it_is_known_to_be(
    found: int, untold: int, shown: str
) -> None:
    assert text.freed(found, untold) == shown


def test_what_would_be_freed_is_not_known_either() -> None:
    assert text.freed(0, 1, "would be freed") == "what would be freed is not known"


def test_counts() -> None:
    assert text.count(2_041_337) == "2,041,337"
    assert text.plural(1, "version") == "1 version"
    assert text.plural(2041, "version") == "2,041 versions"
    assert text.plural(0, "match", "matches") == "0 matches"


@pytest.mark.parametrize(
    ("shown", "room", "expected"),
    [
        ("short", 5, "short"),
        ("abcdefghij", 7, "abc…hij"),
        ("abcdefghij", 6, "abc…ij"),
        ("abc", 2, "a…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
        ("漢字漢字漢字", 7, "漢…字"),
        ("cafe\u0301 cafe\u0301 cafe\u0301", 7, "caf…afe\u0301"),
    ],
)
def test_fit_cuts_the_middle(shown: str, room: int, expected: str) -> None:
    assert text.fit(shown, room) == expected
    assert text.width(expected) <= room


@given(st.text(), st.integers(0, 30))
def test_fit_and_pad_keep_to_their_room(raw: str, room: int) -> None:
    shown = text.safe(raw)
    assert cell_len(text.fit(shown, room)) <= room
    assert cell_len(text.pad(shown, room)) == room
    assert cell_len(text.pad(shown, room, "right")) == room
    if cell_len(shown) <= room:
        assert text.pad(shown, room).rstrip(" ") == shown.rstrip(" ")


def test_pad_aligns() -> None:
    assert text.pad("ab", 4) == "ab  "
    assert text.pad("ab", 4, "right") == "  ab"


def test_a_clock_tells_the_day_only_of_what_is_not_today() -> None:
    noon = 1_795_003_200_000_000
    assert text.clock(noon, noon) == text.moment(noon)[11:]
    assert text.clock(noon, noon + 86_399_999_999) == text.moment(noon)[11:]
    assert text.clock(noon, noon + 86_400_000_000) == text.moment(noon)
    assert text.clock(noon + 1, noon) == text.moment(noon + 1)
    assert text.clock(None, noon) == text.UNKNOWN
