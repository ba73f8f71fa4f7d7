"""A whole story: at every moment the terminal shows what Textual would have it show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.tui.app import ArtifactApp
from tests.support.twins import Twins, Update
from tests.tui.support import NARROW, WIDE

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

    from tests.tui.browse.shelf import Shelf

STORY = (
    "j", "l", "j", "j", "k", "space", "v", "j", "space", "slash", "a", "s", "escape",
    "question_mark", "pagedown", "escape", "G", "g", "s", "escape", "L", "escape",
    "d", "j", "j", "escape", "u", "escape", "t", "escape", "R", "escape",
    "colon", "t", "escape", "r", "h", "h",
)  # fmt: skip


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_at_every_moment_of_a_story(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    twins = Twins(size)
    stock = ArtifactApp._display

    def display(self: ArtifactApp, screen: Screen[object], update: RenderableType | None) -> None:
        if isinstance(update, Update) and not self._batch_count:
            twins.show(update)
        stock(self, screen, update)

    monkeypatch.setattr(ArtifactApp, "_display", display)
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        twins.sent = [0, 0]
        for key in STORY:
            await user.presses(key)
            await user.app.workers.wait_for_complete()
        shown = "\n".join(line.rstrip() for line in twins.lean.display)
        assert "9 of 9" in shown
        assert shown.split("\n")[:3] == user.screen.split("\n")[:3]
    whole, lean = twins.sent
    assert lean < whole * 0.7
