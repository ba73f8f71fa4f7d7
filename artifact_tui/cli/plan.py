"""`artifact-tui plan`: build a plan from a filter or the marks, and print what it would do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from artifact_tui import places, query
from artifact_tui.cli import reviewing
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import FilterCommand, json_option
from artifact_tui.cli.output import Output
from artifact_tui.cli.session import actor, catalog_of, client_of, now_us, parse_filter, split
from artifact_tui.deletion.build import build_plan
from artifact_tui.deletion.items import Options
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import PlanError, UsageError

if TYPE_CHECKING:
    from artifact_tui.config import Target
    from artifact_tui.deletion.draft import Draft

SHOWN = 20
"""Items of each verdict that are printed; `review` prints all."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the plan is about: versions that match a filter, or the marks of the screen."""

    filter: str
    marked: bool = False


@click.command("plan", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] FILTER…")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The plan file to make.")
@click.option("--marked", is_flag=True, help="What is marked on the screen, instead of a filter.")
@click.option("--delete-aliases", is_flag=True, help="Aliases may go along (never protected ones).")
@click.option("--with-dependents", is_flag=True, help="Delete also all that was made from these.")
@click.option("--orphan-dependents", is_flag=True, help="Live dependents may lose a parent.")
@json_option
@click.pass_obj
def plan(
    flags: Flags,
    words: tuple[str, ...],
    *,
    output: Path | None,
    marked: bool,
    delete_aliases: bool,
    with_dependents: bool,
    orphan_dependents: bool,
    as_json: bool,
) -> None:
    """Build a plan from a filter, and print what it would do. Nothing is deleted.

    \b
    artifact-tui plan local:./sample 'type:model age>90d alias:none' -o old.plan
    artifact-tui plan local:./sample 'name:sweep -latest:3' -o sweep.plan --with-dependents

    A version with a protected alias, or with live dependents outside the plan, stays. The filter *
    means everything. Without -o the plan is kept where `artifact-tui tasks` finds it.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words, read_only=flags.read_only)
    selection = Selection(" ".join(rest), marked)
    if bool(selection.filter.strip()) == marked:
        raise UsageError(
            "Say what the plan is about: a filter, or --marked.",
            hint="For everything in the registry, the filter is '*'.",
        )
    options = Options(
        delete_aliases=delete_aliases,
        with_dependents=with_dependents,
        orphan_dependents=orphan_dependents,
    )
    out = Output(json=as_json)
    draft = asyncio.run(make_draft(target, selection, options))
    path = save(draft, output) if draft.summary.deletes else None  # before a reader may hang up
    print_draft(draft, out)
    reviewing.print_next(path or save(draft, output), draft.summary, out)


async def make_draft(target: Target, selection: Selection, options: Options) -> Draft:
    """Judge what is selected in a registry."""
    parsed = parse_filter([selection.filter])
    async with client_of(target) as client:
        marks = places.marks_file(client.identity.uid) if selection.marked else None
        with catalog_of(client, marks=marks) as conn:
            now = now_us()
            where: query.Where | Literal["marked"] = query.compile_query(
                parsed, now, registry=target.name
            )
            return build_plan(
                conn,
                identity=client.identity,
                name=target.name,
                selection="marked" if selection.marked else where,
                options=options,
                production=target.production,
                read_only=target.read_only,
                now_us=now,
                actor=actor(),
                query_text=selection.filter,
                capabilities=client.capabilities,
            )


def save(draft: Draft, output: Path | None) -> Path:
    """Write a draft to a file, by default among the plans of this user; gives its path.

    Raises:
        PlanError: it deletes nothing, or the file cannot be made.
    """
    if not draft.summary.deletes:
        verb, _ = reviewing.verbs(draft.summary.action)
        asked = draft.head.query or "the marks"
        raise PlanError(
            f"There is nothing to {verb}, so no plan was made.",
            hint="See above why." if draft.items else f"Nothing matches: {asked}",
        )
    path = output or places.plans_dir() / f"{draft.head.id}.plan"
    Plan.create(path, draft).close()
    return path


def print_draft(draft: Draft, out: Output, *, records: bool = True) -> None:
    """Print a draft: all items as JSON (unless `records` says no), or the first for people."""
    if out.json and records:
        for item in draft.items:
            out.record(reviewing.item_record(item, draft.head.registry))
    reviewing.print_review(
        draft.head,
        draft.summary,
        lambda verdict: () if out.json else (i for i in draft.items if i.verdict is verdict),
        out,
        most=SHOWN,
    )
