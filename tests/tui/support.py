"""User stories for pilot tests: press keys, see what a person would see.

`user.sees("text")` reads the real composed screen, as cells, and waits until it is there.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.tui.screens.home_screen import HomeScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from artifact_tui.tui.app import ArtifactApp

WIDE = (120, 40)
NARROW = (80, 24)
PATIENCE = 40.0
"""Seconds until a condition that does not come true fails its test."""


def screen_lines(app: ArtifactApp) -> list[str]:
    """The composed screen, one string a line, trailing blanks cut."""
    strips = app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips]


def screen_text(app: ArtifactApp) -> str:
    """The composed screen as one text."""
    return "\n".join(screen_lines(app))


class User:
    """Someone at the keyboard."""

    def __init__(self, app: ArtifactApp, pilot: Pilot[object]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> str:
        """What is on the screen now."""
        return screen_text(self.app)

    async def presses(self, *keys: str) -> None:
        """Press keys one after the other (Textual's names: `space`, `slash`, `ctrl+d`)."""
        await self.pilot.press(*keys)

    async def types(self, text: str) -> None:
        """Type a text, character by character."""
        await self.pilot.press(*text)

    async def resizes(self, width: int, height: int) -> None:
        """Change the size of the terminal."""
        await self.pilot.resize_terminal(width, height)

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until a condition is true; fails with the screen when it does not become so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what or condition}\n{self.screen}")
            await self.pilot.pause()
            await asyncio.sleep(0)

    async def sees(self, *texts: str) -> None:
        """Wait until all these texts are on the screen."""
        for text in texts:
            await self.until(partial(self._is_seen, text), f"“{text}” to be seen")

    async def sees_no(self, *texts: str) -> None:
        """Wait until none of these texts is on the screen."""
        for text in texts:
            await self.until(partial(self._is_gone, text), f"“{text}” to go")

    def _is_seen(self, text: str) -> bool:
        return text in self.screen

    def _is_gone(self, text: str) -> bool:
        return text not in self.screen

    def line(self, text: str) -> str:
        """The first line of the screen that holds a text; fails when there is none."""
        found = [line for line in screen_lines(self.app) if text in line]
        assert found, f"“{text}” is not on the screen:\n{self.screen}"
        return found[0]


async def goes_to_row(user: User, name: str) -> None:
    """Put the cursor of home on the store with a name, wherever its size has put that."""
    await user.until(lambda: name in _stores(user), f"a store “{name}”")
    await user.presses("g")
    for _ in _stores(user):
        if _under_cursor(user) == name:
            break
        await user.presses("j")
    assert _under_cursor(user) == name, user.screen


def _stores(user: User) -> list[str]:
    screen = user.app.screen
    rows = screen.rows.outline.heads if isinstance(screen, HomeScreen) else []
    return [row.store.target.name for row in rows]


def _under_cursor(user: User) -> str:
    screen = user.app.screen
    row = screen.rows.current if isinstance(screen, HomeScreen) else None
    return "" if row is None else row.store.target.name


@asynccontextmanager
async def at(app: ArtifactApp, size: tuple[int, int] = WIDE) -> AsyncIterator[User]:
    """Run the app without a terminal and hand out its user."""
    async with app.run_test(size=size) as pilot:
        yield User(app, pilot)
