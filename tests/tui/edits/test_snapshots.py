"""Retention and the review of a change, in both sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.config import Config
from tests.tui.review.conftest import HOSTILE
from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.review.world import box_opens, types_it

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.tui.browse.shelf import Shelf
    from tests.tui.support import User

Size = tuple[int, int]


async def asks_for(user: User, span: str) -> None:
    """Ask for a time to live for everything that is marked."""
    await user.sees("9 of 9")
    await user.presses("space", "T")
    await user.sees("a change is for 6 marked versions")
    await user.presses("s")
    await user.types(span)
    await user.sees("expire at once")


@SIZES
async def test_retention(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("j", "space", "T")
        await user.sees("a change is for 2 marked versions")
        await user.presses("enter")
        await user.sees("◷ 30 d, expired")
        looks_the_same(user, snapshot)


@SIZES
async def test_asking_for_a_time_to_live(
    shelf: Shelf, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with shelf.opened(size) as user:
        await asks_for(user, "75d")
        looks_the_same(user, snapshot)


@SIZES
async def test_asking_for_aliases_and_tags(
    shelf: Shelf, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "j", "a")
        await user.types("candidate")
        await user.sees("moves from v3")
        looks_the_same(user, snapshot)


@SIZES
async def test_a_review_of_dates(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await asks_for(user, "75d")
        await user.presses("enter")
        await box_opens(user)
        looks_the_same(user, snapshot)


@SIZES
async def test_a_change_that_was_sent(
    shelf: Shelf, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with shelf.opened(size) as user:
        await asks_for(user, "75d")
        await user.presses("enter")
        await types_it(user, "6")
        await user.presses("enter")
        await user.sees("6 of 6 changed.")
        await user.presses("enter", "j")
        looks_the_same(user, snapshot)


@SIZES
async def test_in_ascii(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size, config=Config(ascii=True)) as user:
        await asks_for(user, "75d")
        await user.presses("enter")
        await box_opens(user)
        assert user.screen.isascii()
        looks_the_same(user, snapshot)


async def test_hostile_names_stay_text(shelf: Shelf) -> None:
    for name in HOSTILE:
        shelf.put(name, 5, 1_000, ttl_days=1, tags=[name[:40]], aliases=[name[:40]])
    async with shelf.opened() as user:
        await user.sees("15 of 15")
        await user.presses("slash", *"age<10d", "enter")
        await user.sees("6 of 15")
        await user.presses("plus", "tab", "tab", "space", "enter")
        await user.sees("6 marked")
        await user.presses("T")
        await user.sees(r"right\u{202e}to left", r"esc\x1b[31mred:v0", "bad [/nope]:v0")
        await user.presses("s")
        await user.types("2d")
        await user.sees("6 expire at once")
        await user.presses("enter")
        await user.sees(r"clip\x1b]52;c;AAAA\x07board:v0", "Type 6 to change")
        assert not {"\x1b", "\x07", "\u202e"} & set(user.screen)
