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
from tests.faults.wandb.scene import HOME
from tests.servers.wandb.scenes import Link, Series, Version
from tests.support import forked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.wandb.scene import Scene
    from tests.support.forked import Process

S = ItemState
COUNT = 60
REST = 10
SHELF = "acme-org/wandb-registry-model/best"


@pytest.fixture(autouse=True)
def logged_in(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker finds the key where W&B's SDK would."""
    monkeypatch.setenv("WANDB_API_KEY", scene.server.api_key)


def configure(scene: Scene, *, batch: bool) -> None:
    (config.config_dir() / "config.toml").write_text(
        f'[registries.stand-in]\naddress = "{scene.server.address(HOME)}"\n'
        f"batch = {str(batch).lower()}\n",
        encoding="utf-8",
    )


async def prepare(scene: Scene, *, batch: bool) -> list[str]:
    """A confirmed plan for most of a slow registry."""
    paths = scene.fill(COUNT + REST)
    async with scene.client() as client:
        scene.save(await scene.draft(client, [scene.key(path) for path in paths[:COUNT]]))
    scene.server.change(latency_ms=15, mutation_ms=1)
    scene.server.clear()
    configure(scene, batch=batch)
    return paths


def spawn(plan: Path) -> Process:
    return forked.start(["-m", "artifact_tui.deletion.worker", str(plan)])


def end(scene: Scene, number: signal.Signals, after: int) -> None:
    """Start a worker, and send it a signal once so many deletions have been carried out."""
    process = spawn(scene.plan)
    try:
        wait_for(
            lambda: len(scene.server.done()) >= after or process.poll() is not None, "deletions"
        )
        process.send_signal(number)
        wait_for(lambda: process.poll() is not None, "the worker to end")
    finally:
        process.kill()
        process.wait()


async def finish(scene: Scene) -> None:
    again = spawn(scene.plan)
    assert await asyncio.to_thread(again.wait, 60) == 0


@pytest.mark.slow
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("after", [1, 30])
async def test_what_a_stopped_worker_left_is_finished_by_the_next(
    scene: Scene, number: signal.Signals, after: int, *, batch: bool
) -> None:
    paths = await prepare(scene, batch=batch)
    end(scene, number, after)
    with Plan.open(scene.plan) as plan:
        finished = plan.status is Status.FINISHED
        sent = plan.states().get(S.SENT, 0)
    assert number is signal.SIGKILL or not sent, "a signal lets the call in flight end"
    assert scene.server.alive() >= set(paths[COUNT:])
    if not finished:
        await finish(scene)
    assert Counter(scene.states().values()) == {S.VERIFIED: COUNT}
    assert scene.server.alive() == set(paths[COUNT:])
    assert max(Counter(scene.server.done()).values()) == 1, "nothing was carried out twice"


@pytest.mark.slow
async def test_killed_again_and_again(scene: Scene) -> None:
    paths = await prepare(scene, batch=True)
    for after in (2, 9, 25, 50):
        with Plan.open(scene.plan) as plan:
            if plan.status in {Status.FINISHED, Status.CANCELLED}:
                break
        end(scene, signal.SIGKILL, after)
    with Plan.open(scene.plan) as plan:
        finished = plan.status is Status.FINISHED
    if not finished:
        await finish(scene)
    assert Counter(scene.states().values()) == {S.VERIFIED: COUNT}
    assert scene.server.alive() == set(paths[COUNT:])


@pytest.mark.slow
async def test_links_survive_nothing_and_their_sources_everything(scene: Scene) -> None:
    """Killed while unlinking: no source is ever touched."""
    versions = [Version() for _ in range(60)]
    sources = {f"{HOME}/m:v{n}" for n in range(60)}
    scene.seed(
        series=[Series(path=f"{HOME}/m", versions=versions)],
        links=[Link(portfolio=f"{HOME}/picked", version=path) for path in sorted(sources)],
    )
    async with scene.client() as client:
        scene.save(await scene.draft(client, "name:picked"))
    scene.server.change(latency_ms=10, mutation_ms=2)
    configure(scene, batch=True)
    for after in (1, 8, 40):
        with Plan.open(scene.plan) as plan:
            if plan.status is Status.FINISHED:
                break
        end(scene, signal.SIGKILL, after)
        assert scene.server.alive() == sources
    with Plan.open(scene.plan) as plan:
        finished = plan.status is Status.FINISHED
    if not finished:
        await finish(scene)
    assert scene.server.alive() == sources
    assert scene.server.state()["collections"][f"{HOME}/picked"]["versions"] == {}
    assert set(scene.states().values()) <= {S.UNLINKED, S.VERIFIED}


@pytest.mark.slow
async def test_killed_around_the_deletion_of_a_whole_collection(scene: Scene) -> None:
    paths = scene.fill(80, collections=2)
    async with scene.client() as client:
        draft = await scene.draft(client, "name:model-0000", whole_collections=True)
        scene.save(draft)
    scene.server.change(latency_ms=30)
    configure(scene, batch=True)
    process = spawn(scene.plan)
    wait_for(lambda: bool(scene.server.done()) or process.poll() is not None, "the deletion")
    process.kill()
    process.wait()
    with Plan.open(scene.plan) as plan:
        finished = plan.status is Status.FINISHED
    if not finished:
        await finish(scene)
    scene.check_truth()
    assert scene.server.alive() == {path for path in paths if "model-0001" in path}
    assert len(scene.server.done()) == 1
