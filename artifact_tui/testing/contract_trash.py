"""The trash: what a soft deletion keeps, what comes back, and what goes for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion, Result
from artifact_tui.testing.steps import fresh, results, versions_of
from artifact_tui.testing.world import needs

if TYPE_CHECKING:
    from artifact_tui.testing.world import World


@needs("trash")
async def test_a_plain_version_goes_to_the_trash(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    outcomes = await world.client.delete([await fresh(world, key)])
    assert [(one.key, one.result) for one in outcomes] == [(key, Result.DONE)]
    truth = await world.truth()
    assert truth.things[key].state == "trash"
    assert truth.things[other].state == "live"


@needs("trash")
@needs("collect_garbage")
async def test_soft_delete_frees_no_bytes(world: World) -> None:
    key = await world.make("m", files={"a": b"12345"})
    before = (await world.truth()).stored
    await world.client.delete([Deletion(key)])
    await world.client.collect_garbage(grace_us=0, dry_run=False)
    assert (await world.truth()).stored == before


@needs("trash")
@needs("lineage", "restore")
async def test_a_grandchild_still_protects_when_the_child_is_in_the_trash(world: World) -> None:
    top = await world.make("a")
    middle = await world.make("b", parents=[top])
    low = await world.make("c", parents=[middle])
    await world.client.delete([await fresh(world, middle, orphan_dependents=True)])
    assert results(await world.client.delete([await fresh(world, top)])) == [Result.REFUSED]
    await world.client.delete([await fresh(world, low)])
    assert results(await world.client.delete([await fresh(world, top)])) == [Result.DONE]


@needs("trash")
@needs("restore", "deleter")
async def test_facts_tell_when_a_version_was_deleted(world: World) -> None:
    """An undo leaves alone what somebody deleted again since."""
    key = await world.make("m")
    assert (await world.client.facts([key]))[key].deleted_us is None
    await world.client.delete([Deletion(key)])
    assert (await world.client.facts([key]))[key].deleted_us == world.now_us


@needs("trash")
@needs("restore", "aliases")
async def test_restore_brings_the_version_and_its_aliases_back(world: World) -> None:
    key = await world.make("m", aliases=["b", "a"])
    before = await world.truth()
    await world.client.delete([Deletion(key, delete_aliases=True)])
    assert (await world.truth()).things[key].aliases == frozenset()
    outcomes = await world.client.restore([key])
    assert [(one.result, one.message) for one in outcomes] == [(Result.DONE, "")]
    assert await world.truth() == before


@needs("trash")
@needs("restore", "aliases")
async def test_restore_leaves_an_alias_where_it_is_now_and_says_so(world: World) -> None:
    key = await world.make("m", aliases=["mine", "taken"])
    other = await world.make("m")
    await world.client.delete([Deletion(key, delete_aliases=True)])
    await world.alias(other, "taken")
    (outcome,) = await world.client.restore([key])
    assert outcome.result is Result.DONE
    assert "taken" in outcome.message
    things = (await world.truth()).things
    assert things[key].aliases == {("mine", False)}
    assert things[other].aliases == {("taken", False)}


@needs("trash")
@needs("restore")
async def test_restoring_what_is_not_in_the_trash_is_absent(world: World) -> None:
    live = await world.make("m")
    assert results(await world.client.restore([live, "nothing like it"])) == [Result.ABSENT] * 2


@needs("trash")
@needs("purge")
async def test_purge_takes_only_what_is_in_the_trash(world: World) -> None:
    live, trashed = await world.make("m"), await world.make("m")
    await world.client.delete([Deletion(trashed)])
    outcomes = await world.client.purge([trashed, live, "nothing like it", trashed, live])
    assert results(outcomes) == [
        Result.DONE, Result.REFUSED, Result.ABSENT, Result.ABSENT, Result.REFUSED,
    ]  # fmt: skip
    assert set((await world.truth()).things) == {live}
    assert await world.client.facts([trashed]) == {}
    assert results(await world.client.restore([trashed])) == [Result.ABSENT]


@needs("trash")
@needs("purge", "lineage")
async def test_purge_removes_the_edges_of_what_went(world: World) -> None:
    parent = await world.make("p")
    child = await world.make("c", parents=[parent])
    await world.client.delete([Deletion(parent, orphan_dependents=True)])
    assert (await world.truth()).edges == {(parent, child)}
    await world.client.purge([parent])
    assert (await world.truth()).edges == frozenset()


@needs("trash")
@needs("purge")
async def test_a_collection_without_versions_is_gone(world: World) -> None:
    keys = [await world.make("m") for _ in range(2)]
    await world.make("other")
    await world.client.delete([Deletion(key) for key in keys])
    await world.client.purge(keys[:1])
    assert (await world.truth()).collections == {"m", "other"}
    await world.client.purge(keys[1:])
    assert (await world.truth()).collections == {"other"}


@needs("trash")
@needs("purge")
async def test_a_label_is_never_used_again(world: World) -> None:
    keys = [await world.make("m") for _ in range(3)]
    await world.client.delete([Deletion(key) for key in keys])
    await world.client.purge(keys)
    await world.make("m")
    (version,) = await versions_of(world.client, "m")
    assert version.ordinal == 3
