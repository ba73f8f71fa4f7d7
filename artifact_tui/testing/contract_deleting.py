"""Delete: who may go, who must stay, and the outcome of each item; with a trash and without."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import Deletion, Result, VersionState
from artifact_tui.testing.steps import fresh, live, results, told_live
from artifact_tui.testing.world import HOUR, needs, without

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.testing.world import World


async def test_a_plain_version_goes_and_its_neighbour_stays(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    outcomes = await world.client.delete([await fresh(world, key)])
    assert [(one.key, one.result) for one in outcomes] == [(key, Result.DONE)]
    assert await told_live(world, [key, other]) == {other}
    assert await live(world) == {other}


@without("trash")
async def test_without_a_trash_it_is_gone_for_good(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    await world.client.delete([await fresh(world, key)])
    assert set(await world.client.facts([key, other])) == {other}
    assert set((await world.truth()).things) == {other}
    for again in (world.client.restore, world.client.purge):
        (outcome,) = await again([key])
        assert outcome.key == key
        assert outcome.result in {Result.REFUSED, Result.ABSENT}
    assert set((await world.truth()).things) == {other}


@without("trash")
async def test_without_a_trash_purge_and_restore_touch_nothing(world: World) -> None:
    key = await world.make("m")
    before = await world.truth()
    for call in (world.client.restore, world.client.purge):
        assert Result.DONE not in results(await call([key, world.nobody]))
    assert await world.truth() == before


@needs("trash")
async def test_with_a_trash_facts_still_know_it(world: World) -> None:
    key = await world.make("m")
    await world.client.delete([await fresh(world, key)])
    assert (await world.client.facts([key]))[key].state is VersionState.TRASH


async def test_deleting_again_is_absent(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    deletion = await fresh(world, key)
    assert results(await world.client.delete([deletion])) == [Result.DONE]
    for again in (deletion, Deletion(key)):
        assert results(await world.client.delete([again])) == [Result.ABSENT]
    assert await live(world) == {other}


async def test_another_connection_finds_it_absent_too(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    await world.client.delete([Deletion(key)])
    client = await world.reopen(read_only=False)
    assert results(await client.delete([Deletion(key)])) == [Result.ABSENT]
    assert set(await client.facts([other])) == {other}
    assert await live(world) == {other}


async def test_an_unknown_key_is_absent_and_touches_nothing(world: World) -> None:
    await world.make("m")
    before = await world.truth()
    unknown = ["nothing like it", world.nobody, ""]
    outcomes = await world.client.delete([Deletion(key) for key in unknown])
    assert [(one.key, one.result) for one in outcomes] == [(key, Result.ABSENT) for key in unknown]
    assert await world.truth() == before


async def test_one_outcome_for_each_item_in_the_same_order(world: World) -> None:
    keys = [await world.make("m") for _ in range(6)]
    asked = [keys[3], "no such", keys[0], world.nobody, keys[5], keys[3]]
    outcomes = await world.client.delete([Deletion(key) for key in asked])
    assert [one.key for one in outcomes] == asked
    assert results(outcomes) == [
        Result.DONE, Result.ABSENT, Result.DONE, Result.ABSENT, Result.DONE, Result.ABSENT,
    ]  # fmt: skip
    assert await live(world) == {keys[1], keys[2], keys[4]}


async def test_what_went_before_and_what_is_there_in_one_call(world: World) -> None:
    keys = [await world.make("m") for _ in range(6)]
    await world.client.delete([Deletion(key) for key in keys[::2]])
    outcomes = await world.client.delete([Deletion(key) for key in reversed(keys[:5])])
    assert [one.key for one in outcomes] == keys[4::-1]
    assert results(outcomes) == [
        Result.ABSENT, Result.DONE, Result.ABSENT, Result.DONE, Result.ABSENT,
    ]  # fmt: skip
    assert await live(world) == {keys[5]}
    assert await told_live(world, keys) == {keys[5]}


async def test_an_item_that_comes_again_in_a_call_is_deleted_once(world: World) -> None:
    key, other, kept = [await world.make("m") for _ in range(3)]
    asked = [key, key, other, key, other]
    outcomes = await world.client.delete([Deletion(one) for one in asked])
    assert [one.key for one in outcomes] == asked
    assert results(outcomes) == [
        Result.DONE, Result.ABSENT, Result.DONE, Result.ABSENT, Result.ABSENT,
    ]  # fmt: skip
    assert await live(world) == {kept}


async def test_nothing_else_is_deleted(world: World) -> None:
    parent = await world.make("p")
    keys = [await world.make("m", parents=[parent]) for _ in range(12)]
    others = [await world.make("d", kind="dataset"), await world.make("mm"), parent]
    before = (await world.truth()).things
    asked = [keys[0], keys[10], keys[4]]
    outcomes = await world.client.delete([await fresh(world, key) for key in asked])
    assert results(outcomes) == [Result.DONE] * 3
    kept = {*keys, *others} - set(asked)
    assert await live(world) == kept
    after = (await world.truth()).things
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}


async def test_no_deletions_are_no_outcomes(world: World) -> None:
    await world.make("m")
    before = await world.truth()
    assert list(await world.client.delete([])) == []
    assert await world.truth() == before


@needs("aliases")
async def test_an_alias_needs_consent(world: World) -> None:
    key = await world.make("m", aliases=["candidate"])
    refused = await world.client.delete([await fresh(world, key)])
    assert results(refused) == [Result.REFUSED]
    assert "candidate" in refused[0].message
    done = await world.client.delete([await fresh(world, key, delete_aliases=True)])
    assert results(done) == [Result.DONE]


@needs("aliases", "protection")
async def test_a_protected_alias_forbids_with_every_consent(world: World) -> None:
    key = await world.make("m", protected=["production"])
    before = await world.truth()
    both = await fresh(world, key, delete_aliases=True, orphan_dependents=True)
    for deletion in (both, Deletion(key, "stale", delete_aliases=True), Deletion(key)):
        assert results(await world.client.delete([deletion])) == [Result.REFUSED]
    assert await world.truth() == before


@needs("dependents", "guarded_dependents")
async def test_a_live_dependent_needs_consent(world: World) -> None:
    parent = await world.make("p")
    await world.make("c", parents=[parent])
    assert results(await world.client.delete([await fresh(world, parent)])) == [Result.REFUSED]
    allowed = await fresh(world, parent, orphan_dependents=True)
    assert results(await world.client.delete([allowed])) == [Result.DONE]


@needs("lineage")
async def test_dependents_first_lets_their_parent_follow_in_one_call(world: World) -> None:
    top = await world.make("a")
    middle = await world.make("b", parents=[top])
    low = await world.make("c", parents=[middle])
    deletions = [await fresh(world, key) for key in (low, middle, top)]
    assert results(await world.client.delete(deletions)) == [Result.DONE] * 3


@needs("dependents", "guarded_dependents")
async def test_parents_first_are_refused(world: World) -> None:
    parent = await world.make("a")
    child = await world.make("b", parents=[parent])
    deletions = [await fresh(world, parent), await fresh(world, child)]
    assert results(await world.client.delete(deletions)) == [Result.REFUSED, Result.DONE]


@needs("tokens", "aliases", "lineage")
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


@needs("tokens", "aliases")
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
    keys = [await world.make("m") for _ in range(world.client.batch_delete)]
    kept = await world.make("m")
    outcomes = await world.client.delete([Deletion(key) for key in keys])
    assert [one.key for one in outcomes] == keys
    assert results(outcomes) == [Result.DONE] * len(keys)
    assert await told_live(world, [*keys, kept]) == {kept}
    assert await live(world) == {kept}


@pytest.mark.parametrize("writing", ["delete", "restore", "purge", "collect_garbage"])
async def test_read_only_means_read_only(world: World, writing: str) -> None:
    if not world.client.can(writing):
        pytest.skip(f"it has no {writing}")
    key, deleted = await world.make("m", ttl_us=1), await world.make("m")
    await world.client.delete([Deletion(deleted)])
    world.advance(HOUR)
    before, seen = await world.truth(), world.requests()
    assert seen is None or seen.count("DELETE") == 1, "the log shows deletions"
    client = await world.reopen(read_only=True)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "delete": lambda: client.delete([Deletion(key)]),
        "restore": lambda: client.restore([deleted]),
        "purge": lambda: client.purge([deleted]),
        "collect_garbage": lambda: client.collect_garbage(grace_us=0, dry_run=False),
    }
    with pytest.raises(ReadOnlyError):
        await calls[writing]()
    assert world.requests() == seen, "it was refused before anything was sent"
    assert await world.truth() == before
