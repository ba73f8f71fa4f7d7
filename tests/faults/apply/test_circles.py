"""Lineage in circles: all of one goes, or none, whatever the registry does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import (
    Action,
    Item,
    ItemState,
    Options,
    Reason,
)
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.model import Alias
from tests.servers.faulty.faulty import Rule, Script
from tests.support.linked_world import WHOLE, LinkedWorld, by_key, run
from tests.support.world import HASTE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

S = ItemState
ORPHAN = Options(orphan_dependents=True)
BEST = (Alias("best"),)


def items(plan: Plan) -> dict[str, Item]:
    return by_key(list(plan.every_item()))


def states(plan: Plan) -> dict[str, ItemState]:
    return {key: item.state for key, item in items(plan).items()}


async def test_a_circle_is_deleted_whatever_the_size_of_the_calls(world: World) -> None:
    base = world.add("base")
    keys = [world.add(parents=[base]) for _ in range(30)]
    world.circle(*keys)
    late = world.add("late", parents=[keys[7]])
    client = world.faulty()
    with world.plan([base, *keys, late], faulty=True) as plan:
        ending = await apply(plan, client, policy=HASTE)
        assert ending.status is Status.FINISHED
        assert set(states(plan).values()) == {S.VERIFIED}
    order = client.served.really()
    assert (order[0], order[-1]) == (late, base)
    assert world.live() == set()


async def test_nothing_of_a_circle_goes_when_one_has_changed(world: World) -> None:
    base = world.add("base")
    keys = [world.add(parents=[base]) for _ in range(25)]
    world.circle(*keys)
    free = world.add("free")
    with world.plan([base, *keys, free]) as plan:
        world.store.alias(keys[-1], "best")
        await apply(plan, world.client, policy=HASTE)
        found = items(plan)
    assert found[keys[-1]].reason is Reason.ALIASES_CHANGED
    assert {found[k].reason for k in [base, *keys[:-1]]} == {Reason.DEPENDENT_STAYS}
    assert found[keys[4]].detail == found[keys[5]].name
    assert found[free].state is S.VERIFIED
    assert world.live() == {base, *keys}


async def test_what_a_look_at_the_circle_refused_is_not_looked_at_again(world: World) -> None:
    keys = world.add_plain(5)
    world.circle(*keys)

    def undo(op: str, call: int) -> None:
        if (op, call) == ("facts", 2):
            world.store.unalias(keys[-1], "best")

    client = world.faulty(Script(batch_delete=2), undo)
    with world.plan(keys, faulty=True) as plan:
        world.store.alias(keys[-1], "best")
        await apply(plan, client, policy=HASTE)
        found = items(plan)
    assert found[keys[-1]].reason is Reason.ALIASES_CHANGED
    assert world.live() == set(keys)


async def test_all_of_a_circle_joins_as_dependents(world: World) -> None:
    keys = world.add_plain(3)
    world.circle(*keys)
    with world.plan(keys[:1], Options(with_dependents=True)) as plan:
        assert plan.summary.added == 2
        await apply(plan, world.client, policy=HASTE)
    assert world.live() == set()


async def test_where_parents_may_be_lost_the_others_go_all_the_same(world: World) -> None:
    keys = world.add_plain(4)
    world.circle(*keys)
    with world.plan(keys, ORPHAN) as plan:
        world.store.alias(keys[-1], "best")
        await apply(plan, world.client, policy=HASTE)
        assert items(plan)[keys[-1]].reason is Reason.ALIASES_CHANGED
    assert world.live() == {keys[-1]}


async def test_when_the_registry_refuses_one_those_not_sent_yet_stay(world: World) -> None:
    keys = world.add_plain(5)
    world.circle(*keys)
    rule = Rule("delete", "refused", keys=(keys[1],))
    client = world.faulty(Script((rule,), batch_delete=2))
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        found = items(plan)
    assert found[keys[1]].reason is Reason.REGISTRY_REFUSED
    assert {key for key in keys if found[key].state is S.VERIFIED} == {keys[0], keys[2]}
    assert {found[key].reason for key in keys[3:]} == {Reason.DEPENDENT_STAYS}


async def test_an_interrupted_circle_is_gone_on_with(world: World) -> None:
    keys = world.add_plain(5)
    world.circle(*keys)
    control = Control()

    def stop(op: str, call: int) -> None:
        if (op, call) == ("delete", 2):
            control.stop("enough")

    client = world.faulty(Script(batch_delete=2), stop)
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, client, control=control, policy=HASTE)
        assert ending.status is Status.INTERRUPTED
        assert list(states(plan).values()) == [*[S.VERIFIED] * 3, *[S.PLANNED] * 2]
        await apply(plan, client, policy=HASTE)
        assert set(states(plan).values()) == {S.VERIFIED}


async def test_a_circle_through_the_trash_leads_to_no_dependent(world: World) -> None:
    keys = world.add_plain(2)
    world.circle(*keys)
    world.trash(keys[1])
    assert world.draft([keys[0]]).items[0].facts.dependents == ()
    with world.plan([keys[0]]) as plan:
        await apply(plan, world.client, policy=HASTE)
        assert states(plan) == {keys[0]: S.VERIFIED}


async def test_a_circle_is_purged(world: World) -> None:
    keys = world.add_plain(3)
    world.circle(*keys)
    world.trash(*keys)
    with world.plan(keys, Options(action=Action.PURGE)) as plan:
        await apply(plan, world.client, policy=HASTE)
        assert set(states(plan).values()) == {S.VERIFIED}
    assert world.trashed() == set()


@pytest.fixture
def linked(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def ring(world: LinkedWorld, *keys: str) -> list[str]:
    for number, key in enumerate(keys):
        world.registry.edge(keys[number - 1], key)
    return list(keys)


def test_a_circle_inside_one_collection_goes_with_it(linked: LinkedWorld) -> None:
    # and one that is no whole collection's on either side of it: it is between two circles
    low = ring(linked, *(linked.registry.add("low") for _ in range(2)))
    keys = ring(linked, *(linked.registry.add("m") for _ in range(3)))
    top = ring(linked, *(linked.registry.add("top") for _ in range(2)))
    linked.registry.edge(keys[0], low[0])
    linked.registry.edge(top[0], keys[0])
    stays = {linked.registry.add("low"), linked.registry.add("top")}
    with linked.plan([*low, *keys, *top], WHOLE) as plan:
        assert [whole.name for whole in plan.summary.whole] == ["m"]
        run(plan, linked.faulty())
        assert set(states(plan).values()) == {S.VERIFIED}
    calls = linked.sent()
    assert ("delete_collection", ["m"]) in calls
    assert [keys for _, keys in calls if keys[0].startswith("m/")] == []
    assert linked.registry.live() == stays


def test_a_collection_with_a_circle_that_changed_stays_with_all_of_it(linked: LinkedWorld) -> None:
    keys = ring(linked, *(linked.registry.add("m") for _ in range(12)))
    free = linked.registry.add("m")
    with linked.plan([*keys, free], WHOLE) as plan:
        linked.registry.alias("m", keys[5], "new")
        run(plan, linked.faulty())
        found = items(plan)
    assert found["m"].reason is Reason.COLLECTION_CHANGED
    assert {found[key].state for key in keys} == {S.REFUSED}
    assert linked.registry.live() == set(keys)


def test_a_circle_through_two_collections_goes_one_by_one(linked: LinkedWorld) -> None:
    keys = ring(linked, linked.registry.add("a"), linked.registry.add("b"))
    with linked.plan(keys, WHOLE) as plan:
        assert plan.summary.whole == ()
        run(plan, linked.faulty())
        assert set(states(plan).values()) == {S.VERIFIED}
    assert linked.registry.live() == set()
