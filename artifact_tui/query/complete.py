"""Completion of fields, operators and fixed values at the cursor."""

from __future__ import annotations

import re

from artifact_tui.query.fields import ABSENT, EXPIRED, FIELDS, FLAG, ORDERED, STATES

_ALSO_EQUAL = ("dependents", "runs")
"""Ordered fields that one often asks to be 0."""

_OPEN = re.compile(r"(?:^|[\s(|])-*(?:(?P<field>[A-Za-z]+)(?P<op>:|[<>]=?))?(?P<word>[A-Za-z]*)$")


def complete(text: str, cursor: int) -> list[tuple[int, str]]:
    """What could stand at the cursor: `(start, replacement)` for `text[start:cursor]`.

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
        return [(start, offer) for offer in _fields() if word and offer.startswith(word)]
    name = found["field"].lower()
    if found["op"] != ":":
        return []
    return [(start, offer) for offer in _words(name) if offer.startswith(word) and offer != word]


def _words(name: str) -> tuple[str, ...]:
    """The fixed values of a field."""
    kind = FIELDS[name].kind if name in FIELDS else "text"
    if kind in ("state", "flag"):
        return STATES if kind == "state" else FLAG
    if name == "ttl":
        return (EXPIRED, "none", "any")
    return ("none", "any") if name in ABSENT else ()


def _fields() -> list[str]:
    """Every field with each operator that it is most used with."""
    offers: list[str] = []
    for name, field in FIELDS.items():
        if field.kind in ORDERED:
            offers += [f"{name}>", f"{name}<"]
        if field.kind not in ORDERED or name in _ALSO_EQUAL:
            offers.append(f"{name}:")
    return offers
