"""Who uses a version: processes of this machine that hold files of it open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui.model import Holders
from artifact_tui.testing.steps import held_open
from artifact_tui.testing.world import needs

if TYPE_CHECKING:
    from artifact_tui.testing.world import World

_TOLD = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a file")


@_TOLD
@needs("in_use")
@pytest.mark.parametrize("mapped", [False, True], ids=["open", "mapped"])
async def test_a_process_that_holds_a_file_of_a_version_is_named(
    world: World, *, mapped: bool
) -> None:
    used, other = await world.make("m"), await world.make("n")
    keys = [used, other, world.nobody]
    reader = await world.reopen(read_only=True)
    with held_open(world.file(used), mapped=mapped) as trainer:
        for client in (world.client, reader):
            assert (await client.in_use(keys)).by == {used: (trainer,)}
            facts = await client.facts(keys)
            assert {key: one.used_by for key, one in facts.items()} == {used: (trainer,), other: ()}
    assert (await world.client.in_use(keys)).by == {}
    assert {one.used_by for one in (await world.client.facts(keys)).values()} == {()}


@_TOLD
@needs("in_use")
async def test_a_file_that_is_not_there_any_more_is_nobodys(world: World) -> None:
    key = await world.make("m")
    place = world.file(key)
    content = place.read_bytes()
    with held_open(place, mapped=True):
        place.unlink()
        place.write_bytes(content)
        assert (await world.client.in_use([key])).by == {}


@needs("in_use")
async def test_of_no_version_nothing_is_told(world: World) -> None:
    assert await world.client.in_use([]) == Holders()
    assert (await world.client.in_use([world.nobody, "nothing like it", ""])).by == {}
