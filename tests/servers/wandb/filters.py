"""Filters as W&B takes them: JSON text in the manner of MongoDB."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

if TYPE_CHECKING:
    from collections.abc import Callable


def matcher(text: str | None) -> Callable[[Callable[[str], object]], bool]:
    """A test of one row, which is a function from a field's name to its value."""
    if not text:
        return lambda _: True
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise GraphQLError(f"filters: {error}") from None
    return lambda read: _holds(tree, read)


def _holds(tree: Any, read: Callable[[str], object]) -> bool:
    if not isinstance(tree, dict):
        raise GraphQLError(f"filters: expected an object, not {tree!r}")
    return all(_part(key, value, read) for key, value in tree.items())


def _part(key: str, value: Any, read: Callable[[str], object]) -> bool:
    if key == "$and":
        return all(_holds(one, read) for one in value)
    if key == "$or":
        return any(_holds(one, read) for one in value)
    if key == "$nor":
        return not any(_holds(one, read) for one in value)
    if key == "$not":
        return not _holds(value, read)
    got = read(key)
    return any(_test(value, one) for one in got) if isinstance(got, list) else _test(value, got)


def _test(wanted: Any, got: object) -> bool:
    if not isinstance(wanted, dict):
        return bool(got == wanted)
    return all(_operator(sign, operand, got) for sign, operand in wanted.items())


def _operator(sign: str, operand: Any, got: Any) -> bool:
    if sign == "$not":
        return not _test(operand, got)
    try:
        known = _OPERATORS[sign]
    except KeyError:
        raise GraphQLError(f"filters: unknown operator {sign}") from None
    return bool(known(got, operand))


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda got, operand: got == operand,
    "$ne": lambda got, operand: got != operand,
    "$in": lambda got, operand: got in operand,
    "$nin": lambda got, operand: got not in operand,
    "$gt": lambda got, operand: got > operand,
    "$gte": lambda got, operand: got >= operand,
    "$lt": lambda got, operand: got < operand,
    "$lte": lambda got, operand: got <= operand,
    "$regex": lambda got, operand: re.search(operand, str(got)) is not None,
    "$contains": lambda got, operand: operand in str(got),
    "$exists": lambda got, operand: (got is not None) == operand,
}
