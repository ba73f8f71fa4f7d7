"""`artifact-tui apply` and `resume`: carry a plan out, in a process that outlives this one."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - click reads it

import click

from artifact_tui.cli import reviewing
from artifact_tui.cli.asking import Consent, confirm_plan, may_be_confirmed
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import PlanFile, consent_options, json_option, plan_argument
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.report import print_items
from artifact_tui.cli.watching import Signals, check_writable, start, start_and_watch, watch
from artifact_tui.deletion import tasks, trust
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import NotFoundError, UsageError

SHOWN = 20
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
@json_option
@click.pass_obj
def apply(
    flags: Flags,
    plan: Path,
    *,
    registry: str | None,
    yes: bool,
    expect: int | None,
    detach: bool,
    as_json: bool,
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
    consent = Consent(yes, expect)
    consent.check()
    out = Output(json=as_json, changes=True)
    with Plan.open(plan, write=True) as opened:
        if registry is not None:
            trust.name_registry(opened, registry)
        trust.registry_of(opened)
        check_writable(opened, read_only=flags.read_only)
        opened.check_hash()
        summary = opened.summary
        if not yes and may_be_confirmed(opened):
            reviewing.print_origin(opened, out)
            reviewing.print_review(
                opened.head, summary, lambda v: opened.every_item(verdict=v), out, most=SHOWN
            )
        named = () if registry is None else ("--registry", registry)
        instead = ("apply", plan, *named, "--yes", "--expect", summary.deletes)
        confirm_plan(opened, consent, instead)
    code = start_and_watch(plan, out, detach=detach)
    if as_json and not detach:
        print_items(plan, out)
    return code


@click.command("resume")
@click.argument("plan", type=PlanFile(), required=False)
@click.option("--retry-failed", is_flag=True, help="Try again what failed and may work now.")
@click.option("--detach", is_flag=True, help="Start it and return at once; see `tasks`.")
@click.pass_obj
def resume(flags: Flags, plan: Path | None, *, retry_failed: bool, detach: bool) -> int:
    """Continue a plan that was interrupted or paused: a file, or the id that `tasks` shows.

    Without one: the only plan that can be continued. What may have been deleted already is asked
    of the registry first. Only what you confirmed here goes on without a question.
    """
    out = Output(changes=True)
    path = plan or _only_interrupted()
    with Plan.open(path) as opened:
        check_writable(opened, read_only=flags.read_only)
        trust.check_confirmed(opened)
    with Signals() as signals:
        if retry_failed:
            count = start(signals, path, tasks.retry_failed)
            if not count:
                raise NotFoundError(f"Nothing in the plan {path} failed that may work now.")
        else:
            start(signals, path, tasks.resume)
        if detach:
            out.words(f"it goes on by itself. See it with: {command('tasks')}")
            return 0
        return watch(path, out, signals)


def _only_interrupted() -> Path:
    """The plan that can be continued, if it is the only one."""
    ready = {Status.INTERRUPTED, Status.PAUSED}
    found = [task.path for task in tasks.list_tasks() if not task.error and task.status in ready]
    if not found:
        raise NotFoundError("No plan was interrupted here.", hint=f"All plans: {command('tasks')}")
    if len(found) > 1:
        raise UsageError(
            "Several plans can be continued.",
            hint=f"Name one: {', '.join(map(str, found))}",
        )
    return found[0]
