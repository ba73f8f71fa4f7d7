"""Whole collections: one request for all that is in one, and for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import CollectionDeletion, Deletion, Result
from artifact_tui.testing.steps import collections_of, key_of, listed, live
from artifact_tui.testing.world import has, needs

if TYPE_CHECKING:
    from artifact_tui.testing.world import World


@needs("delete_collection")
async def test_facts_of_a_collection_are_those_of_its_live_versions(world: World) -> None:
    keys = [await world.make("m", aliases=[f"a{n}"]) for n in range(8)]
    await world.make("other")
    await world.client.delete([Deletion(keys[3], delete_aliases=True)])
    del keys[3]
    found = await world.client.collection_facts(await key_of(world.client, "m"))
    assert found == await world.client.facts(keys)
    assert found is not None
    assert set(found) == set(keys)


@needs("delete_collection")
async def test_facts_of_no_collection(world: World) -> None:
    key = await world.make("m")
    for unknown in ("", "nothing like it", world.nobody, key):
        assert await world.client.collection_facts(unknown) is None


@needs("delete_collection")
async def test_a_collection_goes_with_all_that_is_in_it_and_nothing_else(world: World) -> None:
    keys = [await world.make("m") for _ in range(7)]
    others = {await world.make("mm"), await world.make("n")}
    collection = await key_of(world.client, "m")
    outcome = await world.client.delete_collection(CollectionDeletion(collection))
    assert (outcome.key, outcome.result) == (collection, Result.DONE)
    assert await live(world) == others
    assert not set(keys) & await live(world)
    assert not await world.client.collection_facts(collection)
    names = set(await collections_of(world.client))
    assert names >= {"mm", "n"}
    assert names == {"mm", "n"} or has(world, "restore")  # what can come back may stay listed


@needs("delete_collection")
async def test_what_goes_along_with_a_collection_says_so_itself(world: World) -> None:
    key = await world.make("m")
    versions = await listed(world.client)
    facts = await world.client.facts([*versions])
    told = {now.goes_with: one for one, now in facts.items() if now.goes_with}
    assert key in facts
    homes = {one.collection_key for one in versions.values()}
    for home in homes | told.keys():
        assert world.client.goes_along(home) == told.get(home, "")


@needs("delete_collection", "aliases")
async def test_an_alias_in_it_needs_consent(world: World) -> None:
    await world.make("m")
    await world.make("m", aliases=["best"])
    collection = await key_of(world.client, "m")
    before = await world.truth()
    refused = await world.client.delete_collection(CollectionDeletion(collection))
    assert refused.result is Result.REFUSED
    assert "best" in refused.message
    assert await world.truth() == before
    consent = CollectionDeletion(collection, delete_aliases=True)
    assert (await world.client.delete_collection(consent)).result is Result.DONE
    assert await live(world) == set()


@needs("delete_collection")
async def test_a_collection_that_is_gone_is_absent(world: World) -> None:
    await world.make("m")
    kept = await world.make("n")
    collection = await key_of(world.client, "m")
    client = world.client
    assert (await client.delete_collection(CollectionDeletion(collection))).result is Result.DONE
    for key in (collection, "", "nothing like it", world.nobody, kept):
        outcome = await client.delete_collection(CollectionDeletion(key))
        assert (outcome.key, outcome.result) == (key, Result.ABSENT)
    assert await live(world) == {kept}


@needs("delete_collection")
@needs("links")
async def test_a_collection_of_links_goes_without_the_sources(world: World) -> None:
    sources = {await world.make("m") for _ in range(4)}
    for source in sources:
        await world.link(source, "shelf")
    collection = await key_of(world.client, "shelf")
    client = world.client
    found = await client.collection_facts(collection)
    assert found is not None
    assert {one.source_key for one in found.values()} == sources
    outcome = await client.delete_collection(CollectionDeletion(collection))
    assert (outcome.key, outcome.result) == (collection, Result.UNLINKED)
    assert await live(world) == sources
    assert set(await collections_of(world.client)) == {"m"}


@needs("delete_collection")
async def test_read_only_deletes_no_collection(world: World) -> None:
    await world.make("m")
    collection = await key_of(world.client, "m")
    before, client = await world.truth(), await world.reopen(read_only=True)
    seen = world.requests()
    with pytest.raises(ReadOnlyError):
        await client.delete_collection(CollectionDeletion(collection, delete_aliases=True))
    assert world.requests() == seen
    assert await world.truth() == before
