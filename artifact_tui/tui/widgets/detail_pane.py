"""The detail of the row under the cursor: beside the list, or as a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.catalog.rows import CollectionRow
from artifact_tui.tui.asking import Told
from artifact_tui.tui.widgets.detail_lines import DetailLines
from artifact_tui.tui.widgets.lines_view import LinesView

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.catalog.rows import VersionDetail
    from artifact_tui.tui.signs import Signs


class DetailPane(LinesView):
    """Shows a collection or a version; laid out again when the width changes."""

    def __init__(self, signs: Signs, now: Callable[[], int]) -> None:
        super().__init__(id="detail")
        self._signs = signs
        self._now = now
        self._shown: CollectionRow | VersionDetail | None = None
        self._told = Told.KNOWN

    def show_row(self, row: CollectionRow | VersionDetail | None, told: Told = Told.KNOWN) -> None:
        """Show this from now on; None empties the pane. `told` is about a version's parents."""
        same = _key(row) == _key(self._shown)
        self._shown, self._told = row, told
        self._write(top=not same)

    def tell(self, key: str, told: Told) -> None:
        """How far the question about a version's parents is, if that version is shown."""
        if key == _key(self._shown):
            self._told = told
            self._write(top=False)

    def sized(self) -> None:
        """Lay out for the new width."""
        super().sized()
        self._write(top=False)

    def _write(self, *, top: bool) -> None:
        self.show([Content.assemble(" ", line) for line in self._content()], top=top)

    def _content(self) -> list[Content]:
        if self._shown is None:
            return []
        lines = DetailLines(self.inner_width - 2, self._signs, self._now())
        if isinstance(self._shown, CollectionRow):
            return lines.collection(self._shown)
        return lines.version(self._shown, self._told)


def _key(row: CollectionRow | VersionDetail | None) -> str:
    if row is None:
        return ""
    return row.key if isinstance(row, CollectionRow) else row.row.key
