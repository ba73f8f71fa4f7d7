"""`artifact-tui plan`: build a plan from a filter or the marks, and print what it would do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifact_tui.cli import reviewing
from artifact_tui.cli.drafting import Selection, make_draft
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.lines import Lines
from artifact_tui.cli.options import FilterCommand, cached_option, json_option
from artifact_tui.cli.output import Output
from artifact_tui.cli.session import split
from artifact_tui.deletion.items import UNFINISHED_DAYS, Options
from artifact_tui.deletion.plan import Plan, new_path
from artifact_tui.errors import PlanError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from artifact_tui.deletion.draft import Draft

SHOWN = 20
"""Items of each verdict that are printed; `review` prints all."""


@click.command("plan", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] FILTER…")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The plan file to make.")
@click.option("--marked", is_flag=True, help="What is marked on the screen, instead of a filter.")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="Versions that a file lists, instead of a filter; - is the standard input.",
)
@click.option("--delete-aliases", is_flag=True, help="Aliases may go along (never protected ones).")
@click.option("--with-dependents", is_flag=True, help="Delete also all that was made from these.")
@click.option("--orphan-dependents", is_flag=True, help="Live dependents may lose a parent.")
@click.option(
    "--unknown-lineage", is_flag=True, help="Versions may go whose dependents are not fully known."
)
@click.option(
    "--scan-lineage",
    "scan",
    is_flag=True,
    help="With --unknown-lineage: ask all the same for what is missing.",
)
@click.option("--break-links", is_flag=True, help="Versions may go that other collections show.")
@click.option(
    "--generated",
    is_flag=True,
    help="Versions may go that the registry made by itself: it may refuse.",
)
@click.option(
    "--unfinished",
    is_flag=True,
    help=f"Versions may go whose upload began over {UNFINISHED_DAYS} days ago and never ended.",
)
@click.option(
    "--collection",
    "collections",
    multiple=True,
    metavar="NAME",
    help="All versions of this collection, or an empty one itself; may be repeated.",
)
@click.option(
    "--whole-collections",
    is_flag=True,
    help="Where all versions of a collection go, one request deletes it with them.",
)
@click.option("--storage", is_flag=True, help="Delete the stored objects of the versions too.")
@click.option(
    "--storage-versions",
    is_flag=True,
    help="Of those objects every stored version, for good, where the bucket keeps versions.",
)
@cached_option
@json_option
@click.pass_obj
def plan(
    flags: Flags,
    words: tuple[str, ...],
    *,
    output: Path | None,
    marked: bool,
    source: str | None,
    delete_aliases: bool,
    with_dependents: bool,
    orphan_dependents: bool,
    unknown_lineage: bool,
    scan: bool,
    break_links: bool,
    generated: bool,
    unfinished: bool,
    collections: tuple[str, ...],
    whole_collections: bool,
    storage: bool,
    storage_versions: bool,
    cached: bool,
    as_json: bool,
) -> int:
    """Build a plan from a filter, and print what it would do. Nothing is deleted.

    \b
    artifact-tui plan local:./sample 'type:model age>90d alias:none' -o old.plan
    artifact-tui plan local:./sample 'name:sweep* -latest:3' -o sweep.plan --with-dependents
    artifact-tui plan team --collection sweep-checkpoints --whole-collections -o all.plan
    artifact-tui plan team --from ids.txt -o listed.plan

    A line of --from is a key, TYPE/ID or NAME:LABEL, or what ls --versions --json prints; it goes
    with --collection, and not with a filter. Lines that name nothing are said, the others planned,
    and the exit code is 1; where a line may name several versions, no plan is made.

    A version with a protected alias, or with live dependents outside the plan, stays. The filter *
    means everything. Without -o the plan is kept where `artifact-tui tasks` finds it.

    Lineage that the registry tells only when asked is asked for first, unless --cached: at W&B
    about what was selected; at REST registries each model that is new is asked what it was made
    from. What stays unknown needs --unknown-lineage, which also saves the asking of models. Stored
    objects go only after their version is gone.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words, read_only=flags.read_only)
    lines = None if source is None else Lines(source)
    selection = Selection(" ".join(rest), marked, collections, lines)
    selection.check()
    options = Options(
        delete_aliases=delete_aliases,
        with_dependents=with_dependents,
        orphan_dependents=orphan_dependents,
        unknown_lineage=unknown_lineage,
        storage=storage or storage_versions,
        storage_versions=storage_versions,
        break_links=break_links,
        generated=generated,
        unfinished=unfinished,
        whole_collections=whole_collections,
    )
    out = Output(json=as_json)
    draft = asyncio.run(make_draft(target, selection, options, cached=cached, scan=scan))
    path = save(draft, output) if draft.summary.deletes else None  # before a reader may hang up
    if path is not None:
        out.done = f"The plan is in {safe(str(path), 4096)}. Nothing was deleted."
    print_draft(draft, out)
    reviewing.print_next(path or save(draft, output), draft.summary, out)
    return 1 if lines is not None and lines.missing else 0


def save(draft: Draft, output: Path | None) -> Path:
    """Write a draft to a file, by default among the plans of this user; gives its path.

    Raises:
        PlanError: it deletes nothing, or the file cannot be made.
    """
    if not draft.summary.deletes:
        verb, _ = reviewing.verbs(draft.summary)
        asked = draft.head.query or "the marks"
        raise PlanError(
            f"There is nothing to {verb}, so no plan was made.",
            hint="See above why." if draft.items else f"Nothing matches: {asked}",
        )
    path = output or new_path(draft.head)
    Plan.create(path, draft).close()
    return path


def print_draft(draft: Draft, out: Output, *, records: bool = True) -> None:
    """Print a draft: all items as JSON (unless `records` says no), or the first for people.

    What lets more of them go is told as far as the running command has an option for it.
    """
    command = click.get_current_context().command
    if out.json and records:
        for item in draft.items:
            out.record(reviewing.item_record(item, draft.head.registry, draft.summary))
    reviewing.print_review(
        draft.head,
        draft.summary,
        lambda verdict: () if out.json else (i for i in draft.items if i.verdict is verdict),
        out,
        most=SHOWN,
        offered={option for one in command.params for option in one.opts},
    )
