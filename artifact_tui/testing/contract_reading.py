"""Collections, versions, edges, files and facts, page by page."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import NotFoundError
from artifact_tui.model import Alias, Deletion, Edge, VersionState
from artifact_tui.testing.steps import collections_of, listed, versions_of
from artifact_tui.testing.world import HOUR, has, needs

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.testing.world import World


async def test_an_empty_registry_lists_nothing(world: World) -> None:
    async for part in world.client.listing():
        assert (part.collections, part.versions, part.edges) == ((), (), ())
    assert await world.client.facts([]) == {}


async def test_identity_stays_the_same_and_names_the_kind(world: World) -> None:
    again = await world.reopen(read_only=True)
    assert again.identity == world.client.identity
    assert world.client.identity.uid
    assert world.client.identity.address.partition(":")[0]
    assert not world.client.read_only
    assert again.read_only


async def test_every_collection_is_listed(world: World) -> None:
    names = [f"c{n}" for n in range(8)]
    for name in names:
        await world.make(name, kind="dataset")
    found = await collections_of(world.client)
    assert found.keys() >= set(names)
    assert len({one.key for one in found.values()}) == len(found)
    if has(world, "types"):
        assert {found[name].type for name in names} == {"dataset"}


async def test_every_version_is_listed_and_counted_as_it_was_made(world: World) -> None:
    keys = [await world.make("series") for _ in range(10)]
    found = await versions_of(world.client, "series")
    assert [one.key for one in found] == keys
    told = [one.ordinal for one in found if one.ordinal is not None]
    assert told == sorted(told)
    assert len(told) in {0, len(found)}
    assert len({one.label for one in found}) == len(keys)


async def test_a_collection_is_told_before_its_versions(world: World) -> None:
    for number in range(10):
        await world.make(f"c{number // 2}")
    known: set[str] = set()
    async for part in world.client.listing():
        known |= {one.key for one in part.collections}
        assert {one.collection_key for one in part.versions} <= known
        assert part.complete


async def test_keys_are_text_that_can_be_written_anywhere(world: World) -> None:
    """SQLite's JSON functions end a text at a NUL, and terminals act on control characters."""
    key = await world.make("m")
    if has(world, "links"):
        await world.link(key, "shown")
    homes = (await collections_of(world.client)).values()
    for key in (*await listed(world.client), *(one.key for one in homes)):
        assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in key), ascii(key)


@needs("bytes", "aliases", "ttl")
async def test_a_version_says_what_is_known_about_it(world: World) -> None:
    key = await world.make(
        "m", files={"a": b"12", "d/b": b"345"}, aliases=["one"], tags=["t", "s"], ttl_us=HOUR
    )
    (version,) = await versions_of(world.client, "m")
    assert version.key == key
    assert version.state is VersionState.LIVE
    assert (version.size, version.file_count) == (5, 2)
    assert Alias("one") in version.aliases
    assert version.tags == ("s", "t")
    assert version.ttl_us == HOUR
    assert version.created_us == world.now_us
    assert version.digest


async def test_deleting_while_it_is_listed_hides_nothing_else(world: World) -> None:
    """Where cursors are positions, what goes shifts all that comes after it."""
    keys = [await world.make(f"c{number % 4}") for number in range(12)]
    seen: set[str] = set()
    async for part in world.client.listing():
        new = [one.key for one in part.versions if one.key not in seen]
        seen.update(new)
        await world.client.delete([Deletion(key, delete_aliases=True) for key in new[:1]])
    assert seen >= set(keys)


@needs("trash")
async def test_versions_in_the_trash_are_listed(world: World) -> None:
    key, other = await world.make("m"), await world.make("m")
    await world.client.delete([Deletion(key)])
    found = {one.key: one.state for one in await versions_of(world.client, "m")}
    assert found == {key: VersionState.TRASH, other: VersionState.LIVE}


@needs("trash", "deleter")
async def test_versions_in_the_trash_are_listed_with_who_and_when(world: World) -> None:
    key = await world.make("m")
    await world.client.delete([Deletion(key)])
    (version,) = await versions_of(world.client, "m")
    assert version.state is VersionState.TRASH
    assert version.deleted_us == world.now_us
    assert version.deleted_by == "tester"


@needs("lineage", "edges")
async def test_every_edge_is_listed_once(world: World) -> None:
    parents = [await world.make("p") for _ in range(4)]
    children = [await world.make("c", parents=parents) for _ in range(3)]
    found = [edge async for part in world.client.listing() for edge in part.edges]
    assert sorted(found) == sorted(Edge(p, c) for p in parents for c in children)


@needs("bytes", "files")
async def test_files_come_by_path_with_their_sizes(world: World) -> None:
    key = await world.make("m", files={"b": b"22", "a/x": b"1", "a.txt": b"4444"})
    files = await world.client.files(key)
    assert [(one.path, one.size) for one in files] == [("a.txt", 4), ("a/x", 1), ("b", 2)]


