"""Every item ends in one true state: what is learnt late, and what is settled before giving up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import tasks
from artifact_tui.deletion.items import ItemState, Reason
from artifact_tui.deletion.plan import Status
from artifact_tui.errors import NotToldError
from artifact_tui.model import Outcome, Result
from tests.servers.faulty.faulty import FaultyClient, Rule, Script
from tests.support.linked_world import WHOLE, LinkedWorld, by_key, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import CollectionDeletion, Deletion, Facts

S = ItemState


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def items(plan: Plan) -> dict[str, Item]:
    return by_key(list(plan.every_item()))


def states(plan: Plan) -> dict[str, ItemState]:
    return {key: item.state for key, item in items(plan).items()}


class Moody(FaultyClient):
    """What it would not tell about changes with what it is asked to delete."""

    def __init__(self, world: LinkedWorld, script: Script, moods: Mapping[str, set[str]]) -> None:
        super().__init__(world.client, script, world.path)
        self._untold: set[str] = set()
        self._moods = moods
        """By the key of what is deleted: what is not told from then on."""

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        self._refuse(keys)
        return await super().facts(keys)

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        self._refuse([collection_key])
        return await super().collection_facts(collection_key)

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        for one in deletions:
            self._untold = self._moods.get(one.key, self._untold)
        return await super().delete(deletions)

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        self._untold = self._moods.get(deletion.key, self._untold)
        return await super().delete_collection(deletion)

    def _refuse(self, keys: Sequence[str]) -> None:
        if not self._untold.isdisjoint(keys):
            raise NotToldError("permission denied")


def test_a_lie_that_only_shows_when_its_level_is_over_is_found_out(world: LinkedWorld) -> None:
    liar, parent = world.registry.add("m"), world.registry.add("m")
    child = world.registry.add("m", parents=[parent])
    script = Script((Rule("delete", "done", keys=(liar,)),))
    with world.plan([liar, parent, child]) as plan:
        ending = run(plan, Moody(world, script, {liar: {liar}, parent: set()}))
        item = items(plan)[liar]
        assert ending.status is Status.FINISHED
        assert (item.state, item.reason, item.retryable) == (S.FAILED, Reason.STILL_THERE, True)
        assert {states(plan)[key] for key in (parent, child)} == {S.VERIFIED}


def test_a_refused_collection_that_is_not_told_leaves_its_versions_to_their_turn(
    world: LinkedWorld,
) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    script = Script((Rule("delete_collection", "refused"),))
    with world.plan(keys, WHOLE) as plan:
        ending = run(plan, Moody(world, script, {"m": {"m"}}))
        assert ending.status is Status.FINISHED
        assert states(plan) == {"m": S.REFUSED} | dict.fromkeys(keys, S.VERIFIED)


@pytest.mark.parametrize("outage", [1, 30])
def test_who_cancels_is_told_what_became_of_what_was_sent(world: LinkedWorld, outage: int) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    rules = [Rule("facts", "raise", number) for number in range(2, 2 + outage)]
    script = Script((Rule("delete", "raise-after", 1), *rules))
    with world.plan(keys) as plan:

        def cancel(op: str, call: int) -> None:
            if (op, call) == ("facts", 2):
                tasks.cancel(plan.path)

        ending = run(plan, world.faulty(script, cancel))
        if outage > 1:
            assert ending.status is Status.INTERRUPTED
            assert plan.summary.states == {S.SENT: 1, S.NOT_TRIED: 2}
            ending = run(plan, world.faulty())
        assert ending.status is Status.CANCELLED
        assert plan.summary.states == {S.VERIFIED: 1, S.NOT_TRIED: 2}


class Late(FaultyClient):
    """It deletes a whole collection after it was asked whether it has; then somebody cancels."""

    def __init__(self, world: LinkedWorld, plan: Plan, answer: Result) -> None:
        super().__init__(world.client, Script(), world.path)
        self._world = world
        self._plan = plan
        self._answer = answer
        self._asked = False

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        self._asked = True
        return Outcome(deletion.key, self._answer)

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        found = await super().collection_facts(collection_key)
        if self._asked and found:
            self._world.registry.drop(collection_key)
            tasks.cancel(self._plan.path)
        return found


@pytest.mark.parametrize("answer", [Result.UNKNOWN, Result.ACCEPTED])
def test_what_went_late_with_a_whole_collection_is_not_called_not_tried(
    world: LinkedWorld, answer: Result
) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    with world.plan(keys, WHOLE) as plan:
        ending = run(plan, Late(world, plan, answer))
        assert ending.status is Status.CANCELLED
        assert set(states(plan).values()) == {S.VERIFIED}


class Slow(FaultyClient):
    """It accepts every deletion, and does none before it is asked to; the first call cancels."""

    def __init__(self, world: LinkedWorld, plan: Plan, *, does: bool) -> None:
        super().__init__(world.client, Script(), world.path)
        self._plan = plan
        self._does = does

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        tasks.cancel(self._plan.path)
        self.accepted = deletions
        return [Outcome(one.key, Result.ACCEPTED) for one in deletions]

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        found = await super().facts(keys)
        if self._does and self._plan.want.value == "cancel":
            await self._inner.delete(self.accepted)
        return found


@pytest.mark.parametrize(("does", "state"), [(True, S.VERIFIED), (False, S.FAILED)])
def test_what_was_accepted_has_an_end_when_the_rest_is_cancelled(
    world: LinkedWorld, *, does: bool, state: ItemState
) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    with world.plan(keys) as plan:
        ending = run(plan, Slow(world, plan, does=does))
        assert ending.status is Status.CANCELLED
        assert plan.summary.states == {state: 1, S.NOT_TRIED: 2}
