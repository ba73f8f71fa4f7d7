"""Browse: the tree table of collections and versions, and the detail of the row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from artifact_tui.tui.services import Services


class BrowseScreen(BaseScreen):
    """The first screen."""

    PLACE = "browse"
    BINDINGS = bindings_of("browse")

    def __init__(self, services: Services) -> None:
        super().__init__(services)

    def action_tasks(self) -> None:
        """Open the tasks."""
        self.host.open_tasks()

    def action_trash(self) -> None:
        """Open the trash."""
        self.host.open_trash()
