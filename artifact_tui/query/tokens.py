"""Cuts a filter's text into tokens, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from artifact_tui.errors import QueryError
from artifact_tui.query.tree import Op, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 4_000
"""More characters than this are refused: a filter is typed by hand."""

_DELIMITERS = "()|"
_SPACE = re.compile(r"\s+")
_HEAD = re.compile(r"([^\s()|\"*:<>]*)(:|<=|>=|<|>)")
_PLAIN = re.compile(r"[^\s()|\"*]+")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Value:
    """What stands after an operator, or a bare word."""

    pattern: Pattern
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
    value: Value | None = None


def tokens(text: str) -> Iterator[Token]:
    """Every token of `text`, closed by an `end` token.

    Raises:
        QueryError: a quote that is never closed, or text that cannot be a filter.
    """
    if len(text) > LONGEST:
        raise QueryError(
            f"The filter is longer than {LONGEST:,} characters.",
            position=LONGEST,
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


def _value(text: str, start: int) -> tuple[Value, int]:
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
    return Value(Pattern(tuple(shown)), start, quoted), at


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
