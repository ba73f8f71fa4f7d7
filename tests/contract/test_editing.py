"""Edits: aliases, tags and times to live, one outcome for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.base import Editable
from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, Result
from tests.contract.steps import results, version_of
from tests.contract.world import HOUR

if TYPE_CHECKING:
    from artifact_tui.model import Outcome
    from tests.contract.world import World

pytestmark = pytest.mark.needs("edit_aliases")


async def edit(world: World, *edits: Edit) -> list[Outcome]:
    assert isinstance(world.client, Editable)
    return list(await world.client.edit(edits))


async def names(world: World, key: str) -> set[str]:
    return {name for name, _ in (await world.truth()).things[key].aliases}


async def test_an_alias_is_added_and_removed(world: World) -> None:
    key, other = await world.make("m", aliases=["old"]), await world.make("m", aliases=["its"])
    outcomes = await edit(world, Edit(key, add_aliases=("new", "old"), remove_aliases=("no",)))
    assert [(one.key, one.result) for one in outcomes] == [(key, Result.DONE)]
    assert await names(world, key) == {"old", "new"}
    assert results(await edit(world, Edit(key, remove_aliases=("old", "new")))) == [Result.DONE]
    assert (await names(world, key), await names(world, other)) == (set(), {"its"})


async def test_an_alias_moves_within_its_collection_and_no_further(world: World) -> None:
    first, second = await world.make("m", aliases=["best"]), await world.make("m")
    elsewhere = await world.make("n", aliases=["best"])
    (outcome,) = await edit(world, Edit(second, add_aliases=("best",)))
    assert outcome.result is Result.DONE
    assert outcome.message
    found = [await names(world, key) for key in (first, second, elsewhere)]
    assert found == [set(), {"best"}, {"best"}]


@pytest.mark.needs("edit_tags")
async def test_tags_are_added_and_removed(world: World) -> None:
    key = await world.make("m", tags=["a", "b"])
    change = Edit(key, add_tags=("c", "a"), remove_tags=("b", "nothing"))
    assert results(await edit(world, change)) == [Result.DONE]
    assert (await version_of(world.client, "m", key)).tags == ("a", "c")


@pytest.mark.needs("edit_ttl")
async def test_a_time_to_live_is_set_and_switched_off(world: World) -> None:
    key, other = await world.make("m"), await world.make("m", ttl_us=HOUR)
    assert results(await edit(world, Edit(key, ttl_us=2 * HOUR))) == [Result.DONE]
    found = await version_of(world.client, "m", key)
    assert (found.ttl_us, found.ttl_inherited) == (2 * HOUR, False)
    assert results(await edit(world, Edit(key, ttl_us=TTL_OFF))) == [Result.DONE]
    assert (await version_of(world.client, "m", key)).ttl_us is None
    assert (await version_of(world.client, "m", other)).ttl_us == HOUR


@pytest.mark.needs("edit_ttl", "inherit_ttl")
async def test_a_time_to_live_is_inherited_again(world: World) -> None:
    key = await world.make("m", ttl_us=HOUR)
    assert results(await edit(world, Edit(key, ttl_us=TTL_INHERIT))) == [Result.DONE]
    found = await version_of(world.client, "m", key)
    assert (found.ttl_us, found.ttl_inherited) == (None, True)


async def test_what_is_not_there_is_absent_and_the_others_are_done(world: World) -> None:
    keys = [await world.make("m") for _ in range(3)]
    asked = [keys[0], "nothing like it", keys[1], world.nobody, keys[2]]
    outcomes = await edit(
        world, *(Edit(key, add_aliases=(f"a{n}",)) for n, key in enumerate(asked))
    )
    assert [one.key for one in outcomes] == asked
    assert results(outcomes) == [
        Result.DONE, Result.ABSENT, Result.DONE, Result.ABSENT, Result.DONE,
    ]  # fmt: skip
    assert [await names(world, key) for key in keys] == [{"a0"}, {"a2"}, {"a4"}]


async def test_an_edit_without_a_change_changes_nothing(world: World) -> None:
    key = await world.make("m", aliases=["a"], tags=["t"])
    before = await world.truth()
    assert results(await edit(world, Edit(key))) == [Result.DONE]
    assert await edit(world) == []
    assert await world.truth() == before


@pytest.mark.needs("links")
async def test_an_alias_of_a_link_is_not_one_of_its_source(world: World) -> None:
    source = await world.make("m")
    link = await world.link(source, "shelf")
    assert results(await edit(world, Edit(link, add_aliases=("best",)))) == [Result.DONE]
    facts = await world.client.facts([source, link])
    assert [(one.name, bool(one.scope)) for one in facts[link].aliases] == [("best", False)]
    assert [(one.name, bool(one.scope)) for one in facts[source].aliases] == [("best", True)]


async def test_read_only_means_read_only(world: World) -> None:
    key = await world.make("m")
    before, client = await world.truth(), await world.reopen(read_only=True)
    seen = world.requests()
    assert isinstance(client, Editable)
    with pytest.raises(ReadOnlyError):
        await client.edit([Edit(key, add_aliases=("a",))])
    assert world.requests() == seen
    assert await world.truth() == before
