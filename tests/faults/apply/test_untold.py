"""What the registry would not tell about stays, in its words; everything else goes its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import calls
from artifact_tui.deletion.items import ItemState, Reason
from artifact_tui.deletion.plan import Status
from artifact_tui.errors import NotToldError
from tests.servers.faulty.faulty import FaultyClient, Rule, Script
from tests.support.linked_world import WHOLE, LinkedWorld, by_key, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Deletion, Facts, Outcome

S = ItemState
WORDS = "W&B refused reading versions: permission denied"


class Silent(FaultyClient):
    """It would not tell about some versions, or collections."""

    def __init__(self, world: LinkedWorld, *untold: str, script: Script | None = None) -> None:
        super().__init__(world.client, script or Script(), world.path)
        self.untold = set(untold)
        self.after_deleting: set[str] = set()
        """These it tells about until something was deleted."""

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        found = await super().facts(keys)
        self._refuse(keys)
        return found

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        found = await super().collection_facts(collection_key)
        self._refuse([collection_key, *(found or ())])
        return found

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        self.untold |= self.after_deleting
        return await super().delete(deletions)

    def _refuse(self, keys: Sequence[str]) -> None:
        if not self.untold.isdisjoint(keys):
            raise NotToldError(WORDS, hint="Ask somebody who may see it.")


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def items(plan: Plan) -> dict[str, Item]:
    return by_key(list(plan.every_item()))


def sent(world: LinkedWorld) -> set[str]:
    return {key for _, keys in world.sent() for key in keys}


@pytest.mark.parametrize("places", [(0,), (7,), (29,), (3, 4, 20), range(30)])
def test_only_what_is_not_told_fails_and_is_never_sent(
    world: LinkedWorld, places: Sequence[int]
) -> None:
    keys = [world.registry.add("m") for _ in range(30)]
    untold = {keys[place] for place in places}
    with world.plan(keys) as plan:
        ending = run(plan, Silent(world, *untold))
        found = items(plan)
    assert ending.status is Status.FINISHED
    assert {key for key in keys if found[key].state is S.VERIFIED} == set(keys) - untold
    for key in untold:
        item = found[key]
        assert (item.state, item.reason, item.retryable) == (S.FAILED, Reason.NOT_TOLD, True)
        assert (item.error, item.attempts) == (WORDS, 0)
    assert world.registry.live() == untold
    assert sent(world) == set(keys) - untold


def test_what_is_told_on_the_next_try_goes_after_all(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(12)]
    client = Silent(world, keys[5])
    real = client.delete

    async def delete(deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        if keys[-1] in {one.key for one in deletions}:
            client.untold.clear()
        return await real(deletions)

    client.delete = delete  # type: ignore[method-assign]
    with world.plan(keys) as plan:
        run(plan, client)
        assert plan.summary.states == {S.VERIFIED: 12}


def test_a_registry_that_tells_about_nothing_any_more_is_not_asked_about_everything(
    world: LinkedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "DARK", 20)
    keys = [world.registry.add("m") for _ in range(200)]
    with world.plan(keys) as plan:
        ending = run(plan, Silent(world, *keys[11:]))
        assert (ending.status, ending.why) == (Status.INTERRUPTED, WORDS)
        assert plan.summary.states[S.VERIFIED] == 11
        assert plan.summary.states[S.PLANNED] > 100
    asked = [line for line in world.faulty().served.lines() if line["op"] == "facts"]
    assert len(asked) < 150
    assert sent(world) == set(keys[:11])


def test_many_in_a_row_that_are_asked_about_again_are_no_such_registry(
    world: LinkedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "DARK", 20)
    keys = [world.registry.add("m") for _ in range(60)]
    untold = set(keys[::3])
    with world.plan(keys) as plan:
        assert run(plan, Silent(world, *untold)).status is Status.FINISHED
        assert plan.summary.states == {S.VERIFIED: 40, S.FAILED: 20}
    assert world.registry.live() == untold


def test_a_parent_of_what_is_not_told_stays(world: LinkedWorld) -> None:
    parent = world.registry.add("m")
    child = world.registry.add("m", parents=[parent])
    other = world.registry.add("m")
    with world.plan([parent, child, other]) as plan:
        run(plan, Silent(world, child))
        found = items(plan)
    assert (found[child].state, found[child].reason) == (S.FAILED, Reason.NOT_TOLD)
    assert (found[parent].state, found[parent].reason) == (S.REFUSED, Reason.DEPENDENT_STAYS)
    assert found[other].state is S.VERIFIED


def test_what_is_not_told_after_it_was_deleted_is_not_called_verified(world: LinkedWorld) -> None:
    key = world.registry.add("m")
    client = Silent(world)
    client.after_deleting = {key}
    with world.plan([key]) as plan:
        ending = run(plan, client)
        (item,) = plan.every_item()
    assert (ending.status, item.state) == (Status.FINISHED, S.DELETED)


def test_what_was_perhaps_done_and_is_not_told_stays_open_and_holds_up_nothing(
    world: LinkedWorld,
) -> None:
    keys = [world.registry.add("m") for _ in range(6)]
    script = Script((Rule("delete", "unknown", 1),))
    client = Silent(world, script=script)
    client.after_deleting = {keys[0]}
    with world.plan(keys) as plan:
        ending = run(plan, client)
        found = items(plan)
        assert ending.status is Status.INTERRUPTED
        assert (found[keys[0]].state, found[keys[0]].error) == (S.SENT, "a scripted fault")
        assert {found[key].state for key in keys[1:]} == {S.VERIFIED}
        ending = run(plan, Silent(world, keys[0]))
        found = items(plan)
        assert ending.status is Status.INTERRUPTED
        assert (found[keys[0]].state, found[keys[0]].error) == (S.SENT, WORDS)
        assert run(plan, Silent(world)).status is Status.FINISHED
        assert plan.summary.states == {S.VERIFIED: 6}


def test_a_resumed_plan_settles_the_others(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(6)]
    rules = [Rule("facts", "raise", call) for call in range(3, 20)]
    lost = world.faulty(Script((Rule("delete", "raise-after", 2), *rules)))
    with world.plan(keys) as plan:
        assert run(plan, lost).status is Status.INTERRUPTED
        assert plan.summary.states == {S.VERIFIED: 1, S.SENT: 5}
        assert run(plan, Silent(world, keys[3])).status is Status.INTERRUPTED
        found = items(plan)
    assert found[keys[3]].state is S.SENT
    assert {found[key].state for key in keys if key != keys[3]} == {S.VERIFIED}


def test_a_whole_collection_that_is_not_told_goes_version_by_version(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(4)]
    others = [world.registry.add("n") for _ in range(4)]
    with world.plan([*keys, *others], WHOLE) as plan:
        ending = run(plan, Silent(world, keys[2]))
        found = items(plan)
        whole = {item.name: item for item in found.values() if item.kind == "collection"}
    assert ending.status is Status.FINISHED
    assert (whole["m"].state, whole["m"].reason) == (S.FAILED, Reason.NOT_TOLD)
    assert whole["n"].state is S.VERIFIED
    assert [found[key].state for key in keys] == [S.VERIFIED, S.VERIFIED, S.FAILED, S.VERIFIED]
    assert world.registry.live() == {keys[2]}


def test_a_whole_collection_of_which_nobody_tells_what_became_stays_open(
    world: LinkedWorld,
) -> None:
    keys = [world.registry.add("m") for _ in range(4)]
    others = [world.registry.add("n") for _ in range(4)]
    script = Script((Rule("delete_collection", "unknown-after", 1),))
    client = Silent(world, script=script)
    plain = client.delete_collection

    with world.plan([*keys, *others], WHOLE) as plan:
        first = next(item for item in plan.every_item() if item.kind == "collection")

        async def delete_collection(deletion: object) -> Outcome:
            answer = await plain(deletion)  # type: ignore[arg-type]
            if answer.key == first.key:
                client.untold = {first.key}
            return answer

        client.delete_collection = delete_collection  # type: ignore[method-assign]
        ending = run(plan, client)
        found = items(plan)
        assert ending.status is Status.INTERRUPTED
        assert found[first.key].state is S.SENT
        inside = keys if found[keys[0]].belongs == first.seq else others
        assert {key for key in found if found[key].state is S.SENT} == {first.key, *inside}
        assert run(plan, Silent(world)).status is Status.FINISHED
        assert {item.state for item in items(plan).values()} == {S.VERIFIED}


def test_where_a_circle_is_not_told_in_full_none_goes_that_it_was_made_from(
    world: LinkedWorld,
) -> None:
    first = world.registry.add("m")
    rest = [world.registry.add("m") for _ in range(14)]
    for parent, child in zip([first, *rest], [*rest, first], strict=True):
        world.registry.edge(parent, child)
    with world.plan([first, *rest]) as plan:
        run(plan, Silent(world, rest[12]))
        found = items(plan)
    assert found[rest[12]].reason is Reason.NOT_TOLD
    assert {found[key].state for key in (first, *rest)} <= {S.REFUSED, S.FAILED}
    assert sent(world) == set()
