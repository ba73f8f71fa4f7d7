"""Steering an apply on its way: pause, go on, cancel the rest, stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import tasks
from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan, Status, Want
from artifact_tui.errors import PlanError
from tests.support.world import HASTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the file is what is watched
            await asyncio.sleep(0.005)


def at_call(op: str, number: int, work: Callable[[], object]) -> Callable[[str, int], None]:
    def hook(called: str, call: int) -> None:
        if (called, call) == (op, number):
            work()

    return hook


async def test_pause_continue_and_cancel_through_the_plan_file(world: World) -> None:
    keys = world.add_plain(400)
    plan = world.plan(keys, faulty=True)
    client = world.faulty(hook=at_call("delete", 2, lambda: tasks.pause(plan.path)))
    with plan:
        running = asyncio.create_task(apply(plan, client, policy=HASTE))
        with Plan.open(plan.path) as watch:
            await until(lambda: watch.status is Status.PAUSED)
            assert watch.summary.states[ItemState.VERIFIED] == 11
            tasks.resume(plan.path)
            await until(lambda: watch.summary.states.get(ItemState.VERIFIED, 0) > 11)
        await running
        assert plan.summary.states == {ItemState.VERIFIED: 400}


async def test_cancelling_the_rest_keeps_what_was_done(world: World) -> None:
    keys = world.add_plain(400)
    plan = world.plan(keys, faulty=True)
    client = world.faulty(hook=at_call("delete", 2, lambda: tasks.cancel(plan.path)))
    with plan:
        ending = await apply(plan, client, policy=HASTE)
        assert ending.status is Status.CANCELLED
        assert plan.summary.states == {ItemState.VERIFIED: 11, ItemState.NOT_TRIED: 389}
        with pytest.raises(PlanError):
            await apply(plan, client)
    assert len(world.live()) == 389


async def test_a_stop_is_honoured_after_the_call_in_flight(world: World) -> None:
    keys = world.add_plain(400)
    control = Control()
    client = world.faulty(hook=at_call("delete", 2, lambda: control.stop("told so")))
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, client, control=control, policy=HASTE)
        assert (ending.status, ending.why, plan.why) == (Status.INTERRUPTED, "told so", "told so")
        assert plan.summary.states == {ItemState.VERIFIED: 11, ItemState.PLANNED: 389}
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {ItemState.VERIFIED: 400}


async def test_a_stop_ends_a_pause(world: World) -> None:
    control = Control()
    plan = world.plan(world.add_plain(3), faulty=True)
    client = world.faulty(hook=at_call("delete", 1, lambda: tasks.pause(plan.path)))
    with plan:
        running = asyncio.create_task(apply(plan, client, control=control, policy=HASTE))
        with Plan.open(plan.path) as watch:
            await until(lambda: watch.status is Status.PAUSED)
        control.stop("enough")
        assert (await running).status is Status.INTERRUPTED
        assert plan.want is Want.PAUSE
        await apply(plan, client)
        assert plan.status is Status.FINISHED


async def test_what_is_left_uncertain_is_no_end_and_is_asked_about_next(world: World) -> None:
    keys = world.add_plain(3)
    plan = world.plan(keys, faulty=True)

    def forget() -> None:
        with plan.conn:
            plan.conn.execute("UPDATE progress SET state='sent' WHERE seq=1")

    client = world.faulty(hook=at_call("delete", 2, forget))
    with plan:
        ending = await apply(plan, client, policy=HASTE)
        assert (ending.status, plan.status) == (Status.INTERRUPTED, Status.INTERRUPTED)
        assert ending.why == "what was sent could not be looked at"
        assert plan.summary.states == {ItemState.SENT: 1, ItemState.VERIFIED: 2}
        assert (await apply(plan, client, policy=HASTE)).status is Status.FINISHED
        assert plan.summary.states == {ItemState.VERIFIED: 3}
