"""Starting the process that applies a plan, so that it outlives us."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import artifact_tui
from artifact_tui.deletion import lock, trust
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import ConfirmationError, PlanError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

PATIENCE = 15.0
"""Seconds that a worker may take to begin."""


def log_path(plan: Path) -> Path:
    """Where the worker of a plan writes what it says."""
    return plan.with_name(plan.name + ".log")


def never() -> bool:
    """Nobody wishes that it stops."""
    return False


def start(plan_path: Path, *, patience: float = PATIENCE, stop: Callable[[], bool] = never) -> int:
    """Start applying a confirmed plan, or going on with one, in a process and session of its own.

    Returns its process id once it has begun. It takes some tenths of a second: call it from a
    thread, not from an event loop. A registry's token reaches it through the environment only.
    Once `stop()` is true, the process is told to end: before its first call, if it has not begun.

    Raises:
        BusyError: another process applies this plan.
        ConfirmationError: nobody confirmed the plan.
        PlanError: the plan cannot be applied, or the process ended before it began; the message
            says why.
    """
    with Plan.open(plan_path, write=True) as plan:
        path = plan.path
        if lock.is_held(path):
            raise lock.busy(path, plan.one("SELECT pid FROM run ORDER BY id DESC LIMIT 1"))
        _check(plan)
        plan.check_hash()
        trust.check_confirmed(plan)
        trust.registry_of(plan)
        plan.note("")
        before = _runs(plan)
        with _open_log(log_path(path)) as log:
            process = _spawn(path, log)
        try:
            _await_begin(plan, process, before, time.monotonic() + patience, stop)
        finally:
            threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()
        return process.pid


def _check(plan: Plan) -> None:
    if plan.status is Status.DRAFT:
        raise ConfirmationError(
            f"Nobody has confirmed the plan {plan.path}. Nothing was deleted.",
            hint="Review it and confirm it first.",
        )
    if plan.status in {Status.FINISHED, Status.CANCELLED}:
        raise PlanError(
            f"The plan {plan.path} has been applied ({plan.status}). Nothing was deleted now.",
            hint="A plan is applied once: retry what failed, or make a new plan.",
        )


def _runs(plan: Plan) -> int:
    return int(plan.one("SELECT count(*) FROM run"))


def _open_log(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return open(os.open(path, flags, 0o600), "ab")  # noqa: PTH123 - a descriptor, not a path
    except OSError as error:
        raise PlanError(
            f"The log {path} cannot be written: {error.strerror}. Nothing was deleted.",
            hint="Copy the plan to a folder that you may write.",
        ) from error


def _spawn(path: Path, log: BinaryIO) -> subprocess.Popen[bytes]:
    # -P keeps the current folder off the module path: a file there must not pose as a library.
    here = Path(artifact_tui.__file__).parent.parent == Path.cwd()
    isolated = [] if here else ["-P"]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, *isolated, "-m", "artifact_tui.deletion.worker", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _await_begin(
    plan: Plan,
    process: subprocess.Popen[bytes],
    before: int,
    deadline: float,
    stop: Callable[[], bool],
) -> None:
    """Until the worker has begun; its own reason when it ends before that."""
    stopped = False
    while _runs(plan) == before:
        if stop() and not stopped:
            stopped = True
            process.terminate()
        ended = process.poll() is not None
        if ended and _runs(plan) == before:
            raise PlanError(
                f"The plan was not applied: {plan.why or 'its process ended at once'}",
                hint=f"Nothing was deleted. See {log_path(plan.path)}.",
            )
        if time.monotonic() > deadline:
            raise PlanError(
                f"Process {process.pid} has not begun to apply the plan {plan.path} yet.",
                hint=f"It may still do so: see `artifact-tui tasks` and {log_path(plan.path)}.",
            )
        time.sleep(0.02)
