"""A filter as SQL: what is worked out of one version, and the tree as one condition.

Expressions stand over `v`, one row of `version`, and `c`, its row of `collection`. They are
written so that SQLite looks up the few rows that concern `v` and never scans: where it might choose
wrongly, CROSS JOIN fixes the order. Everything that the user typed is a bound parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.database import as_number
from artifact_tui.query.filter_tree import (
    AllOf,
    AnyOf,
    DateTerm,
    DurationTerm,
    HasTerm,
    LatestTerm,
    Node,
    Not,
    NumberTerm,
    Op,
    Query,
    StateTerm,
    Term,
    TextPattern,
    TextTerm,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


DEPENDENT_ROWS = """\
WITH RECURSIVE below(id) AS (
  SELECT e.child_id FROM edge e WHERE e.parent_id = v.id
  UNION
  SELECT e.child_id FROM below CROSS JOIN version t ON t.id = below.id AND t.state = 'trash'
    CROSS JOIN edge e ON e.parent_id = t.id)
SELECT {what} FROM below CROSS JOIN version x ON x.id = below.id
WHERE x.state <> 'trash' AND x.id <> v.id"""
"""The nearest versions made from `v` that are not in the trash, as rows `x`; `{what}` to fill."""

ELSEWHERE_ROWS = """\
WITH RECURSIVE below(id) AS (
  SELECT v.id
  UNION
  SELECT e.child_id FROM below CROSS JOIN edge e ON e.parent_id = below.id
    CROSS JOIN version t ON t.id = e.child_id AND t.state = 'trash')
SELECT {what} FROM below CROSS JOIN relative r ON r.version_id = below.id AND r.up = 0"""
"""Those made from `v` that are of collections not listed here, through the trash as well: rows `r`
of `relative`; `{what}` to fill."""

_ANY_ELSEWHERE = "EXISTS (SELECT 1 FROM relative WHERE version_id > 0)"
"""Asked only once for a query: most registries have none."""

DEPENDENTS = (
    f"(({DEPENDENT_ROWS.format(what='count(*)')})"
    f" + CASE WHEN {_ANY_ELSEWHERE}"
    f" THEN ({ELSEWHERE_ROWS.format(what='count(DISTINCT r.key)')}) ELSE 0 END)"
)
"""How many live versions were made directly from `v`, looking through those in the trash."""

HAS_DEPENDENTS = (
    "(EXISTS (SELECT 1 FROM edge e CROSS JOIN version x ON x.id = e.child_id"
    " WHERE e.parent_id = v.id AND x.state <> 'trash')"
    " OR EXISTS (SELECT 1 FROM edge e CROSS JOIN version x ON x.id = e.child_id"
    " WHERE e.parent_id = v.id AND x.state = 'trash')"
    f" AND EXISTS ({DEPENDENT_ROWS.format(what='1')})"
    f" OR {_ANY_ELSEWHERE} AND EXISTS ({ELSEWHERE_ROWS.format(what='1')}))"
)
"""Whether `DEPENDENTS` is more than 0, without walking where one step tells."""

LINEAGE_KNOWN = """\
(NOT EXISTS (SELECT 1 FROM meta WHERE name = 'asked_lineage' AND value = '1')
 OR v.used_count IS 0 OR v.source_key IS NOT NULL
 OR EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id))"""
"""Whether `DEPENDENTS` is all there are, where a registry tells lineage only when asked.

A version that no run used has none; a link has none of its own.
"""

_SCANNED = """\
(NOT EXISTS (SELECT 1 FROM meta WHERE name = 'scanned_lineage' AND value = '1')
 OR NOT EXISTS (SELECT 1 FROM collection k CROSS JOIN version w ON w.collection_id = k.id
   WHERE k.type IN (SELECT j.value FROM json_each(ifnull((SELECT m.value FROM meta m
     WHERE m.name = 'scanned_types'), '["model"]')) j) AND w.state = 'live'
   AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = w.id)))"""
"""Whether all lineage was scanned, where that is how dependents are found; asked once a query."""

DEPENDENTS_KNOWN = f"({LINEAGE_KNOWN} AND {_SCANNED})"
"""Whether `DEPENDENTS` is all there are, in any registry."""

UNIQUE_BYTES = f"""\
CASE WHEN EXISTS (SELECT 1 FROM file f WHERE f.version_id = v.id) THEN
  (SELECT coalesce(sum({as_number("b.size")}), 0)
   FROM (SELECT DISTINCT f.blob_id FROM file f WHERE f.version_id = v.id) own
   CROSS JOIN blob b ON b.id = own.blob_id
   WHERE b.state <> 2 AND b.held = 0 AND NOT EXISTS
     (SELECT 1 FROM file o WHERE o.blob_id = b.id AND o.version_id <> v.id))
