"""The program in a terminal of its own: real bytes in, real bytes out, and what they show."""

from __future__ import annotations

import os
import re
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pexpect
import pyte

from tests.support.forked_terminal import SCREEN, ForkedTerminal
from tests.support.signals import as_in_a_shell

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Seconds until something that does not come true fails its test."""

PROGRAM = (sys.executable, "-m", "artifact_tui")

KEYS = {"tab": "\t", "enter": "\r", "escape": "\x1b", "down": "\x1b[B", "space": " "}

_SEQUENCES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    rb"|\x1b[()][A-Z0-9]"  # character sets
    rb"|\x1b[=>78]"  # keypad, cursor kept
    rb"|\x1b\]22;[a-z]*\x07"  # shape of the mouse pointer
)
_CONTROLS = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]"
)


class Terminal:
    """A terminal with one program in it."""

    def __init__(
        self,
        *args: str,
        size: tuple[int, int] = (80, 24),
        term: str = "xterm-256color",
        env: dict[str, str] | None = None,
        program: tuple[str, ...] = (),
    ) -> None:
        """A terminal with our program in it, or with one that has an interpreter of its own."""
        columns, lines = size
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        """Every byte that the program sent."""
        inherited = {k: v for k, v in os.environ.items() if k not in {"COLORTERM", "NO_COLOR"}}
        env = {**inherited, "TERM": term, **(env or {})}
        self.child: ForkedTerminal | pexpect.spawn[bytes]
        if program:
            self.child = pexpect.spawn(
                program[0],
                [*program[1:], *args],
                dimensions=(lines, columns),
                env=env,
                timeout=PATIENCE,
                preexec_fn=as_in_a_shell,
            )
        else:
            self.child = ForkedTerminal(
                [*PROGRAM[1:], *args], size=size, env=env, imports=SCREEN, timeout=PATIENCE
            )

    @property
    def text(self) -> str:
        """What is on the screen now."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self, seconds: float = 0.05) -> int:
        """Take what comes within some time; how many bytes came."""
        try:
            data = self.child.read_nonblocking(size=65536, timeout=seconds)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return 0
        self.raw += data
        self._stream.feed(data)
        return len(data)

    def send(self, *keys: str) -> None:
        """Press keys: names of `KEYS`, or what to type."""
        for key in keys:
            self.child.send(KEYS.get(key, key))

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.read()
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}\n{self.text}")

    def sees(self, *texts: str) -> None:
        """Wait until all these texts are on the screen."""
        for text in texts:
            self.until(partial(self._shows, text), f"“{text}” to be seen")

    def _shows(self, text: str) -> bool:
        return text in self.text

    def settles(self) -> None:
        """Wait until the program has been silent for a moment."""
        while self.read(0.4):
            pass

    def idles(self) -> None:
        """Wait until nothing was sent for two seconds, however late the program drew the rest."""
        self.until(lambda: self.read(2.0) == 0, "the program to send nothing")

    def spent(self, *keys: str) -> int:
        """Press keys in turn, each of which draws something; how many bytes came back in all."""
        self.settles()
        before = len(self.raw)
        for key in keys:
            longer = partial(self._is_longer, len(self.raw))
            self.send(key)
            self.until(longer, f"what {key} draws")
            self.settles()
        return len(self.raw) - before

    def _is_longer(self, length: int) -> bool:
        return len(self.raw) > length

    def ends(self) -> None:
        """Wait until the program has left, and take its last bytes."""

        def gone() -> bool:
            return not self.child.isalive()

        self.until(gone, "the program to leave")
        while self.read():
            pass

    def close(self) -> None:
        """Take the terminal away, as a closed window does; end the program if it stays."""
        self.child.close(force=True)

    def leftover(self) -> bytes:
        """Control bytes that are no part of a sequence that Textual sends."""
        rest = _SEQUENCES.sub(b"", bytes(self.raw))
        return b" ".join(match.group() for match in _CONTROLS.finditer(rest))
