"""Processes of our own: the same interpreter, with a module of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import artifact_tui


def command_of(module: str, *words: str) -> list[str]:
    """The command line that runs a module of ours."""
    # -P keeps the current folder off the module path: a file there must not pose as a library.
    here = Path(artifact_tui.__file__).parent.parent == Path.cwd()
    return [sys.executable, *([] if here else ["-P"]), "-m", f"artifact_tui.{module}", *words]
