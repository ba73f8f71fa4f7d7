"""The fields of the filter language: what each holds, how its values are read, and completion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Container

FieldKind = Literal["text", "state", "flag", "size", "count", "duration", "date", "newest"]

ORDERED: frozenset[FieldKind] = frozenset({"size", "count", "duration", "date"})
"""Kinds that `<`, `<=`, `>` and `>=` make sense for."""


@dataclass(frozen=True, slots=True)
class FilterField:
    """One field; `column` is false for `latest`, which asks about a version but is not shown."""

    kind: FieldKind
    help: str
    column: bool = True


FIELDS: dict[str, FilterField] = {
    "name": FilterField("text", "the collection's name, exactly; * stands for anything"),
    "type": FilterField("text", "the collection's type, exactly: model, dataset, code, …"),
    "version": FilterField("text", "the version's label, exactly, such as v12"),
    "alias": FilterField("text", "an alias on the version, exactly; none, any"),
    "tag": FilterField("text", "a tag on the version, exactly; none, any"),
    "state": FilterField("state", "live, trash, pending or any; without it the trash is left out"),
    "size": FilterField("size", "bytes of the version: 500MB, 2GiB; none = not known"),
    "unique": FilterField("size", "bytes that only this version holds; none = not known"),
    "stored": FilterField("size", "bytes that the registry charges for it; none = not known"),
    "age": FilterField("duration", "time since it was created: 30d, 6mo, 1y"),
    "created": FilterField("date", "when it was created (UTC): 2026, 2026-01, 2026-01-31"),
    "used": FilterField("duration", "time since it was last used; none = never, or not known"),
    "ttl": FilterField("duration", "time left until it expires; expired; none = it never does"),
    "dependents": FilterField(
        "count", "live versions made directly from it; unknown is neither 0 nor more"
    ),
    "files": FilterField("count", "how many files it has"),
    "run": FilterField("text", "the run, job or user that made it, exactly; none, any"),
    "runs": FilterField("count", "how many runs used it; none = not known"),
    "registry": FilterField("text", "another collection that shows it, in full; none, any"),
    "link": FilterField("flag", "yes = it shows a version of another collection; no"),
    "latest": FilterField(
        "newest",
        "latest:3 = the newest three live versions of a collection, by what the registry tells",
        column=False,
    ),
}
"""Every field by name, in the order of help and completion."""

STATES = ("live", "trash", "pending", "any")
"""What `state:` may name."""

FLAG = ("yes", "no")
"""What a field that is true or false may be."""

EXPIRED = "expired"
"""What `ttl:` may name: versions whose time to live has passed."""

ABSENT = frozenset(
    {
        "alias",
        "tag",
        "size",
        "unique",
        "stored",
        "age",
        "created",
        "used",
        "ttl",
        "files",
        "run",
        "runs",
    }
    | {"registry"}
)
"""Fields that a version may lack: `field:none` and `field:any` ask for that."""


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


def read_size(text: str) -> int | None:
    """Bytes of `1.5GiB`, `500MB` or `12`; None when it is no size or too large."""
    return _number(text, SIZE_UNITS)


def read_count(text: str) -> int | None:
    """A whole number, or None."""
    return _number(text, {"": 1}) if "." not in text else None


def read_duration(text: str) -> tuple[int, int] | None:
    """Microseconds of `30d`, and those of its unit; None when it is no span of time.

    0 needs no unit.
    """
    if text == "0":
        return 0, SECOND_US
    match = _NUMBER.fullmatch(text)
    unit = TIME_UNITS.get(match[2].lower()) if match else None
    value = _number(text, TIME_UNITS)
    return None if unit is None or value is None else (value, unit)


def read_date(text: str) -> tuple[int, int] | None:
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


_ALSO_EQUAL = ("dependents", "runs")
"""Ordered fields that one often asks to be 0."""

_OPEN = re.compile(r"(?:^|[\s(|])-*(?:(?P<field>[A-Za-z]+)(?P<op>:|[<>]=?))?(?P<word>[A-Za-z]*)$")


def complete(text: str, cursor: int, known: Container[str] = FIELDS) -> list[tuple[int, str]]:
    """What could stand at the cursor: `(start, replacement)` for `text[start:cursor]`.

    `known` are the fields that are offered: those that the registry tells.

    Fields come with their operator, `none` and `any` and states as they are. Values that exist
    in a registry come from the catalog. Nothing is offered inside quotes.
    """
    before = text[:cursor]
    if before.count('"') % 2:
        return []
    found = _OPEN.search(before)
    if found is None:
        return []
    start, word = found.start("word"), found["word"].lower()
    if found["field"] is None:
        offers = _field_offers(known)
        return [(start, offer) for offer in offers if word and offer.startswith(word)]
    name = found["field"].lower()
    if found["op"] != ":" or name not in known:
        return []
    return [
        (start, offer) for offer in _value_offers(name) if offer.startswith(word) and offer != word
    ]


def _value_offers(name: str) -> tuple[str, ...]:
    """The fixed values of a field."""
    kind = FIELDS[name].kind if name in FIELDS else "text"
    if kind in ("state", "flag"):
        return STATES if kind == "state" else FLAG
    if name == "ttl":
        return (EXPIRED, "none", "any")
    return ("none", "any") if name in ABSENT else ()


def _field_offers(known: Container[str]) -> list[str]:
    """Every known field with each operator that it is most used with."""
    offers: list[str] = []
    for name, field in FIELDS.items():
        if name not in known:
            continue
        if field.kind in ORDERED:
            offers += [f"{name}>", f"{name}<"]
        if field.kind not in ORDERED or name in _ALSO_EQUAL:
            offers.append(f"{name}:")
    return offers
