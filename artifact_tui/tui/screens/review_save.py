"""Where to save a plan: asks for a path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widgets import Input


class SaveDialog(Dialog["Path"]):
    """Ends with the path, or None."""

    FOCUS = "#save-path"

    def __init__(self, suggestion: str) -> None:
        super().__init__(id="save")
        self._suggestion = suggestion
        self.border_title = Content("Save the plan")

    def compose(self) -> ComposeResult:
        """A line to type in, and what it means."""
        yield OneLine(self._suggestion, id="save-path")
        hint = Line()
        hint.show(Content("enter saves (nothing: leaves); no file is replaced"))
        yield hint

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the path over; an empty line leaves."""
        event.stop()
        typed = event.value.strip()
        self.close(Path(typed).expanduser().absolute() if typed else None)
