"""How a list of versions looks: which columns fit, and a collection or a version as one line.

Every name passes `text.safe` here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from artifact_tui.catalog.known_fields import EVERY_FIELD
from artifact_tui.model import VersionState
from artifact_tui.text import age, count, fit, pad, safe, safe_name, size, version_name, width

if TYPE_CHECKING:
    from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.model import Alias
    from artifact_tui.tui.terminal import Signs

    Piece = tuple[str, str]
    """A text and its style."""


LEAD = 4
"""Cells before a collection's name: margin, mark, tree sign, space."""

INDENT = 1
"""How much further a version's label starts."""

_MUTED = "dim"
_WARNING = "$text-error"
_MARK = "$text-warning bold"


@dataclass(frozen=True, slots=True)
class Column:
    """One column beside the name."""

    id: Literal["name", "type", "versions", "size", "share", "age", "ttl"]
    title: str
    """Also the order that the column shows."""
    width: int
    align: Literal["left", "right"] = "right"


_COLUMNS = (
    Column("type", "type", 8, "left"),
    Column("versions", "versions", 9),
    Column("size", "size", 8),
    Column("share", "share", 6, "left"),
    Column("age", "age", 6),
    Column("ttl", "ttl", 7),
)
_TRASH_COLUMNS = (*_COLUMNS[1:4], Column("age", "deleted", 9))
"""In the trash an age counts from the deletion."""

_NEEDS = {"size": "size", "share": "size", "age": "age", "ttl": "ttl"}
"""The field that a column shows: without it there is none."""

_DROPPED = ("share", "ttl", "type", "versions", "age")
"""The columns that are left out where there is no room, the first of them first."""

