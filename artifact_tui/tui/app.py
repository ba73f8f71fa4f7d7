"""The Textual app: themes, signals, how screens are opened. The work is elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from textual.app import App

from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.browse import BrowseScreen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from textual.screen import Screen

    from artifact_tui.query import Where
    from artifact_tui.tui.services import Services


_LEAVE_ON = (signal.SIGHUP, signal.SIGTERM)


class ArtifactApp(App[None]):
    """One registry on the screen."""

    TITLE = "artifact-tui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = bindings_of("app")

    def __init__(self, services: Services, keymap: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.services = services
        self.keymap_shown: Mapping[str, str] = keymap or {}
        self.animation_level = "none"
        if self.keymap_shown:
            self.set_keymap(self.keymap_shown)
        if self.no_color or os.environ.get("NO_COLOR"):
            self.theme = "ansi-dark"

    def get_default_screen(self) -> Screen[None]:
        """Browse is what everything else lies on."""
        return BrowseScreen(self.services)

    def on_mount(self) -> None:
        """Leave in good order when the terminal goes or someone asks us to."""
        loop = asyncio.get_running_loop()
        for number in _LEAVE_ON:
            loop.add_signal_handler(number, self.exit)

    def open_review(
        self, selection: Sequence[str] | Where | Literal["marked"], *, action: str = "delete"
    ) -> None:
        """Review the deletion (or purge) of versions: their keys, a `Where`, or "marked"."""
        from artifact_tui.tui.screens.review import ReviewScreen  # noqa: PLC0415

        self.push_screen(ReviewScreen(self.services, selection, action=action))

    def open_tasks(self) -> None:
        """Watch and steer the deletions that run or ran."""
        from artifact_tui.tui.screens.tasks import TasksScreen  # noqa: PLC0415

        self.push_screen(TasksScreen(self.services))

    def open_trash(self) -> None:
        """What was deleted and can be restored or purged."""
        from artifact_tui.tui.screens.trash import TrashScreen  # noqa: PLC0415

        self.push_screen(TrashScreen(self.services))
