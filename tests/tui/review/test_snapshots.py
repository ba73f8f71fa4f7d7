"""The review in both sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.review.world import box_opens, types_it

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.tui.review.world import World


@SIZES
async def test_all_groups(world: World, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with world.opened(size) as user:
        user.app.open_review(world.keys())
        await box_opens(user)
        looks_the_same(user, snapshot)


@SIZES
async def test_everything_consented_and_typed(
    world: World, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with world.opened(size) as user:
        user.app.open_review([*world.keys()[:4]])
        await box_opens(user)
        await user.presses("a")
        await user.sees("aliases that go")
        await box_opens(user)
        await user.presses("o")
        await user.sees("lose a parent")
        await box_opens(user)
        await types_it(user, "vision")
        await user.sees("enter applies the plan now")
        looks_the_same(user, snapshot)


@SIZES
async def test_read_only(world: World, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with world.opened(size, read_only=True) as user:
        user.app.open_review(world.keys())
        await user.sees("Nothing can be deleted")
        looks_the_same(user, snapshot)


@SIZES
async def test_save_asks_for_a_file(
    world: World, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with world.opened(size) as user:
        user.app.open_review([world.keys()[0]])
        await box_opens(user)
        await user.presses("s")
        await user.sees("Save the plan")
        await user.presses("ctrl+u", *"later.plan")
        looks_the_same(user, snapshot)


@SIZES
async def test_hostile_names(
    hostile: World, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    async with hostile.opened(size) as user:
        user.app.open_review(hostile.keys())
        await box_opens(user)
        await user.presses("a")
        await user.sees("aliases that go")
        await box_opens(user)
        await user.presses("enter", "j")
        await user.sees(r"clip\x1b]52;c;AAAA\x07board:v0  model")
        looks_the_same(user, snapshot)
