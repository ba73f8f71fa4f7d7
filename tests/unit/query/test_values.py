from __future__ import annotations

from datetime import UTC, datetime

import pytest

from artifact_tui.query import filter_fields


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("12", 12),
        ("12b", 12),
        ("1k", 1000),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("1.5mb", 1_500_000),
        ("2G", 2 * 10**9),
        ("1TiB", 2**40),
        ("0.3pb", 3 * 10**14),
        ("1.9", 1),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("", None),
        ("GB", None),
        ("1 GB", None),
        (".5GB", None),
        ("1eb", None),
        ("+1", None),
        ("\u0661", None),
    ],
)
def test_size(text: str, size: int | None) -> None:
    assert filter_fields.read_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds", "unit"),
    [
        ("90s", 90, 1),
        ("5m", 300, 60),
        ("1.5h", 5400, 3600),
        ("2D", 172_800, 86_400),
        ("1w", 604_800, 604_800),
        ("2mo", 60 * 86_400, 30 * 86_400),
        ("1y", 365 * 86_400, 365 * 86_400),
    ],
)
def test_duration(text: str, seconds: int, unit: int) -> None:
    assert filter_fields.read_duration(text) == (seconds * 1_000_000, unit * 1_000_000)


@pytest.mark.parametrize("text", ["", "5", "d", "5 d", "5x", "-5d", "9999999999y"])
def test_no_duration(text: str) -> None:
    assert filter_fields.read_duration(text) is None


def us(year: int, month: int = 1, day: int = 1, seconds: int = 0) -> int:
    return (int(datetime(year, month, day, tzinfo=UTC).timestamp()) + seconds) * 1_000_000


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", us(2026), us(2027)),
        ("2026-01", us(2026, 1), us(2026, 2)),
        ("2026-12", us(2026, 12), us(2027, 1)),
        ("2024-02-29", us(2024, 2, 29), us(2024, 3, 1)),
        ("2026-12-31", us(2026, 12, 31), us(2027, 1, 1)),
        ("2026-01-31T10:20", us(2026, 1, 31, 37_200), us(2026, 1, 31, 37_260)),
        ("2026-01-31 10:20", us(2026, 1, 31, 37_200), us(2026, 1, 31, 37_260)),
        ("2026-01-31T10:20:30Z", us(2026, 1, 31, 37_230), us(2026, 1, 31, 37_231)),
        ("1969-12-31", us(1969, 12, 31), us(1970)),
    ],
)
def test_date_is_a_span(text: str, start: int, end: int) -> None:
    assert filter_fields.read_date(text) == (start, end)


@pytest.mark.parametrize(
    "text", ["", "26", "2026-1", "2026-13", "2026-02-30", "2026-01-01T25:00", "9999", "0000-01"]
)
def test_no_date(text: str) -> None:
    assert filter_fields.read_date(text) is None


def test_the_last_day_that_python_knows_has_no_end() -> None:
    assert filter_fields.read_date("9999-12-30") is not None
    assert filter_fields.read_date("9999-12-31") is None
