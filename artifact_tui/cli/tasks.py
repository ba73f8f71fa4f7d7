"""`artifact-tui tasks`: the plans that were applied here, or wait to be."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - click reads it
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.cli import records
from artifact_tui.cli.options import PlanFile, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.deletion import tasks as engine
from artifact_tui.deletion.plan import Status
from artifact_tui.text import safe

if TYPE_CHECKING:
    from artifact_tui.deletion.tasks import Task

_SHORT = 8
"""Characters of a plan's id that are shown."""


@click.command("tasks")
@click.option(
    "--pause",
    type=PlanFile(),
    metavar="PLAN",
    help="Let a running plan wait after what is in flight.",
)
@click.option("--cancel", type=PlanFile(), metavar="PLAN", help="Give up what has not been sent.")
@json_option
def tasks(*, pause: Path | None, cancel: Path | None, as_json: bool) -> None:
    """List the plans that were applied here: running, interrupted and finished ones.

    PLAN is a file, or the id that the list shows. A paused or interrupted plan goes on with
    `artifact-tui resume PLAN`.
    """
    out = Output(json=as_json)
    if pause:
        engine.pause(pause)
    if cancel:
        engine.cancel(cancel)
    found = engine.list_tasks()
    if as_json:
        for task in found:
            out.record(_record(task))
        return
    if not found:
        out.words("no plan was made or applied here yet")
        return
    out.rows(map(_row, found), right="3")
    if any(task.status is Status.INTERRUPTED and not task.error for task in found):
        out.words(f"to go on with an interrupted one: {command('resume', 'PLAN')}")


def _row(task: Task) -> tuple[str, ...]:
    path = safe(str(task.path), 4096)
    if task.error:
        return "-", "not readable", "", "", "", path
    return (
        task.id[:_SHORT],
        _status(task),
        safe(task.registry),
        f"{text.count(task.settled)} of {text.count(task.total)} settled",
        text.moment(task.started_us or task.created_us),
        path,
    )


def _status(task: Task) -> str:
    if task.alive and task.status is Status.APPLYING:
        left = f", {text.age(0, task.left_us)} left" if task.left_us else ""
        pace = f", {safe(task.pace)}" if task.pace else ""
        return f"running{left}{pace}"
    return str(task.status)


def _record(task: Task) -> dict[str, Any]:
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
        "left": records.seconds(task.left_us),
        "pace": task.pace,
        "created": records.moment(task.created_us),
        "started": records.moment(task.started_us),
        "ended": records.moment(task.ended_us),
        "pid": task.pid,
        "running": task.alive,
    }
