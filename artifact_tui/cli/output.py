"""What commands print: lines for people, JSON for programs, progress, and what went wrong.

Numbered lines or one JSON object a line go to standard output; progress and errors go to standard
error. On a terminal the line about work in hand is written over in place; elsewhere (a pipe, a log,
`TERM=dumb`) a new line now and then says the same. `run` turns every way in which a command line
can end into an exit code.
"""

from __future__ import annotations

import errno
import io
import json as _json
import os
import shlex
import shutil
import sys
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.text import fit, pad, safe, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType


_WIDEST = 48
"""Columns are aligned up to this many cells; a longer text pushes its row to the right."""


_KEPT = 200
"""Lines that standard output would not take and that go to standard error instead."""

_LONGEST = 4096
"""Characters of a command line that is shown to be copied."""


_ENCODER = _json.JSONEncoder(ensure_ascii=True, default=str)
"""Made once: `json.dumps` with arguments makes one for each call."""


unwritten: list[OSError] = []
"""Why standard output did not take what a command had to say; `run` makes it known."""


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
        self._write(_ENCODER.encode(fields))

    def records(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Print JSON objects, as they come."""
        for fields in records:
            self.record(fields)

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
        numbers: Iterable[int] | None = None,
        *,
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
                text
                if width(text) >= cells
                else pad(text, cells, "right" if str(index) in right else "left")
                for index, (text, cells) in enumerate(zip(row, widths, strict=True))
            ]
            self.words(f"{number:>5}  {'  '.join(shown)}".rstrip())


def command(*words: object) -> str:
    """A command line that can be copied to a shell, made safe."""
    return safe(shlex.join(["artifact-tui", *map(str, words)]), _LONGEST)


TYPED = "artifact_tui.typed"
"""Where click's context keeps the words of the command that runs, as they were typed."""


def typed_again(*more: object) -> str:
    """The command that runs, as it was typed, with these words at its end; to be copied."""
    return command(*click.get_current_context().meta[TYPED], *more)


def _guarded(line: str) -> str:
    """The last door: a control character that got this far is spelled out."""
    return line if line.isprintable() else safe(line, len(line))


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
            shown = _guarded(line)
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


INTERRUPTED = 130
"""As a shell reports a program that Ctrl+C ended."""

HUNG_UP = 129
"""As a shell reports a program whose terminal was closed."""

PIPE_CLOSED = 141
"""As a shell reports a program whose reader went away."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""What writing to a file that takes no more says."""

_BEFORE, _AFTER = 60, 120
"""Characters of a filter that are shown around its mistake."""

_ROOM = 4096
"""Error texts may quote a path and a name in full."""


def run(command: click.Command, args: Sequence[str] | None) -> int:
    """Run a command line and turn every way it can end into an exit code."""
    for stream in (sys.stdout, sys.stderr):  # what the encoding lacks is spelled out
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdin is None:  # closed by whoever started us: nothing can be read from it
        sys.stdin = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    closed = sys.stdout is None
    if closed:  # by whoever started us
        say("standard output is closed: what would be printed is lost")
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
    unwritten.clear()
    try:
        code = command.main(args, prog_name="artifact-tui", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:  # click turns the one into the other
        _stop_writing()
        say(*getattr(error.__context__ or error, "__notes__", ()))
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last place that can say something useful
        return _explain(error)
    if unwritten:
        _stop_writing()
        return PIPE_CLOSED if unwritten[0].errno == errno.EPIPE else _explain(unwritten[0])
    found = code if isinstance(code, int) else 0
    return found or int(closed)


def _explain(error: Exception) -> int:
    """Say what happened, without a traceback."""
    if isinstance(error, click.ClickException):
        usage = error.ctx.get_usage() if isinstance(error, click.UsageError) and error.ctx else ""
        say(*([usage] if usage else []), f"error: {safe(error.format_message(), _ROOM)}")
        return error.exit_code
    if isinstance(error, ArtifactTuiError):
        say(f"error: {safe(str(error), _ROOM)}", *_pointer(error))
        if error.hint:
            say(f"  {safe(error.hint, _ROOM)}")
        return error.exit_code
    if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
        _stop_writing()
        say(
            f"error: standard output cannot be written: {error.strerror}.",
            *getattr(error, "__notes__", ()),
        )
        return 1
    if isinstance(error, OSError) and error.filename is not None:
        say(f"error: {safe(str(error.filename), _ROOM)}: {safe(error.strerror or '')}")
        return 1
    where = _log(error)
    say(f"error: something unexpected happened ({type(error).__name__}).", f"  {where}")
    return 1


def _pointer(error: ArtifactTuiError) -> list[str]:
    """The filter with a caret under the first wrong character."""
    notes = getattr(error, "__notes__", [])
    if not isinstance(error, QueryError) or not notes:
        return []
    start = max(0, error.position - _BEFORE)
    before = safe(notes[0][start : error.position])
    after = safe(notes[0][error.position :], _AFTER)
    return [f"  {before}{after}", f"  {' ' * width(before)}^"]


def _log(error: Exception) -> str:
    """Write the traceback (without locals) to the log; returns where it can be read."""
    from artifact_tui.config import state_dir  # noqa: PLC0415 - rarely needed

    try:
        path = state_dir() / "log.txt"
        lines = traceback.format_exception(error)
        path.touch(mode=0o600)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {''.join(lines)}\n")
    except (OSError, ArtifactTuiError):
        return f"It said: {safe(str(error))}"
    return f"Details are in {safe(str(path), _ROOM)}; please report it with them."


def say(*lines: str) -> None:
    """Print to standard error, which may be gone."""
    with suppress(OSError, ValueError):
        for line in lines:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _stop_writing() -> None:
    """Let the interpreter flush what is left to nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
