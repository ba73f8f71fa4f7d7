"""Links: versions shown in another collection, whose deletion is an unlinking and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.model import Alias, Deletion, Result
from artifact_tui.testing.steps import collections_of, fresh, live, results, versions_of
from artifact_tui.testing.world import needs

if TYPE_CHECKING:
    from artifact_tui.testing.world import World


@needs("links")
async def test_a_link_is_listed_where_it_is_shown_and_names_its_source(world: World) -> None:
    source = await world.make("m", aliases=["latest"])
    link = await world.link(source, "shelf", aliases=["best"])
    shelf = (await collections_of(world.client))["shelf"]
    assert shelf.links
    (shown,) = await versions_of(world.client, "shelf")
    assert (shown.key, shown.source_key, shown.links) == (link, source, ())
    (version,) = await versions_of(world.client, "m")
    assert version.source_key is None
    assert [one.key for one in version.links] == [link]
    assert version.digest == shown.digest


@needs("links")
async def test_aliases_belong_to_the_collection_that_holds_them(world: World) -> None:
    source = await world.make("m", aliases=["latest"])
    link = await world.link(source, "shelf", aliases=["best"])
    facts = await world.client.facts([source, link])
    for key, own, other in ((source, "latest", "best"), (link, "best", "latest")):
        mine = {one.name for one in facts[key].aliases if not one.scope}
        assert mine == {own}
        assert {one.name for one in facts[key].aliases if one.scope} == {other}
    (listed,) = await versions_of(world.client, "shelf")
    assert listed.aliases == facts[link].aliases


@needs("links")
async def test_facts_tell_links_from_sources(world: World) -> None:
    source = await world.make("m")
    links = [await world.link(source, name) for name in ("a", "b")]
    facts = await world.client.facts([source, *links])
    assert sorted(one.key for one in facts[source].links) == sorted(links)
    assert facts[source].source_key == ""
    for link in links:
        assert (facts[link].source_key, facts[link].links) == (source, ())
        assert facts[link].digest == facts[source].digest


@needs("links")
@pytest.mark.parametrize("consent", [False, True])
async def test_deleting_a_link_leaves_its_source_alive(world: World, consent: bool) -> None:  # noqa: FBT001
    source, other = await world.make("m", aliases=["latest"]), await world.make("m")
    link = await world.link(source, "shelf")
    deletion = await fresh(world, link, delete_aliases=consent, orphan_dependents=consent)
    assert results(await world.client.delete([deletion])) == [Result.UNLINKED]
    assert await live(world) == {source, other}
    facts = await world.client.facts([source, link])
    assert set(facts) == {source}
    assert facts[source].aliases == (Alias("latest"),)
    assert facts[source].links == ()


@needs("links")
async def test_a_link_is_unlinked_once(world: World) -> None:
    source = await world.make("m")
    link = await world.link(source, "shelf")
    outcomes = await world.client.delete([Deletion(link), Deletion(link)])
    assert results(outcomes) == [Result.UNLINKED, Result.ABSENT]
    assert results(await world.client.delete([Deletion(link)])) == [Result.ABSENT]
    assert await live(world) == {source}


@needs("links")
async def test_links_and_sources_in_one_call(world: World) -> None:
    sources = [await world.make("m") for _ in range(3)]
    links = [await world.link(source, "shelf") for source in sources]
    asked = [sources[0], links[1], links[0], sources[2]]
    outcomes = await world.client.delete([Deletion(key) for key in asked])
    assert [one.key for one in outcomes] == asked
    assert outcomes[0].result is Result.DONE
    assert outcomes[1].result is Result.UNLINKED
    assert outcomes[2].result in {Result.UNLINKED, Result.ABSENT}
    assert await live(world) == {sources[1]}
    assert set(await world.client.facts(links)) == set()


@needs("links")
async def test_deleting_a_source_takes_its_links(world: World) -> None:
    source = await world.make("m")
    link = await world.link(source, "shelf")
    assert results(await world.client.delete([Deletion(source)])) == [Result.DONE]
    assert link not in await world.client.facts([link])
