"""Two screens on one registry at once: what one of them marks is not lost by the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal
    from tests.tui.review.world import World


def test_the_marks_of_both_are_kept_whoever_leaves_last(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    for name in ("alpha", "beta", "gamma"):
        world.add(name)
    first, second = open_terminal(world.address), open_terminal(world.address)
    first.sees("alpha", "gamma")
    second.sees("alpha", "gamma")
    first.send("space")
    first.sees("1 marked")
    second.send("G", "space")
    second.sees("2 marked")
    first.sees("2 marked")
    second.send("q")
    second.ends()
    first.send("g", "j", "space")
    first.sees("3 marked")
    first.send("q")
    first.ends()
    third = open_terminal(world.address)
    third.sees("3 marked")
