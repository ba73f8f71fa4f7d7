"""Starting the process that applies a plan, watching it, and saying how it ended."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from artifact_tui import text
from artifact_tui.cli import reporting
from artifact_tui.cli.failures import HUNG_UP, INTERRUPTED, say
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.progress import Progress
from artifact_tui.deletion import launch, tasks, trust
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import READ_ONLY_HINT, ArtifactTuiError, PlanError, ReadOnlyError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable
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
    target = trust.target_of(plan)
    if read_only or target.read_only or plan.head.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was deleted.",
            hint=f"{READ_ONLY_HINT}. Then make the plan again.",
        )


class Signals:
    """Ctrl+C, SIGTERM and SIGHUP while a plan is applied: noted, so that none comes in between.

    The first Ctrl+C or SIGTERM stops the apply, a second one only the watching. SIGHUP (a closed
    terminal) leaves it alone.
    """

    def __init__(self) -> None:
        self.stops = 0
        """How often somebody wished that it stops."""
        self.hung_up = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        with suppress(ValueError):  # another thread than the main one: nobody can interrupt it
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _: object) -> None:
        if number == signal.SIGHUP:
            self.hung_up = True
        else:
            self.stops += 1

    def stop(self) -> bool:
        """Whether somebody wished that it stops."""
        return self.stops > 0


class StoppedError(ArtifactTuiError):
    """The apply was stopped before it began."""

    exit_code = INTERRUPTED


T = TypeVar("T")


def start(signals: Signals, path: Path, how: Callable[..., T]) -> T:
    """Start applying a plan by one of the ways to do so; `signals` may stop it at any moment.

    Raises:
        StoppedError: it was stopped before it began.
        ArtifactTuiError: it could not be started.
    """
    try:
        with Progress() as progress:
            progress.show("starting the process that applies it · ctrl+c stops it")
            return how(path, stop=signals.stop)
    except PlanError as error:
        if not signals.stops:
            raise
        raise StoppedError(
            "It was stopped before it began. Nothing was deleted now.",
            hint=f"To go on: {command('resume', path)}",
        ) from error


def start_and_watch(path: Path, out: Output, *, detach: bool = False) -> int:
    """Apply a confirmed plan; returns the exit code."""
    with Signals() as signals:
        start(signals, path, launch.start)
        if detach and not signals.stops:
            out.words(f"started; it goes on by itself. See it with: {command('tasks')}")
            return 0
        return watch(path, out, signals)


def watch(path: Path, out: Output, signals: Signals) -> int:
    """Follow an apply to its end, print what became of it, and return the exit code."""
    with Progress() as progress:
        task = _follow(path, progress, signals)
    if task.alive:
        say(
            f"it goes on by itself{' to the end of what is in flight' if signals.stops else ''}. "
            f"See it with: {command('tasks')}",
            f"stop it with: {command('tasks', '--cancel', task.id[:8] or path)}",
        )
        return INTERRUPTED if signals.stops else HUNG_UP
    with Plan.open(path) as plan:
        found = reporting.report(plan)
        reporting.print_report(found, out, path)
    if task.status is Status.INTERRUPTED:
        out.words(f"to go on: {command('resume', path)}")
    if signals.stops and not found.complete:
        return INTERRUPTED
    return 0 if found.complete else 1


def _follow(path: Path, progress: Progress, signals: Signals) -> Task:
    """Show how far it is until nobody applies the plan any more, or nobody watches.

    Raises:
        PlanError: the plan could not be read for a while; the apply may go on all the same.
    """
    blind_since: float | None = None
    stopped = False
    while True:
        task = tasks.read_task(path)
        if not task.error and not task.alive:
            return tasks.read_task(path)  # what it wrote before it let go of the plan
        if signals.hung_up or signals.stops > 1:
            return task
        if signals.stops and not stopped:
            stopped = True
            tasks.stop(path)
        if task.error:
            blind_since = blind_since or time.monotonic()
            if time.monotonic() - blind_since > PATIENCE:
                raise PlanError(task.error, hint=f"It may go on all the same: {command('tasks')}")
        else:
            blind_since = None
            progress.show(_line(task, stopped=stopped), now=stopped)
        time.sleep(POLL)


def _line(task: Task, *, stopped: bool) -> str:
    done = "purged" if task.action is Action.PURGE else "deleted"
    line = f"{text.count(task.done)} of {text.count(task.total)} {done}"
    if task.settled != task.done:
        line += f", {text.count(task.settled - task.done)} not"
    if stopped:
        return f"{line} · stopping after what is in flight (ctrl+c leaves it to itself)"
    if task.status is Status.PAUSED:
        return f"{line} · paused: {command('resume', task.id[:8])} · ctrl+c stops it"
    if task.pace and not task.pace[0].isdigit():
        return f"{line} · {safe(task.pace)} · ctrl+c stops it"
    if task.rate:
        slow = task.rate < 1
        line += f" · {task.rate * 60:.1f} a minute" if slow else f" · {task.rate:,.0f} a second"
    if task.left_us:
        line += f" · {text.age(0, task.left_us)} left"
    return f"{line} · {safe(task.pace)}" if task.pace else line
