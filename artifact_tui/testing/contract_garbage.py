"""TTL and garbage collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion, Garbage
from artifact_tui.testing.world import HOUR, needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.testing.world import World


async def gone(world: World, keys: Sequence[str]) -> None:
    """Delete and purge."""
    await world.client.delete([Deletion(key) for key in keys])
    await world.client.purge(keys)


@needs("collect_garbage", "purge")
async def test_nothing_to_do_is_nothing_done(world: World) -> None:
    await world.make("m")
    before = await world.truth()
    assert await world.client.collect_garbage(grace_us=0, dry_run=False) == Garbage()
    assert await world.truth() == before


@needs("collect_garbage", "purge")
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


@needs("collect_garbage", "purge")
async def test_what_became_unneeded_lately_waits(world: World) -> None:
    key = await world.make("m", files={"a": b"12345"})
    await gone(world, [key])
    world.advance(HOUR // 2)
    waiting = await world.client.collect_garbage(grace_us=HOUR, dry_run=False)
    assert waiting == Garbage(waiting=5)
    world.advance(HOUR)
    assert (await world.client.collect_garbage(grace_us=HOUR, dry_run=False)).freed == 5


@needs("collect_garbage", "purge")
@needs("ttl")
async def test_what_has_expired_is_counted_and_stays(world: World) -> None:
    await world.make("m", ttl_us=HOUR, aliases=["candidate"])
    await world.make("m", ttl_us=3 * HOUR)
    await world.make("m")
    gone_before = await world.make("m", ttl_us=HOUR)
    await world.make("m")
    await world.client.delete([Deletion(gone_before)])
    world.advance(2 * HOUR)
    before = await world.truth()
    for dry_run in (True, False):
        found = await world.client.collect_garbage(grace_us=0, dry_run=dry_run)
        assert found == Garbage(expired=1, trash=1)
    assert await world.truth() == before
