"""Two terminals that must always show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyte
from rich.console import Console
from textual._compositor import ChopsUpdate, LayoutUpdate

from artifact_tui.tui.changed_cells import TerminalCells

if TYPE_CHECKING:
    from collections.abc import Iterator

Update = ChopsUpdate | LayoutUpdate


class Twins:
    """One is sent what Textual sends, the other only what changed."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.console = Console(color_system="truecolor", force_terminal=True)
        self.shown = TerminalCells()
        self.sent = [0, 0]
        """Characters that the two were sent."""
        self._size = size
        self._whole, self.lean = (pyte.Screen(*size) for _ in range(2))

    def show(self, update: Update) -> int:
        """Both take it; how many characters the second one was sent."""
        stock = update.render_segments(self.console)
        less = self.shown.draw(update, self._size, self.console)
        for number, (screen, sequences) in enumerate(((self._whole, stock), (self.lean, less))):
            pyte.Stream(screen).feed(sequences)
            self.sent[number] += len(sequences)
        assert list(self._cells(self.lean)) == list(self._cells(self._whole))
        return len(less)

    def _cells(self, screen: pyte.Screen) -> Iterator[object]:
        """Every cell with its look."""
        columns, lines = self._size
        for y in range(lines):
            for x in range(columns):
                yield y, x, screen.buffer[y][x]
