"""Delete, restore and purge: who may go, who must stay, and what each item is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import Deletion, Result
from tests.contract.world import HOUR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.model import Outcome
    from tests.contract.world import World

pytestmark = pytest.mark.needs("soft_delete")


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


async def fresh(world: World, key: str, **consent: bool) -> Deletion:
    """A deletion with the token of this moment."""
    facts = (await world.client.facts([key]))[key]
    return Deletion(key, facts.token, **consent)


async def test_a_plain_version_goes_to_the_trash(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    outcomes = await world.client.delete([await fresh(world, key)])
    assert [(one.key, one.result) for one in outcomes] == [(key, Result.DONE)]
    truth = await world.truth()
    assert truth.things[key].state == "trash"
    assert truth.things[other].state == "live"


async def test_soft_delete_frees_no_bytes(world: World) -> None:
    key = await world.make("m", files={"a": b"12345"})
    before = (await world.truth()).stored
    await world.client.delete([Deletion(key)])
    await world.client.collect_garbage(grace_us=0, dry_run=False)
    assert (await world.truth()).stored == before


async def test_what_is_gone_or_in_the_trash_is_absent(world: World) -> None:
    key = await world.make("m")
    await world.client.delete([Deletion(key)])
    outcomes = await world.client.delete([Deletion(key), Deletion("nothing like it")])
    assert results(outcomes) == [Result.ABSENT, Result.ABSENT]


async def test_one_outcome_for_each_item_in_the_same_order(world: World) -> None:
    keys = [await world.make("m") for _ in range(6)]
    asked = [keys[3], "no such", keys[0], keys[5], keys[3]]
    outcomes = await world.client.delete([Deletion(key) for key in asked])
    assert [one.key for one in outcomes] == asked
    assert results(outcomes) == [
        Result.DONE, Result.ABSENT, Result.DONE, Result.DONE, Result.ABSENT,
    ]  # fmt: skip
    things = (await world.truth()).things
    gone = {key for key in keys if things[key].state == "trash"}
    assert gone == {keys[0], keys[3], keys[5]}


@pytest.mark.needs("aliases")
async def test_an_alias_needs_consent(world: World) -> None:
    key = await world.make("m", aliases=["candidate"])
    refused = await world.client.delete([await fresh(world, key)])
    assert results(refused) == [Result.REFUSED]
    assert "candidate" in refused[0].message
    done = await world.client.delete([await fresh(world, key, delete_aliases=True)])
    assert results(done) == [Result.DONE]


@pytest.mark.needs("aliases")
async def test_a_protected_alias_forbids_with_every_consent(world: World) -> None:
    key = await world.make("m", protected=["production"])
    before = await world.truth()
    both = await fresh(world, key, delete_aliases=True, orphan_dependents=True)
    for deletion in (both, Deletion(key, "stale", delete_aliases=True), Deletion(key)):
        assert results(await world.client.delete([deletion])) == [Result.REFUSED]
    assert await world.truth() == before


@pytest.mark.needs("lineage")
async def test_a_live_dependent_needs_consent(world: World) -> None:
    parent = await world.make("p")
    await world.make("c", parents=[parent])
    assert results(await world.client.delete([await fresh(world, parent)])) == [Result.REFUSED]
    allowed = await fresh(world, parent, orphan_dependents=True)
    assert results(await world.client.delete([allowed])) == [Result.DONE]


@pytest.mark.needs("lineage")
async def test_dependents_first_lets_their_parent_follow_in_one_call(world: World) -> None:
    top = await world.make("a")
    middle = await world.make("b", parents=[top])
    low = await world.make("c", parents=[middle])
    deletions = [await fresh(world, key) for key in (low, middle, top)]
    assert results(await world.client.delete(deletions)) == [Result.DONE] * 3


@pytest.mark.needs("lineage")
async def test_parents_first_are_refused(world: World) -> None:
    parent = await world.make("a")
    child = await world.make("b", parents=[parent])
    deletions = [await fresh(world, parent), await fresh(world, child)]
    assert results(await world.client.delete(deletions)) == [Result.REFUSED, Result.DONE]


@pytest.mark.needs("lineage", "restore")
async def test_a_grandchild_still_protects_when_the_child_is_in_the_trash(world: World) -> None:
    top = await world.make("a")
    middle = await world.make("b", parents=[top])
    low = await world.make("c", parents=[middle])
    await world.client.delete([await fresh(world, middle, orphan_dependents=True)])
    assert results(await world.client.delete([await fresh(world, top)])) == [Result.REFUSED]
    await world.client.delete([await fresh(world, low)])
    assert results(await world.client.delete([await fresh(world, top)])) == [Result.DONE]


@pytest.mark.needs("conditional_delete", "aliases", "lineage")
@pytest.mark.parametrize("change", ["alias", "moved away", "protected", "dependent"])
async def test_a_stale_token_is_refused_and_nothing_happens(world: World, change: str) -> None:
    key = await world.make("m", aliases=["one"])
    other = await world.make("m")
    stale = await fresh(world, key, delete_aliases=True, orphan_dependents=True)
    match change:
        case "alias":
            await world.alias(key, "two")
        case "moved away":
            await world.alias(other, "one")
        case "protected":
            await world.alias(key, "one", protected=True)
        case _:
            await world.make("n", parents=[key])
    before = await world.truth()
    (outcome,) = await world.client.delete([stale])
    assert outcome.result is (Result.REFUSED if change == "protected" else Result.CHANGED)
    assert await world.truth() == before


@pytest.mark.needs("conditional_delete", "aliases")
async def test_one_changed_item_does_not_stop_the_others(world: World) -> None:
    keys = [await world.make("m") for _ in range(5)]
    deletions = [await fresh(world, key) for key in keys]
    await world.alias(keys[2], "new")
    outcomes = await world.client.delete(deletions)
    assert results(outcomes) == [
        Result.DONE, Result.DONE, Result.CHANGED, Result.DONE, Result.DONE,
    ]  # fmt: skip


async def test_two_at_once_delete_an_item_once(world: World) -> None:
    key = await world.make("m")
    calls = (world.client.delete([Deletion(key)]) for _ in range(6))
    outcomes = [one for some in await asyncio.gather(*calls) for one in some]
    assert sorted(results(outcomes)) == sorted([Result.DONE] + [Result.ABSENT] * 5)


async def test_a_full_batch_is_taken(world: World) -> None:
    keys = [await world.make("m") for _ in range(min(60, world.client.capabilities.batch_delete))]
    outcomes = await world.client.delete([Deletion(key) for key in keys])
    assert results(outcomes) == [Result.DONE] * len(keys)


@pytest.mark.needs("restore", "aliases")
async def test_restore_brings_the_version_and_its_aliases_back(world: World) -> None:
    key = await world.make("m", aliases=["b", "a"])
    before = await world.truth()
    await world.client.delete([Deletion(key, delete_aliases=True)])
    assert (await world.truth()).things[key].aliases == frozenset()
    outcomes = await world.client.restore([key])
    assert [(one.result, one.message) for one in outcomes] == [(Result.DONE, "")]
    assert await world.truth() == before


@pytest.mark.needs("restore", "aliases")
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


@pytest.mark.needs("restore")
async def test_restoring_what_is_not_in_the_trash_is_absent(world: World) -> None:
    live = await world.make("m")
    assert results(await world.client.restore([live, "nothing like it"])) == [Result.ABSENT] * 2


@pytest.mark.needs("purge")
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


@pytest.mark.needs("purge", "lineage")
async def test_purge_removes_the_edges_of_what_went(world: World) -> None:
    parent = await world.make("p")
    child = await world.make("c", parents=[parent])
    await world.client.delete([Deletion(parent, orphan_dependents=True)])
    assert (await world.truth()).edges == {(parent, child)}
    await world.client.purge([parent])
    assert (await world.truth()).edges == frozenset()


@pytest.mark.needs("purge")
async def test_a_collection_without_versions_is_gone(world: World) -> None:
    keys = [await world.make("m") for _ in range(2)]
    await world.make("other")
    await world.client.delete([Deletion(key) for key in keys])
    await world.client.purge(keys[:1])
    assert (await world.truth()).collections == {"m", "other"}
    await world.client.purge(keys[1:])
    assert (await world.truth()).collections == {"other"}


@pytest.mark.needs("purge")
async def test_a_label_is_never_used_again(world: World) -> None:
    keys = [await world.make("m") for _ in range(3)]
    await world.client.delete([Deletion(key) for key in keys])
    await world.client.purge(keys)
    await world.make("m")
    (collection,) = (await world.client.collections()).rows
    (version,) = (await world.client.versions(collection.key)).rows
    assert version.ordinal == 3


@pytest.mark.parametrize("writing", ["delete", "restore", "purge", "gc"])
async def test_read_only_means_read_only(world: World, writing: str) -> None:
    key, trashed = await world.make("m", ttl_us=1), await world.make("m")
    await world.client.delete([Deletion(trashed)])
    world.advance(HOUR)
    before = await world.truth()
    client = await world.reopen(read_only=True)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "delete": lambda: client.delete([Deletion(key)]),
        "restore": lambda: client.restore([trashed]),
        "purge": lambda: client.purge([trashed]),
        "gc": lambda: client.collect_garbage(grace_us=0, dry_run=False),
    }
    with pytest.raises(ReadOnlyError):
        await calls[writing]()
    assert await world.truth() == before
