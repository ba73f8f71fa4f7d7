"""Aliases, tags and times to live, where a registry lets them be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Deletion, Edit, Result
from artifact_tui.testing.steps import listed, results
from artifact_tui.testing.world import HOUR, needs, without

if TYPE_CHECKING:
    from artifact_tui.model import Outcome, Version
    from artifact_tui.testing.world import World


async def edit(world: World, *edits: Edit) -> list[Outcome]:
    return list(await world.client.edit(edits))


def aliases(version: Version) -> set[str]:
    """The names that its own collection holds."""
    return {alias.name for alias in version.aliases if not alias.scope}


@needs("edit aliases")
async def test_aliases_are_added_and_removed(world: World) -> None:
    key = await world.make("a", aliases=["old", "kept"])
    (outcome,) = await edit(world, Edit(key, add_aliases=("new",), remove_aliases=("old",)))
    assert (outcome.key, outcome.result) == (key, Result.DONE)
    assert aliases((await listed(world.client))[key]) == {"new", "kept"}
    names = {name for name, _ in (await world.truth()).things[key].aliases}
    assert names == {"new", "kept"}


@needs("edit aliases")
async def test_an_alias_moves_and_the_answer_says_from_where(world: World) -> None:
    first = await world.make("a", aliases=["best"])
    second = await world.make("a")
    label = ((await listed(world.client))[first]).label
    (outcome,) = await edit(world, Edit(second, add_aliases=("best",)))
    assert outcome.result is Result.DONE
    assert outcome.message == f"best moved from {label}"
    assert aliases((await listed(world.client))[first]) == set()
    assert aliases((await listed(world.client))[second]) == {"best"}


@needs("edit aliases")
async def test_what_is_there_may_be_added_and_what_is_not_removed(world: World) -> None:
    key = await world.make("a", aliases=["there"])
    other = await world.make("a", aliases=["others"])
    change = Edit(key, add_aliases=("there",), remove_aliases=("never", "others"))
    assert results(await edit(world, change)) == [Result.DONE]
    assert aliases((await listed(world.client))[key]) == {"there"}
    assert aliases((await listed(world.client))[other]) == {"others"}, (
        "it is not on the version named"
    )


@needs("edit tags")
async def test_tags_are_added_and_removed(world: World) -> None:
    key = await world.make("a", tags=["old", "kept"])
    change = Edit(key, add_tags=("new", "kept"), remove_tags=("old", "never"))
    assert results(await edit(world, change)) == [Result.DONE]
    assert set((await listed(world.client))[key].tags) == {"new", "kept"}


@needs("edit ttl")
async def test_a_time_to_live_is_set_and_switched_off(world: World) -> None:
    key = await world.make("a")
    assert results(await edit(world, Edit(key, ttl_us=5 * HOUR))) == [Result.DONE]
    found = (await listed(world.client))[key]
    assert (found.ttl_us, found.ttl_inherited) == (5 * HOUR, False)
    assert results(await edit(world, Edit(key, ttl_us=TTL_OFF))) == [Result.DONE]
    found = (await listed(world.client))[key]
    assert (found.ttl_us, found.ttl_inherited) == (None, False)


@needs("edit ttl", "edit inherit")
async def test_a_time_to_live_can_be_inherited(world: World) -> None:
    key = await world.make("a", ttl_us=HOUR)
    assert results(await edit(world, Edit(key, ttl_us=TTL_INHERIT))) == [Result.DONE]
    assert (await listed(world.client))[key].ttl_inherited


@needs("edit ttl")
@without("edit inherit")
async def test_where_nothing_can_be_inherited_that_is_refused(world: World) -> None:
    key = await world.make("a", ttl_us=HOUR)
    (outcome,) = await edit(world, Edit(key, ttl_us=TTL_INHERIT))
    assert outcome.result is Result.REFUSED
    assert "inherit" in outcome.message
    assert (await listed(world.client))[key].ttl_us == HOUR


@needs("edit tags", "edit ttl")
async def test_what_an_edit_does_not_name_stays(world: World) -> None:
    key = await world.make("a", aliases=["best"], tags=["t"], ttl_us=HOUR)
    await edit(world, Edit(key, add_tags=("u",)))
    await edit(world, Edit(key, ttl_us=2 * HOUR))
    found = (await listed(world.client))[key]
    assert (aliases(found), set(found.tags), found.ttl_us) == ({"best"}, {"t", "u"}, 2 * HOUR)


@needs("edit tags")
async def test_there_is_one_outcome_for_each_in_order(world: World) -> None:
    keys = [await world.make("a") for _ in range(3)]
    edits = [Edit(key, add_tags=(f"t{at}",)) for at, key in enumerate(keys)]
    outcomes = await edit(world, *edits[:2], Edit(world.nobody, add_tags=("t",)), edits[2])
    assert [one.key for one in outcomes] == [*keys[:2], world.nobody, keys[2]]
    assert results(outcomes) == [Result.DONE, Result.DONE, Result.ABSENT, Result.DONE]
    assert [(await listed(world.client))[key].tags for key in keys] == [("t0",), ("t1",), ("t2",)]
    assert await edit(world) == []


@needs("edit aliases")
@pytest.mark.parametrize("name", ["", "a:b", "v3"])
async def test_what_cannot_be_an_alias_is_refused_and_nothing_changes(
    world: World, name: str
) -> None:
    key = await world.make("a", aliases=["best"])
    before = await world.truth()
    (outcome,) = await edit(world, Edit(key, add_aliases=(name,)))
    assert outcome.result is Result.REFUSED
    assert outcome.message
    assert await world.truth() == before


@needs("edit aliases", "trash")
async def test_a_deleted_version_is_absent(world: World) -> None:
    key = await world.make("a")
    await world.client.delete([Deletion(key)])
    assert results(await edit(world, Edit(key, add_aliases=("new",)))) == [Result.ABSENT]


@needs("edit aliases")
async def test_read_only_refuses_before_anything_is_sent(world: World) -> None:
    key = await world.make("a", aliases=["best"])
    before = await world.truth()
    reader = await world.reopen(read_only=True)
    sent = list(world.requests() or ())
    with pytest.raises(ReadOnlyError):
        await reader.edit([Edit(key, remove_aliases=("best",))])
    assert await world.truth() == before
    assert "DELETE" not in list(world.requests() or ())[len(sent) :]


async def test_who_edits_says_what(world: World) -> None:
    assert world.client.can("edit") == bool(world.client.edits)


@needs("edit aliases")
async def test_an_alias_moves_no_further_than_its_collection(world: World) -> None:
    first, second = await world.make("a", aliases=["best"]), await world.make("a")
    elsewhere = await world.make("b", aliases=["best"])
    assert results(await edit(world, Edit(second, add_aliases=("best",)))) == [Result.DONE]
    found = [aliases((await listed(world.client))[key]) for key in (first, second, elsewhere)]
    assert found == [set(), {"best"}, {"best"}]


@needs("edit aliases", "links")
async def test_an_alias_of_a_link_is_not_one_of_its_source(world: World) -> None:
    source = await world.make("a")
    link = await world.link(source, "shelf")
    assert results(await edit(world, Edit(link, add_aliases=("best",)))) == [Result.DONE]
    facts = await world.client.facts([source, link])
    assert [(one.name, bool(one.scope)) for one in facts[link].aliases] == [("best", False)]
    assert [(one.name, bool(one.scope)) for one in facts[source].aliases] == [("best", True)]
