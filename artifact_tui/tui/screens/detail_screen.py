"""One version in detail: what stands beside the list where there is room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.detail_pane import NO_FILES, NO_LINEAGE, DetailPane, show_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.tui.services import Services


class DetailScreen(RegistryScreen):
    """One version; esc, h or q go back to the list."""

    PLACE = "detail"
    TITLE_WORD = "detail"
    BINDINGS = bindings_of("detail")
    AUTO_FOCUS = "#detail"

    def __init__(self, services: Services, row: VersionRow) -> None:
        super().__init__(services)
        self._row = row
        self._pane = DetailPane(services)

    def compose_body(self) -> Iterable[Widget]:
        """The pane alone."""
        yield self._pane

    def on_mount(self) -> None:
        """Read the version."""
        start(self, "detail", self._load, latest=True)

    async def _load(self) -> None:
        try:
            await self._pane.read(self._row)
            await self._pane.ask(self._row)
        except ArtifactTuiError as error:
            self.fail(error)

    def why_not(self, row_id: str) -> str:
        """What this registry never tells cannot be shown."""
        client = self.services.client
        if row_id == "detail.lineage" and "lineage" not in client.tells:
            return NO_LINEAGE
        return NO_FILES if row_id == "detail.files" and not client.can("files") else ""

    def action_lineage(self) -> None:
        """Walk through its lineage."""
        if not self.refused("detail.lineage"):
            self.app.open_lineage(self._row)

    def action_files(self) -> None:
        """List its files."""
        if not self.refused("detail.files"):
            show_files(self, self._row)

    def action_copy(self) -> None:
        """Copy its name."""
        self.app.copy(f"{self._row.collection}:{self._row.label}")
