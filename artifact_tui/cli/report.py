"""`artifact-tui report`: what happened to each item of a plan."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - click reads it

import click

from artifact_tui.cli import reporting, reviewing
from artifact_tui.cli.failures import say
from artifact_tui.cli.options import json_option, plan_argument
from artifact_tui.cli.output import Output
from artifact_tui.deletion.items import Verdict
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import PlanError
from artifact_tui.text import moment, safe


@click.command("report")
@plan_argument
@click.option("--items", is_flag=True, help="Also every item that was to be deleted.")
@json_option
def report(plan: Path, *, items: bool, as_json: bool) -> None:
    """Print what became of the plan file PLAN, by result and reason.

    With --json, one object for each item. The registry is not asked.
    """
    out = Output(json=as_json)
    with Plan.open(plan) as opened:
        head = opened.head
        by = f" by {safe(head.actor)}" if head.actor else ""
        out.words(f"plan made {moment(head.created_us)} UTC{by} for {safe(head.identity.address)}")
        try:
            opened.check_hash()
        except PlanError:  # it is still told, as far as it goes
            say("the file was changed after its review: what it tells may not be so")
        reporting.print_report(reporting.report(opened), out, plan)
        if items and not as_json:
            reviewing.print_items(opened.every_item(verdict=Verdict.DELETE), out)
    if as_json:
        print_items(plan, out)


def print_items(plan: Path, out: Output) -> None:
    """Print every item of a plan as JSON."""
    with Plan.open(plan) as opened:
        summary = opened.summary
        for item in opened.every_item():
            out.record(reviewing.item_record(item, opened.head.registry, summary))
