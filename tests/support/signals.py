"""Signals as a shell leaves them for the program that it starts."""

from __future__ import annotations

import signal


def as_in_a_shell() -> None:
    """Hear what is ignored where the tests run in the background, or without a terminal."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
