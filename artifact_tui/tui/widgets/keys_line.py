"""The last line: the keys that apply now. Those that cannot be used are shown crossed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.tui.keymap import shown_key
from artifact_tui.tui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.tui.keyrow import KeyRow


class KeysLine(Line):
    """The footer."""

    DEFAULT_CSS = """
    KeysLine { background: $panel; color: $foreground; }
    KeysLine:ansi { background: ansi_default; }
    """

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._rows: Sequence[KeyRow] = ()
        self._keymap: Mapping[str, str] = {}
        self._disabled: frozenset[str] = frozenset()

    def update(
        self, rows: Sequence[KeyRow], keymap: Mapping[str, str], disabled: frozenset[str]
    ) -> None:
        """Show these rows; `disabled` holds the ids of those that cannot be used now."""
        self._rows, self._keymap, self._disabled = rows, keymap, disabled
        self._draw(self.size.width)

    def sized(self, width: int) -> None:
        """Lay the line out again."""
        self._draw(width)

    def _draw(self, width: int) -> None:
        self.show(keys_content(self._rows, self._keymap, self._disabled, width))


def keys_content(
    rows: Sequence[KeyRow], keymap: Mapping[str, str], disabled: frozenset[str], width: int
) -> Content:
    """The footer as one line: as many rows as fit in `width` cells, help and the way out first."""
    room = width - 1
    kept: set[str] = set()
    for row in sorted(rows, key=lambda row: row.id != "app.help" and row.kind != "leave"):
        cells = _entry(row, keymap, disabled).cell_length
        if cells <= room:
            room -= cells
            kept.add(row.id)
    here = [row for row in rows if row.id in kept]
    here.sort(key=lambda row: row.id == "app.help")
    return Content.assemble(" ", *[_entry(row, keymap, disabled) for row in here])


def _entry(row: KeyRow, keymap: Mapping[str, str], disabled: frozenset[str]) -> Content:
    key = shown_key(keymap, row)
    if row.id in disabled:
        return Content.assemble((f"({key} {row.label})", "dim"), "  ")
    return Content.assemble((key, "bold $accent"), f" {row.label}  ")
