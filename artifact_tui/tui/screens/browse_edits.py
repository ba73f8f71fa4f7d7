"""The changing half of browse: aliases and tags of what is chosen, and the door to retention."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.tui.edits import able
from artifact_tui.tui.screens.browse_remote import BrowseRemote
from artifact_tui.tui.screens.editing import Editing

if TYPE_CHECKING:
    from artifact_tui.catalog.rows import CollectionRow, VersionRow


class BrowseEdits(BrowseRemote, Editing):  # Textual takes styles from the first
    """Adds `a` and `T` to browse."""

    def edits_why_not(self, row_id: str) -> str:
        """Why a key of this half does nothing; empty for all others."""
        if row_id == "browse.retention":
            return able.retention_why_not(self.services)
        return able.names_why_not(self.services) if row_id == "browse.names" else ""

    def action_names(self) -> None:
        """Ask for other aliases and tags of the marks, or of the row."""
        from artifact_tui.tui.edits import wishing  # noqa: PLC0415 - on demand

        if not self.refused("browse.names"):
            can = self.services.client.capabilities
            form = wishing.names(aliases=can.edit_aliases, tags=can.edit_tags)
            self.ask_for(partial(self.chosen, self.tree_list.row), form)

    def action_retention(self) -> None:
        """What expires when, and other times to live for the marks, or the row."""
        if not self.refused("browse.retention"):
            self.carry_out("what is chosen is being read", self._retention(self.tree_list.row))

    async def _retention(self, row: CollectionRow | VersionRow | None) -> None:
        self.host.open_retention(await self.chosen(row))
