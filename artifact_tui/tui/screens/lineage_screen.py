"""Lineage: one version in the middle, what it was made from above, what was made from it below.

Where a registry tells lineage only when asked, it is asked about the version in the middle, and
about everything below that on demand; leaving the screen stops asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.catalog.catalog_rows import VersionRef
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import GONE
from artifact_tui.text import age, count, fit, pad, plural, safe, size
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.registry_link import LineageState
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.detail_pane import branches
from artifact_tui.tui.widgets.line_widgets import Line
from artifact_tui.tui.widgets.marker import toggle_mark
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionDetail, VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs


_ROLE = 11
"""Cells that say what a version is to the one in the middle."""


@dataclass(frozen=True, slots=True)
class RelativeLine:
    """One line: what a version is to the one in the middle."""

    role: str
    stem: str
    """The branches before its name."""
    ref: VersionRef
    row: VersionRow | None
    """None for a version that is not listed here: only its name is known."""
    marked: bool = False

    @property
    def key(self) -> str:
        """The key of the version."""
        return self.ref.key


async def relatives(
    catalog: Catalog, version_id: int, signs: Signs
) -> tuple[VersionDetail, list[RelativeLine]]:
    """The version in the middle, and everything around it: parents, itself, dependents."""
    detail = await catalog.detail(version_id, latest="lineage")
    refs = [*detail.parents, *(dependent.ref for dependent in detail.dependents)]
    rows = await catalog.by_keys([ref.key for ref in refs if not ref.elsewhere])
    known = {row.key: row for row in rows}
    found: list[RelativeLine] = []

    def add(role: str, stem: str, ref: VersionRef) -> None:
        row = known.get(ref.key)
        if row is not None or ref.elsewhere:
            found.append(RelativeLine(role, stem, ref, row, row is not None and row.marked))

    for index, ref in enumerate(detail.parents):
        add("made from" if not index else "", "", ref)
    row = detail.row
    middle = VersionRef(row.id, row.key, row.collection, row.label, row.state, row.aliases)
    found.append(RelativeLine("this", "", middle, row, row.marked))
    for index, (stem, ref) in enumerate(branches(detail.dependents, signs)):
        add("dependents" if not index else "", stem, ref)
    return detail, found


class LineageScreen(RegistryScreen):
    """Walk from version to version; what is marked here is marked everywhere."""

    PLACE = "lineage"
    TITLE_WORD = "Lineage"
    BINDINGS = bindings_of("lineage")
    AUTO_FOCUS = "#relatives"

    def __init__(self, services: Services, row: VersionRow) -> None:
        super().__init__(services)
        self._trail: list[VersionRow] = [row]
        self._list = RowList[RelativeLine](self._line, id="relatives")
        self._title = Line(id="lineage-title")

    def compose_body(self) -> Iterable[Widget]:
        """What is in the middle, and the lines."""
        yield self._title
        yield self._list

    def _line(self, one: RelativeLine, cells: int) -> Content:
        """A version: its mark, what it is to the one in the middle, name, aliases, facts."""
        row, ref, signs = one.row, one.ref, self.services.signs
        facts = pad("" if ref.label.endswith(GONE) else "elsewhere", 17, "right") + " "
        if row is not None:
            when = pad(age(row.created_us, self.services.now()), 8, "right")
            facts = f"{pad(size(row.size), 9, 'right')}{when} "
        room = max(cells - 2 - _ROLE - len(one.stem) - len(facts), 8)
        name = fit(f"{safe(ref.collection)} {safe(ref.label)}", room)
        aliases = " ".join(
            safe(alias.name) + (signs.protected if alias.protected else "") for alias in ref.aliases
        )
        middle = "bold" if one.role == "this" else ""
        return Content.assemble(
            (f"{signs.mark if one.marked else ' '} ", "$text-warning bold"),
            (pad(one.role, _ROLE) + one.stem, "dim"),
            (name, middle),
            (pad(f" {aliases}", room - Content(name).cell_length), "$text-accent"),
            (facts, middle or "dim"),
        )

    @property
    def _row(self) -> VersionRow | None:
        """The version under the cursor; None when it is not listed here."""
        one = self._list.current
        return None if one is None else one.row

    def on_mount(self) -> None:
        """Read the first version."""
        self._read()

    def _read(self) -> None:
        self.read_first("its lineage is being read")
        start(self, "lineage", self._load, self._trail[-1], latest=True)

    async def _load(self, row: VersionRow) -> None:
        await self._show(row)
        self.read_done()
        asker = self.services.asker
        if not asker.wants(row):
            return
        self.say("Asking for its lineage" + self.services.signs.ellipsis)
        try:
            await asker.ask(row)
        except ArtifactTuiError as error:
            self.fail(error)
        else:
            self.status_line.hush()
        await self._show(row)

    async def _show(self, row: VersionRow) -> None:
        try:
            detail, found = await relatives(self.services.catalog, row.id, self.services.signs)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        told = self.services.asker.state_of(row)
        below = self.key_of("lineage.below")
        self._title.show(Content.styled(_title_of(detail, told, below), "bold"))
        middle = next(i for i, one in enumerate(found) if one.role == "this")
        self._list.put(found, cursor=middle)
        self.show_keys()

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        client = self.services.client
        if row_id == "lineage.below" and not client.tells_dependents:
            return "this registry tells all lineage without being asked"
        return ""

    def action_below(self) -> None:
        """Ask about everything below the version in the middle."""
        if not self.refused("lineage.below"):
            start(self, "lineage", self._ask_below, self._trail[-1], latest=True)

    async def _ask_below(self, row: VersionRow) -> None:
        self.say("Asking for everything below" + self.services.signs.ellipsis)
        try:
            asked = await self.services.asker.ask_below(row, self._progress)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        await self._show(row)
        if asked is not None and not asked.complete:
            self.say(f"Not all is known: {asked.missing}.")
        else:
            self.say("Everything below is known now.")

    def _progress(self, asked: LineageCoverage) -> None:
        self.say(f"Asking: {asked.asking_words()}.")

    def action_open(self) -> None:
        """Put the version under the cursor in the middle."""
        row = self._row
        if row is None and self._list.current is not None:
            self.say("This version is of a collection that is not listed here.")
        elif row is not None and row.id != self._trail[-1].id:
            self._trail.append(row)
            self._read()

    def on_row_list_opened(self) -> None:
        """A double click does the same."""
        self.action_open()

    def action_mark(self) -> None:
        """Mark or unmark the version, wherever it stands, and go down."""
        if self._row is not None:
            toggle_mark(self, self._list, read_again=self._read)

    def action_show(self) -> None:
        """Show the version in the list of browse."""
        if self._row is not None:
            self.app.show_in_list(self._row)

    def action_copy(self) -> None:
        """Copy the name of the version."""
        one = self._list.current
        if one is not None:
            self.app.copy(f"{one.ref.collection}:{one.ref.label}")

    def action_back(self) -> None:
        """The version that was in the middle before, then the screen before."""
        if len(self._trail) > 1:
            self._trail.pop()
            self._read()
        else:
            self.dismiss()


def _title_of(detail: VersionDetail, told: LineageState, key: str) -> str:
    """The version, how many dependents it has, and how much of that is known; safe."""
    row = detail.row
    title = f" {safe(row.collection)} {safe(row.label)}: "
    if not row.lineage_known and not detail.dependents_total:
        return f"{title}lineage {LineageState.NOT_ASKED if told is LineageState.KNOWN else told}"
    more = "more than " if detail.dependents_capped else ""
    least = "" if detail.lineage_known else "at least "
    title += f"{plural(row.dependents, 'direct dependent')}, {least}{more}"
    title += f"{count(detail.dependents_total)} in all"
    if detail.dependents_total > len(detail.dependents):
        title += f", the first {count(len(detail.dependents))} are shown"
    if not detail.coverage.complete:
        title += f"; {detail.coverage.words()}, there may be more"
    if not detail.lineage_known:
        title += f"; not all of those were asked: {key} asks"
    return title
