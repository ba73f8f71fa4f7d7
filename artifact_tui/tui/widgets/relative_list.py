"""The lines of the lineage screen: what a version was made from, itself, what was made from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip

from artifact_tui.catalog.rows import VersionRef
from artifact_tui.model import GONE
from artifact_tui.text import age, fit, pad, safe, size
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.detail_lines import branches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.rows import VersionDetail, VersionRow
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.signs import Signs

_ROLE = 11
"""Cells that say what a version is to the one in the middle."""


@dataclass(frozen=True, slots=True)
class Relative:
    """One line: what a version is to the one in the middle."""

    role: str
    stem: str
    """The branches before its name."""
    ref: VersionRef
    row: VersionRow | None
    """None for a version that is not listed here: only its name is known."""


async def relatives(
    catalog: Catalog, version_id: int, signs: Signs
) -> tuple[VersionDetail, list[Relative]]:
    """The version in the middle, and everything around it: parents, itself, dependents."""
    detail = await catalog.detail(version_id, latest="lineage")
    refs = [*detail.parents, *(dependent.ref for dependent in detail.dependents)]
    rows = await catalog.by_keys([ref.key for ref in refs if not ref.elsewhere])
    known = {row.key: row for row in rows}

    def there(ref: VersionRef) -> bool:
        return ref.elsewhere or ref.key in known

    found = [
        Relative("made from" if not index else "", "", ref, known.get(ref.key))
        for index, ref in enumerate(detail.parents)
        if there(ref)
    ]
    found.append(Relative("this", "", _ref_of(detail.row), detail.row))
    for index, (stem, ref) in enumerate(branches(detail.dependents, signs)):
        if there(ref):
            role = "dependents" if not index else ""
            found.append(Relative(role, stem, ref, known.get(ref.key)))
    return detail, found


def _ref_of(row: VersionRow) -> VersionRef:
    return VersionRef(row.id, row.key, row.collection, row.label, row.state, row.aliases)


class RelativeList(CursorList):
    """The lines of the lineage screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lineage--role",
        "lineage--middle",
        "lineage--alias",
        "lineage--mark",
    }

    DEFAULT_CSS = """
    RelativeList > .lineage--role { text-style: dim; }
    RelativeList > .lineage--middle { text-style: bold; }
    RelativeList > .lineage--alias { color: $text-accent; }
    RelativeList > .lineage--mark { color: $text-warning; text-style: bold; }
    """

    def __init__(self, services: Services) -> None:
        super().__init__(id="relatives")
        self._signs = services.signs
        self._now = services.now
        self.relatives: Sequence[Relative] = ()

    @property
    def count(self) -> int:
        """How many versions."""
        return len(self.relatives)

    @property
    def current(self) -> VersionRow | None:
        """The version under the cursor; None when it is not listed here."""
        return self.relatives[self.cursor].row if self.cursor < len(self.relatives) else None

    @property
    def name(self) -> str:
        """`COLLECTION:LABEL` under the cursor, untrusted; empty when there is none."""
        here = self.relatives[self.cursor : self.cursor + 1]
        return f"{here[0].ref.collection}:{here[0].ref.label}" if here else ""

    def show(self, relatives: Sequence[Relative]) -> None:
        """Show these, the cursor on the one in the middle."""
        self.relatives = relatives
        self.changed()
        middle = next((i for i, one in enumerate(relatives) if one.role == "this"), 0)
        self.place_cursor(middle, 0)

    def set_marked(self, key: str, *, marked: bool) -> None:
        """Draw the mark of a version, wherever it stands."""
        self.relatives = [
            replace(one, row=replace(one.row, marked=marked))
            if one.row is not None and one.row.key == key
            else one
            for one in self.relatives
        ]
        self.refresh_changed()

    def paint(self, line: int) -> Strip:
        """One version."""
        one = self.relatives[line]
        row, signs, style = one.row, self._signs, self.ink
        gone = one.ref.label.endswith(GONE)
        facts = pad("" if gone else "elsewhere", 17, "right") + " "
        if row is not None:
            when = age(row.created_us, self._now())
            facts = f"{pad(size(row.size), 9, 'right')}{pad(when, 8, 'right')} "
        room = max(self.inner_width - 2 - _ROLE - len(one.stem) - len(facts), 8)
        name = fit(f"{safe(one.ref.collection)} {safe(one.ref.label)}", room)
        aliases = " ".join(
            safe(alias.name) + (signs.protected if alias.protected else "")
            for alias in one.ref.aliases
        )
        left = room - Content(name).cell_length
        middle = one.role == "this"
        marked = row is not None and row.marked
        return Strip(
            [
                Segment(f"{signs.mark if marked else ' '} ", style("lineage--mark")),
                Segment(pad(one.role, _ROLE) + one.stem, style("lineage--role")),
                Segment(name, style("lineage--middle") if middle else None),
                Segment(pad(f" {aliases}", left), style("lineage--alias")),
                Segment(facts, style("lineage--middle" if middle else "lineage--role")),
            ]
        )
