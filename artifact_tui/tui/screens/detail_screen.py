"""One version in detail: what stands beside the list where there is room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.registry_link import LineageState
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.base_screen import BaseScreen
from artifact_tui.tui.widgets.detail_pane import DetailPane, show_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.tui.services import Services


class DetailScreen(BaseScreen):
    """One version; esc, h or q go back to the list."""

    PLACE = "detail"
    TITLE_WORD = "detail"
    BINDINGS = bindings_of("detail")
    AUTO_FOCUS = "#detail"

    def __init__(self, services: Services, row: VersionRow) -> None:
        super().__init__(services)
        self._row = row
        self._pane = DetailPane(services.signs, services.now)

    def compose_body(self) -> Iterable[Widget]:
        """The pane alone."""
        yield self._pane

    def on_mount(self) -> None:
        """Read the version."""
        start(self, "detail", self._load, latest=True)

    async def _load(self) -> None:
        await self._show()
        asker = self.services.asker
        if not asker.wants(self._row):
            return
        self._pane.tell(self._row.key, LineageState.ASKING)
        try:
            await asker.ask(self._row)
        except ArtifactTuiError as error:
            self.fail(error)
        await self._show()

    async def _show(self) -> None:
        try:
            detail = await self.services.catalog.detail(self._row.id)
        except ArtifactTuiError as error:
            self.say(str(error), error=True)
            return
        self._pane.show_row(detail, self.services.asker.told(detail.row))

    def action_lineage(self) -> None:
        """Walk through its lineage."""
        self.app.open_lineage(self._row)

    def action_files(self) -> None:
        """List its files."""
        show_files(self, self._row)

    def action_copy(self) -> None:
        """Copy its name."""
        self.app.copy(f"{self._row.collection}:{self._row.label}")
