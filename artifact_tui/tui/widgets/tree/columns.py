"""Which columns fit in how many cells, and their titles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from artifact_tui.text import pad

if TYPE_CHECKING:
    from artifact_tui.tui.signs import Signs

ColumnId = Literal["type", "versions", "size", "share", "age", "ttl"]
Align = Literal["left", "right"]

LEAD = 4
"""Cells before a collection's name: margin, mark, tree sign, space."""

INDENT = 1
"""How much further a version's label starts."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column beside the name."""

    id: ColumnId
    title: str
    width: int
    align: Align = "right"
    sort: str = ""
    """The order that this column shows, empty when the list cannot be sorted by it."""


_ALL = (
    Column("type", "type", 8, "left", "type"),
    Column("versions", "versions", 9, "right", "versions"),
    Column("size", "size", 8, "right", "size"),
    Column("share", "share", 6, "left"),
    Column("age", "age", 6, "right", "age"),
    Column("ttl", "ttl", 7, "right", "ttl"),
)
_DROPPED: tuple[ColumnId, ...] = ("share", "ttl", "type", "versions", "age")
"""What goes first when there is no room."""

_NAME_MIN = 22
_NAME_WIDE = 40
_SHARE_WIDE = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one width; `name` counts the cells of the first column, lead included."""

    name: int
    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """All cells, gaps included."""
        return self.name + sum(column.width + 1 for column in self.columns)

    def label_width(self) -> int:
        """Cells for a version's label and aliases: the name and, when it is next, the type."""
        spare = self.columns[:1]
        wide = spare[0].width + 1 if spare and spare[0].id == "type" else 0
        return self.name + wide


def layout_for(width: int) -> Layout:
    """The columns for a list of `width` cells; the name takes what is left."""
    columns = list(_ALL)
    for dropped in _DROPPED:
        if _name_width(width, columns) >= _NAME_MIN:
            break
        columns = [column for column in columns if column.id != dropped]
    spare = _name_width(width, columns) - _NAME_WIDE
    if spare > 0:
        columns = [_wider(column, spare) for column in columns]
    return Layout(max(_name_width(width, columns), 1), tuple(columns))


def _name_width(width: int, columns: list[Column]) -> int:
    return width - 1 - sum(column.width + 1 for column in columns)


def _wider(column: Column, spare: int) -> Column:
    if column.id != "share":
        return column
    return Column(column.id, column.title, min(column.width + spare, _SHARE_WIDE), column.align)


def titles(
    layout: Layout, sort: str, signs: Signs, *, descending: bool, charged: bool = False
) -> str:
    """The line of column titles; the sorted one carries the direction.

    `charged` says that sizes are what the registry charges.
    """
    sign = signs.descending if descending else signs.ascending

    def title(text: str, order: str, width: int) -> str:
        if not order or order != sort:
            return text
        return f"{text} {sign}" if len(text) + 2 <= width else f"{text}{sign}"

    def named(column: Column) -> str:
        return "charged" if charged and column.id == "size" else column.title

    cells = [
        pad(" " * LEAD + title("name", "name", layout.name), layout.name),
        *(pad(title(named(c), c.sort, c.width), c.width, c.align) for c in layout.columns),
    ]
    return " ".join(cells) + " "
