"""The last resort of ASCII mode: whatever else would leave for the terminal is replaced."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("─━═", "-"),
        **dict.fromkeys("│┃║", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰", "+"),
        **dict.fromkeys("“”", '"'),
        "…": "~",
        "·": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "█": "#",
        **dict.fromkeys("▏▕", "|"),
        "▐": "#",
    }
)


@lru_cache(4096)
def ascii_of(text: str) -> str:
    """The text in ASCII, with the same number of cells."""
    turned = text.translate(_SIGNS)
    if turned.isascii():
        return turned
    return "".join(c if c.isascii() else "?" * get_character_cell_size(c) for c in turned)


class AsciiOnly(LineFilter):
    """Replaces what a terminal without Unicode would garble."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """For Textual."""
        del background
        return [
            Segment(ascii_of(text), style, control) if text else Segment(text, style, control)
            for text, style, control in segments
        ]


ASCII_ONLY = AsciiOnly()
