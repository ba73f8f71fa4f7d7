"""What commands print: numbered lines for people, one JSON object a line for programs."""

from __future__ import annotations

import json as _json
import shlex
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

from artifact_tui.text import pad, safe, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDEST = 48
"""Columns are aligned up to this many cells; a longer text pushes its row to the right."""


_LONGEST = 4096
"""Characters of a command line that is shown to be copied."""


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

    def rows(
        self,
        rows: Iterable[Sequence[str]],
        *,
        numbers: Iterable[int] | None = None,
        right: str = "",
    ) -> None:
        """Print numbered rows in columns; those whose index is in `right` stand to the right.

        Args:
            rows: equally long; every text is safe.
            numbers: those of the rows; from 1 unless given.
            right: digits, the indexes of columns.
        """
        listed = [list(row) for row in rows]
        widths = [min(_WIDEST, max(map(width, column))) for column in zip(*listed, strict=True)]
        for number, row in zip(numbers or count(1), listed, strict=False):
            shown = [
                _cell(text, cells, right=str(index) in right)
                for index, (text, cells) in enumerate(zip(row, widths, strict=True))
            ]
            self.words(f"{number:>5}  {'  '.join(shown)}".rstrip())


def command(*words: object) -> str:
    """A command line that can be copied to a shell, made safe."""
    return safe(shlex.join(["artifact-tui", *map(str, words)]), _LONGEST)


def _cell(text: str, cells: int, *, right: bool) -> str:
    if width(text) >= cells:
        return text
    return pad(text, cells, "right" if right else "left")


def _guarded(line: str) -> str:
    """The last door: a control character that got this far is spelled out."""
    return line if line.isprintable() else safe(line, len(line))
