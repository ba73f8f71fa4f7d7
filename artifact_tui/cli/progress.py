"""One line about work in hand, on standard error.

On a terminal it is written over in place; elsewhere (a pipe, a log, `TERM=dumb`) a new line now and
then says the same.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from artifact_tui.text import fit, safe, width

if TYPE_CHECKING:
    from types import TracebackType

_REDRAW = 0.1
"""Seconds between two updates on a terminal."""

_REPEAT = 5.0
"""Seconds between two lines elsewhere."""


class Progress:
    """Shows the latest of many lines; use it with `with`. Any thread may call `show`."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._pause = _REDRAW if self._live else _REPEAT
        self._next = 0.0 if self._live else time.monotonic() + self._pause
        self._drawn = 0
        self._lock = threading.Lock()

    def show(self, line: str, *, now: bool = False) -> None:
        """Show a line, unless the one before is too recent; `now` shows it all the same."""
        with self._lock:
            if not now and time.monotonic() < self._next:
                return
            self._next = time.monotonic() + self._pause
            shown = line if line.isprintable() else safe(line, len(line))
            if self._live:
                self._draw(fit(shown, shutil.get_terminal_size().columns - 1))
            else:
                sys.stderr.write(f"{shown}\n")
                sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._drawn:
                self._draw("")

    def _draw(self, shown: str) -> None:
        """Write over the last line with spaces rather than escape sequences."""
        rest = " " * max(0, self._drawn - width(shown))
        sys.stderr.write(f"\r{shown}{rest}{'' if shown else chr(13)}")
        sys.stderr.flush()
        self._drawn = width(shown)
