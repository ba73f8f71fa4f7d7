"""One term of a filter: a field, an operator and a value become a node of the tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.errors import QueryError
from artifact_tui.query import values
from artifact_tui.query.fields import ABSENT, EXPIRED, FIELDS, FLAG, ORDERED, STATES, Field
from artifact_tui.query.tree import Date, Duration, Has, Latest, Number, Op, State, Term, Text

if TYPE_CHECKING:
    from artifact_tui.query.tokens import Token, Value

_EXPECTED = {
    "size": "a size such as 500MB, 1.5GiB or 12",
    "count": "a whole number",
    "duration": "a number and a unit: s, m, h, d, w, mo or y, such as 30d",
    "date": "a date such as 2026-01-31, 2026-01 or 2026",
    "newest": "how many, such as latest:3",
}


_SIGNS = re.compile(r"[!=~^&]+")
"""What other languages write, and this one takes for a part of a text."""

_QUOTES = "In quotes it is a text to look for."


def foreign(signs: str, position: int) -> QueryError:
    """The error for a sign or word of another language: what this one writes instead."""
    if signs in {"=>", "=<"}:
        expected = f"Write {signs[::-1]}, as in size>=1GB."
    elif "&" in signs or signs.lower() == "and":
        expected = "Terms are joined by a space: type:model age>30d."
    elif "!" in signs or signs.lower() == "not":
        expected = "A - right before a term negates it: -alias:production."
    elif signs.lower() == "or":
        expected = "Write | between terms: type:model | type:dataset."
    elif signs.strip("="):
        expected = "* stands for anything: name:*bert*."
    else:
        expected = "A field and its value are joined by a colon: type:model."
    return QueryError(
        f"{signs} means nothing in a filter.", position=position, expected=f"{expected} {_QUOTES}"
    )


def term(token: Token) -> Term:
    """The node for one term.

    Raises:
        QueryError: there is no such field, or it cannot have this operator or value.
    """
    value = token.value
    if value is None:
        raise AssertionError(token)
    if token.op is None:
        return _bare(value)
    name = token.field.lower()
    if name not in FIELDS:
        signs = _SIGNS.search(name)
        if signs is not None and _SIGNS.sub("", name) in FIELDS:
            raise foreign(f"{signs[0]}{token.op}", token.position + signs.start())
        raise _unknown(token)
    field = FIELDS[name]
    if token.op != ":" and field.kind not in ORDERED:
        raise QueryError(
            f"{name} has no order, so {token.op} cannot be used.",
            position=token.position + len(token.field),
            expected=f"Write {name}: and a value.",
        )
    signs = None if value.word is None else _SIGNS.match(value.word)
    if signs is not None:
        raise foreign(signs[0], value.position)
    if value.pattern.literal == "" and not value.quoted:
        raise QueryError(
            f"There is no value after {name}{token.op}",
            position=value.position,
            expected=f"Expected {_expected(name, field)}.",
        )
    return _term(name, field, token.op, value)


def _bare(value: Value) -> Term:
    """A word without a field: part of a name, or with `*` the whole of it."""
    signs = None if value.word is None else _SIGNS.search(value.word)
    if signs is not None and value.word is not None:
        before = value.word[: signs.start()].lower()
        if before in FIELDS or not before:
            raise foreign(signs[0], value.position + signs.start())
    return Text("name", value.pattern, bare=True, quoted=value.quoted)


def _term(name: str, field: Field, op: Op, value: Value) -> Term:
    """The node for a known field with an operator that it can have."""
    word = value.word
    if op == ":" and name in ABSENT and word in ("none", "any"):
        return Has(name, wanted=word == "any")
    if field.kind == "text":
        return Text(name, value.pattern, quoted=value.quoted)
    if field.kind == "state":
        return _state(value)
    if field.kind == "flag" and value.pattern.literal in FLAG:
        return Has(name, wanted=value.pattern.literal == "yes")
    plain = value.pattern.literal
    made = None if plain is None else _measured(name, field, op, plain)
    if made is None:
        signed = op == ":" and (plain or "").startswith(("<", ">"))
        raise QueryError(
            f"{name} cannot be compared with this.",
            position=value.position,
            expected=f"Write {name}{plain}, without the colon."
            if signed
            else f"Expected {_expected(name, field)}.",
        )
    return made


def _measured(name: str, field: Field, op: Op, text: str) -> Term | None:
    """The node for a value that is measured, or None when `text` cannot be read."""
    if field.kind == "flag":
        return None
    if field.kind == "duration":
        if name == "ttl" and op == ":" and text == EXPIRED:
            return Duration(name, "<=", 0, values.SECOND_US)
        span = values.duration(text)
        return None if span is None else Duration(name, op, *span)
    if field.kind == "date":
        between = values.date(text)
        return None if between is None else Date(name, op, *between)
    number = values.size(text) if field.kind == "size" else values.count(text)
    if number is None:
        return None
    return Latest(number) if field.kind == "newest" else Number(name, op, number)


def _state(value: Value) -> State:
    """The node for `state:`."""
    literal = value.pattern.literal
    if literal in STATES:
        return State(literal)
    raise QueryError(
        "There is no such state.", position=value.position, expected=_nearest(literal or "", STATES)
    )


def _unknown(token: Token) -> QueryError:
    """The error for a field that is not there."""
    if not token.field:
        return QueryError(
            f"There is no field before this {token.op}",
            position=token.position,
            expected="Write a field right before it, such as type:model or size>1GB, without"
            " spaces; or put the text in quotes.",
        )
    return QueryError(
        f"There is no field {token.field}.",
        position=token.position,
        expected=_nearest(token.field.lower(), tuple(FIELDS))
        + " Put the text in quotes to look for it in names.",
    )


def _nearest(word: str, known: tuple[str, ...]) -> str:
    """A sentence with the known word most like `word`, or with all of them."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow to import, seldom needed

    near = get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Expected one of {', '.join(known)}."


def _expected(name: str, field: Field) -> str:
    """What may stand after the operator, in words."""
    if field.kind == "state":
        return ", ".join(STATES)
    if field.kind == "flag":
        return " or ".join(FLAG)
    wanted = _EXPECTED.get(field.kind, "a text; quotes hold spaces")
    if name == "ttl":
        wanted = f"{wanted}, or {EXPIRED}"
    return f"{wanted}, or none, or any" if name in ABSENT else wanted
