"""Plans as tasks: which there are, how far they are, and what can be asked of them."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import places
from artifact_tui.deletion import launch, lock, planfile, trust
from artifact_tui.deletion.items import DONE, OPEN, Action, ItemState
from artifact_tui.deletion.journal import Journal
from artifact_tui.deletion.plan import Plan, Status, Want
from artifact_tui.errors import ArtifactTuiError, NotFoundError, PlanError
from artifact_tui.here import now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SUFFIX = ".plan"
"""Of plans that the user did not name."""

WINDOW_US = 30_000_000
"""The rate is that of the last half minute."""


@dataclass(frozen=True, slots=True)
class Task:
    """One plan as a line of the task list. Names and reasons are untrusted text."""

    path: Path
    id: str = ""
    registry: str = ""
    address: str = ""
    action: Action = Action.DELETE
    status: Status = Status.DRAFT
    why: str = ""
    """Why it ended early, or could not begin."""
    total: int = 0
    """Items to delete."""
    settled: int = 0
    """Those of them that have ended, one way or another; what was given up untried has not."""
    states: Mapping[ItemState, int] = field(default_factory=dict)
    retryable: int = 0
    """Failed items that may work now."""
    listed: int | None = 0
    """Bytes of the items to delete."""
    rate: float | None = None
    """Items settled a second, lately; None when nothing runs."""
    left_us: int | None = None
    """Time left at that rate."""
    created_us: int = 0
    started_us: int | None = None
    ended_us: int | None = None
    pid: int | None = None
    """Of the last process that applied it."""
    alive: bool = False
    """Whether a process applies it now."""
    pace: str = ""
    """What limits its speed now: empty when nothing runs, or nothing does. Untrusted text."""
    wants: Want = Want.RUN
    """What was last asked of it, maybe not yet done."""
    host: str = ""
    """Where that process runs."""
    error: str = ""
    """Set when the plan cannot be read: why; only `path` is true then."""

    @property
    def done(self) -> int:
        """Items of which what was asked is so: deleted, unlinked, or gone before."""
        return sum(self.states.get(state, 0) for state in DONE)


def list_tasks() -> list[Task]:
    """Every plan that was applied here or waits in the folder of plans, newest first."""
    found = [read_task(path) for path in _paths()]
    return sorted(found, key=lambda task: (-task.created_us, str(task.path)))


def _paths() -> Iterator[Path]:
    seen: set[Path] = set()
    tasks, plans = places.task_folders()
    links = [link for link in tasks.iterdir() if link.is_symlink()] if tasks.is_dir() else []
    paths = [link.parent / link.readlink() for link in links]
    for path in [*paths, *plans.glob(f"*{SUFFIX}")]:
        real = Path(os.path.realpath(path))  # unlike resolve, it bears a link to itself
        if real not in seen:
            seen.add(real)
            yield real


def find(plan_id: str) -> Path:
    """The file of the plan whose id begins so.

    Raises:
        NotFoundError: none does, or several do.
    """
    found = [task.path for task in list_tasks() if plan_id and task.id.startswith(plan_id)]
    if len(found) != 1:
        how_many = "No plan has" if not found else f"{len(found)} plans have"
        raise NotFoundError(
            f"{how_many} an id that begins with {plan_id}.", hint="See `artifact-tui tasks`."
        )
    return found[0]


def read_task(path: Path) -> Task:
    """One plan as a task; a plan that cannot be read is a task with an error."""
    try:
        with Plan.open(path) as plan, planfile.trouble(path):
            return _task(plan)
    except ArtifactTuiError as error:
        return Task(path=path, error=str(error))


def _task(plan: Plan) -> Task:
    begun = plan.stored_status in {Status.APPLYING, Status.PAUSED}
    alive = begun and lock.is_held(plan.path)  # first: what is read after its end stays true
    head, status, states = plan.head, plan.status, plan.states()
    total = sum(states.values())
    left = sum(states.get(state, 0) for state in OPEN)
    rate = _rate(plan) if status is Status.APPLYING else None
    return Task(
        path=plan.path,
        id=head.id,
        registry=head.registry,
        address=head.identity.address,
        action=head.options.action,
        status=status,
        why=plan.why,
        total=total,
        settled=total - left - states.get(ItemState.NOT_TRIED, 0),
        states=states,
        retryable=plan.one("SELECT count(*) FROM progress WHERE state='failed' AND retryable"),
        listed=plan.one("SELECT sum(size) FROM item WHERE verdict='delete'"),
        rate=rate,
        left_us=round(left / rate * 1e6) if rate else None,
        created_us=head.created_us,
        started_us=plan.one("SELECT min(started_us) FROM run"),
        ended_us=None
        if alive
        else plan.one("SELECT coalesce(ended_us, heartbeat_us) FROM run ORDER BY id DESC LIMIT 1"),
        pid=plan.one("SELECT pid FROM run ORDER BY id DESC LIMIT 1"),
        host=plan.one("SELECT host FROM run ORDER BY id DESC LIMIT 1") or "",
        alive=alive,
        pace=plan.pace if alive else "",
        wants=plan.want,
    )


def _rate(plan: Plan) -> float | None:
    """Items settled a second by this run, over the last half minute."""
    now = now_us()
    began = plan.one("SELECT max(started_us) FROM run") or now
    since = max(began, now - WINDOW_US)
    done = plan.one("SELECT count(*) FROM progress WHERE done_us > ?", (since,))
    return done / (now - since) * 1e6 if done and now > since else None


def pause(path: Path) -> None:
    """Ask a running apply to wait after the call in flight.

    Raises:
        PlanError: nothing applies this plan now.
    """
    with Plan.open(path, write=True) as plan:
        if not lock.is_held(plan.path):
            raise PlanError(f"Nothing applies the plan {plan.path} now.", hint="It can be resumed.")
        plan.ask(Want.PAUSE)


def stop(path: Path) -> None:
    """Ask the process that applies a plan to stop after the call in flight: it can be resumed."""
    task = read_task(path)
    if task.alive and task.pid is not None and task.host == socket.gethostname():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(task.pid, signal.SIGTERM)


def resume(path: Path, *, stop: Callable[[], bool] = launch.never) -> int | None:
    """Go on: a paused apply runs on, an interrupted one is started again.

    Returns the new process id, or None when the apply was running or paused. Blocks like
    `launch.start`, and raises what it raises.
    """
    with Plan.open(path, write=True) as plan:
        trust.check_confirmed(plan)
        plan.ask(Want.RUN)
        if lock.is_held(plan.path):
            return None
    return launch.start(path, stop=stop)


def cancel(path: Path) -> None:
    """Give up what has not been sent; what was sent is settled first, and stays done.

    A running apply does so after the call in flight. Otherwise it is done here, or by a new
    process when the registry has to be asked about uncertain items; blocks like `launch.start`.

    Raises:
        PlanError: the plan came to its end already.
    """
    with Plan.open(path, write=True) as plan:
        if plan.status in {Status.FINISHED, Status.CANCELLED}:
            raise PlanError(
                f"The plan {plan.path} has ended ({plan.status}).", hint="There is nothing left."
            )
        plan.ask(Want.CANCEL)
        if lock.is_held(plan.path):
            return
        if not plan.states().get(ItemState.SENT):
            with lock.held(plan.path):
                journal = Journal(plan, now_us)
                journal.cancel_rest()
                journal.end(Status.CANCELLED, "the rest was cancelled")
            return
    launch.start(path)


def retry_failed(path: Path, *, stop: Callable[[], bool] = launch.never) -> int:
    """Try again what failed and may work now, with parents that stayed because of it.

    Returns how many failed items are tried; the apply is started unless there is none. Each item
    is checked against the review again. Blocks like `launch.start`, and raises what it raises.
    """
    with Plan.open(path, write=True) as plan, lock.held(plan.path):
        trust.check_confirmed(plan)
        count = Journal(plan, now_us).reopen_failed()
    if count:
        launch.start(path, stop=stop)
    return count
