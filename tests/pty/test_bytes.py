"""What goes over the wire: little for a move, nothing while idle, colours as the terminal can."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from artifact_tui.model import Deletion

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal
    from tests.tui.review.world import World

MOVE = 500
"""Bytes that a cursor move may cost in 80x24, or a character that is typed."""
DIALOG = 2_000
"""Bytes that a question, or going to the box, may cost in 256 colours."""
DEFAULTS = {39, 49}
"""The terminal's own colours; 30 to 107 are the others."""

_COLOURS = re.compile(rb"\x1b\[([0-9;]*)m")


def review(world: World, open_terminal: Callable[..., Terminal], **options: object) -> Terminal:
    """The review of thirty versions, with the cursor among them."""
    world.add_all("sweep", 30)
    terminal = open_terminal(world.address, **options)
    terminal.sees("sweep")
    terminal.send("space", "d")
    terminal.sees("needs your consent", "tab to type here")
    terminal.send("enter")
    terminal.sees("sha256:")
    return terminal


def parameters(raw: bytes) -> set[bytes]:
    """Every colour and style that was sent, by its parameters."""
    return {found.group(1) for found in _COLOURS.finditer(raw)}


def test_a_move_in_the_review_costs_little_and_idling_nothing(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    terminal = review(world, open_terminal)
    costs = [terminal.spent("j") for _ in range(5)]
    assert max(costs) < MOVE, costs
    terminal.idles()


def test_a_focused_box_is_silent(world: World, open_terminal: Callable[..., Terminal]) -> None:
    terminal = review(world, open_terminal)
    assert terminal.spent("tab") < DIALOG
    assert terminal.spent("2") < MOVE
    terminal.idles()


def test_a_move_in_the_trash_costs_little_and_idling_nothing(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    keys = world.add_all("sweep", 30)
    world.store.delete([Deletion(key, delete_aliases=True) for key in keys])
    terminal = open_terminal(world.address)
    terminal.sees("armed")
    terminal.send("u")
    terminal.sees("sweep:v29", "frees 990 B")
    into, *costs = [terminal.spent("j") for _ in range(6)]
    assert into < 2 * MOVE, "from a deletion to a version: all of the facts are others"
    assert max(costs) < MOVE, costs
    terminal.idles()


def test_a_question_costs_little(world: World, open_terminal: Callable[..., Terminal]) -> None:
    keys = world.add_all("sweep", 3)
    world.store.delete([Deletion(key, delete_aliases=True) for key in keys])
    world.store.purge(keys[:1])
    terminal = open_terminal(world.address)
    terminal.sees("armed")
    terminal.send("u")
    terminal.sees("sweep:v2")
    cost = terminal.spent("c")
    terminal.sees("goes ahead")
    assert cost < DIALOG


def test_sixteen_colours_where_the_terminal_has_no_more(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    terminal = review(world, open_terminal, term="linux")
    sent = parameters(bytes(terminal.raw))
    assert sent
    assert not [found for found in sent if b"38;" in found or b"48;" in found]


def test_no_color_means_no_colour(world: World, open_terminal: Callable[..., Terminal]) -> None:
    terminal = review(world, open_terminal, env={"NO_COLOR": "1"})
    terminal.send("tab")
    terminal.sees("esc back")
    numbers = {
        int(number)
        for found in parameters(bytes(terminal.raw))
        for number in found.split(b";")
        if number
    }
    assert not [number for number in numbers if number >= 30 and number not in DEFAULTS]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_cursor_can_be_seen_without_colours(
    world: World, open_terminal: Callable[..., Terminal], size: tuple[int, int]
) -> None:
    terminal = review(world, open_terminal, env={"NO_COLOR": "1"}, size=size)
    reversed_lines = {
        y
        for y, line in terminal.screen.buffer.items()
        if sum(cell.reverse for cell in line.values()) > size[0] // 2
    }
    row = next(y for y, line in enumerate(terminal.screen.display) if "sweep:v" in line)
    assert row in reversed_lines


def test_drawing_again_mends_what_something_else_wrote(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    world.add_all("sweep", 3)
    terminal = open_terminal(world.address)
    terminal.sees("armed")
    terminal.settles()
    before = terminal.text
    terminal.screen.erase_in_display(2)
    start = len(terminal.raw)
    terminal.send("j", "k")  # of one row: there is nothing to draw
    terminal.settles()
    assert len(terminal.raw) - start < MOVE
    assert terminal.text != before
    terminal.spent("\x0c")
    assert terminal.text == before
