"""ctrl+z: back to the shell, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pty.terminal import PROGRAM
from tests.pty.test_leaving import RESTORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal
    from tests.tui.review.world import World

BASH = ("bash", "--norc", "--noprofile", "-i")


@pytest.mark.slow
def test_the_shell_gets_its_terminal_and_the_screen_comes_back_as_it_was(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    world.add("resnet50")
    world.add("bert")
    terminal = open_terminal(program=BASH)
    terminal.send(f"{' '.join(PROGRAM)} {world.address}", "enter")
    for marks in (1, 2):
        terminal.sees("resnet50", "bert", "2 of 2")
        terminal.send("space")
        terminal.sees(f"{marks} marked")
        start = len(terminal.raw)
        terminal.send("\x1a")
        terminal.sees("Stopped")
        assert all(sequence in terminal.raw[start:] for sequence in RESTORED)
        terminal.send(f"echo here-$((20+{marks}))", "enter")
        terminal.sees(f"here-2{marks}")
        terminal.send("fg", "enter")
        terminal.sees(f"{marks} marked", "resnet50", "bert")
        assert "here-" not in terminal.text
    terminal.send("q")
    terminal.send("echo left-$((20+3))", "enter")
    terminal.sees("left-23")
    terminal.send("exit", "enter")
    terminal.ends()


def test_without_a_shell_to_go_back_to_it_says_so(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    world.add("resnet50")
    terminal = open_terminal(world.address)
    terminal.sees("resnet50")
    terminal.send("\x1a")
    terminal.sees("There is no shell to go back to: ctrl+q leaves.", "resnet50")
    terminal.send("q")
    terminal.ends()
    assert terminal.child.exitstatus == 0
