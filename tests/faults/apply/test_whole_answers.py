"""Whole collections at registries that answer strangely, and the consent that goes with them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import tasks, worker
from artifact_tui.deletion.confirmation import confirmation_of
from artifact_tui.deletion.items import ItemState, Options, Reason
from artifact_tui.model import CollectionDeletion, Deletion, Outcome, Result
from tests.servers.faulty.faulty import Rule, Script
from tests.servers.faulty.linked import LinkedClient
from tests.support.linked_world import EVERYTHING, WHOLE, LinkedWorld, by_key, run
from tests.support.world import HASTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Facts

S = ItemState


class Strange(LinkedClient):
    """It can be told to be strange, and remembers what it was asked."""

    def __init__(self, world: LinkedWorld) -> None:
        super().__init__(world.registry)
        self.identity = world.faulty().identity
        self.shells = False
        """Deleted collections are still there, empty."""
        self.unlisted: set[str] = set()
        """Versions that are there, and not listed."""
        self.answer: Outcome | None = None
        self.asked: list[Deletion | CollectionDeletion] = []

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        found = await super().collection_facts(collection_key)
        if found is None:
            return {} if self.shells else None
        return {key: facts for key, facts in found.items() if key not in self.unlisted}

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        self.asked += deletions
        return await super().delete(deletions)

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        self.asked.append(deletion)
        return self.answer or await super().delete_collection(deletion)


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def items(plan: Plan) -> dict[str, Item]:
    return by_key(list(plan.every_item()))


@pytest.mark.parametrize("count", [0, 2])
def test_an_empty_shell_of_a_deleted_collection_counts_as_gone(
    world: LinkedWorld, count: int
) -> None:
    world.registry.collection("m")
    keys = [world.registry.add("m") for _ in range(count)]
    client = Strange(world)
    client.shells = True
    with world.plan(keys, WHOLE, collections=["m"]) as plan:
        run(plan, client)
        assert {item.state for item in items(plan).values()} == {S.VERIFIED}


def test_an_empty_collection_that_the_registry_would_not_delete_is_not_gone(
    world: LinkedWorld,
) -> None:
    world.registry.collection("empty")
    client = world.faulty(Script((Rule("delete_collection", "failed"),)))
    with world.plan([], collections=["empty"]) as plan:
        run(plan, client)
        assert items(plan)["empty"].state is S.FAILED


def test_an_answer_about_something_else_is_no_answer(world: LinkedWorld) -> None:
    key = world.registry.add("m")
    client = Strange(world)
    client.answer = Outcome("another", Result.REFUSED, "no")
    with world.plan([key], WHOLE) as plan:
        run(plan, client)
        found = items(plan)
    assert (found["m"].state, found["m"].reason) == (S.FAILED, Reason.NO_ANSWER)
    assert found[key].state is S.VERIFIED


def test_a_version_that_is_there_and_not_listed_is_looked_at_as_well(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(2)]
    client = Strange(world)
    client.unlisted = {keys[1]}
    with world.plan(keys, WHOLE) as plan:
        world.registry.alias("m", keys[1], "new")
        run(plan, client)
        found = items(plan)
    assert found["m"].reason is Reason.COLLECTION_CHANGED
    assert found[keys[1]].state is S.REFUSED
    assert world.registry.live() == {keys[1]}


def test_a_version_that_is_gone_is_not_sent_again_with_its_collection(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(3)]

    def someone(op: str, call: int) -> None:
        if (op, call) == ("delete_collection", 1):
            world.registry.trash(keys[0])

    client = world.faulty(Script((Rule("delete_collection", "failed", 1),)), someone)
    with world.plan(keys, WHOLE) as plan:
        run(plan, client)
        found = by_key(list(plan.every_item()))
    tries = [(found[key].state, found[key].attempts) for key in ("m", *keys)]
    assert tries == [(S.VERIFIED, 2), (S.VERIFIED, 1), (S.VERIFIED, 2), (S.VERIFIED, 2)]


def test_a_version_that_was_refused_is_not_taken_along_by_a_retry(
    world: LinkedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    monkeypatch.setattr(worker, "start", lambda _, **__: 0)
    rules = (Rule("delete_collection", "failed"), Rule("delete", "refused", keys=(keys[1],)))
    with world.plan(keys, WHOLE) as plan:
        run(plan, world.faulty(Script(rules)))
        assert items(plan)[keys[1]].reason is Reason.REGISTRY_REFUSED
        assert tasks.retry_failed(plan.path) == 1
        run(plan, world.faulty())
        found = items(plan)
    assert (found["m"].state, found["m"].detail) == (S.REFUSED, "m:m-1")
    assert world.registry.live() == {keys[1]}


def test_why_it_is_uncertain_is_kept(world: LinkedWorld) -> None:
    key = world.registry.add("m")
    silent = [Rule("collection", "raise", call) for call in range(2, 6)]
    client = world.faulty(Script((Rule("delete_collection", "raise-after"), *silent)))
    with world.plan([key], WHOLE) as plan:
        run(plan, client)
        found = items(plan)
    assert {item.state for item in found.values()} == {S.SENT}
    assert all("cannot be reached" in item.error for item in found.values())
    assert {item.reason for item in found.values()} == {Reason.NO_ANSWER}


@pytest.mark.parametrize("aliased", [False, True])
def test_consent_goes_only_with_aliases_that_were_reviewed(
    world: LinkedWorld, *, aliased: bool
) -> None:
    keys = [world.registry.add("m", aliases=["best"] if aliased else []) for _ in range(1)]
    client = Strange(world)
    with world.plan(keys, EVERYTHING) as plan:
        run(plan, client)
    (asked,) = client.asked
    consent = CollectionDeletion("m", delete_aliases=aliased, versions=frozenset(keys))
    assert replace(asked, until=inf) == consent


def test_an_unlinking_never_asks_to_delete_aliases(world: LinkedWorld) -> None:
    key = world.registry.add("m", aliases=["latest"])
    links = [world.registry.link("best", key, aliases=["prod"])]
    world.registry.link("best", world.registry.add("m"))
    client = Strange(world)
    with world.plan(links, Options(delete_aliases=True)) as plan:
        assert confirmation_of(plan).prompt == "type 1 to unlink"
        run(plan, client)
    (asked,) = client.asked
    assert isinstance(asked, Deletion)
    assert replace(asked, begun_us=None, until=inf) == Deletion(links[0])


class Crowded(Strange):
    """It answers after the first collection only to as many at once as are to come."""

    def __init__(self, world: LinkedWorld) -> None:
        super().__init__(world)
        self.crowd = asyncio.Barrier(HASTE.wholes)
        self.active: list[int] = []
        self._now = 0

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        self._now += 1
        self.active.append(self._now)
        if len(self.active) > 1:
            async with asyncio.timeout(5):
                await self.crowd.wait()
        outcome = await super().delete_collection(deletion)
        self._now -= 1
        return outcome


def test_the_first_collection_goes_alone_and_then_some_at_once(world: LinkedWorld) -> None:
    keys = [world.registry.add(f"m{number}") for number in range(2 * HASTE.wholes + 1)]
    client = Crowded(world)
    with world.plan(keys, WHOLE) as plan:
        run(plan, client)
        assert {item.state for item in items(plan).values()} == {S.VERIFIED}
    assert len(client.active) == len(keys)
    assert (client.active[0], max(client.active)) == (1, HASTE.wholes)
    assert client.active[1] == 1
