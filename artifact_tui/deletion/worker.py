"""The process that applies a plan, `python -m artifact_tui.deletion.worker PLAN`, and its start.

It runs in a session of its own, without a terminal, so that it outlives whoever started it, and is
watched through the plan file. What it says goes to standard error, which `start` points at
`PLAN.log`. SIGTERM, SIGINT and SIGHUP stop it after the call in flight; after anything worse the
plan can be resumed.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.clients import open_client
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.apply import Ending, apply
from artifact_tui.deletion.calls import Control, redacted
from artifact_tui.deletion.confirmation import check_may_apply
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import ArtifactTuiError, BusyError, PlanError
from artifact_tui.model import actor
from artifact_tui.processes import command_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from artifact_tui.clients.base import Client


BEGIN_PATIENCE = 15.0
"""Seconds that a worker may take to begin."""

_RUNS = "SELECT count(*) FROM run"


def log_path(plan: Path) -> Path:
    """Where the worker of a plan writes what it says."""
    return plan.with_name(plan.name + ".log")


def never() -> bool:
    """The `stop` of who waits to the end."""
    return False


def start(
    plan_path: Path, *, patience: float = BEGIN_PATIENCE, stop: Callable[[], bool] = never
) -> int:
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
        if plan_file.is_locked(path):
            raise plan_file.busy_error(
                path, plan.first_value("SELECT pid FROM run ORDER BY id DESC LIMIT 1")
            )
        check_may_apply(plan)
        plan_file.registry_of(plan)
        plan.note("")
        before = plan.first_value(_RUNS)
        with _open_log(log_path(path)) as log:
            process = _spawn(path, log)
        try:
            _await_begin(plan, process, before, time.monotonic() + patience, stop)
        finally:
            threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()
        return process.pid


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
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command_of("deletion.worker", str(path)),
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
    while plan.first_value(_RUNS) == before:
        if stop() and not stopped:
            stopped = True
            process.terminate()
        ended = process.poll() is not None
        if ended and plan.first_value(_RUNS) == before:
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


_log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""These stop the apply cleanly."""


GC_THRESHOLD = (50_000, 20, 20)
"""How often Python looks for garbage: an apply makes thousands of items at once, and no circles."""


async def apply_file(path: Path) -> Ending:
    """Apply the plan in a file to the registry that it names.

    Raises:
        ArtifactTuiError: it could not be applied; the message says what was not done.
    """
    control = Control()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, control.stop, f"stopped by {number.name}")
    with Plan.open(path, write=True) as plan:
        client: Client | None = None
        try:
            plan.check_hash()
            target = plan_file.registry_of(plan)
            client = open_client(
                target.address,
                read_only=plan.head.read_only or target.read_only,
                actor=actor(),
                settings=target.settings,
            )
            try:
                ending = await apply(plan, client, control=control)
            finally:
                await client.aclose()
        except ArtifactTuiError as error:
            if isinstance(error, BusyError) and plan_file.is_locked(plan.path):
                raise  # another process applies it: what stands there is about that one
            with suppress(ArtifactTuiError):
                plan.note(redacted(f"{error} {error.hint}".strip(), client))
            raise
        states = ", ".join(f"{count} {state}" for state, count in plan.states().items())
        _log.info("%s: %s", ending.status, states)
        return ending


def main(argv: list[str]) -> int:
    """Apply the plan named on the command line; 0 when it came to its end."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s"
    )
    os.umask(0o077)
    gc.set_threshold(*GC_THRESHOLD)
    path = Path(argv[0])
    _log.info("applying %s", text.safe(str(path), limit=5000))
    try:
        ending = asyncio.run(apply_file(path))
    except ArtifactTuiError as error:
        _log.error("%s", text.safe(redacted(str(error))))
        return error.exit_code
    if ending.why:
        _log.info("%s", text.safe(ending.why))
    return 0 if ending.status is Status.FINISHED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
