"""Reads the values of a filter: sizes, time spans and dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

LARGEST = 2**63 - 1
"""The largest number that SQLite can hold."""

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US

SIZE_UNITS: dict[str, int] = {"": 1, "b": 1} | {
    letter + suffix: base**power
    for power, letter in enumerate("kmgtp", start=1)
    for suffix, base in (("", 1000), ("b", 1000), ("ib", 1024), ("i", 1024))
}
"""Bytes of each unit, by its name in small letters; decimal, and with an `i` binary."""

TIME_UNITS: dict[str, int] = {
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3600 * SECOND_US,
    "d": DAY_US,
    "w": 7 * DAY_US,
    "mo": 30 * DAY_US,
    "y": 365 * DAY_US,
}
"""Microseconds of each unit of time; a month is 30 days and a year 365."""

_NUMBER = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?)([A-Za-z]*)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y-%m", "%Y")
_STEPS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1))
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?)?)?")


def size(text: str) -> int | None:
    """Bytes of `1.5GiB`, `500MB` or `12`; None when it is no size or too large."""
    return _number(text, SIZE_UNITS)


def count(text: str) -> int | None:
    """A whole number, or None."""
    return _number(text, {"": 1}) if "." not in text else None


def duration(text: str) -> tuple[int, int] | None:
    """Microseconds of `30d`, and those of its unit; None when it is no span of time.

    0 needs no unit.
    """
    if text == "0":
        return 0, SECOND_US
    match = _NUMBER.fullmatch(text)
    unit = TIME_UNITS.get(match[2].lower()) if match else None
    value = _number(text, TIME_UNITS)
    return None if unit is None or value is None else (value, unit)


def date(text: str) -> tuple[int, int] | None:
    """The span `[start, end)` in microseconds that `2026`, `2026-01`, … names, in UTC."""
    text = text.strip().replace(" ", "T").removesuffix("Z")
    if not _DATE.fullmatch(text):
        return None
    for index, form in enumerate(_FORMS):
        try:
            start = datetime.strptime(text, form).replace(tzinfo=UTC)
            end = start + _STEPS[index] if index < len(_STEPS) else _following(start, form)
        except (ValueError, OverflowError):
            continue
        return _us(start), _us(end)
    return None


def _following(start: datetime, form: str) -> datetime:
    """The first moment of the next month, or of the next year."""
    if form == "%Y" or start.month == 12:  # noqa: PLR2004 - December
        return start.replace(year=start.year + 1, month=1)
    return start.replace(month=start.month + 1)


def _us(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _number(text: str, units: dict[str, int]) -> int | None:
    """A number with one of `units` behind it, in whole base units; None if it is none."""
    match = _NUMBER.fullmatch(text)
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None:
        return None
    value = int(Decimal(match[1]) * unit)
    return value if value <= LARGEST else None
