"""Under a quota every deletion ends done, once, and the server is not hammered.

The windows are short here; `python -m tests.faults.wandb.quota` takes those of 30 seconds.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import pytest

from artifact_tui.deletion import tasks
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan, Status
from tests.faults.wandb.quota import run
from tests.servers.wandb.traps import Quota

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene

COUNT = 120
GUARD_S = 120
"""Seconds after which a run that hangs is given up."""

WAITS = re.compile("asks to wait|goes on in")
"""What the plan says while W&B throttles."""

QUOTAS: dict[str, dict[str, Any]] = {
    "told": {},
    "told with the refusal": {"retry_after": True},
    "told with the refusal alone": {"headers": False, "retry_after": True},
    "not told": {"headers": False},
}


@pytest.mark.slow
@pytest.mark.parametrize("said", QUOTAS)
@pytest.mark.parametrize("batch", [False, True])
async def test_all_ends_done_once_and_less_is_refused_than_let_through(
    scene: Scene, said: str, *, batch: bool
) -> None:
    counts: Literal["requests", "mutations"] = "mutations" if batch else "requests"
    quota = Quota(most=45, window_s=1.0, counts=counts, **QUOTAS[said])
    figures = await run(scene, COUNT, quota, batch=batch)
    assert figures.states == {ItemState.VERIFIED: COUNT}, figures.lines
    assert figures.refused < figures.requests, figures.lines
    assert max(Counter(scene.server.done()).values()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("wish", ["pause", "cancel", "signal"])
async def test_a_throttled_apply_listens(scene: Scene, wish: str) -> None:
    """A signal at once, whatever W&B asks; the others as soon as it may look what was done."""
    scene.fill(100)
    async with scene.client(batch=False) as client:
        scene.save(await scene.draft(client, "type:model"))
        window = 600.0 if wish == "signal" else 8.0
        scene.server.change(quota=Quota(most=12, window_s=window))
        control = Control()
        job = asyncio.create_task(scene.apply(client, control=control))
        async with asyncio.timeout(GUARD_S):
            while not WAITS.search(_pace(scene)):  # noqa: ASYNC110 - the file has no event
                await asyncio.sleep(0.02)
        if wish == "pause":
            tasks.pause(scene.plan)
            async with asyncio.timeout(GUARD_S):
                while _status(scene) is not Status.PAUSED:  # noqa: ASYNC110 - same
                    await asyncio.sleep(0.02)
            control.stop("the test ends")
        elif wish == "cancel":
            tasks.cancel(scene.plan)
        else:
            control.stop("a signal")
        await asyncio.wait_for(job, GUARD_S)
    sent = sum(
        "deleteArtifact" in line.fields and line.status == 200 for line in scene.server.log()
    )
    assert 0 < sent < 70, "no more than was on its way"
    scene.check_truth()


def _pace(scene: Scene) -> str:
    with Plan.open(scene.plan) as plan:
        return plan.pace


def _status(scene: Scene) -> Status:
    with Plan.open(scene.plan) as plan:
        return plan.status
