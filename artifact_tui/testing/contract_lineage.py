"""Lineage that a registry tells when one asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion
from artifact_tui.testing.steps import listed
from artifact_tui.testing.world import needs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.model import Lineage
    from artifact_tui.testing.world import World


async def asked(world: World, *keys: str, parents: bool = False) -> Mapping[str, Lineage]:
    return await world.client.lineage(keys, parents=parents)


@needs("asked lineage")
async def test_dependents_and_parents_are_told_with_their_names(world: World) -> None:
    top = await world.make("a")
    middle = [await world.make("b", parents=[top]) for _ in range(2)]
    low = await world.make("c", parents=middle)
    found = await asked(world, top, low, parents=True)
    assert [one.key for one in found[top].dependents] == sorted(middle)
    assert [one.key for one in found[low].parents] == sorted(middle)
    assert all(one.name.startswith("b:") for one in found[top].dependents)
    assert (found[low].dependents, found[top].parents) == ((), ())
    assert found[top].runs
    assert found[low].runs == ()


@needs("asked lineage")
async def test_facts_and_lineage_tell_the_same(world: World) -> None:
    keys = [await world.make("a")]
    for name in "bcdef":
        keys.append(await world.make(name, parents=keys[-2:]))
    facts = await world.client.facts(keys)
    found = await asked(world, *keys)
    assert {k: [r.key for r in one.dependents] for k, one in found.items()} == {
        k: list(one.dependents) for k, one in facts.items()
    }


@needs("asked lineage")
@needs("trash")
async def test_deleted_dependents_are_looked_through(world: World) -> None:
    top = await world.make("a")
    middle = await world.make("b", parents=[top])
    low = await world.make("c", parents=[middle])
    await world.client.delete([Deletion(middle, orphan_dependents=True)])
    assert [one.key for one in (await asked(world, top))[top].dependents] == [low]


@needs("asked lineage")
async def test_nobody_used_it_is_no_dependents(world: World) -> None:
    used, unused = await world.make("a"), await world.make("a")
    await world.make("b", parents=[used])
    counts = {key: one.used_count for key, one in (await listed(world.client)).items()}
    assert counts[unused] == 0
    assert counts[used]
    assert (await asked(world, unused))[unused].dependents == ()


@needs("asked lineage")
async def test_what_is_gone_is_left_out(world: World) -> None:
    key = await world.make("a")
    assert set(await asked(world, "nothing like it", world.nobody, key)) == {key}
    assert await asked(world) == {}
