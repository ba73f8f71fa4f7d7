"""Keys that reach the terminal in one write, as over a slow line or from a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal
    from tests.tui.review.world import World


def test_the_review_is_of_what_was_marked_in_the_same_write(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    world.add_all("sweep", 300)
    world.add("bert")
    terminal = open_terminal(world.address)
    terminal.sees("sweep", "bert")
    terminal.send("lj d")
    terminal.sees("Review · 1 version in 1 collection")
    terminal.send("q")
    terminal.sees("1 marked")
    terminal.send("-\rG+\rd")
    terminal.sees("Review · 30")
    terminal.send("q")
    terminal.sees("301 of 301")
    terminal.send("q")
    terminal.ends()
