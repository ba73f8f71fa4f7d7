"""`artifact-tui apply`, `resume`, `tasks` and `report`: plans carried out, and what became of them.

A process that outlives this one carries a plan out. It is started and watched here; Ctrl+C stops it
after what is in flight, and a closed terminal leaves it alone.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path  # noqa: TC003 - click reads it
from shlex import quote
from typing import TYPE_CHECKING, Any, Self

import click

from artifact_tui import text
from artifact_tui.cli import reviewing, wording
from artifact_tui.cli.options import PlanParam, consent_options, json_option, plan_argument
from artifact_tui.cli.output import HUNG_UP, INTERRUPTED, Output, Progress, command, say
from artifact_tui.cli.reviewing import answer
from artifact_tui.cli.session import only_reads, refuse_read_only
from artifact_tui.deletion import plan_file, tasks, worker
from artifact_tui.deletion.confirmation import check_waits, confirm, confirmation_of, waits
from artifact_tui.deletion.items import Verdict
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.tasks import Report, ResultGroup, read_report
from artifact_tui.errors import ArtifactTuiError, NotFoundError, PlanError, UsageError
from artifact_tui.model import actor
from artifact_tui.text import moment, safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.deletion.tasks import Task


_LONG = 4096


def print_report(found: Report, out: Output, path: Path) -> None:
    """Print the results of the plan at `path` by reason, and what that means in bytes."""
    _, done = found.summary.verbs
    asked = found.summary.things
    out.words(f"{found.status}: {asked} to be {done} in {safe(found.head.registry)}")
    if found.why:
        out.words(f"  {safe(found.why, _LONG)}")
    for group in found.results:
        _print_group(group, out, path)
    out.words(*(words for words in (found.bytes_words, *found.notes) if words))
    if found.left_out:
        out.words("not part of it, as reviewed:")
        for group in found.left_out:
            _print_group(group, out, path)


def _print_group(group: ResultGroup, out: Output, path: Path) -> None:
    bytes_ = "size not known" if group.size is None else text.size(group.size)
    out.words(f"  {text.count(group.count)} {group.words}, {bytes_}")
    plain = not group.reason and not group.errors
    for name in () if plain else group.examples:
        out.words(f"      {safe(name)}")
    if not plain and group.count > len(group.examples):
        out.words(f"      and {text.count(group.count - len(group.examples))} more")
    for error, times in group.errors:
        often = "once" if times == 1 else f"{text.count(times)} times"
        out.words(f"      {often}: {safe(error)}")
    if group.retryable:
        again = command("resume", path, "--retry-failed")
        out.words(f"      {text.count(group.retryable)} may work when tried again: {again}")


@click.command("report")
@plan_argument
@click.option("--items", is_flag=True, help="Also every item that was to be deleted.")
@json_option()
def report_command(plan: Path, *, items: bool, out: Output) -> None:
    """Print what became of the plan file PLAN, by result and reason.

    With --json, one object for each item. The registry is not asked.
    """
    with Plan.open(plan) as opened:
        head = opened.head
        by = f" by {safe(head.actor)}" if head.actor else ""
        out.words(f"plan made {moment(head.created_us)} UTC{by} for {safe(head.identity.address)}")
        try:
            opened.check_hash()
        except PlanError:  # it is still told, as far as it goes
            say("the file was changed after its review: what it tells may not be so")
        print_report(read_report(opened), out, plan)
        if out.json:
            reviewing.print_item_records(opened, out)
        elif items:
            reviewing.print_items(opened, Verdict.DELETE, out)


POLL = 0.1
"""Seconds between two looks at the plan file."""

PATIENCE = 10.0
"""Seconds that the plan file may be unreadable."""


def check_writable(plan: Plan) -> None:
    """Refuse when the registry is read-only here and now, whatever it was at the review.

    Raises:
        ReadOnlyError: it is. Nothing was deleted.
    """
    target = plan_file.target_of(plan)
    only = only_reads() or target.read_only or plan.head.read_only
    refuse_read_only(replace(target, read_only=only), then="Then make the plan again.")


class ApplySignals:
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


class StoppedError(ArtifactTuiError):
    """The apply was stopped before it began."""

    exit_code = INTERRUPTED


def confirm_and_apply(
    path: Path,
    out: Output,
    expect: int | None,
    *,
    first: Callable[[Plan], object] = lambda _: None,
    detach: bool = False,
) -> int:
    """Get a plan confirmed, apply it, and print what became of it; returns the exit code.

    Args:
        path: the plan.
        out: where it is printed.
        expect: the count that a script states; None to ask on the terminal.
        first: called with the open plan before anything is asked.
        detach: return as soon as it has started.

    Raises:
        UsageError: there is no terminal to ask on.
        ConfirmationError: it was not confirmed. Nothing was deleted.
        ReadOnlyError: the registry may only be read.
        PlanError: the plan was changed, or has been applied.
    """
    with Plan.open(path, write=True) as plan:
        check_writable(plan)
        first(plan)
        check_waits(plan)
        confirm(plan, answer(confirmation_of(plan), expect), actor=actor())
    return start_and_watch(path, out, worker.start, detach=detach)


def start_and_watch(
    path: Path, out: Output, how: Callable[..., object], *, detach: bool = False
) -> int:
    """Begin or continue a confirmed plan by one of the ways to do so; returns the exit code.

    Raises:
        StoppedError: it was stopped before it began.
        ArtifactTuiError: it could not be started.
    """
    with ApplySignals() as signals:
        try:
            with Progress() as progress:
                progress.show("starting the process that applies it · ctrl+c stops it")
                how(path, stop=lambda: signals.stops > 0)
        except PlanError as error:
            if not signals.stops:
                raise
            raise StoppedError(
                "It was stopped before it began. Nothing was deleted now.",
                hint=f"To go on: {command('resume', path)}",
            ) from error
        if detach and not signals.stops:
            out.words(f"it goes on by itself. See it with: {command('tasks')}")
            return 0
        with Progress() as progress:
            task = _follow(path, progress, signals)
        if task.alive:
            say(
                f"it goes on by itself{' to the end of what is in flight' if signals.stops else ''}"
                f". See it with: {command('tasks')}",
                f"stop it with: {command('tasks', '--cancel', task.id[:8] or path)}",
            )
            return INTERRUPTED if signals.stops else HUNG_UP
        with Plan.open(path) as plan:
            found = read_report(plan)
            print_report(found, out, path)
        if task.status is Status.INTERRUPTED:
            out.words(f"to go on: {command('resume', path)}")
        if found.complete:
            return 0
        return INTERRUPTED if signals.stops else 1


def _follow(path: Path, progress: Progress, signals: ApplySignals) -> Task:
    """Show how far a plan is until it is not applied any more, or the user stops watching.

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
            progress.show(_progress_line(task, stopped=stopped), now=stopped)
        time.sleep(POLL)


