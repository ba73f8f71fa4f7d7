"""TTL and garbage collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.model import Deletion, Garbage
from tests.contract.world import HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.world import World

pytestmark = pytest.mark.needs("garbage_collection", "purge")


async def gone(world: World, keys: Sequence[str]) -> None:
    """Delete and purge."""
    await world.client.delete([Deletion(key) for key in keys])
    await world.client.purge(keys)


async def test_nothing_to_do_is_nothing_done(world: World) -> None:
    await world.make("m")
    before = await world.truth()
    assert await world.client.collect_garbage(grace_us=0, dry_run=False) == Garbage()
    assert await world.truth() == before


async def test_exactly_the_bytes_that_nothing_needs_are_freed(world: World) -> None:
    first = await world.make("m", files={"own": b"x" * 100, "shared": b"y" * 1000})
    await world.make("m", files={"other": b"z" * 10, "shared": b"y" * 1000})
    await gone(world, [first])
    before = (await world.truth()).stored
    promised = await world.client.collect_garbage(grace_us=0, dry_run=True)
    assert (await world.truth()).stored == before
    done = await world.client.collect_garbage(grace_us=0, dry_run=False)
    assert promised == done == Garbage(blobs=1, freed=100)
    assert (await world.truth()).stored == before - 100


async def test_what_became_unneeded_lately_waits(world: World) -> None:
    key = await world.make("m", files={"a": b"12345"})
    await gone(world, [key])
    world.advance(HOUR // 2)
    waiting = await world.client.collect_garbage(grace_us=HOUR, dry_run=False)
    assert waiting == Garbage(waiting=5)
    world.advance(HOUR)
    assert (await world.client.collect_garbage(grace_us=HOUR, dry_run=False)).freed == 5


@pytest.mark.needs("ttl")
async def test_what_has_expired_goes_to_the_trash(world: World) -> None:
    old = await world.make("m", ttl_us=HOUR, aliases=["candidate"])
    young = await world.make("m", ttl_us=3 * HOUR)
    forever = await world.make("m")
    world.advance(2 * HOUR)
    dry = await world.client.collect_garbage(grace_us=0, dry_run=True)
    assert (dry.expired, (await world.truth()).things[old].state) == (1, "live")
    assert (await world.client.collect_garbage(grace_us=0, dry_run=False)).expired == 1
    things = (await world.truth()).things
    assert [things[key].state for key in (old, young, forever)] == ["trash", "live", "live"]
    await world.client.restore([old])
    assert (await world.truth()).things[old].aliases == {("candidate", False)}


@pytest.mark.needs("ttl", "aliases")
async def test_a_protected_alias_outlives_the_ttl(world: World) -> None:
    key = await world.make("m", ttl_us=HOUR, protected=["production"])
    world.advance(2 * HOUR)
    done = await world.client.collect_garbage(grace_us=0, dry_run=False)
    assert (done.expired, done.kept) == (0, 1)
    assert (await world.truth()).things[key].state == "live"


@pytest.mark.needs("ttl", "lineage")
async def test_a_live_dependent_outlives_the_ttl_of_its_parent(world: World) -> None:
    parent = await world.make("p", ttl_us=HOUR)
    child = await world.make("c", parents=[parent])
    world.advance(2 * HOUR)
    assert (await world.client.collect_garbage(grace_us=0, dry_run=False)).kept == 1
    await world.client.delete([Deletion(child)])
    assert (await world.client.collect_garbage(grace_us=0, dry_run=False)).expired == 1
    assert (await world.truth()).things[parent].state == "trash"


@pytest.mark.needs("ttl", "lineage")
async def test_a_family_that_has_expired_goes_together(world: World) -> None:
    top = await world.make("a", ttl_us=HOUR)
    middle = await world.make("b", parents=[top], ttl_us=HOUR)
    low = await world.make("c", parents=[middle], ttl_us=HOUR)
    world.advance(2 * HOUR)
    assert (await world.client.collect_garbage(grace_us=0, dry_run=True)).expired == 3
    assert (await world.client.collect_garbage(grace_us=0, dry_run=False)).expired == 3
    things = (await world.truth()).things
    assert {things[key].state for key in (top, middle, low)} == {"trash"}
