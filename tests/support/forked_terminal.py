"""A program of ours in a terminal, which is forked with its imports done."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Any

from pexpect import fdpexpect

from tests.support import forked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCREEN = (*forked.OURS, "artifact_tui.tui.*", "textual.drivers.linux_driver")

PATIENCE = 30.0
"""Seconds until a program ends whose terminal has gone."""

HAND = 0.05
"""Seconds from what is read to what is typed: what comes with a question is thrown away."""


class ForkedTerminal(fdpexpect.fdspawn):  # type: ignore[misc] # pexpect ships no types
    """What tests ask of `pexpect.spawn`; the program hears its terminal go, and no signal more."""

    def __init__(
        self,
        program: Sequence[str],
        *,
        size: tuple[int, int],
        env: Mapping[str, str],
        imports: tuple[str, ...] = forked.OURS,
        typed: str = "",
        **options: Any,
    ) -> None:
        """`program` as `forked.start` takes it; `size` is columns and lines.

        `typed` is in the terminal before the program is.
        """
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(ours, size[::-1])
        os.write(ours, typed.encode())
        try:
            self.process = forked.start(
                program, imports=imports, env=env, stdin=theirs, stdout=theirs, stderr=theirs
            )
        finally:
            os.close(theirs)
        super().__init__(ours, **options)

    def isalive(self) -> bool:
        return self.process.poll() is None

    @property
    def exitstatus(self) -> int | None:
        code = self.process.poll()
        return code if code is not None and code >= 0 else None

    @exitstatus.setter
    def exitstatus(self, _: None) -> None:
        """It has none when it begins."""

    @property
    def signalstatus(self) -> int | None:
        code = self.process.poll()
        return -code if code is not None and code < 0 else None

    @signalstatus.setter
    def signalstatus(self, _: None) -> None:
        """It has none when it begins."""

    def kill(self, number: int) -> None:
        self.process.send_signal(number)

    def send(self, s: str | bytes) -> int:
        """Type something, no faster after what was read than `pexpect.spawn` does."""
        time.sleep(HAND)
        return int(super().send(s))

    def sendintr(self) -> None:
        """Press ctrl+c."""
        self.send("\x03")

    def close(self, *, force: bool = True) -> None:
        """Take the terminal away, and wait for the program to end."""
        super().close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            if force:
                self.process.kill()
                self.process.wait(PATIENCE)
