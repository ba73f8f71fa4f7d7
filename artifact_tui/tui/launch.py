"""From a target to a running screen and back: opening, the event loop, closing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from textual.theme import BUILTIN_THEMES

from artifact_tui.errors import ConfigError, UsageError
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.keymap import keymap_from
from artifact_tui.tui.services import open_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.driver import Driver

    from artifact_tui.config import Config, Target


def launch(target: Target, config: Config) -> int:
    """Open the registry, run the app on it, close everything; returns the exit code.

    Raises:
        ArtifactTuiError: there is no terminal, the registry cannot be opened, or the
            configuration names a key or a theme that is not there. Nothing has been drawn then.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "The screen needs a terminal for its input and output.",
            hint="Without one, use a command such as artifact-tui ls.",
        )
    check_theme(config)
    keymap_from(config)
    return asyncio.run(_session(target, config))


async def _session(target: Target, config: Config) -> int:
    services = await open_services(target, config)
    app = None
    try:
        app = ArtifactApp(services, driver_class())
        with leaving(app):
            await app.run_async(mouse=wants_mouse(config))
        return app.return_code or 0
    finally:
        await (app.services if app else services).aclose()


@contextmanager
def leaving(app: ArtifactApp) -> Iterator[None]:
    """Leave in good order at every signal that would end the process: the terminal is restored.

    A signal that somebody has made this process ignore stays ignored.
    """
    loop = asyncio.get_running_loop()
    ends = {signal.SIG_DFL, signal.default_int_handler}
    numbers = [n for n in signal.valid_signals() - _NOT_OURS if signal.getsignal(n) in ends]
    for number in numbers:
        loop.add_signal_handler(number, app.exit)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


_NAMES = (
    *("KILL", "STOP"),  # nobody can hear these
    *("SEGV", "BUS", "FPE", "ILL"),  # a fault of the process itself: nothing can go on after it
    *("CHLD", "CONT", "TSTP", "TTIN", "TTOU", "URG", "WINCH", "INFO"),  # these do not end it
)
_NOT_OURS = {getattr(signal, f"SIG{name}") for name in _NAMES if hasattr(signal, f"SIG{name}")}


def driver_class() -> type[Driver] | None:
    """Our own driver; None (Textual's) where another one is asked for."""
    if os.environ.get("TEXTUAL_DRIVER"):
        return None
    from artifact_tui.tui.driver import TerminalDriver  # noqa: PLC0415 - POSIX only

    return TerminalDriver


def wants_mouse(config: Config) -> bool:
    """As configured; by default not over SSH, where each movement would send a report."""
    if config.mouse is not None:
        return config.mouse
    return not any(name in os.environ for name in ("SSH_CONNECTION", "SSH_TTY"))


def check_theme(config: Config) -> None:
    """Refuse a theme that does not exist.

    Raises:
        ConfigError: with the nearest name.
    """
    if config.theme and config.theme not in BUILTIN_THEMES:
        near = get_close_matches(config.theme, BUILTIN_THEMES, n=1, cutoff=0.4)
        guess = f"Did you mean “{near[0]}”? " if near else ""
        raise ConfigError(
            f"There is no theme “{config.theme}” ({config.path}).",
            hint=f"{guess}Themes: {', '.join(sorted(BUILTIN_THEMES))}.",
        )
