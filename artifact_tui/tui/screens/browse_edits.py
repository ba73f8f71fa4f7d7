"""The changing half of browse: aliases and tags of what is chosen, and the door to retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.tui.edits import able
from artifact_tui.tui.screens.browse_marks import in_collection
from artifact_tui.tui.screens.browse_remote import BrowseRemote
from artifact_tui.tui.screens.editing import Editing

if TYPE_CHECKING:
    from artifact_tui.catalog.selection import Selection


class BrowseEdits(BrowseRemote, Editing):  # Textual takes styles from the first
    """Adds `a` and `T` to browse."""

    def edits_why_not(self, row_id: str) -> str:
        """Why a key of this half does nothing; empty for all others."""
        if row_id == "browse.retention":
            return able.retention_why_not(self.services)
        return able.names_why_not(self.services) if row_id == "browse.names" else ""

    def chosen(self) -> Selection | None:
        """The marks; without any, the version or collection under the cursor."""
        row = self.tree_list.row
        if self.marks is not None and self.marks.count:
            return "marked"
        if isinstance(row, CollectionRow):
            return None if self.answer is None else in_collection(self.answer.where, row.id)
        return None if row is None else (row.key,)

    def action_names(self) -> None:
        """Ask for other aliases and tags of the marks, or of the row."""
        from artifact_tui.tui.edits import wishing  # noqa: PLC0415 - on demand

        chosen = self.chosen()
        if not self.refused("browse.names") and chosen is not None:
            can = self.services.client.capabilities
            self.ask_for(chosen, wishing.names(aliases=can.edit_aliases, tags=can.edit_tags))

    def action_retention(self) -> None:
        """What expires when, and other times to live for the marks, or the row."""
        if not self.refused("browse.retention"):
            self.host.open_retention(self.chosen())
