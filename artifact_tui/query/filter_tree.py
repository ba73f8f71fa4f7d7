"""The frozen tree that a filter's text becomes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

Op = Literal[":", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class TextPattern:
    """A text value: literal pieces with a `*` between each two of them."""

    pieces: tuple[str, ...]

    @property
    def literal(self) -> str | None:
        """The text itself when there is no `*` in it."""
        return self.pieces[0] if len(self.pieces) == 1 else None


@dataclass(frozen=True, slots=True)
class TextTerm:
    """A field that is a text, letter by letter.

    A `bare` word is looser: it may stand anywhere in the name (with a star it is all of it), and
    its letters fit in either case.
    """

    field: str
    pattern: TextPattern
    bare: bool = False
    quoted: bool = dataclasses.field(default=False, compare=False)
    """Whether it was written in quotes: it is meant, whether or not anything has it."""


@dataclass(frozen=True, slots=True)
class HasTerm:
    """`field:any` or `field:yes`, or with `present` false `field:none` or `field:no`."""

    field: str
    present: bool


@dataclass(frozen=True, slots=True)
class NumberTerm:
    """A field compared with a whole number: bytes or a count."""

    field: str
    op: Op
    value: int


@dataclass(frozen=True, slots=True)
class DurationTerm:
    """A field compared with a time span; `:` means from `value` up to one `unit` more."""

    field: str
    op: Op
    value_us: int
    unit_us: int


@dataclass(frozen=True, slots=True)
class DateTerm:
    """A field compared with the half-open span `[start_us, end_us)` that the user's date names."""

    field: str
    op: Op
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class StateTerm:
    """`state:` with one of `filter_fields.STATES`."""

    value: str


@dataclass(frozen=True, slots=True)
class LatestTerm:
    """The newest `count` live versions of each collection, by ordinal; see `sql.IS_NEWEST`."""

    count: int


@dataclass(frozen=True, slots=True)
class Not:
    """Everything that `item` is false of; where that is not known, neither matches."""

    item: Node


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of `items`; no items means everything."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of `items`."""

    items: tuple[Node, ...]


Term = TextTerm | HasTerm | NumberTerm | DurationTerm | DateTerm | StateTerm | LatestTerm
Node = Term | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Query:
    """A filter that was understood."""

    text: str
    """As it was typed."""
    root: Node
    fields: frozenset[str]
    """The fields it names; a bare word names `name`."""

    @property
    def everything(self) -> bool:
        """Whether nothing was asked, so that only the trash is left out."""
        return self.root == AllOf(())
