"""Starting the process that applies a plan, watching it, and saying how it ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.cli import reporting
from artifact_tui.cli.failures import INTERRUPTED, say
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import target_of
from artifact_tui.deletion import launch, tasks
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import READ_ONLY_HINT, PlanError, ReadOnlyError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.deletion.tasks import Task

POLL = 0.1
"""Seconds between two looks at the plan file."""

PATIENCE = 10.0
"""Seconds that the plan file may be unreadable."""


def check_writable(plan: Plan, *, read_only: bool) -> None:
    """Refuse when the registry is read-only here and now, whatever it was at the review.

    Raises:
        ReadOnlyError: it is. Nothing was deleted.
    """
    target = target_of(plan.head.identity.address, read_only=read_only)
    if target.read_only or plan.head.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was deleted.",
            hint=f"{READ_ONLY_HINT}. Then make the plan again.",
        )


def start_and_watch(path: Path, out: Output, *, detach: bool = False) -> int:
    """Apply a confirmed plan; returns the exit code."""
    try:
        launch.start(path)
    except KeyboardInterrupt:
        say(f"it may have begun, and then goes on by itself: see {command('tasks')}")
        raise
    if detach:
        out.words(f"started; it goes on by itself. See it with: {command('tasks')}")
        return 0
    return watch(path, out)


def watch(path: Path, out: Output) -> int:
    """Follow an apply to its end, print what became of it, and return the exit code.

    Ctrl+C stops it after the call in flight; a second Ctrl+C only stops watching.
    """
    stopped = False
    with Progress() as progress:
        while True:
            try:
                task = _follow(path, progress)
                break
            except KeyboardInterrupt:
                if stopped:
                    say(f"it ends by itself after what is in flight: see {command('tasks')}")
                    raise
                stopped = True
                _stop(path)
                progress.show("stopping after what is in flight …", now=True)
    with Plan.open(path) as plan:
        found = reporting.report(plan)
        reporting.print_report(found, out)
    if task.status is Status.INTERRUPTED:
        out.words(f"to go on: {command('resume', path)}")
    if stopped and not found.complete:
        return INTERRUPTED
    return 0 if found.complete else 1


def _follow(path: Path, progress: Progress) -> Task:
    """Show how far it is until nobody applies the plan any more.

    Raises:
        PlanError: the plan could not be read for a while; the apply may go on all the same.
    """
    blind_since: float | None = None
    while True:
        task = tasks.read_task(path)
        if not task.error and not task.alive:
            return tasks.read_task(path)  # what it wrote before it let go of the plan
        if task.error:
            blind_since = blind_since or time.monotonic()
            if time.monotonic() - blind_since > PATIENCE:
                raise PlanError(task.error, hint=f"It may go on all the same: {command('tasks')}")
        else:
            blind_since = None
            progress.show(_line(task))
        time.sleep(POLL)


def _line(task: Task) -> str:
    done = "purged" if task.action is Action.PURGE else "deleted"
    line = f"{text.count(task.settled)} of {text.count(task.total)} {done}"
    if task.status is Status.PAUSED:
        return f"{line} · paused"
    if task.rate:
        line += f" · {task.rate:,.0f} a second"
    if task.left_us:
        line += f" · {text.age(0, task.left_us)} left"
    return f"{line} · {safe(task.pace)}" if task.pace else line


def _stop(path: Path) -> None:
    task = tasks.read_task(path)
    if task.alive and task.pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(task.pid, signal.SIGTERM)
