"""What commands print: numbered lines for people, one JSON object a line for programs."""

from __future__ import annotations

import json as _json
import sys
from typing import TYPE_CHECKING, Any

from artifact_tui.text import pad, safe, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDEST = 48
"""Columns are aligned up to this many cells; a longer text pushes its row to the right."""


class Output:
    """Where one command prints. With `json`, words for people go to standard error."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json

    def words(self, *lines: str) -> None:
        """Print lines for people; names in them have passed `safe`."""
        stream = sys.stderr if self.json else sys.stdout
        for line in lines:
            stream.write(f"{_guarded(line)}\n")

    def record(self, fields: Mapping[str, Any]) -> None:
        """Print one JSON object, in ASCII, so that no name can disturb a terminal."""
        sys.stdout.write(f"{_json.dumps(fields, ensure_ascii=True, default=str)}\n")

    def rows(self, rows: Iterable[Sequence[str]], *, start: int = 1, right: str = "") -> int:
        """Print numbered rows in columns, those named in `right` (as digits) to the right.

        Returns the number of the next row.
        """
        listed = [list(row) for row in rows]
        widths = [min(_WIDEST, max(map(width, column))) for column in zip(*listed, strict=True)]
        number = start
        digits = max(5, len(str(start + len(listed))))
        for row in listed:
            shown = [
                _cell(text, cells, right=str(index) in right)
                for index, (text, cells) in enumerate(zip(row, widths, strict=True))
            ]
            self.words(f"{number:>{digits}}  {'  '.join(shown)}".rstrip())
            number += 1
        return number


def progress(line: str) -> None:
    """Print a line about work in hand to standard error."""
    sys.stderr.write(f"{_guarded(line)}\n")
    sys.stderr.flush()


def _cell(text: str, cells: int, *, right: bool) -> str:
    if width(text) >= cells:
        return text
    return pad(text, cells, "right" if right else "left")


def _guarded(line: str) -> str:
    """The last door: a control character that got this far is spelled out."""
    return line if line.isprintable() else safe(line, len(line))
