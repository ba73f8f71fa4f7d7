"""`artifact-tui review`: print a plan, item by item."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - click reads it

import click

from artifact_tui.cli import reviewing
from artifact_tui.cli.options import json_option, plan_argument
from artifact_tui.cli.output import Output
from artifact_tui.deletion.confirm import challenge_of
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.text import moment, safe


@click.command("review")
@plan_argument
@json_option
def review(plan: Path, *, as_json: bool) -> None:
    """Print every item of the plan file PLAN: what would be deleted, what stays, and why.

    Nothing is deleted, and the registry is not asked.
    """
    out = Output(json=as_json)
    with Plan.open(plan) as opened:
        opened.check_hash()
        summary = opened.summary
        if as_json:
            for item in opened.every_item():
                out.record(reviewing.item_record(item, opened.head.registry, summary))
        reviewing.print_origin(opened, out)
        by = f" by {safe(opened.head.actor)}" if opened.head.actor else ""
        out.words(f"plan made {moment(opened.head.created_us)} UTC{by} · {opened.status}")
        reviewing.print_review(
            opened.head,
            summary,
            lambda verdict: () if as_json else opened.every_item(verdict=verdict),
            out,
            most=None,
        )
        for name, parents in opened.orphans():
            out.words(f"  {safe(name)} loses {parents} of its parents")
        if opened.status in {Status.DRAFT, Status.CONFIRMED}:
            out.words("", f"to apply it: {challenge_of(opened).prompt}")
            reviewing.print_next(plan, summary, out)
