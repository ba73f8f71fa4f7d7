"""Reads a filter's text into a tree: text to tokens, a token to a term, terms to the tree.

Every token knows its place, so that every mistake points at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from artifact_tui.errors import QueryError
from artifact_tui.query import filter_fields
from artifact_tui.query.filter_fields import (
    ABSENT,
    EXPIRED,
    FIELDS,
    FLAG,
    ORDERED,
    STATES,
    FilterField,
)
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
    from collections.abc import Iterable, Iterator


LONGEST_FILTER = 4_000
"""More characters than this are refused: a filter is typed by hand."""

_DELIMITERS = "()|"
_SPACE = re.compile(r"\s+")
_HEAD = re.compile(r"([^\s()|\"*:<>]*)(:|<=|>=|<|>)")
_PLAIN = re.compile(r"[^\s()|\"*]+")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TokenValue:
    """What stands after an operator, or a bare word."""

    pattern: TextPattern
    position: int
    quoted: bool
    """Whether any of it was in quotes, so that `none` and `any` mean themselves."""

    @property
    def word(self) -> str | None:
        """The text when it was typed plainly: no quotes and no `*`."""
        return None if self.quoted else self.pattern.literal


@dataclass(frozen=True, slots=True)
class Token:
    """A sign, or a term: a value with or without a field and operator before it."""

    kind: Literal["(", ")", "|", "-", "term", "end"]
    position: int
    field: str = ""
    op: Op | None = None
    value: TokenValue | None = None


def read_tokens(text: str) -> Iterator[Token]:
    """Every token of `text`, closed by an `end` token.

    Raises:
        QueryError: a quote that is never closed, or text that cannot be a filter.
    """
    if len(text) > LONGEST_FILTER:
        raise QueryError(
            f"The filter is longer than {LONGEST_FILTER:,} characters.",
            position=LONGEST_FILTER,
            expected="Narrow by fewer terms; `*` can stand for many names.",
        )
    if bad := _UNUSABLE.search(text):
        raise QueryError(
            "No name can hold this character.", position=bad.start(), expected="Leave it out."
        )
    at = 0
    while True:
        at = _skip(text, at)
        if at >= len(text):
            yield Token("end", len(text))
            return
        token, at = _next(text, at)
        yield token


def _skip(text: str, at: int) -> int:
    """The place of the next character that is not a space."""
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _next(text: str, at: int) -> tuple[Token, int]:
    """The token that starts at `at`, and where it ends."""
    sign = text[at]
    if sign == "-" or sign in _DELIMITERS:
        return Token(cast("Literal['(', ')', '|', '-']", sign), at), at + 1
    head = _HEAD.match(text, at)
    if head is None:
        value, end = _value(text, at)
        return Token("term", at, value=value), end
    value, end = _value(text, head.end())
    return Token("term", at, head[1], cast("Op", head[2]), value), end


def _value(text: str, start: int) -> tuple[TokenValue, int]:
    """The quoted and plain pieces from `start` up to a space or a sign."""
    pieces, quoted, at = [""], False, start
    while at < len(text):
        if text[at] == '"':
            piece, at = _quoted(text, at)
            pieces[-1] += piece
            quoted = True
        elif text[at] == "*":
            pieces.append("")
            at += 1
        elif plain := _PLAIN.match(text, at):
            pieces[-1] += plain[0]
            at = plain.end()
        else:
            break
    inner = [piece for piece in pieces[1:-1] if piece]
    shown = pieces if len(pieces) == 1 else [pieces[0], *inner, pieces[-1]]
    return TokenValue(TextPattern(tuple(shown)), start, quoted), at


def quoted(text: str) -> str:
    """A value that means exactly this text, with quotes where they are needed."""
    if _PLAIN.fullmatch(text) and text not in {"none", "any"}:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted(text: str, start: int) -> tuple[str, int]:
    """The text between quotes; a backslash takes a quote or a backslash literally."""
    piece, at = "", start + 1
    while at < len(text):
        if text[at] == '"':
            return piece, at + 1
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        piece += text[at]
        at += 1
    raise QueryError(
        "This quote is never closed.", position=start, expected='Put a " at the end of the text.'
    )


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


def foreign_sign(signs: str, position: int) -> QueryError:
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


def read_term(token: Token) -> Term:
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
            raise foreign_sign(f"{signs[0]}{token.op}", token.position + signs.start())
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
        raise foreign_sign(signs[0], value.position)
    if value.pattern.literal == "" and not value.quoted:
        raise QueryError(
            f"There is no value after {name}{token.op}",
            position=value.position,
            expected=f"Expected {_expected(name, field)}.",
        )
    return _term(name, field, token.op, value)


def _bare(value: TokenValue) -> Term:
    """A word without a field: part of a name, or with `*` the whole of it."""
    signs = None if value.word is None else _SIGNS.search(value.word)
    if signs is not None and value.word is not None:
        before = value.word[: signs.start()].lower()
        if before in FIELDS or not before:
            raise foreign_sign(signs[0], value.position + signs.start())
    return TextTerm("name", value.pattern, bare=True, quoted=value.quoted)


def _term(name: str, field: FilterField, op: Op, value: TokenValue) -> Term:
    """The node for a known field with an operator that it can have."""
    word = value.word
    if op == ":" and name in ABSENT and word in ("none", "any"):
        return HasTerm(name, present=word == "any")
    if field.kind == "text":
        return TextTerm(name, value.pattern, quoted=value.quoted)
    if field.kind == "state":
        return _state(value)
    if field.kind == "flag" and value.pattern.literal in FLAG:
        return HasTerm(name, present=value.pattern.literal == "yes")
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


def _measured(name: str, field: FilterField, op: Op, text: str) -> Term | None:
    """The node for a value that is measured, or None when `text` cannot be read."""
    if field.kind == "flag":
        return None
    if field.kind == "duration":
        if name == "ttl" and op == ":" and text == EXPIRED:
            return DurationTerm(name, "<=", 0, filter_fields.SECOND_US)
        span = filter_fields.read_duration(text)
        return None if span is None else DurationTerm(name, op, *span)
    if field.kind == "date":
        between = filter_fields.read_date(text)
        return None if between is None else DateTerm(name, op, *between)
    number = (
        filter_fields.read_size(text) if field.kind == "size" else filter_fields.read_count(text)
    )
    if number is None:
        return None
    return LatestTerm(number) if field.kind == "newest" else NumberTerm(name, op, number)


def _state(value: TokenValue) -> StateTerm:
    """The node for `state:`."""
    literal = value.pattern.literal
    if literal in STATES:
        return StateTerm(literal)
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


def _expected(name: str, field: FilterField) -> str:
    """What may stand after the operator, in words."""
    if field.kind == "state":
        return ", ".join(STATES)
    if field.kind == "flag":
        return " or ".join(FLAG)
    words = _EXPECTED.get(field.kind, "a text; quotes hold spaces")
    if name == "ttl":
        words = f"{words}, or {EXPIRED}"
    return f"{words}, or none, or any" if name in ABSENT else words


MOST_TERMS = 200
"""SQLite limits the depth of an expression; nobody types this many."""
_WORDS = ("AND", "OR", "NOT")
"""What other languages write between terms; in small letters only where there are others."""
_ALONE = 2
"""Tokens of a filter that is one word, with its end."""
DEEPEST = 40
"""Parentheses inside parentheses."""


def parse(text: str) -> Query:
    """Read a filter; the empty text is everything.

    Raises:
        QueryError: it cannot be read; `position` is the place and `hint` what was expected.
    """
    root = _Parser(tuple(read_tokens(text))).query()
    return Query(text, root, frozenset(_fields([root])))


class _Parser:
    """One pass over the tokens of one filter."""

    def __init__(self, found: tuple[Token, ...]) -> None:
        self._tokens = found
        self._at = 0
        self._terms = 0
        self._depth = 0

    def query(self) -> Node:
        """The whole filter."""
        root = AllOf(()) if len(self._tokens) == 1 else self._either()
        if self._token.kind != "end":
            raise self._unexpected("a term", 'Take it away, or put it in quotes: ")".')
        return root

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _either(self) -> Node:
        """Terms, then `|` and more terms."""
        items = [self._both()]
        while self._token.kind == "|":
            self._at += 1
            items.append(self._both())
        return items[0] if len(items) == 1 else AnyOf(tuple(items))

    def _both(self) -> Node:
        """One term or several, all of which must hold."""
        items = [self._one()]
        while self._token.kind in ("term", "-", "("):
            items.append(self._one())
        return items[0] if len(items) == 1 else AllOf(tuple(items))

    def _one(self) -> Node:
        """A term or a group, with any number of `-` before it."""
        negated = False
        while self._token.kind == "-":
            negated = not negated
            follows = self._tokens[self._at + 1]
            if follows.position != self._token.position + 1 or follows.kind == "end":
                raise QueryError(
                    "There is nothing right after this -.",
                    position=self._token.position,
                    expected='Write -term without a space, or "-" in quotes.',
                )
            self._at += 1
        item = self._group() if self._token.kind == "(" else self._term()
        return Not(item) if negated else item

    def _group(self) -> Node:
        """What stands in parentheses."""
        opened = self._token.position
        if self._depth == DEEPEST:
            raise QueryError(
                f"Parentheses go deeper than {DEEPEST}.", position=opened, expected="Use fewer."
            )
        self._at += 1
        self._depth += 1
        inner = self._either()
        self._depth -= 1
        if self._token.kind != ")":
            raise QueryError(
                "This parenthesis is never closed.", position=opened, expected="Put a ) after it."
            )
        self._at += 1
        return inner

    def _term(self) -> Node:
        """One term."""
        token = self._token
        if token.kind != "term":
            raise self._unexpected("a term", "Write a word, or field:value such as type:model.")
        word = token.value.word if token.value is not None and token.op is None else None
        if word in _WORDS or (word and word.upper() in _WORDS and len(self._tokens) > _ALONE):
            raise foreign_sign(word, token.position)
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise QueryError(
                f"The filter has more than {MOST_TERMS} terms.",
                position=token.position,
                expected="Use fewer; `*` can stand for many names.",
            )
        self._at += 1
        return read_term(token)

    def _unexpected(self, what: str, expected: str) -> QueryError:
        """The error for the present token."""
        token = self._token
        found = "The filter ends" if token.kind == "end" else f"There is a {token.kind}"
        return QueryError(
            f"{found} where {what} was expected.", position=token.position, expected=expected
        )


def _fields(nodes: Iterable[Node]) -> set[str]:
    """Every field that the terms below these nodes name."""
    named: set[str] = set()
    for node in nodes:
        match node:
            case AllOf(items) | AnyOf(items):
                named |= _fields(items)
            case Not(item):
                named |= _fields([item])
            case (
                TextTerm(field)
                | HasTerm(field)
                | NumberTerm(field)
                | DurationTerm(field)
                | DateTerm(field)
            ):
                named.add(field)
            case StateTerm():
                named.add("state")
            case LatestTerm():
                named.add("latest")
    return named
