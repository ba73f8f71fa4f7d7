"""From what went wrong to what a person reads, and to the exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifact_tui.cli.output import unwritten
from artifact_tui.errors import ArtifactTuiError, QueryError
from artifact_tui.text import safe, width

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    _never_fail_on_encoding()
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
    from artifact_tui.places import state_dir  # noqa: PLC0415 - rarely needed

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


def _never_fail_on_encoding() -> None:
    """Characters that the terminal's encoding lacks are spelled out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stop_writing() -> None:
    """Let the interpreter flush what is left to nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
