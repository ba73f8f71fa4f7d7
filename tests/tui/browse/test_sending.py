"""How much of the screen is sent: lines and cells of each update, as Textual composes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.tui.app import ArtifactApp
from tests.tui.browse.shelf import browse

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

    from tests.tui.browse.shelf import Shelf
    from tests.tui.support import User

WHOLE = 120 * 40


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cells of each update."""
    cells: list[int] = []
    stock = ArtifactApp._display

    def display(self: ArtifactApp, screen: Screen[object], update: RenderableType | None) -> None:
        spans = getattr(update, "spans", None)
        if spans is not None:
            cells.append(sum(end - start for _, start, end in spans))
        elif update:
            cells.append(WHOLE)
        stock(self, screen, update)

    monkeypatch.setattr(ArtifactApp, "_display", display)
    return cells


async def _quiet(user: User, sent: list[int]) -> None:
    """Let everything that is under way be drawn, then start counting."""
    await _drawn(user, sent)
    sent.clear()


async def test_a_cursor_move_sends_two_lines(shelf: Shelf, sent: list[int]) -> None:
    async with shelf.opened((90, 30)) as user:
        await user.sees("9 of 9")
        await user.presses("l")
        await _quiet(user, sent)
        await user.presses("j")
        await _drawn(user, sent)
        assert sum(sent) <= 2 * 90


async def test_a_cursor_move_sends_what_the_detail_has_new(shelf: Shelf, sent: list[int]) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "j")
        await user.sees("sha256:")
        await _quiet(user, sent)
        await user.presses("k")
        await _drawn(user, sent)
        assert sum(sent) < 1000


async def _drawn(user: User, sent: list[int], pause: float = 0.15) -> None:
    """Wait until a while has passed in which nothing was sent, however late the rest was drawn."""
    before = -1
    while before != len(sent):
        before = len(sent)
        await user.app.workers.wait_for_complete()
        await user.pilot.pause(pause)


async def test_idle_sends_nothing(shelf: Shelf, sent: list[int]) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await _quiet(user, sent)
        for _ in range(5):
            sent.clear()
            await user.pilot.pause(1.3)  # the catalog is looked at once in this time
            if not sent:
                break
        assert sent == []


async def test_reading_again_sends_nothing_when_nothing_changed(
    shelf: Shelf, sent: list[int]
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l")
        await user.sees("v5")
        await _quiet(user, sent)
        await user.presses("r")
        await _drawn(user, sent)
        assert sent == []


async def test_one_mark_sends_three_lines_and_the_facts(shelf: Shelf, sent: list[int]) -> None:
    async with shelf.opened((90, 30)) as user:
        await user.sees("9 of 9")
        await user.presses("l", "l")
        await _quiet(user, sent)
        await user.presses("space")
        await user.sees("1 marked")
        assert sum(sent) <= 4 * 90


async def test_a_menu_sends_itself_and_not_the_screen(shelf: Shelf, sent: list[int]) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await _quiet(user, sent)
        await user.presses("s")
        await user.sees("turn:")
        assert sum(sent) < WHOLE // 4
        await _quiet(user, sent)
        await user.presses("escape")
        await _drawn(user, sent)
        assert sum(sent) < WHOLE // 4


async def test_opening_the_filter_sends_a_line(shelf: Shelf, sent: list[int]) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await _quiet(user, sent)
        await user.presses("slash")
        await _drawn(user, sent)
        assert sum(sent) <= 4 * 120
        assert browse(user).versions.filter_bar.display
