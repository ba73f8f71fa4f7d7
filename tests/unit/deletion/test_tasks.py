from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.deletion import plan_file, tasks
from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.journal import ItemEnd, Journal
from artifact_tui.deletion.plan import Plan, Status, Want, new_path
from artifact_tui.errors import NotFoundError, PlanError
from artifact_tui.model import now_us

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


def stopped() -> Control:
    control = Control()
    control.stop("stopped by a test")
    return control


async def test_plans_are_found_where_they_were_applied_and_where_they_wait(
    world: World, tmp_path: Path
) -> None:
    elsewhere = world.plan(world.add_plain(2), path=tmp_path / "mine.db")
    with elsewhere as plan:
        assert tasks.list_tasks() == []
        await apply(plan, world.client)
    draft = world.draft(world.add_plain(3))
    with Plan.create(new_path(draft.head), draft) as waiting:
        found = {task.path: task for task in tasks.list_tasks()}
        assert set(found) == {elsewhere.path, waiting.path}
    done = found[elsewhere.path]
    assert (done.status, done.total, done.settled, done.alive) == (Status.FINISHED, 2, 2, False)
    assert (done.rate, done.left_us) == (None, None)
    assert done.started_us is not None
    assert done.ended_us is not None
    assert found[waiting.path].status is Status.DRAFT
    assert tasks.find_plan(done.id[:6]) == elsewhere.path
    with pytest.raises(NotFoundError):
        tasks.find_plan("zz")
    with pytest.raises(NotFoundError):
        tasks.find_plan("")


async def test_vanished_and_damaged_plans_are_listed_with_an_error(world: World) -> None:
    with world.plan(world.add_plain(2)) as plan:
        await apply(plan, world.client)
    plan.path.unlink()
    (config.plans_dir() / "hurt.plan").write_bytes(b"junk" * 1000)
    (config.tasks_dir() / "stray").write_text("not a link")
    (config.tasks_dir() / "loop").symlink_to("loop")
    found = {task.path.name: task.error for task in tasks.list_tasks()}
    assert set(found) == {plan.path.name, "hurt.plan", "loop"}
    assert all(found.values())


def test_the_rate_and_the_time_left_come_from_what_was_done(world: World) -> None:
    with world.plan(world.add_plain(100)) as plan, plan_file.hold_lock(plan.path):
        began = now_us() - 10_000_000
        Journal(plan, lambda: began).begin()
        assert tasks.read_task(plan.path).rate is None
        done = [ItemEnd(seq, ItemState.VERIFIED) for seq in range(1, 51)]
        Journal(plan, lambda: began + 9_000_000).settle(done)
        task = tasks.read_task(plan.path)
        assert task.alive
        assert task.status is Status.APPLYING
        assert task.rate == pytest.approx(5, rel=0.1)
        assert task.left_us == pytest.approx(10_000_000, rel=0.1)
        assert (task.settled, task.total) == (50, 100)


async def test_a_waiting_plan_can_be_cancelled_and_then_not_applied(world: World) -> None:
    keys = world.add_plain(3)
    with world.plan(keys) as plan:
        tasks.cancel(plan.path)
        assert (plan.status, plan.states()) == (Status.CANCELLED, {ItemState.NOT_TRIED: 3})
        with pytest.raises(PlanError):
            await apply(plan, world.client)
        with pytest.raises(PlanError, match="it has ended"):
            tasks.cancel(plan.path)
    assert world.live() == set(keys)


async def test_an_interrupted_plan_can_be_cancelled(world: World) -> None:
    with world.plan(world.add_plain(3)) as plan:
        await apply(plan, world.client, control=stopped())
        tasks.cancel(plan.path)
        assert (plan.status, plan.why) == (Status.CANCELLED, "the rest was cancelled")


def test_only_what_runs_can_be_paused(world: World) -> None:
    with world.plan(world.add_plain(3)) as plan:
        with pytest.raises(PlanError, match="nothing applies"):
            tasks.pause(plan.path)
        with plan_file.hold_lock(plan.path):
            tasks.pause(plan.path)
            assert plan.want is Want.PAUSE
            assert tasks.resume(plan.path) is None
            assert plan.want.value == "run"


def test_there_may_be_nothing_to_retry(world: World) -> None:
    with world.plan(world.add_plain(3)) as plan:
        assert tasks.retry_failed(plan.path) == 0
        assert plan.status is Status.CONFIRMED
