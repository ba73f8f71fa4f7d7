"""What commands print: numbered lines for people, one JSON object a line for programs."""

from __future__ import annotations

import json as _json
import shlex
import sys
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from artifact_tui.text import pad, safe, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDEST = 48
"""Columns are aligned up to this many cells; a longer text pushes its row to the right."""


_KEPT = 200
"""Lines that standard output would not take and that go to standard error instead."""

_LONGEST = 4096
"""Characters of a command line that is shown to be copied."""


unwritten: list[OSError] = []
"""Why standard output did not take what a command had to say; `failures.run` makes it known."""


class Output:
    """Where one command prints. With `json`, words for people go to standard error."""

    def __init__(self, *, json: bool = False, changes: bool = False) -> None:
        """`changes` tells that lines say what was done: they go to standard error if they must."""
        self.json = json
        self._changes = changes
        self._lost = 0
        self.done = ""
        """What was done so far, for the case that it cannot be printed: whole sentences."""

    def words(self, *lines: str) -> None:
        """Print lines for people; names in them have passed `safe`."""
        for line in map(_guarded, lines):
            if self.json:
                sys.stderr.write(f"{line}\n")
            else:
                self._write(line)

    def record(self, fields: Mapping[str, Any]) -> None:
        """Print one JSON object, in ASCII, so that no name can disturb a terminal."""
        self._write(_json.dumps(fields, ensure_ascii=True, default=str))

    def _write(self, line: str) -> None:
        if self._lost:
            self._keep(line)
            return
        try:
            sys.stdout.write(f"{line}\n")
            if self._changes:
                sys.stdout.flush()
        except OSError as error:
            if not self._changes:
                if self.done:
                    error.add_note(self.done)
                raise
            unwritten.append(error)
            self._keep(line)

    def _keep(self, line: str) -> None:
        """Print on standard error what nobody would know otherwise; the exit code tells why."""
        self._lost += 1
        if self._lost <= _KEPT:
            with suppress(OSError, ValueError):
                sys.stderr.write(f"{line}\n")

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
