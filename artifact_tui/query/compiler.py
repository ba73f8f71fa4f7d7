"""Turns a filter's tree into one SQL expression; everything the user typed is a bound parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.query import expressions
from artifact_tui.query.tree import (
    All,
    Any,
    Date,
    Duration,
    Has,
    Latest,
    Node,
    Not,
    Number,
    Op,
    Pattern,
    Query,
    State,
    Term,
    Text,
)
from artifact_tui.schema import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = frozenset({"name", "type", "state"})
"""Fields that are the same for all versions of a collection in one state."""

_COLUMNS = {
    "size": as_number("v.size"),
    "unique": f"({expressions.UNIQUE})",
    "stored": as_number("v.stored"),
    "files": as_number("v.file_count"),
    "dependents": expressions.DEPENDENTS,
    "age": as_number("v.created_us"),
    "created": as_number("v.created_us"),
    "used": as_number("v.used_us"),
    "ttl": expressions.EXPIRES,
    "runs": as_number("v.used_count"),
    "link": "v.source_key",
}
_TABLES = {"alias": "alias", "tag": "tag", "registry": "link"}
"""Fields of which a version has any number, and the tables that hold them."""
_TEXTS = {"name": "c.name", "type": "c.type", "version": "v.label", "run": "v.run"}
_LIMIT = 2**63 - 1
_TURNED: dict[Op, Op] = {":": ":", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Where:
    """A condition over `v` (a row of `version`) and `c` (its row of `collection`)."""

    sql: str
    params: Mapping[str, int | str] = field(default_factory=dict, hash=False)
    """Named parameters; all names start with `q`."""
    common: bool = False
    """Whether it is the same for all versions of a collection in one state: of `v`, it only reads
    `state`."""
    marked: bool = False
    """Whether it reads the marks, so that a mark changes what it matches."""

    def narrowed(self, sql: str, *, marked: bool = False) -> Where:
        """This condition and one more, over the same rows."""
        return Where(f"({self.sql}) AND ({sql})", self.params, marked=self.marked or marked)


def compile_query(query: Query, now_us: int) -> Where:
    """The condition for a filter at one moment; without `state` in it, the trash is left out.

    Args:
        query: the filter.
        now_us: microseconds UTC that ages and times left are counted from.
    """
    compiler = _Compiler(now_us)
    sql = compiler.sql(query.root)
    if "state" not in query.fields:
        sql = expressions.LISTED if query.everything else f"{expressions.LISTED} AND {sql}"
    return Where(sql, compiler.params, common=query.fields <= _COMMON)


class _Compiler:
    """Collects the parameters of one filter."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us
        self.params: dict[str, int | str] = {}

    def sql(self, node: Node) -> str:
        """The expression for a node, safe to join with others."""
        match node:
            case All(items):
                return "(" + (" AND ".join(map(self.sql, items)) or "1") + ")"
            case Any(items):
                return "(" + " OR ".join(map(self.sql, items)) + ")"
            case Not(item):
                return f"(NOT {self.sql(item)})"
        return f"({self._term(node)})"

    def _term(self, term: Term) -> str:
        """The expression for one term."""
        match term:
            case Text():
                return self._text(term)
            case Has():
                return self._has(term)
            case State(value):
                return "1" if value == "any" else f"v.state = {self._bind(value)}"
            case Latest(count):
                return expressions.NEWEST.format(count=self._bind(count))
        return self._measured(term)

    def _measured(self, term: Number | Duration | Date) -> str:
        """The expression for a term about something that is ordered."""
        match term:
            case Number():
                return self._number(term)
            case Duration():
                return self._duration(term)
            case Date():
                return self._date(term)

    def _bind(self, value: int | str) -> str:
        """A new parameter with this value; numbers are kept to what SQLite can hold."""
        name = f"q{len(self.params)}"
        self.params[name] = value if isinstance(value, str) else max(-_LIMIT, min(value, _LIMIT))
        return f":{name}"

    def _text(self, term: Text) -> str:
        """A text field that equals, contains or looks like something."""
        if term.bare:
            part = term.pattern.literal is not None
            return f"c.name GLOB {self._bind(glob(term.pattern, part=part, fold=True))}"
        if column := _TEXTS.get(term.field):
            return self._like(column, term.pattern)
        condition = self._like("a.name", term.pattern)
        table = _TABLES[term.field]
        return f"EXISTS (SELECT 1 FROM {table} a WHERE a.version_id = v.id AND {condition})"

    def _like(self, column: str, pattern: Pattern) -> str:
        """A column that is the literal, or fits the glob; the case counts."""
        if pattern.literal is not None:
            return f"{column} = {self._bind(pattern.literal)}"
        return f"{column} GLOB {self._bind(glob(pattern))}"

    def _has(self, term: Has) -> str:
        """Whether the version has anything in a field."""
        if table := _TABLES.get(term.field):
            has = f"EXISTS (SELECT 1 FROM {table} a WHERE a.version_id = v.id)"
        elif term.field == "run":
            has = "v.run <> ''"
        else:
            has = f"{_COLUMNS[term.field]} IS NOT NULL"
        return has if term.wanted else f"NOT {has}"

    def _number(self, term: Number) -> str:
        """Bytes or a count, compared."""
        if term.field == "dependents":
            return self._dependents(term)
        return f"{_COLUMNS[term.field]} {_sign(term.op)} {self._bind(term.value)}"

    def _dependents(self, term: Number) -> str:
        """How many there are, where those that are known suffice to tell."""
        least, more = term.value + (term.op in (":", "<=", ">")), term.op in (">", ">=")
        if least <= 0:
            return str(int(more))
        over = (
            expressions.HAS_DEPENDENTS
            if least == 1
            else f"{expressions.DEPENDENTS} >= {self._bind(least)}"
        )
        if more:
            rest = "0"
        elif term.op == ":" and term.value:
            rest = f"{expressions.DEPENDENTS} = {self._bind(term.value)}"
        else:
            rest = "1"
        return (
            f"CASE WHEN {over} THEN {int(more)} WHEN {expressions.DEPENDENTS_KNOWN} THEN {rest} END"
        )

    def _duration(self, term: Duration) -> str:
        """Time since a moment, or for `ttl` until one.

        What is kept for ever has no time left, and what no run used was not used: that is known.
        """
        if term.field == "ttl":
            return f"v.ttl_us IS NOT NULL AND {self._span(term)}"
        if term.field == "used":
            never = "v.used_us IS NULL AND v.used_count IS 0"
            return f"CASE WHEN {never} THEN 0 ELSE {self._span(term)} END"
        return self._span(term)

    def _span(self, term: Duration) -> str:
        """The moment of a field, compared."""
        column = _COLUMNS[term.field]
        ahead = term.field == "ttl"
        at = self._now_us + term.value_us if ahead else self._now_us - term.value_us
        if term.op == ":":
            until = at + term.unit_us if ahead else at - term.unit_us
            nearer, farther = self._bind(at), self._bind(until)
            if ahead:
                return f"({column} >= {nearer} AND {column} < {farther})"
            return f"({column} <= {nearer} AND {column} > {farther})"
        return f"{column} {term.op if ahead else _TURNED[term.op]} {self._bind(at)}"

    def _date(self, term: Date) -> str:
        """A moment before, in or after the span that a date names."""
        column = _COLUMNS[term.field]
        if term.op == ":":
            start, end = self._bind(term.start_us), self._bind(term.end_us)
            return f"({column} >= {start} AND {column} < {end})"
        at_start = term.op in ("<", ">=")
        bound = self._bind(term.start_us if at_start else term.end_us)
        return f"{column} {'<' if term.op in ('<', '<=') else '>='} {bound}"


def glob(pattern: Pattern, *, part: bool = False, fold: bool = False) -> str:
    """A GLOB pattern in which only the stars of `pattern` are wild.

    Args:
        pattern: what to look for.
        part: anything may stand around it.
        fold: letters fit in either case.
    """
    made = "*".join("".join(_glob_char(c, fold=fold) for c in piece) for piece in pattern.pieces)
    return f"*{made}*" if part else made


def _glob_char(char: str, *, fold: bool) -> str:
    """One character, taken literally or in either case."""
    if char in "*?[":
        return f"[{char}]"
    if fold:
        cases = {char, char.lower(), char.upper(), char.casefold()}
        letters = sorted(case for case in cases if len(case) == 1)
        if len(letters) > 1:
            return f"[{''.join(letters)}]"
    return char


def _sign(op: Op) -> str:
    """The SQL sign of an operator."""
    return "=" if op == ":" else op
