"""How the tree table looks: which columns fit, and one row as styled segments.

Every name passes `text.safe` here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.segment import Segment

from artifact_tui.model import VersionState
from artifact_tui.text import age, count, fit, pad, safe, safe_name, size, version_name, width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.style import Style

    from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
    from artifact_tui.model import Alias
    from artifact_tui.tui.terminal import Signs


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


_COLUMNS = (
    Column("type", "type", 8, "left", "type"),
    Column("versions", "versions", 9, "right", "versions"),
    Column("size", "size", 8, "right", "size"),
    Column("share", "share", 6, "left"),
    Column("age", "age", 6, "right", "age"),
    Column("ttl", "ttl", 7, "right", "ttl"),
)
_TRASH_COLUMNS = (
    *(column for column in _COLUMNS if column.id not in {"type", "age", "ttl"}),
    Column("age", "deleted", 9, "right", "deleted"),
)
"""In the trash an age counts from the deletion."""
_DROPPED: tuple[ColumnId, ...] = ("share", "ttl", "type", "versions", "age")
"""What goes first when there is no room."""

_NAME_MIN = 22
_NAME_WIDE = 40
_SHARE_WIDE = 12


@dataclass(frozen=True, slots=True)
class ColumnLayout:
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


def layout_for(width: int, *, trash: bool = False) -> ColumnLayout:
    """The columns for a list of `width` cells; the name takes what is left."""
    columns = list(_TRASH_COLUMNS if trash else _COLUMNS)
    for dropped in _DROPPED:
        if _name_width(width, columns) >= _NAME_MIN:
            break
        columns = [column for column in columns if column.id != dropped]
    spare = _name_width(width, columns) - _NAME_WIDE
    if spare > 0:
        columns = [_wider(column, spare) for column in columns]
    return ColumnLayout(max(_name_width(width, columns), 1), tuple(columns))


def _name_width(width: int, columns: list[Column]) -> int:
    return width - 1 - sum(column.width + 1 for column in columns)


def _wider(column: Column, spare: int) -> Column:
    if column.id != "share":
        return column
    return Column(column.id, column.title, min(column.width + spare, _SHARE_WIDE), column.align)


def column_titles(
    layout: ColumnLayout, sort: str, signs: Signs, *, descending: bool, charged: bool = False
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


STYLES = ("name", "label", "alias", "protected", "muted", "mark", "bar", "warning", "text")
"""The styles that a painter needs, by name."""


_SOURCE_CELLS = 32
"""Cells of the name of what a link shows."""


@dataclass(frozen=True, slots=True)
class LineLook:
    """What the widget knows about a line beside its row."""

    ranged: bool = False
    """Inside the range that is being chosen."""
    opened: bool = False


class Painter:
    """Draws rows for one layout, one set of styles, one moment."""

    def __init__(
        self,
        layout: ColumnLayout,
        styles: Mapping[str, Style],
        signs: Signs,
        now_us: int,
        *,
        biggest: int,
        lineage_known: bool = True,
        charged: bool = False,
        trash: bool = False,
    ) -> None:
        self.layout = layout
        self.styles = styles
        self.signs = signs
        self.now_us = now_us
        self.biggest = max(biggest, 1)
        """Bytes of the biggest collection: a full share bar."""
        self.lineage_known = lineage_known
        """False while there may be dependents that nobody has told us of."""
        self.charged = charged
        """Whether sizes are what the registry charges."""
        self.trash = trash
        """Whether versions stand below their deletion, and not below their collection."""

    def collection(self, row: CollectionRow, look: LineLook) -> list[Segment]:
        """A collection's own line."""
        signs = self.signs
        mark = signs.partly if row.marked else " "
        if row.versions and row.marked >= row.versions:
            mark = signs.mark
        turned = signs.opened if look.opened else signs.closed
        lead = self._lead(mark, look, turned if row.versions else " ")
        shown = f"{signs.link} {safe_name(row.name)}" if row.links else safe_name(row.name)
        name = pad(shown, max(self.layout.name - LEAD, 0))
        parts = [*lead, self._segment(name, "name")]
        for column in self.layout.columns:
            parts += [self._gap(), *self._collection_cell(row, column)]
        return [*parts, self._gap()]

    def version(self, row: VersionRow, look: LineLook) -> list[Segment]:
        """A version's line, below its collection."""
        lead = self._lead(self.signs.mark if row.marked else " ", look, " ")
        room = self.layout.label_width() - LEAD - INDENT
        parts = [*lead, Segment(" " * INDENT, self.styles["text"]), *self._label(row, room)]
        for column in self.layout.columns:
            if column.id == "type":
                continue
            parts += [self._gap(), self._version_cell(row, column)]
        return [*parts, self._gap()]

    def placeholder(self, look: LineLook) -> list[Segment]:
        """A version that is being fetched."""
        room = self.layout.width + 1 - LEAD - INDENT
        text = " " * INDENT + pad(self.signs.ellipsis, max(room, 0))
        return [*self._lead(" ", look, " "), self._segment(text, "muted")]

    def _lead(self, mark: str, look: LineLook, sign: str) -> list[Segment]:
        margin = self.signs.ranged if look.ranged else " "
        return [
            self._segment(margin, "mark"),
            self._segment(mark, "mark"),
            self._segment(sign + " ", "muted"),
        ]

    def _collection_cell(self, row: CollectionRow, column: Column) -> list[Segment]:
        match column.id:
            case "type":
                return [self._cell(safe(row.type), column, "muted")]
            case "versions":
                return [self._cell(count(row.versions), column, "text")]
            case "size":
                return [self._cell(size(row.weight(charged=self.charged)), column, "text")]
            case "share":
                return [
                    self._segment(
                        self._bar(row.weight(charged=self.charged) or 0, column.width), "bar"
                    )
                ]
            case "age":
                newest = age(row.newest_us, self.now_us) if row.versions else ""
                return [self._cell(newest, column, "muted")]
            case _:
                return [self._cell("", column, "muted")]

    def _version_cell(self, row: VersionRow, column: Column) -> Segment:
        match column.id:
            case "versions" if row.link:
                return self._cell("", column, "muted")
            case "versions":
                text = f"{self.signs.dependents}{self._dependents(row)}"
                return self._cell(text, column, "text" if row.dependents else "muted")
            case "size":
                return self._cell(size(row.weight(charged=self.charged)), column, "text")
            case "age":
                since = row.deleted_us if self.trash else row.created_us
                return self._cell(age(since, self.now_us), column, "muted")
            case "ttl":
                return self._ttl(row, column)
            case _:
                return self._cell("", column, "muted")

    def _dependents(self, row: VersionRow) -> str:
        """How many; never none while that is not known."""
        if self.lineage_known and row.lineage_known:
            return count(row.dependents)
        return f"{count(row.dependents)}+" if row.dependents else "?"

    def _ttl(self, row: VersionRow, column: Column) -> Segment:
        if row.expires_us is None:
            return self._cell("", column, "muted")
        if row.expires_us <= self.now_us:
            return self._cell("expired", column, "warning")
        left = age(self.now_us, row.expires_us)
        return self._cell(f"{self.signs.ttl}{left}", column, "muted")

    def _label(self, row: VersionRow, room: int) -> list[Segment]:
        """Label, state signs and aliases, in exactly `room` cells."""
        name = version_name(row) if self.trash else safe(row.label)
        label = fit(name, max(room, 0))
        parts = [self._segment(label, "label")]
        used = width(label)
        for text, style in self._tags(row):
            cells = width(text) + 1
            if used + cells > room:
                rest = self.signs.ellipsis
                if used + 1 + len(rest) <= room:
                    parts.append(self._segment(f" {rest}", "muted"))
                    used += 1 + len(rest)
                break
            parts.append(self._segment(f" {text}", style))
            used += cells
        return [*parts, self._segment(" " * max(room - used, 0), "text")]

    def _tags(self, row: VersionRow) -> list[tuple[str, str]]:
        """What follows the label: state first, then aliases, the protected ones first."""
        signs = self.signs
        found: list[tuple[str, str]] = []
        if row.state is VersionState.TRASH and not self.trash:
            word = "deleted" if row.deleted_us is None else "trash"
            found.append((f"{signs.trash} {word}", "warning"))
        elif row.state is VersionState.PENDING:
            found.append((f"{signs.pending} pending", "warning"))
        if row.kept:
            found.append((f"{signs.locked} kept", "muted"))
        if row.link:
            found.append((f"{signs.link} {self._source(row)}", "muted"))
        elif row.links:
            found.append((f"{signs.link}{len(row.links)}", "muted"))
        for alias in sorted(row.aliases, key=_alias_order):
            name = fit(safe(alias.name), 24) + (signs.link if alias.scope else "")
            found.append(
                (f"{name}{signs.protected}", "protected") if alias.protected else (name, "alias")
            )
        return found

    def _source(self, row: VersionRow) -> str:
        """What a link shows, as far as that is listed here."""
        return fit(safe(row.source), _SOURCE_CELLS) if row.source else "link"

    def _bar(self, value: int, cells: int) -> str:
        """A bar of `cells` cells, in eighths of a cell where the signs allow it."""
        bar = self.signs.bar
        steps = round(min(value, self.biggest) * cells * len(bar) / self.biggest)
        full, part = divmod(max(steps, 1 if value else 0), len(bar))
        return pad(bar[-1] * full + (bar[part - 1] if part else ""), cells)

    def _cell(self, text: str, column: Column, style: str) -> Segment:
        return self._segment(pad(text, column.width, column.align), style)

    def _segment(self, text: str, style: str) -> Segment:
        return Segment(text, self.styles[style])

    def _gap(self) -> Segment:
        return Segment(" ", self.styles["text"])


def _alias_order(alias: Alias) -> tuple[bool, bool]:
    """The protected ones first, then those of the version's own collection."""
    return not alias.protected, bool(alias.scope)
