"""The terminal goes, or someone ends the program: everything is left in order."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.plan import Status
from artifact_tui.deletion.tasks import list_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.pty.terminal import Terminal
    from tests.tui.review.world import World

RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?2004l")
"""Back from the alternate screen, the cursor visible, pasting as before."""


SCREENS = {"browse": (), "review": ("d", "tab"), "trash": ("u",), "tasks": ("t",)}
SIGNALS = ("TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "XCPU", "RTMIN")


@pytest.mark.parametrize(
    ("number", "keys"),
    [
        *(pytest.param(getattr(signal, f"SIG{one}"), (), id=one) for one in SIGNALS),
        *(pytest.param(signal.SIGTERM, keys, id=name) for name, keys in SCREENS.items() if keys),
    ],
)
def test_a_signal_restores_the_terminal(
    world: World,
    open_terminal: Callable[..., Terminal],
    number: signal.Signals,
    keys: tuple[str, ...],
) -> None:
    world.add("resnet50")
    terminal = open_terminal(world.address)
    terminal.sees("resnet50")
    terminal.send(*keys)
    terminal.settles()
    start = len(terminal.raw)
    terminal.child.kill(number)
    terminal.ends()
    last = bytes(terminal.raw[start:])
    assert all(sequence in last for sequence in RESTORED), last
    assert b"Traceback" not in last
    assert terminal.child.signalstatus is None


def test_a_closed_window_ends_the_program(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    world.add("resnet50")
    terminal = open_terminal(world.address)
    terminal.sees("resnet50")
    terminal.child.close(force=False)
    assert not terminal.child.isalive()


@contextmanager
def holding(database: Path) -> Iterator[None]:
    """Keep everybody else from writing to a registry, so that an apply has to wait."""
    with closing(sqlite3.connect(database, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


@pytest.mark.slow
def test_closing_the_terminal_in_the_middle_of_an_apply_does_not_stop_it(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    world.add_all("sweep", 2000)
    terminal = open_terminal(world.address)
    terminal.sees("2,000")
    terminal.send("space")
    terminal.sees("2,000 marked")
    terminal.send("d")
    terminal.sees("needs your consent", "tab to type here")
    terminal.send("a")
    terminal.sees("2,000  ", "Type sweep to delete", "tab to type here")
    terminal.send("tab")
    terminal.sees("esc back")
    terminal.send("sweep")
    terminal.sees("enter applies the plan now")
    with holding(world.store.layout.db):
        terminal.send("enter")
        terminal.sees("running")
        terminal.child.close(force=False)
        assert not terminal.child.isalive()
        (task,) = list_tasks()
        was_running = task.alive

    deadline = time.monotonic() + 60
    while list_tasks()[0].alive and time.monotonic() < deadline:
        pass
    (task,) = list_tasks()
    assert was_running
    assert task.status is Status.FINISHED
    assert task.settled == 2000
    assert world.live() == set()
    said = subprocess.run(
        [sys.executable, "-m", "artifact_tui", "tasks"], capture_output=True, text=True, check=False
    )
    assert "finished" in said.stdout
    assert "2,000" in said.stdout
