"""The trash in both sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion
from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.trash.test_trash import deleted_twice

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.tui.review.world import World


@SIZES
async def test_marked_rows(
    world: World, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    world.store.delete([Deletion(key, delete_aliases=True) for key in world.keys()[:3]])
    async with world.opened(size) as user:
        await user.presses("u")
        await user.sees("3 versions")
        await user.presses("j", "space", "k")
        await user.sees("1 marked", "frees 1 KB after gc")
        looks_the_same(user, snapshot)


@SIZES
async def test_gc_asks(world: World, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    keys = world.keys()[:3]
    world.store.delete([Deletion(key, delete_aliases=True) for key in keys])
    world.store.purge(keys[:2])
    async with world.opened(size) as user:
        await user.presses("u")
        await user.sees("1 version")
        await user.presses("c")
        await user.sees("y goes ahead", "frees 1 KB after gc")
        looks_the_same(user, snapshot)


@SIZES
async def test_empty(world: World, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with world.opened(size) as user:
        await user.presses("u")
        await user.sees("The trash is empty.")
        looks_the_same(user, snapshot)


@SIZES
async def test_a_range_in_a_filter(
    world: World, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    deleted_twice(world)
    async with world.opened(size) as user:
        await user.presses("u")
        await user.sees("3 versions")
        await user.presses("slash")
        await user.types("-version:v1")
        await user.presses("enter")
        await user.sees("2 of 3 versions")
        await user.presses("j", "v", "j", "j")
        await user.sees("frees 1 KB after gc")
        looks_the_same(user, snapshot)
