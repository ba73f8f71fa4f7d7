"""Registries that tell lineage when asked: what a review says before, and after."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from artifact_tui import catalog
from artifact_tui.catalog.sync import sync
from artifact_tui.deletion.items import Action, Options, Reason, Verdict
from artifact_tui.model import Lineage, Listed, Relative
from tests.servers.faulty.linked import LinkedClient
from tests.support.linked_world import LinkedWorld, by_key
from tests.support.reviewing import asked_lineage, draft_of
from tests.support.world import NOW_US

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.deletion.items import Item

ELSEWHERE = Relative("far/0", "other/project/far:v0")


class Asked(LinkedClient):
    """It tells lineage only when asked; some of it is of projects that are not listed."""

    def __init__(self, world: LinkedWorld) -> None:
        super().__init__(world.registry)
        self.asked: list[str] = []
        self.far: set[str] = set()
        """Versions of which something elsewhere was made."""
        self.silent: set[str] = set()
        self.unused: set[str] = set()
        """Versions that no run used."""

    async def listing(self) -> AsyncGenerator[Listed, None]:
        async for part in super().listing():
            unused = (replace(v, used_count=int(v.key not in self.unused)) for v in part.versions)
            yield Listed(part.collections, tuple(unused))

    async def lineage(self, keys: Sequence[str], *, parents: bool = False) -> Mapping[str, Lineage]:
        assert not parents
        self.asked += keys
        facts = self.registry.facts(keys)
        return {
            key: Lineage(
                tuple(Relative(d, d) for d in facts[key].dependents)
                + ((ELSEWHERE,) if key in self.far else ())
            )
            for key in keys
            if key not in self.silent
        }


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def reviewed(
    world: LinkedWorld, client: Asked, keys: list[str], options: Options
) -> dict[str, Item]:
    with closing(catalog.connect(world.catalog)) as conn:
        draft = draft_of(
            conn,
            identity=client.identity,
            name="here",
            selection=keys,
            options=options,
            now_us=NOW_US,
            client=client,
        )
    return by_key(draft.items)


def test_a_review_knows_what_was_asked_before(world: LinkedWorld) -> None:
    base = world.registry.add("base")
    tuned = world.registry.add("tuned", parents=[base])
    shown = world.registry.link("best", tuned)
    client, options = Asked(world), Options(break_links=True)
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    before = reviewed(world, client, [base, tuned, shown], options)
    assert before[base].reason is before[tuned].reason is Reason.LINEAGE_UNKNOWN
    assert before[shown].verdict is Verdict.DELETE, "a link has no lineage of its own"
    assert asyncio.run(asked_lineage(client, world.catalog, [base, tuned, shown], options)) == ""
    assert sorted(client.asked) == [base, tuned]
    after = reviewed(world, client, [base, tuned, shown], options)
    assert {item.verdict for item in after.values()} == {Verdict.DELETE}
    assert after[base].facts.dependents == (tuned,)
    assert after[base].level > after[tuned].level > after[shown].level


def test_dependents_elsewhere_are_named_and_block(world: LinkedWorld) -> None:
    base = world.registry.add("base")
    client = Asked(world)
    client.far = {base}
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    asyncio.run(asked_lineage(client, world.catalog, [base], Options()))
    (item,) = reviewed(world, client, [base], Options()).values()
    assert (item.verdict, item.reason) == (Verdict.BLOCKED, Reason.DEPENDENTS)
    assert item.detail == "other/project/far:v0"
    assert item.facts.dependents == ("far/0",)


def test_dependents_elsewhere_are_seen_through_the_trash(world: LinkedWorld) -> None:
    base = world.registry.add("base")
    tuned = world.registry.add("tuned", parents=[base])
    client = Asked(world)
    client.far = {tuned}
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    asyncio.run(asked_lineage(client, world.catalog, [base, tuned], Options()))
    world.registry.trash(tuned)
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    (item,) = reviewed(world, client, [base], Options()).values()
    assert (item.reason, item.facts.dependents) == (Reason.DEPENDENTS, ("far/0",))
    assert item.detail == "other/project/far:v0"


def test_with_dependents_all_that_was_made_from_it_is_asked_about(world: LinkedWorld) -> None:
    base = world.registry.add("base")
    tuned = world.registry.add("tuned", parents=[base])
    small = world.registry.add("small", parents=[tuned])
    client, options = Asked(world), Options(with_dependents=True)
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    asyncio.run(asked_lineage(client, world.catalog, [base], options))
    assert client.asked == [base, tuned, small]
    after = reviewed(world, client, [base], options)
    assert set(after) == {base, tuned, small}
    assert {item.verdict for item in after.values()} == {Verdict.DELETE}


def test_what_no_run_used_has_no_dependents(world: LinkedWorld) -> None:
    used, unused = world.registry.add("base"), world.registry.add("base")
    client = Asked(world)
    client.unused = {unused}
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    found = reviewed(world, client, [used, unused], Options())
    assert found[used].reason is Reason.LINEAGE_UNKNOWN
    assert found[unused].verdict is Verdict.DELETE


def test_what_the_registry_would_not_tell_needs_consent(world: LinkedWorld) -> None:
    base = world.registry.add("base")
    client = Asked(world)
    client.silent = {base}
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    missing = asyncio.run(asked_lineage(client, world.catalog, [base], Options()))
    assert missing == "the registry told nothing about 1 of 1 version"
    (item,) = reviewed(world, client, [base], Options()).values()
    assert (item.verdict, item.reason) == (Verdict.CONSENT, Reason.LINEAGE_UNKNOWN)


def test_named_collections_are_asked_about_too(world: LinkedWorld) -> None:
    keys = [world.registry.add("base") for _ in range(2)]
    client = Asked(world)
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    asyncio.run(asked_lineage(client, world.catalog, [], Options(), collections=["base"]))
    assert sorted(client.asked) == keys


def test_nothing_is_asked_where_a_sync_tells_or_nothing_is_deleted(world: LinkedWorld) -> None:
    key = world.registry.add("base")
    client = Asked(world)
    asyncio.run(sync(client, world.catalog, now_us=NOW_US))
    purge = Options(action=Action.PURGE)
    assert asyncio.run(asked_lineage(client, world.catalog, [key], purge)) == ""
    assert asyncio.run(asked_lineage(world.client, world.catalog, [key], Options())) == ""
    assert client.asked == []
