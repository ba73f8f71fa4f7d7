"""An apply without faults: what it refuses, in what order it goes, and that it happens once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.clients.local.local_client import open_registry
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import Action, Item, ItemState, Options, Reason
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import BusyError, ConfirmationError, PlanError, ReadOnlyError
from tests.servers.faulty.faulty import Script
from tests.support.world import HASTE, World, all_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORPHAN = Options(orphan_dependents=True)


def by_key(plan: Plan) -> dict[str, Item]:
    return {item.key: item for item in plan.every_item()}


async def test_what_was_reviewed_is_deleted_and_nothing_else(world: World) -> None:
    goes = world.add_plain(25, "sweep")
    stays = world.add_plain(3, "keep")
    with world.plan(goes) as plan:
        ending = await apply(plan, world.client, policy=HASTE)
        assert (ending.status, plan.status) == (Status.FINISHED, Status.FINISHED)
        assert plan.summary.states == {ItemState.VERIFIED: 25}
        assert all(i.attempts == 1 and i.sent_us and i.done_us for i in plan.every_item())
    assert world.live() == set(stays)
    assert world.trashed() == set(goes)
    assert not plan_file.is_locked(plan.path)


async def test_dependents_go_before_what_they_were_made_from(world: World) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    small = world.add("small", parents=[tuned])
    also = world.add("also", parents=[base])
    client = world.faulty()
    with world.plan([base], Options(with_dependents=True), faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
    order = client.served.really()
    assert set(order) == {base, tuned, small, also}
    assert order.index(small) < order.index(tuned) < order.index(base)
    assert order.index(also) < order.index(base)


async def test_the_first_calls_are_small(world: World) -> None:
    keys = world.add_plain(1300)
    client = world.faulty()
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
    calls = [line for line in client.served.lines() if line["op"] == "delete"]
    assert [len(c["keys"]) for c in calls if c["at"] == "begin"] == [1, 10, 100, 1189]


async def test_calls_are_no_larger_than_the_registry_takes(world: World) -> None:
    client = world.faulty(Script(batch_delete=4))
    with world.plan(world.add_plain(14), faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
    calls = [line for line in client.served.lines() if line["op"] == "delete"]
    assert [len(c["keys"]) for c in calls if c["at"] == "begin"] == [1, 4, 4, 4, 1]


def move_alias(world: World, key: str) -> None:
    world.store.alias(key, "best")


def restore(world: World, key: str) -> None:
    world.trash(key)
    world.store.restore([key])


def purge(world: World, key: str) -> None:
    world.trash(key)
    world.store.purge([key])


def recreate(world: World, key: str) -> None:
    purge(world, key)
    world.add("model", data=b"new")


DRIFTS: list[tuple[Callable[[World, str], object], ItemState, Reason]] = [
    (move_alias, ItemState.REFUSED, Reason.ALIASES_CHANGED),
    (lambda w, k: w.store.alias(k, "own", protected=True), ItemState.REFUSED, Reason.NONE),
    (lambda w, k: w.store.alias(k, "own"), ItemState.VERIFIED, Reason.NONE),
    (lambda w, k: w.store.unalias(k, "own"), ItemState.REFUSED, Reason.ALIASES_CHANGED),
    (lambda w, k: w.store.protect(k, "own"), ItemState.REFUSED, Reason.PROTECTED_SINCE),
    (lambda w, k: w.add("new", parents=[k]), ItemState.REFUSED, Reason.DEPENDENT_ADDED),
    (lambda w, k: w.change_digest(k), ItemState.REFUSED, Reason.CONTENT_CHANGED),
    (lambda w, k: w.trash(k), ItemState.GONE, Reason.NONE),
    (restore, ItemState.VERIFIED, Reason.NONE),
    (purge, ItemState.GONE, Reason.NONE),
    (recreate, ItemState.GONE, Reason.NONE),
]


@pytest.mark.parametrize(("drift", "state", "reason"), DRIFTS)
async def test_what_changed_since_the_review_stays(
    world: World,
    drift: Callable[[World, str], object],
    state: ItemState,
    reason: Reason,
) -> None:
    first, keep = world.add(aliases=["best"]), world.add_plain(1, "keep")[0]
    hit = world.add(aliases=["own"])
    last = world.add_plain(12)
    plan = world.plan([first, hit, *last], Options(delete_aliases=True))
    drift(world, hit)
    newcomers = world.live() - {first, hit, keep, *last}
    with plan:
        await apply(plan, world.client, policy=HASTE)
        item = by_key(plan)[hit]
        assert item.state is state
        if reason is not Reason.NONE:
            assert item.reason is reason
        others = {by_key(plan)[k].state for k in last}
    assert others == {ItemState.VERIFIED}
    assert newcomers | {keep} <= world.live()
    assert (hit in world.live()) is (state is ItemState.REFUSED)


async def test_the_one_an_alias_left_stays_too(world: World) -> None:
    had, gets = world.add(aliases=["best"]), world.add()
    with world.plan([had, gets], Options(delete_aliases=True)) as plan:
        world.store.alias(gets, "best")
        await apply(plan, world.client, policy=HASTE)
        assert {i.reason for i in plan.every_item()} == {Reason.ALIASES_CHANGED}
    assert {had, gets} <= world.live()


async def test_a_parent_stays_when_its_dependent_in_the_plan_does(world: World) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    small = world.add("small", parents=[tuned])
    with world.plan([base, tuned, small]) as plan:
        world.store.alias(small, "new")
        await apply(plan, world.client, policy=HASTE)
        found = by_key(plan)
        assert found[small].reason is Reason.ALIASES_CHANGED
        assert {found[k].reason for k in (base, tuned)} == {Reason.DEPENDENT_STAYS}
        assert found[base].detail == "tuned:v0"
        assert found[small].detail == "+new"
    assert {base, tuned, small} <= world.live()


async def test_an_orphan_of_a_planned_dependent_was_reviewed_with_its_parent(
    world: World,
) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    outside = world.add("outside", parents=[tuned])
    with world.plan([base, tuned], ORPHAN) as plan:
        assert plan.summary.orphaned == 1
        await apply(plan, world.client, policy=HASTE)
        assert plan.summary.states == {ItemState.VERIFIED: 2}
    assert outside in world.live()


async def test_a_dependent_without_consent_may_lose_its_parent_when_allowed(
    world: World,
) -> None:
    base = world.add("base")
    named = world.add("named", parents=[base], aliases=["best"])
    with world.plan([base, named], ORPHAN) as plan:
        assert (plan.summary.deletes, plan.summary.consents, plan.summary.orphaned) == (1, 1, 1)
        await apply(plan, world.client, policy=HASTE)
        assert by_key(plan)[base].state is ItemState.VERIFIED
    assert world.live() == {named}


async def test_a_dependent_deleted_by_others_does_not_hide_a_new_one(world: World) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    with world.plan([base, tuned]) as plan:
        new = world.add("new", parents=[tuned])
        world.trash(tuned)
        await apply(plan, world.client, policy=HASTE)
        found = by_key(plan)
        assert found[tuned].state is ItemState.GONE
        assert (found[base].state, found[base].reason) == (
            ItemState.REFUSED,
            Reason.DEPENDENT_ADDED,
        )
    assert {base, new} <= world.live()


async def test_an_outside_dependent_that_went_away_is_a_change(world: World) -> None:
    base = world.add("base")
    outside = world.add("outside", parents=[base])
    with world.plan([base], ORPHAN) as plan:
        world.trash(outside)
        await apply(plan, world.client, policy=HASTE)
        assert by_key(plan)[base].reason is Reason.DEPENDENT_LOST


async def test_a_purge_takes_only_what_is_in_the_trash(world: World) -> None:
    keys = world.add_plain(14)
    base = world.add("base")
    leaf = world.add("leaf", parents=[base])
    world.trash(*keys, leaf, base)
    with world.plan([*keys, base, leaf], all_options("purge")) as plan:
        assert plan.head.options.action is Action.PURGE
        world.store.restore([keys[3]])
        world.store.purge([keys[4]])
        await apply(plan, world.client, policy=HASTE)
        found = by_key(plan)
    assert found[keys[3]].reason is Reason.RESTORED
    assert found[keys[4]].state is ItemState.GONE
    assert world.live() == {keys[3]}
    assert world.trashed() == set()


async def test_a_purge_of_a_whole_lineage_does_not_trip_over_itself(world: World) -> None:
    base = world.add("base")
    middle = world.add("middle", parents=[base])
    live = world.add("live", parents=[middle])
    world.trash(base, middle)
    plain = world.add_plain(1)
    world.trash(*plain)
    with world.plan([*plain, middle, base], all_options("purge")) as plan:
        await apply(plan, world.client, policy=HASTE)
        assert plan.summary.states == {ItemState.VERIFIED: 3}
    assert world.live() == {live}


async def test_nothing_happens_before_it_is_confirmed(world: World) -> None:
    keys = world.add_plain(2)
    with world.plan(keys, confirmed=False) as plan, pytest.raises(ConfirmationError):
        await apply(plan, world.client)
    assert world.live() == set(keys)


async def test_read_only_is_refused_before_anything(world: World) -> None:
    keys = world.add_plain(2)
    with world.plan(keys) as plan:
        client = open_registry(world.path, read_only=True)
        with pytest.raises(ReadOnlyError):
            await apply(plan, client)
        await client.aclose()
        assert plan.status is Status.CONFIRMED
    draft = world.draft(keys, read_only=True)
    with Plan.create(world.path.with_name("ro.plan"), draft) as plan:
        plan.conn.execute("UPDATE journal SET status='confirmed'")
        with pytest.raises(ReadOnlyError):
            await apply(plan, world.client)
    assert world.live() == set(keys)


async def test_another_registry_is_refused(world: World, tmp_path: Path) -> None:
    keys = world.add_plain(2)
    other = World(tmp_path / "other")
    with world.plan(keys) as plan:
        with pytest.raises(PlanError, match="another one"):
            await apply(plan, other.client)
        with pytest.raises(PlanError, match="another one"):
            await apply(plan, world.faulty())
    await other.client.aclose()
    assert world.live() == set(keys)


async def test_an_edited_plan_is_refused(world: World) -> None:
    keys = world.add_plain(3)
    with world.plan(keys[:2]) as plan:
        plan.conn.execute("UPDATE item SET key=? WHERE seq=2", (keys[2],))
        with pytest.raises(PlanError, match="changed after it was reviewed"):
            await apply(plan, world.client)
    assert world.live() == set(keys)


async def test_a_plan_that_tells_of_work_never_begun_is_refused(world: World) -> None:
    keys = world.add_plain(3)
    with world.plan(keys) as plan:
        plan.conn.execute("UPDATE progress SET state='verified' WHERE seq=2")
        with pytest.raises(PlanError, match="never begun"):
            await apply(plan, world.client)
    assert world.live() == set(keys)


async def test_a_plan_is_applied_once(world: World) -> None:
    with world.plan(world.add_plain(2)) as plan:
        await apply(plan, world.client)
        with pytest.raises(PlanError, match="has been applied"):
            await apply(plan, world.client)


async def test_a_copy_of_a_plan_is_refused(world: World, tmp_path: Path) -> None:
    keys = world.add_plain(2)
    plan = world.plan(keys)
    copy = tmp_path / "copy.plan"
    shutil.copy(plan.path, copy)
    with plan:
        await apply(plan, world.client)
    world.store.restore(keys)
    with Plan.open(copy, write=True) as second:
        with pytest.raises(PlanError, match="is a copy"):
            await apply(second, world.client)
        assert second.status is Status.CONFIRMED
    plan.path.unlink()
    with Plan.open(copy, write=True) as second, pytest.raises(PlanError, match="is a copy"):
        await apply(second, world.client)
    assert world.live() == set(keys)


async def test_an_interrupted_plan_may_be_moved_and_resumed(world: World, tmp_path: Path) -> None:
    keys = world.add_plain(5)
    control = Control()
    control.stop("stopped by a test")
    with world.plan(keys) as plan:
        ending = await apply(plan, world.client, control=control)
        assert (ending.status, ending.why) == (Status.INTERRUPTED, "stopped by a test")
    moved = plan.path.rename(tmp_path / "moved.plan")
    with Plan.open(moved, write=True) as plan:
        await apply(plan, world.client)
    assert world.live() == set()
    assert (config.tasks_dir() / plan.head.id).resolve() == moved


async def test_a_copy_of_an_interrupted_plan_is_refused_where_that_is_still_there(
    world: World, tmp_path: Path
) -> None:
    keys = world.add_plain(3)
    control = Control()
    control.stop("stopped by a test")
    with world.plan(keys) as plan:
        await apply(plan, world.client, control=control)
    copy = tmp_path / "copy.plan"
    shutil.copy(plan.path, copy)
    with Plan.open(copy, write=True) as second, pytest.raises(PlanError, match="is a copy"):
        await apply(second, world.client)
    assert world.live() == set(keys)
    with Plan.open(plan.path, write=True) as first:
        assert (await apply(first, world.client)).status is Status.FINISHED
    assert world.live() == set()


async def test_one_apply_at_a_time(world: World) -> None:
    with world.plan(world.add_plain(2)) as plan, plan_file.hold_lock(plan.path):
        with pytest.raises(BusyError, match="is applying the plan"):
            await apply(plan, world.client)
        assert plan.summary.states == {ItemState.PLANNED: 2}