_NAME_MIN = 22
_NAME_WIDE = 40
_SHARE_WIDE = 12
_TYPE_WIDE = 16


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The columns of one width; `name` counts the cells of the first column, lead included."""

    name: int
    columns: tuple[Column, ...]


@lru_cache(maxsize=16)
def layout_for(
    width: int,
    *,
    trash: bool = False,
    known: frozenset[str] = EVERY_FIELD,
    type_cells: int = 0,
) -> ColumnLayout:
    """The columns for a list of `width` cells; the name takes what is left.

    Args:
        width: cells of a line.
        trash: whether versions stand below their deletion.
        known: the fields that the registry tells: what it never tells has no column.
        type_cells: what the widest type needs; it gets that as far as the name can spare it.
    """
    needs = _NEEDS | {"age": "deleted"} if trash else _NEEDS
    columns = tuple(
        column
        for column in (_TRASH_COLUMNS if trash else _COLUMNS)
        if needs.get(column.id) in {None, *known}
    )

    def name() -> int:
        return width - 1 - sum(column.width + 1 for column in columns)

    for dropped in _DROPPED:
        if name() < _NAME_MIN:
            columns = tuple(column for column in columns if column.id != dropped)

    def widened(widest: str, cells: int, spare: int) -> tuple[Column, ...]:
        return tuple(
            replace(column, width=max(column.width, min(column.width + spare, cells)))
            if column.id == widest
            else column
            for column in columns
        )

    columns = widened("type", min(type_cells, _TYPE_WIDE), max(name() - _NAME_MIN, 0))
    columns = widened("share", _SHARE_WIDE, max(name() - _NAME_WIDE, 0))
    return ColumnLayout(max(name(), 1), columns)


def column_titles(layout: ColumnLayout, sort: Sort, signs: Signs) -> str:
    """The line of column titles; the sorted one carries the direction."""
    sign = signs.descending if sort.descending else signs.ascending
    by = {"version": "versions", "stored": "size"}.get(sort.field, sort.field)

    def title(column: Column) -> str:
        text = "charged" if sort.field == "stored" and column.id == "size" else column.title
        if by != column.title:
            return text
        return f"{text} {sign}" if len(text) + 2 <= column.width else f"{text}{sign}"

    cells = [pad(" " * LEAD + title(Column("name", "name", layout.name)), layout.name)]
    cells += [pad(title(one), one.width, one.align) for one in layout.columns]
    return " ".join(cells) + " "


_SOURCE_CELLS = 32
"""Cells of the name of what a link shows."""


@dataclass(frozen=True, slots=True)
class VersionPainter:
    """Draws the rows of one answer at one moment."""

    signs: Signs
    now_us: int
    biggest: int
    """Bytes of the biggest collection: a full share bar."""
    lineage_known: bool = True
    """False while there may be dependents that nobody has told us of."""
    charged: bool = False
    """Whether sizes are what the registry charges."""
    trash: bool = False
    """Whether versions stand below their deletion, and not below their collection."""
    known: frozenset[str] = EVERY_FIELD
    """The fields that the registry tells."""
    type_cells: int = 0
    """What the widest type needs."""

    def layout(self, cells: int) -> ColumnLayout:
        """The columns of lines of this width."""
        return layout_for(cells, trash=self.trash, known=self.known, type_cells=self.type_cells)

    def collection(self, row: CollectionRow, cells: int, *, opened: bool = False) -> Content:
        """A collection's own line."""
        signs, layout = self.signs, self.layout(cells)
        mark = signs.partly if row.marked else " "
        if row.versions and row.marked >= row.versions:
            mark = signs.mark
        turned = (signs.opened if opened else signs.closed) if row.versions else " "
        link = f"{signs.link} " if row.links else ""
        parts = [(f" {mark}", _MARK), (f"{turned} ", _MUTED)]
        name = pad(link + safe_name(row.name), max(layout.name - LEAD, 0))
        parts.append((f"{name} ", "bold"))
        weight = row.weight(charged=self.charged)
        for column in layout.columns:
            text, style = {
                "type": (safe(row.type), _MUTED),
                "versions": (count(row.versions), ""),
                "size": (size(weight), ""),
                "share": (self.bar(weight or 0, column.width), "$primary"),
                "age": (age(row.newest_us, self.now_us) if row.versions else "", _MUTED),
            }.get(column.id, ("", _MUTED))
            parts.append((pad(text, column.width, column.align) + " ", style))
        return Content.assemble(*parts)

    def version(self, row: VersionRow, cells: int) -> Content:
        """A version's line, below its collection; its label has the room of the type, too."""
        layout = self.layout(cells)
        room = layout.name - LEAD - INDENT
        columns = layout.columns
        if columns[:1] and columns[0].id == "type":
            room += columns[0].width + 1
            columns = columns[1:]
        mark = f" {self.signs.mark if row.marked else ' '}{' ' * (2 + INDENT)}"
        parts = [(mark, _MARK), *self._label(row, room)]
        known = self.lineage_known and row.lineage_known
        dependents = count(row.dependents) if known or row.dependents else ""
        since = row.deleted_us if self.trash else row.created_us
        for column in columns:
            text, style = "", _MUTED
            match column.id:
                case "versions" if not row.link and "dependents" in self.known:
                    unknown = "" if known else "+" if row.dependents else "?"
                    text = f"{self.signs.dependents}{dependents}{unknown}"
                    style = "" if row.dependents else _MUTED
                case "size":
                    text, style = size(row.weight(charged=self.charged)), ""
                case "age":
                    text = age(since, self.now_us)
                case "ttl" if row.expires_us is not None:
                    text = f"{self.signs.ttl}{age(self.now_us, row.expires_us)}"
                    if row.expires_us <= self.now_us:
                        text, style = "expired", _WARNING
            parts.append((pad(text, column.width, column.align) + " ", style))
        return Content.assemble(*parts)

    def _label(self, row: VersionRow, room: int) -> list[Piece]:
        """Label, state signs and aliases, in exactly `room` cells and a blank."""
        label = fit(version_name(row) if self.trash else safe(row.label), max(room, 0))
        parts: list[Piece] = [(label, "")]
        used = width(label)
        for text, style in self._tags(row):
            cells = width(text) + 1
            if used + cells > room:
                rest = f" {self.signs.ellipsis}"
                if used + len(rest) <= room:
                    parts.append((rest, _MUTED))
                    used += len(rest)
                break
            parts.append((f" {text}", style))
            used += cells
        text, style = parts[-1]
        return [*parts[:-1], (text + " " * (max(room - used, 0) + 1), style)]

    def _tags(self, row: VersionRow) -> list[Piece]:
        """What follows the label: the state, then the aliases.

        Protected aliases come first, then those of the version's own collection.
        """
        signs = self.signs
        found: list[Piece] = []
        if row.state is VersionState.TRASH and not self.trash:
            word = "deleted" if row.deleted_us is None else "trash"
            found.append((f"{signs.trash} {word}", _WARNING))
        elif row.state is VersionState.PENDING:
            found.append((f"{signs.pending} pending", _WARNING))
        if row.kept:
            found.append((f"{signs.locked} kept", _MUTED))
        if row.link:
            source = fit(safe(row.source), _SOURCE_CELLS) if row.source else "link"
            found.append((f"{signs.link} {source}", _MUTED))
        elif row.links:
            found.append((f"{signs.link}{len(row.links)}", _MUTED))

        def order(alias: Alias) -> tuple[bool, bool]:
            return not alias.protected, bool(alias.scope)

        for alias in sorted(row.aliases, key=order):
            name = fit(safe(alias.name), 24) + (signs.link if alias.scope else "")
            protected = (f"{name}{signs.protected}", _MARK)
            found.append(protected if alias.protected else (name, "$text-accent"))
        return found

    def bar(self, value: int, cells: int) -> str:
        """A bar of `cells` cells, in eighths of a cell where the signs allow it."""
        bar, biggest = self.signs.bar, max(self.biggest, 1)
        steps = round(min(value, biggest) * cells * len(bar) / biggest)
        full, part = divmod(max(steps, 1 if value else 0), len(bar))
        return pad(bar[-1] * full + (bar[part - 1] if part else ""), cells)