WHEN v.file_count = 0 AND ifnull(v.size, 0) = 0 THEN 0 END"""
"""Bytes of the objects that only `v` needs; NULL where the registry does not tell its files.

Those that are held are not among them: a hard link elsewhere, or something unknown, needs them.
"""

NO_ORDER = """\
EXISTS (SELECT 1 FROM version n
  WHERE n.collection_id = {collection} AND n.ordinal < 0 AND n.state = 'live')
AND EXISTS (SELECT 1 FROM version n
  WHERE n.collection_id = {collection} AND n.state = 'live' LIMIT 1 OFFSET {count})"""
"""Whether a collection has more than `{count}` live versions, and nothing tells which are newer."""

IS_NEWEST = f"""\
CASE WHEN v.state = 'live' AND {NO_ORDER.format(collection="v.collection_id", count="{count}")}
THEN NULL ELSE
v.id IN (SELECT w.id FROM collection k CROSS JOIN version w ON w.id IN
  (SELECT n.id FROM version n WHERE n.collection_id = k.id AND n.state = 'live'
   ORDER BY n.ordinal DESC LIMIT {{count}})) END"""
"""Whether `v` is one of the newest live versions of its collection; `{count}` to fill."""

EXPIRES_US = f"({as_number('v.created_us')} + {as_number('v.ttl_us')})"
"""When the time to live of `v` ends; NULL where it has none, or nothing tells since when."""

NOT_IN_TRASH = "v.state <> 'trash'"
"""What a filter shows that says nothing of the state."""


ALWAYS_KNOWN = "0"
"""`Where.unknown` of a filter that every version either meets or does not."""

_COMMON = frozenset({"name", "type", "state"})
"""Fields that are the same for all versions of a collection in one state."""

_COLUMNS = {
    "size": as_number("v.size"),
    "unique": f"({UNIQUE_BYTES})",
    "stored": as_number("v.stored"),
    "files": as_number("v.file_count"),
    "dependents": DEPENDENTS,
    "age": as_number("v.created_us"),
    "created": as_number("v.created_us"),
    "used": as_number("v.used_us"),
    "ttl": EXPIRES_US,
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
    unknown: str = ALWAYS_KNOWN
    """Where nobody knows whether a version matches, as SQL: exactly where `sql` is NULL.

    It gives up at the first term that a version does not meet, and asks nothing of terms that are
    always known; `sql IS NULL` would work out every term for every version.
    """

    def narrowed(self, sql: str, *, marked: bool = False) -> Where:
        """This condition and one more, over the same rows; the added one is never NULL."""
        return Where(
            f"({self.sql}) AND ({sql})",
            self.params,
            marked=self.marked or marked,
            unknown=f"({sql}) AND ({self.unknown})",
        )


def compile_query(query: Query, now_us: int) -> Where:
    """The condition for a filter at one moment; without `state` in it, the trash is left out.

    Args:
        query: the filter.
        now_us: microseconds UTC that ages and times left are counted from.
    """
    compiler = _Compiler(now_us)
    terms = [(compiler.sql(node), _may_be_unknown(node)) for node in _conjuncts(query.root)]
    if "state" not in query.fields:
        terms.insert(0, (NOT_IN_TRASH, False))
    sql = " AND ".join(term for term, _ in terms) or "1"
    return Where(sql, compiler.params, common=query.fields <= _COMMON, unknown=_unknown_of(terms))


def _conjuncts(node: Node) -> Iterator[Node]:
    """The parts of a filter that must all be met."""
    if isinstance(node, AllOf):
        for item in node.items:
            yield from _conjuncts(item)
    else:
        yield node


def _may_be_unknown(node: Node) -> bool:
    """Whether a part of a filter can be NULL: names, aliases, states, and none or any are known."""
    match node:
        case AllOf(items) | AnyOf(items):
            return any(map(_may_be_unknown, items))
        case Not(item):
            return _may_be_unknown(item)
    return not isinstance(node, TextTerm | HasTerm | StateTerm)


def _unknown_of(terms: Sequence[tuple[str, bool]]) -> str:
    """Where no term is false, and one is NULL; each with whether it can be."""
    unsure = [sql for sql, may_be_unknown in terms if may_be_unknown]
    if not unsure:
        return ALWAYS_KNOWN
    none_false = [f"{sql} IS NOT 0" if may_be_unknown else sql for sql, may_be_unknown in terms]
    one_unknown = " OR ".join(f"{sql} IS NULL" for sql in unsure)
    return " AND ".join([*none_false, f"({one_unknown})"])


class _Compiler:
    """Collects the parameters of one filter."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us
        self.params: dict[str, int | str] = {}

    def sql(self, node: Node) -> str:
        """The expression for a node, safe to join with others."""
        match node:
            case AllOf(items):
                return "(" + (" AND ".join(map(self.sql, items)) or "1") + ")"
            case AnyOf(items):
                return "(" + " OR ".join(map(self.sql, items)) + ")"
            case Not(item):
                return f"(NOT {self.sql(item)})"
        return f"({self._term(node)})"

    def _term(self, term: Term) -> str:
        """The expression for one term."""
        match term:
            case TextTerm():
                return self._text(term)
            case HasTerm():
                return self._has(term)
            case StateTerm(value):
                return "1" if value == "any" else f"v.state = {self._bind(value)}"
            case LatestTerm(count):
                return IS_NEWEST.format(count=self._bind(count))
        return self._measured(term)

    def _measured(self, term: NumberTerm | DurationTerm | DateTerm) -> str:
        """The expression for a term about something that is ordered."""
        match term:
            case NumberTerm():
                return self._number(term)
            case DurationTerm():
                return self._duration(term)
            case DateTerm():
                return self._date(term)

    def _bind(self, value: int | str) -> str:
        """A new parameter with this value; numbers are kept to what SQLite can hold."""
        name = f"q{len(self.params)}"
        self.params[name] = value if isinstance(value, str) else max(-_LIMIT, min(value, _LIMIT))
        return f":{name}"

    def _text(self, term: TextTerm) -> str:
        """A text field that equals, contains or looks like something."""
        if term.bare:
            part = term.pattern.literal is not None
            return f"c.name GLOB {self._bind(glob(term.pattern, part=part, fold=True))}"
        if column := _TEXTS.get(term.field):
            return self._like(column, term.pattern)
        condition = self._like("a.name", term.pattern)
        table = _TABLES[term.field]
        return f"EXISTS (SELECT 1 FROM {table} a WHERE a.version_id = v.id AND {condition})"

    def _like(self, column: str, pattern: TextPattern) -> str:
        """A column that is the literal, or fits the glob; the case counts."""
        if pattern.literal is not None:
            return f"{column} = {self._bind(pattern.literal)}"
        return f"{column} GLOB {self._bind(glob(pattern))}"

    def _has(self, term: HasTerm) -> str:
        """Whether the version has anything in a field."""
        if table := _TABLES.get(term.field):
            has = f"EXISTS (SELECT 1 FROM {table} a WHERE a.version_id = v.id)"
        elif term.field == "run":
            has = "v.run <> ''"
        else:
            has = f"{_COLUMNS[term.field]} IS NOT NULL"
        return has if term.present else f"NOT {has}"

    def _number(self, term: NumberTerm) -> str:
        """Bytes or a count, compared."""
        if term.field == "dependents":
            return self._dependents(term)
        return f"{_COLUMNS[term.field]} {_sign(term.op)} {self._bind(term.value)}"

    def _dependents(self, term: NumberTerm) -> str:
        """How many there are, where those that are known suffice to tell."""
        least, more = term.value + (term.op in (":", "<=", ">")), term.op in (">", ">=")
        if least <= 0:
            return str(int(more))
        over = HAS_DEPENDENTS if least == 1 else f"{DEPENDENTS} >= {self._bind(least)}"
        if more:
            rest = "0"
        elif term.op == ":" and term.value:
            rest = f"{DEPENDENTS} = {self._bind(term.value)}"
        else:
            rest = "1"
        return f"CASE WHEN {over} THEN {int(more)} WHEN {DEPENDENTS_KNOWN} THEN {rest} END"

    def _duration(self, term: DurationTerm) -> str:
        """Time since a moment, or for `ttl` until one.

        What is kept for ever has no time left, and what no run used was not used: that is known.
        """
        if term.field == "ttl":
            return f"v.ttl_us IS NOT NULL AND {self._span(term)}"
        if term.field == "used":
            never = "v.used_us IS NULL AND v.used_count IS 0"
            return f"CASE WHEN {never} THEN 0 ELSE {self._span(term)} END"
        return self._span(term)

    def _span(self, term: DurationTerm) -> str:
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

    def _date(self, term: DateTerm) -> str:
        """A moment before, in or after the span that a date names."""
        column = _COLUMNS[term.field]
        if term.op == ":":
            start, end = self._bind(term.start_us), self._bind(term.end_us)
            return f"({column} >= {start} AND {column} < {end})"
        at_start = term.op in ("<", ">=")
        bound = self._bind(term.start_us if at_start else term.end_us)
        return f"{column} {'<' if term.op in ('<', '<=') else '>='} {bound}"


def glob(pattern: TextPattern, *, part: bool = False, fold: bool = False) -> str:
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
