"""Sizes stream in, in whatever order: the cursor stays on its store, and a key means that one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import Target
from artifact_tui.stores import Disk, Measured, Store
from artifact_tui.tui.screens import home_screen
from tests.tui.support import goes_to_row

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tests.support.hub import Hub
    from tests.tui.home.conftest import AtHome
    from tests.tui.support import User

DISK = Disk("/", 4_000_000, 1_000_000)


class Measuring:
    """Tells of stores what a test wants to be known, when it wants that."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, Measured]] = asyncio.Queue()

    async def measure(
        self, stores: Sequence[Store], **_: object
    ) -> AsyncGenerator[tuple[Store, Measured]]:
        """As `artifact_tui.stores.measure`."""
        by_name = {one.target.name: one for one in stores}
        while True:
            name, found = await self.told.get()
            yield by_name[name], found

    def tell(self, name: str, size: int | None, state: str = "measured") -> None:
        """Something becomes known of a store."""
        found = Measured(state, size, 0, 1, 1, disk=DISK)  # type: ignore[arg-type]
        self.told.put_nowait((name, found))


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> Measuring:
    """Four stores, of which only the third can be opened."""
    stores = [
        Store(Target(name, address, typed=address), "usual place", usual=True)
        for name, address in (
            ("first", "oci:/nowhere/1"),
            ("second", "oci:/nowhere/2"),
            ("third", f"hf:{hub.root}"),
            ("fourth", "oci:/nowhere/4"),
        )
    ]
    found = Measuring()
    monkeypatch.setattr(home_screen, "find_stores", lambda *_: list(stores))
    monkeypatch.setattr(home_screen, "measure", found.measure)
    return found


def names(user: User) -> list[str]:
    """The stores on the screen, from top to bottom."""
    every = ("first", "second", "third", "fourth")
    lines = user.screen.splitlines()[3:8]
    return [name for line in lines for name in every if name in line.split()]


async def test_the_cursor_stays_on_its_store(at_home: AtHome, measuring: Measuring) -> None:
    async with at_home() as user:
        await user.sees("fourth")
        await goes_to_row(user, "third")
        measuring.tell("fourth", 3_000_000)
        await user.until(lambda: names(user)[0] == "fourth", "the fourth to be first")
        measuring.tell("first", 9_000_000)
        measuring.tell("second", 100)
        await user.until(lambda: names(user)[:3] == ["first", "fourth", "second"], "an order")
        assert user.line("listed for").split()[0] == "third"  # the facts are of that one
        measuring.tell("third", 5_000_000)
        await user.presses("enter")
        await user.sees("acme/big")


async def test_figures_that_are_known_stay_until_there_are_others(
    at_home: AtHome, measuring: Measuring
) -> None:
    async with at_home() as user:
        await user.sees("fourth")
        measuring.tell("first", 7_000_000, "measuring")
        await user.sees("7 MB")
        measuring.tell("first", 8_000_000)
        await user.sees("8 MB")
        measuring.tell("first", 1_000, "measuring")
        measuring.tell("second", 2_000_000)
        await user.sees("2 MB", "8 MB")