@needs("sizes")
async def test_sizes_that_are_not_listed_are_told_when_asked(world: World) -> None:
    sizes = {await world.make("m", files={"a": b"x" * size}): size for size in (0, 3, 700)}
    assert {one.size for one in await versions_of(world.client, "m")} == {None}
    assert await world.client.sizes([*sizes, world.nobody]) == sizes
    assert await world.client.sizes([]) == {}


@needs("bytes", "files")
async def test_files_told_with_the_listing_are_those_of_the_version(world: World) -> None:
    for number in range(5):
        await world.make("m", files={"own": str(number).encode(), "shared": b"the same"})
    told = {
        key: files async for part in world.client.listing() for key, files in part.files.items()
    }
    for key, files in told.items():
        assert files == await world.client.files(key)


@needs("files")
async def test_files_of_no_version_are_not_found(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.client.files("nothing like it")


@needs("local_files")
async def test_the_files_that_hold_a_version_are_told(world: World) -> None:
    key = await world.make("m", files={"b": b"22", "a/x": b"1"})
    held = (await world.client.local_files(key)).values()
    contents = {one.place: one.place.read_bytes() for one in held}
    assert {b"22", b"1"} <= set(contents.values())
    for one in held:
        assert not one.place.is_symlink()
        assert one.digest in {"", f"sha256:{hashlib.sha256(contents[one.place]).hexdigest()}"}
    with pytest.raises(NotFoundError):
        await world.client.local_files(world.nobody)


@needs("in_use")
async def test_bytes_that_have_a_name_elsewhere_are_held(world: World, tmp_path: Path) -> None:
    async def held() -> set[str]:
        return {one async for part in world.client.listing() for one in part.held or ()}

    key = await world.make("m")
    assert await held() == set()
    (tmp_path / "outside").hardlink_to(world.file(key))
    assert len(await held()) == 1
    assert await held() <= {one.digest for one in await world.client.files(key)}
    (tmp_path / "outside").unlink()
    assert await held() == set()


async def test_facts_leave_out_what_is_gone(world: World) -> None:
    key = await world.make("m")
    found = await world.client.facts([key, "nothing like it"])
    assert set(found) == {key}
    assert found[key].state is VersionState.LIVE


@needs("aliases")
async def test_facts_have_every_alias_sorted(world: World) -> None:
    key = await world.make("m", aliases=["b", "a"])
    facts = (await world.client.facts([key]))[key]
    assert facts.aliases == (Alias("a"), Alias("b"))


@needs("aliases", "told_protection")
async def test_facts_tell_which_alias_is_protected(world: World) -> None:
    key = await world.make("m", aliases=["a"], protected=["production"])
    facts = (await world.client.facts([key]))[key]
    assert facts.aliases == (Alias("a"), Alias("production", protected=True))


@needs("dependents")
async def test_dependents_are_the_nearest_live_versions(world: World) -> None:
    top = await world.make("a")
    middle = [await world.make("b", parents=[top]) for _ in range(2)]
    low = await world.make("c", parents=middle)
    assert (await world.client.facts([top]))[top].dependents == tuple(sorted(middle))
    assert (await world.client.facts([low]))[low].dependents == ()


@needs("lineage", "trash")
async def test_a_dependent_in_the_trash_passes_on_its_own_dependents(world: World) -> None:
    top = await world.make("a")
    middle = await world.make("b", parents=[top])
    low = await world.make("c", parents=[middle])
    await world.client.delete([Deletion(middle, orphan_dependents=True)])
    assert (await world.client.facts([top]))[top].dependents == (low,)
    await world.client.delete([Deletion(low)])
    assert (await world.client.facts([top]))[top].dependents == ()


@needs("tokens", "aliases", "lineage")
async def test_a_token_changes_with_each_fact_and_with_nothing_else(world: World) -> None:
    key = await world.make("m")
    seen = []

    async def token() -> str:
        return (await world.client.facts([key]))[key].token

    seen.append(await token())
    await world.alias(key, "one")
    seen.append(await token())
    await world.alias(key, "one", protected=True)
    seen.append(await token())
    await world.make("n", parents=[key])
    seen.append(await token())
    assert all(seen)
    assert len(set(seen)) == len(seen)
    await world.make("unrelated", aliases=["one"])
    world.advance(HOUR)
    assert await token() == seen[-1]


async def test_facts_name_a_version_as_the_listing_does(world: World) -> None:
    keys = [await world.make("m"), await world.make("n", kind="dataset"), await world.make("n2")]
    names = {one.key: one for one in (await collections_of(world.client)).values()}
    shown = {
        key: (names[one.collection_key].name, one.label, names[one.collection_key].type)
        for key, one in (await listed(world.client)).items()
    }
    facts = await world.client.facts(keys)
    found = {key: (one.collection, one.label, one.type) for key, one in facts.items()}
    assert found == {key: shown[key] for key in keys}
