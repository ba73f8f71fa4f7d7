"""What a terminal can show and take: the signs that tell state, ASCII only, and its clipboard.

Signs tell state without colour, in Unicode and in ASCII. In ASCII mode, whatever else would leave
for the terminal is replaced.

OSC 52 carries a text to the clipboard of the terminal that the user sits at, also over SSH. tmux
throws it away unless told otherwise, so there its own `load-buffer -w` is asked, and its
pass-through wrapper where that is not to be had.
"""

from __future__ import annotations

import asyncio
import base64
import locale
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

    from artifact_tui.config import Config


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of signs, in Unicode. Each takes one cell, but for those said to be longer."""

    opened: str = "▾"
    """Before an expanded collection."""
    closed: str = "▸"
    """Before a collapsed collection."""
    mark: str = "●"
    partly: str = "◐"
    """Some versions of the collection are marked."""
    ranged: str = "┃"
    """Inside the range that is being chosen."""
    protected: str = "⚿"
    """A protected alias."""
    dependents: str = "↳"
    trash: str = "♺"
    pending: str = "◌"
    expired: str = "⧖"
    ttl: str = "◷"
    link: str = "↗"
    descending: str = "▾"
    ascending: str = "▴"
    tee: str = "├ "
    """A branch of a tree, two cells."""
    elbow: str = "└ "
    """The last branch of a tree, two cells."""
    pipe: str = "│ "
    """Beside the branches of a tree, two cells."""
    ellipsis: str = "…"
    dot: str = "·"
    """Between facts in a sentence."""
    armed: str = "◆"
    locked: str = "◇"
    bar: str = "▏▎▍▌▋▊▉█"
    """Filled cells of a bar in eighths: the last is a full cell."""
    track: str = " "
    """An empty cell of a bar."""
    line: str = "─"
    """A horizontal rule."""
    wall: str = "│"
    """A vertical rule."""
    yes: str = "✓"
    no: str = "✗"
    working: str = "▶"
    paused: str = "‖"
    ascii: bool = False


UNICODE = Signs()

ASCII = Signs(
    opened="v",
    closed=">",
    mark="*",
    partly="~",
    ranged="|",
    protected="!",
    dependents=">",
    trash="x",
    pending="?",
    expired="E",
    ttl="T",
    link="@",
    descending="v",
    ascending="^",
    tee="|-",
    elbow="`-",
    pipe="| ",
    ellipsis="~",
    dot="-",
    armed="#",
    locked="=",
    bar="#",
    track=".",
    line="-",
    wall="|",
    yes="+",
    no="x",
    working=">",
    paused="=",
    ascii=True,
)


def signs_for(config: Config) -> Signs:
    """ASCII where the configuration or the terminal's encoding asks for it."""
    encoding = locale.getpreferredencoding(do_setlocale=False).lower().replace("-", "")
    return ASCII if config.ascii or encoding != "utf8" else UNICODE


_REPLACEMENTS = str.maketrans(
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
    turned = text.translate(_REPLACEMENTS)
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


MOST_COPIED = 48_000
"""Bytes; terminals cut or drop what is longer."""

_TMUX_PATIENCE = 1.0
"""Seconds that tmux may take."""


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
        await asyncio.wait_for(process.communicate(text.encode()), _TMUX_PATIENCE)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return process.returncode == 0


async def sequence_for(text: str) -> str:
    """What to write to the terminal so that a text gets to the clipboard; empty when it is there.

    Raises:
        ValueError: it is too long, or pasted into a shell it might run something.
    """
    if not text.isprintable() or len(text.encode()) > MOST_COPIED:
        raise ValueError("control characters, or too long")
    if await tmux_copy(text):
        return ""
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode('ascii')}\a"
    if "TMUX" in os.environ:  # it hands on what is wrapped, with every escape doubled
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    return sequence