def _progress_line(task: Task, *, stopped: bool) -> str:
    line = f"{text.count(task.done)} of {text.count(task.total)} {task.verbs[1]}"
    if task.settled != task.done:
        line += f", {text.count(task.settled - task.done)} not"
    if stopped:
        return f"{line} · stopping after what is in flight (ctrl+c leaves it to itself)"
    if task.status is Status.PAUSED:
        return f"{line} · paused: {command('resume', task.id[:8])} · ctrl+c stops it"
    if task.pace and not task.pace[0].isdigit():
        return f"{line} · {safe(task.pace)} · ctrl+c stops it"
    return " · ".join(part for part in (line, task.rate_words, safe(task.pace)) if part)


ASKED_ITEMS = 20
"""Items of each verdict that are printed before the question."""


@click.command("apply")
@plan_argument
@click.option(
    "--registry",
    metavar="REGISTRY",
    help="The registry of a plan that was not made here: its credentials go nowhere else.",
)
@consent_options
@click.option("--detach", is_flag=True, help="Start it and return at once; see `tasks`.")
@json_option(changes=True)
def apply_command(
    plan: Path, *, registry: str | None, expect: int | None, detach: bool, out: Output
) -> int:
    """Delete exactly what the plan PLAN says will be deleted: a file, or an id that `tasks` shows.

    \b
    artifact-tui apply old.plan                      asks on the terminal
    artifact-tui apply old.plan --yes --expect 12    for scripts: 12 is the number in the review

    Every version is looked at again before it is deleted: one that changed since the review stays.
    A process of its own does the work, so that closing the terminal does not stop it. Ctrl+C stops
    it after what is in flight. The exit code is 0 only when all of it happened.

    A plan that somebody else made is shown and confirmed here, whatever its file says.
    """  # noqa: D301 - click's mark for lines that stay as they are

    def show(opened: Plan) -> None:
        if registry is not None:
            plan_file.name_registry(opened, registry)
        plan_file.registry_of(opened)
        opened.check_hash()
        if expect is None and waits(opened):
            reviewing.print_origin(opened, out)
            reviewing.print_review(opened, out, most=ASKED_ITEMS)

    code = confirm_and_apply(plan, out, expect, first=show, detach=detach)
    if out.json and not detach:
        with Plan.open(plan) as opened:
            reviewing.print_item_records(opened, out)
    return code


