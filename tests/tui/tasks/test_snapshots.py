"""The tasks and a result in both sizes; paths, processes and times are those of another machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.deletion import tasks
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Status
from artifact_tui.tui import planning
from artifact_tui.tui.planning import report_of
from artifact_tui.tui.screens import tasks_screen as screen
from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.review.world import NOW
from tests.tui.tasks import made

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from artifact_tui.deletion.tasks import Report
    from tests.tui.review.world import World

SECOND = 1_000_000


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Fields that tasks show instead of those of this machine, by the name of the plan file."""
    fields: dict[str, dict[str, Any]] = {}
    real: dict[Path, Path] = {}

    def shown(task: tasks.Task) -> tasks.Task:
        path = Path("/home/ines/.local/state/artifact-tui/plans") / task.path.name
        real[path] = task.path
        moved = replace(
            task,
            path=path,
            address="local:/srv/registry",
            started_us=NOW - 40 * SECOND,
            ended_us=None if task.ended_us is None else NOW - 10 * SECOND,
        )
        return replace(moved, **fields.get(path.name, {}))

    def report(path: Path) -> Report:
        return report_of(real[path])

    monkeypatch.setattr(planning, "list_tasks", lambda: [shown(t) for t in tasks.list_tasks()])
    monkeypatch.setattr(planning, "read_task", lambda path: shown(tasks.read_task(real[path])))
    monkeypatch.setattr(screen, "report_of", report)
    return fields


@SIZES
async def test_tasks_in_every_state(
    world: World, elsewhere: dict[str, Any], size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    keys = world.keys()
    states = {ItemState.VERIFIED: 1_200, ItemState.REFUSED: 4, ItemState.PLANNED: 796}
    half = {"total": 2_000, "settled": 1_204, "states": states, "pid": 4242}
    for number, fields in enumerate(
        [
            {
                "status": Status.APPLYING,
                "alive": True,
                "ended_us": None,
                "rate": 312.5,
                "left_us": 3 * SECOND,
                **half,
            },
            {"status": Status.INTERRUPTED, "why": "stopped by SIGTERM", **half},
            {"settled": 3, "states": {ItemState.VERIFIED: 2, ItemState.GONE: 1}},
        ]
    ):
        elsewhere[made.failed(world, keys[:3], "503 busy").name] = {
            "created_us": NOW - number * 3_600 * SECOND,
            **fields,
        }
    async with world.opened(size) as user:
        await user.presses("t")
        await user.sees("running", "interrupted", "finished", "process 4242")
        looks_the_same(user, snapshot)
        await user.presses("j")
        await user.sees("It can be resumed")


@SIZES
async def test_a_failed_task(
    world: World, elsewhere: dict[str, Any], size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    made.failed(world, world.keys()[:3], "503 busy")
    async with world.opened(size) as user:
        await user.presses("t")
        await user.sees("may be tried again", "503 busy")
        looks_the_same(user, snapshot)


@SIZES
async def test_a_result(world: World, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    made.failed(world, world.keys()[:3], "503 busy")
    async with world.opened(size) as user:
        await user.presses("t")
        await user.sees("finished")
        await user.presses("enter")
        await user.sees("the registry failed")
        await user.presses("enter")
        await user.sees("can be retried")
        looks_the_same(user, snapshot)


@SIZES
async def test_the_question_before_an_undo(
    world: World,
    elsewhere: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    snapshot: SnapshotAssertion,
) -> None:
    monkeypatch.setattr(screen.TasksScreen, "_again_why_not", lambda *_: "")  # its address is ours
    name = made.failed(world, world.keys()[:3], "503 busy").name
    elsewhere[name] = {"settled": 3, "states": {ItemState.VERIFIED: 3}}
    async with world.opened(size) as user:
        await user.presses("t")
        await user.sees("finished", "503 busy")
        await user.presses("u")
        await user.sees("y brings them back")
        looks_the_same(user, snapshot)
