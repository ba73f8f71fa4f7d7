"""Lineage: one version in the middle, what it was made from above, what was made from it below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import age, count, fit, pad, safe, size
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.browse import BrowseScreen
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.detail_lines import branches
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

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
    row: VersionRow


async def relatives(
    catalog: Catalog, version_id: int, signs: Signs
) -> tuple[VersionDetail, list[Relative]]:
    """The version in the middle, and everything around it: parents, itself, dependents."""
    detail = await catalog.detail(version_id, latest=True)
    refs = [*detail.parents, *(dependent.ref for dependent in detail.dependents)]
    known = {row.id: row for row in await catalog.by_keys([ref.key for ref in refs])}
    found = [
        Relative("made from" if not index else "", "", known[ref.id])
        for index, ref in enumerate(detail.parents)
        if ref.id in known
    ]
    found.append(Relative("this", "", detail.row))
    for index, (stem, ref) in enumerate(branches(detail.dependents, signs)):
        if ref.id in known:
            found.append(Relative("dependents" if not index else "", stem, known[ref.id]))
    return detail, found


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
        """The version under the cursor."""
        return self.relatives[self.cursor].row if self.cursor < len(self.relatives) else None

    def show(self, relatives: Sequence[Relative]) -> None:
        """Show these, the cursor on the one in the middle."""
        self.relatives = relatives
        self.changed()
        middle = next((i for i, one in enumerate(relatives) if one.role == "this"), 0)
        self.place_cursor(middle, 0)

    def set_marked(self, key: str, *, marked: bool) -> None:
        """Draw the mark of a version, wherever it stands."""
        self.relatives = [
            replace(one, row=replace(one.row, marked=marked)) if one.row.key == key else one
            for one in self.relatives
        ]
        self.refresh_changed()

    def paint(self, line: int) -> Strip:
        """One version."""
        one = self.relatives[line]
        row, signs = one.row, self._signs
        facts = (
            f"{pad(size(row.size), 9, 'right')}{pad(age(row.created_us, self._now()), 8, 'right')} "
        )
        room = max(self.inner_width - 2 - _ROLE - len(one.stem) - len(facts), 8)
        name = fit(f"{safe(row.collection)} {safe(row.label)}", room)
        aliases = " ".join(
            safe(alias.name) + (signs.protected if alias.protected else "") for alias in row.aliases
        )
        left = room - Content(name).cell_length
        middle = "lineage--middle" if one.role == "this" else "lineage--role"
        style = self.ink
        return Strip(
            [
                Segment(f"{signs.mark if row.marked else ' '} ", style("lineage--mark")),
                Segment(pad(one.role, _ROLE) + one.stem, style("lineage--role")),
                Segment(name, style("lineage--middle") if one.role == "this" else None),
                Segment(pad(f" {aliases}", left), style("lineage--alias")),
                Segment(facts, style(middle)),
            ]
        )


class LineageScreen(BaseScreen):
    """Walk from version to version; what is marked here is marked everywhere."""

    PLACE = "lineage"
    TITLE_WORD = "Lineage"
    BINDINGS = bindings_of("lineage")
    AUTO_FOCUS = "#relatives"

    def __init__(self, services: Services, row: VersionRow) -> None:
        super().__init__(services)
        self._trail: list[VersionRow] = [row]
        self._list = RelativeList(services)
        self._title = Line(id="lineage-title")

    def compose_body(self) -> Iterable[Widget]:
        """What is in the middle, and the lines."""
        yield self._title
        yield self._list

    def on_mount(self) -> None:
        """Read the first version."""
        self._read()

    def _read(self) -> None:
        start(self, "lineage", self._load, self._trail[-1], latest=True)

    async def _load(self, row: VersionRow) -> None:
        try:
            detail, found = await relatives(self.services.catalog, row.id, self.services.signs)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        more = "more than " if detail.dependents_capped else ""
        title = f" {safe(row.collection)} {safe(row.label)}: {count(detail.row.dependents)} direct"
        title += f" dependents, {more}{count(detail.dependents_total)} in all"
        if detail.dependents_total > len(detail.dependents):
            title += f", the first {count(len(detail.dependents))} are shown"
        if not detail.coverage.complete:
            title += f"; {detail.coverage.words()}, there may be more"
        self._title.show(Content.styled(title, "bold"))
        self._list.show(found)

    def action_open(self) -> None:
        """Put the version under the cursor in the middle."""
        row = self._list.current
        if row is not None and row.id != self._trail[-1].id:
            self._trail.append(row)
            self._read()

    def on_cursor_list_opened(self) -> None:
        """A double click does the same."""
        self.action_open()

    def action_mark(self) -> None:
        """Mark or unmark the version, and go down."""
        row = self._list.current
        if row is not None:
            self._list.set_marked(row.key, marked=not row.marked)
            self._list.action_down()
            start(self, "marks", self._write, row)

    async def _write(self, row: VersionRow) -> None:
        catalog = self.services.catalog
        try:
            await (catalog.unmark([row.key]) if row.marked else catalog.mark([row.key]))
        except ArtifactTuiError as error:
            self.fail(error)

    def action_show(self) -> None:
        """Show the version in the list of browse."""
        row = self._list.current
        browse = next((s for s in self.app.screen_stack if isinstance(s, BrowseScreen)), None)
        if row is None or browse is None:
            return
        while self.app.screen is not browse:
            self.app.pop_screen()
        browse.reveal(row)

    def action_copy(self) -> None:
        """Copy the name of the version."""
        row = self._list.current
        if row is not None:
            self.host.copy(f"{row.collection}:{row.label}")

    def action_back(self) -> None:
        """The version that was in the middle before, then the screen before."""
        if len(self._trail) > 1:
            self._trail.pop()
            self._read()
        else:
            self.dismiss()
