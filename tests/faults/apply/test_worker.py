"""The worker in its own process: signals, a closed terminal, full disks, and being watched."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from artifact_tui.deletion import plan_file, tasks, worker
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import BusyError, ConfirmationError, PlanError
from tests.faults.apply.harness import (
    FAULTY,
    beside,
    environment,
    lies,
    released,
    spawn,
    wait_for,
    write_script,
)
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("own_interpreter")

TOKEN = "very-s3cret-token"  # noqa: S105 - of nothing


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("PYTHONPATH", str(FAULTY))
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", TOKEN)
    found = World(tmp_path / "registry")
    yield found
    found.close()


def gated(world: World, *, count: int = 200) -> Path:
    """A confirmed plan whose second call waits at a gate."""
    write_script(world, {"op": "delete", "call": 2, "do": "gate"})
    with world.plan(world.add_plain(count), faulty=True) as plan:
        return plan.path


def open_gate(world: World) -> None:
    beside(world, ".go").touch()


def at_gate(world: World) -> None:
    wait_for(beside(world, ".at").exists, "the second call")


def state(path: Path) -> tuple[Status, dict[ItemState, int]]:
    with Plan.open(path) as plan:
        return plan.status, plan.states()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_after_the_call_in_flight(world: World, number: signal.Signals) -> None:
    path = gated(world)
    pid = worker.start(path)
    at_gate(world)
    assert state(path) == (Status.APPLYING, {ItemState.VERIFIED: 1, ItemState.SENT: 10}
        | {ItemState.PLANNED: 189})  # fmt: skip
    os.kill(pid, number)
    open_gate(world)
    wait_for(lambda: released(path), "the worker to end")
    assert state(path) == (
        Status.INTERRUPTED,
        {ItemState.VERIFIED: 11, ItemState.PLANNED: 189},
    )
    task = tasks.read_task(path)
    assert (task.why, task.alive) == (f"stopped by {number.name}", False)
    assert tasks.resume(path) is not None
    wait_for(lambda: released(path), "the end")
    assert state(path) == (Status.FINISHED, {ItemState.VERIFIED: 200})


def test_it_outlives_the_terminal_that_started_it(world: World) -> None:
    path = gated(world)
    code = (
        "import sys; from pathlib import Path; from artifact_tui.deletion import worker;"
        "print('pid', worker.start(Path(sys.argv[1])), flush=True); input()"
    )
    terminal = pexpect.spawn(sys.executable, ["-c", code, str(path)], env=environment())
    terminal.expect(r"pid (\d+)")
    pid = int(terminal.match.group(1))
    at_gate(world)
    assert os.getsid(pid) == pid
    terminal.close(force=True)
    open_gate(world)
    wait_for(lambda: released(path), "the end")
    assert state(path) == (Status.FINISHED, {ItemState.VERIFIED: 200})


def test_the_token_stays_in_the_environment(world: World) -> None:
    path = gated(world)
    pid = worker.start(path)
    at_gate(world)
    if sys.platform == "linux":
        assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    open_gate(world)
    wait_for(lambda: released(path), "the end")
    log = worker.log_path(path)
    assert log.stat().st_mode & 0o777 == 0o600
    wait_for(lambda: b"finished: 200 verified" in log.read_bytes(), "the last line")
    for file in (log, path):
        assert TOKEN.encode() not in file.read_bytes()


def test_a_second_worker_is_refused_and_the_first_goes_on(world: World) -> None:
    path = gated(world)
    pid = worker.start(path)
    at_gate(world)
    with pytest.raises(BusyError, match=f"Process {pid} "):
        worker.start(path)
    assert spawn(path).wait(30) == 1
    assert tasks.read_task(path).pid == pid
    tasks.pause(path)
    open_gate(world)
    wait_for(lambda: state(path)[0] is Status.PAUSED, "the pause")
    assert tasks.resume(path) is None
    wait_for(lambda: released(path), "the end")
    assert state(path) == (Status.FINISHED, {ItemState.VERIFIED: 200})


def test_a_frozen_worker_still_holds_its_plan(world: World) -> None:
    path = gated(world)
    pid = worker.start(path)
    at_gate(world)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(BusyError):
            worker.start(path)
        assert tasks.read_task(path).status is Status.APPLYING
    finally:
        os.kill(pid, signal.SIGCONT)
    open_gate(world)
    wait_for(lambda: released(path), "the end")
    assert state(path)[0] is Status.FINISHED


def test_a_killed_worker_leaves_an_interrupted_task(world: World) -> None:
    path = gated(world)
    pid = worker.start(path)
    at_gate(world)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: released(path), "the worker to die")
    assert state(path)[0] is Status.INTERRUPTED
    assert state(path)[1][ItemState.SENT] == 10
    open_gate(world)
    tasks.cancel(path)  # uncertain items: a worker has to ask first
    wait_for(lambda: state(path)[0] is Status.CANCELLED, "the cancellation")
    assert state(path)[1] == {ItemState.VERIFIED: 1, ItemState.NOT_TRIED: 199}
    assert lies(world, path) == []


def test_why_it_could_not_begin_is_said(world: World) -> None:
    keys = world.add_plain(2)
    with world.plan(keys, faulty=True) as plan:
        path = plan.path
    world.store.layout.db.write_bytes(b"not a database" * 1000)
    with pytest.raises(PlanError, match="was not applied") as caught:
        worker.start(path)
    assert str(world.path) in str(caught.value)
    task = tasks.read_task(path)
    assert task.status is Status.CONFIRMED
    assert str(world.path) in task.why


async def test_a_registry_that_is_busy_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise BusyError("Somebody is adding to it.", hint="Try again.")

    with world.plan(world.add_plain(2)) as plan:
        path = plan.path
    monkeypatch.setattr(worker, "open_client", busy)
    with pytest.raises(BusyError):
        await worker.apply_file(path)
    assert tasks.read_task(path).why == "Somebody is adding to it. Try again."
    with plan_file.hold_lock(path), pytest.raises(BusyError):
        await worker.apply_file(path)
    assert "Somebody is adding" in tasks.read_task(path).why, "not of the one that applies it"


def test_a_plan_that_may_not_be_applied_starts_nothing(world: World) -> None:
    with world.plan(world.add_plain(2), confirmed=False) as plan:
        with pytest.raises(ConfirmationError):
            worker.start(plan.path)
        plan.conn.execute("UPDATE journal SET status='finished'")
        with pytest.raises(PlanError, match="has been applied"):
            worker.start(plan.path)
        plan.conn.execute("UPDATE journal SET status='confirmed'")
        plan.conn.execute("UPDATE item SET label='v7' WHERE seq=1")
        with pytest.raises(PlanError, match="changed after"):
            worker.start(plan.path)
        assert not worker.log_path(plan.path).exists()


def test_a_library_in_the_current_folder_is_not_loaded(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "here"
    trap.mkdir()
    (trap / "sqlite3.py").write_text("open('caught', 'w')\nraise SystemExit(3)\n")
    monkeypatch.chdir(trap)
    with world.plan(world.add_plain(2)) as plan:
        worker.start(plan.path)
        wait_for(lambda: released(plan.path), "the end")
        assert plan.status is Status.FINISHED
    assert not (trap / "caught").exists()


@pytest.mark.parametrize("room", [0, 16384, 131072])
def test_a_full_disk_never_makes_it_lie(world: World, room: int) -> None:
    keys = world.add_plain(300)
    with world.plan(keys, faulty=True) as plan:
        path = plan.path
    worker = spawn(path, limit=path.stat().st_size + room)
    worker.wait(120)
    assert lies(world, path) == []
    if state(path)[0] is not Status.FINISHED:
        worker = spawn(path)
        worker.wait(60)
        assert lies(world, path) == []
        assert state(path)[0] is Status.FINISHED
