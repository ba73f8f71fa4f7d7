"""Workers that are stopped or killed in the middle: the next one ends in the truth."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan, Status
from tests.faults.apply.harness import wait_for
from tests.servers.rest.traps import Fault
from tests.support import forked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.rest.scene import Scene
    from tests.support.forked import Process

COUNT = 60
LAST = 11
"""After so many the last call may be under way before a signal comes."""


async def prepare(scene: Scene, *, count: int = COUNT, stay: int = 10, **traps: float) -> list[str]:
    """A confirmed plan for most of a slow registry."""
    keys = scene.server.fill(count + stay)
    client = scene.client()
    try:
        await scene.read(client)
        scene.save(scene.draft(client, keys[:count]))
    finally:
        await client.aclose()
    scene.server.become(request_s=0.003, **traps)
    scene.server.clear()
    (config.config_dir() / "config.toml").write_text(
        f'[registries.stand-in]\naddress = "{scene.server.address}"\n', encoding="utf-8"
    )
    return keys


def spawn(plan: Path) -> Process:
    return forked.start(["-m", "artifact_tui.deletion.worker", str(plan)])


def end(scene: Scene, number: signal.Signals, after: int) -> None:
    """Start a worker, and send it a signal once so many deletions have arrived."""
    process = spawn(scene.plan)
    try:
        wait_for(
            lambda: len(scene.server.sent("DELETE")) >= after or process.poll() is not None,
            "deletions",
        )
        process.send_signal(number)
        wait_for(lambda: process.poll() is not None, "the worker to end")
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGKILL, 1), (signal.SIGKILL, 5), (signal.SIGKILL, LAST),
        (signal.SIGHUP, 1), (signal.SIGHUP, LAST), (signal.SIGINT, 5),
    ],
)  # fmt: skip
async def test_what_a_stopped_worker_left_is_finished_by_the_next(
    scene: Scene, number: signal.Signals, after: int
) -> None:
    keys = await prepare(scene)
    end(scene, number, after)
    with Plan.open(scene.plan) as plan:
        status, sent = plan.status, plan.states().get(ItemState.SENT, 0)
    assert number is signal.SIGKILL or not sent, "a signal lets the call in flight end"
    assert len(scene.server.ids()) >= 10
    if status is Status.FINISHED:
        assert after == LAST, "only the last call can end the plan"
    else:
        assert status is Status.INTERRUPTED
        again = spawn(scene.plan)
        assert await asyncio.to_thread(again.wait, 60) == 0
    assert Counter(scene.states().values()) == {ItemState.VERIFIED: COUNT}
    assert scene.server.ids() == {key.partition("/")[2] for key in keys[COUNT:]}


@pytest.mark.slow
async def test_killed_again_and_again_on_a_registry_that_loses_saves(scene: Scene) -> None:
    keys = await prepare(scene, save_fault=0.05)
    for after in (5, 20, 45):
        with Plan.open(scene.plan) as plan:
            if plan.status in {Status.FINISHED, Status.CANCELLED}:
                break
        end(scene, signal.SIGKILL, after)
    process = spawn(scene.plan)
    await asyncio.to_thread(process.wait, 60)
    scene.check_truth()
    assert scene.server.ids() >= {key.partition("/")[2] for key in keys[COUNT:]}
    states = Counter(scene.states().values())
    assert states[ItemState.VERIFIED] == COUNT, states


async def test_a_plan_that_empties_the_registry_can_be_killed_in_its_last_call(
    scene: Scene,
) -> None:
    await prepare(scene, count=12, stay=0)
    last = Fault("hang_after", path="/artifacts/model/12")
    scene.server.become(last)
    process = spawn(scene.plan)
    try:
        wait_for(lambda: not scene.server.ids(), "the last deletion")
    finally:
        process.kill()
        process.wait()
    with Plan.open(scene.plan) as plan:
        assert plan.states()[ItemState.SENT] == 1
    scene.server.become()
    again = spawn(scene.plan)
    assert await asyncio.to_thread(again.wait, 60) == 0
    assert Counter(scene.states().values()) == {ItemState.VERIFIED: 12}


async def test_an_empty_listing_says_nothing_of_what_was_never_sent(scene: Scene) -> None:
    await prepare(scene, count=12, stay=0)
    scene.server.become(outage=True)
    process = spawn(scene.plan)
    await asyncio.to_thread(process.wait, 60)
    with Plan.open(scene.plan) as plan:
        assert plan.status is Status.INTERRUPTED
        assert "accept_empty" in plan.why
    assert len(scene.server.ids()) == 12
    assert ItemState.GONE not in scene.states().values()