@click.command("resume")
@click.argument("plan", type=PlanParam(), required=False)
@click.option("--retry-failed", is_flag=True, help="Try again what failed and may work now.")
@click.option("--detach", is_flag=True, help="Start it and return at once; see `tasks`.")
def resume_command(plan: Path | None, *, retry_failed: bool, detach: bool) -> int:
    """Continue a plan that was interrupted or paused: a file, or the id that `tasks` shows.

    Without one: the only plan that can be continued. What may have been deleted already is asked
    of the registry first. Only what you confirmed here goes on without a question.
    """
    out = Output(changes=True)
    if plan is None:
        found = [task.path for task in tasks.list_tasks() if not task.error and task.stopped]
        if not found:
            raise NotFoundError(
                "No plan was interrupted here.", hint=f"All plans: {command('tasks')}"
            )
        if len(found) > 1:
            names = ", ".join(quote(str(path)) for path in found)
            raise UsageError("Several plans can be continued.", hint=f"Name one: {names}")
        (plan,) = found
    with Plan.open(plan) as opened:
        check_writable(opened)
        plan_file.check_confirmed(opened)
    return start_and_watch(plan, out, _retry if retry_failed else tasks.resume, detach=detach)


def _retry(path: Path, *, stop: Callable[[], bool]) -> None:
    """Try again what failed, and go on with what was interrupted.

    Raises:
        NotFoundError: there is nothing of the kind.
    """
    if tasks.retry_failed(path, stop=stop):
        return
    if tasks.read_task(path).status is not Status.INTERRUPTED:
        raise NotFoundError(f"Nothing in the plan {path} failed that may work now.")
    tasks.resume(path, stop=stop)


_SHORT = 8
"""Characters of a plan's id that are shown."""


@click.command("tasks")
@click.option(
    "--pause",
    type=PlanParam(),
    metavar="PLAN",
    help="Let a running plan wait after what is in flight.",
)
@click.option("--cancel", type=PlanParam(), metavar="PLAN", help="Give up what has not been sent.")
@json_option()
def tasks_command(*, pause: Path | None, cancel: Path | None, out: Output) -> None:
    """List the plans that were applied here: running, interrupted and finished ones.

    PLAN is a file, or the id that the list shows. A paused or interrupted plan goes on with
    `artifact-tui resume PLAN`.
    """
    if pause:
        tasks.pause(pause)
    if cancel:
        tasks.cancel(cancel)
    found = tasks.list_tasks()
    if out.json:
        out.records(map(_task_record, found))
        return
    if not found:
        out.words("no plan was made or applied here yet")
        return
    out.rows(map(_task_row, found), right="3")
    if any(task.status is Status.INTERRUPTED and not task.error for task in found):
        out.words(f"to go on with an interrupted one: {command('resume', 'PLAN')}")


def _task_row(task: Task) -> tuple[str, ...]:
    path = safe(str(task.path), 4096)
    if task.error:
        return "-", task.status_words, "", "", "", path
    return (
        task.id[:_SHORT],
        ", ".join(part for part in (task.status_words, task.rate_words, safe(task.pace)) if part),
        safe(task.registry),
        f"{text.count(task.settled)} of {text.count(task.total)} settled",
        text.moment(task.started_us or task.created_us),
        path,
    )


def _task_record(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "path": str(task.path),
        "registry": task.registry,
        "address": task.address,
        "action": str(task.action),
        "status": "unreadable" if task.error else str(task.status),
        "why": task.why or task.error,
        "total": task.total,
        "settled": task.settled,
        "results": {str(state): count for state, count in task.states.items()},
        "retryable": task.retryable,
        "size": task.listed,
        "rate": task.rate,
        "left": wording.seconds(task.left_us),
        "pace": task.pace,
        "created": wording.iso_moment(task.created_us),
        "started": wording.iso_moment(task.started_us),
        "ended": wording.iso_moment(task.ended_us),
        "pid": task.pid,
        "running": task.alive,
    }
