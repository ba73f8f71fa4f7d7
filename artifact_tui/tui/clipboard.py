"""Copying to the clipboard of the terminal that the user sits at, also over SSH and in tmux.

OSC 52 carries the text to the terminal. tmux throws it away unless told otherwise, so there its
own `load-buffer -w` is asked, and its pass-through wrapper where that is not to be had.
"""

from __future__ import annotations

import asyncio
import base64
import os
from contextlib import suppress

MOST = 48_000
"""Bytes; terminals cut or drop what is longer."""

_PATIENCE = 1.0
"""Seconds that tmux may take."""


def osc52(text: str) -> str:
    """The escape sequence that puts a text on the clipboard; the text itself is base64."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode('ascii')}\a"


def passthrough(sequence: str) -> str:
    """The same, for the terminal around tmux."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def copyable(text: str) -> bool:
    """Whether a text may go on a clipboard: pasted into a shell it must not run anything."""
    return text.isprintable() and len(text.encode()) <= MOST


async def tmux_copy(text: str) -> bool:
    """Hand a text to the tmux around us; False when there is none, or it is too old."""
    if "TMUX" not in os.environ:
        return False
    try:
        process = await asyncio.create_subprocess_exec(
            *("tmux", "load-buffer", "-w", "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), _PATIENCE)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return process.returncode == 0


async def sequence_for(text: str) -> str:
    """What to write to the terminal so that a text gets to the clipboard; empty when it is there.

    Raises:
        ValueError: `copyable` says no.
    """
    if not copyable(text):
        raise ValueError("control characters, or too long")
    if await tmux_copy(text):
        return ""
    return passthrough(osc52(text)) if "TMUX" in os.environ else osc52(text)
