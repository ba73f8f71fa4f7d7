"""Reads a filter's text into a tree; every mistake points at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.errors import QueryError
from artifact_tui.query.terms import foreign, term
from artifact_tui.query.tokens import Token, tokens
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
    Query,
    State,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    root = _Parser(tuple(tokens(text))).query()
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
        root = All(()) if len(self._tokens) == 1 else self._either()
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
        return items[0] if len(items) == 1 else Any(tuple(items))

    def _both(self) -> Node:
        """One term or several, all of which must hold."""
        items = [self._one()]
        while self._token.kind in ("term", "-", "("):
            items.append(self._one())
        return items[0] if len(items) == 1 else All(tuple(items))

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
            raise foreign(word, token.position)
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise QueryError(
                f"The filter has more than {MOST_TERMS} terms.",
                position=token.position,
                expected="Use fewer; `*` can stand for many names.",
            )
        self._at += 1
        return term(token)

    def _unexpected(self, wanted: str, expected: str) -> QueryError:
        """The error for the present token."""
        token = self._token
        found = "The filter ends" if token.kind == "end" else f"There is a {token.kind}"
        return QueryError(
            f"{found} where {wanted} was expected.", position=token.position, expected=expected
        )


def _fields(nodes: Iterable[Node]) -> set[str]:
    """Every field that the terms below these nodes name."""
    named: set[str] = set()
    for node in nodes:
        match node:
            case All(items) | Any(items):
                named |= _fields(items)
            case Not(item):
                named |= _fields([item])
            case Text(field) | Has(field) | Number(field) | Duration(field) | Date(field):
                named.add(field)
            case State():
                named.add("state")
            case Latest():
                named.add("latest")
    return named
