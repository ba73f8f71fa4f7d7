"""`artifact-tui plan`: build a plan from a filter or the marks, and print what it would do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from artifact_tui import places, query
from artifact_tui.catalog.lineage_scan import scan_lineage
from artifact_tui.cli import reviewing
from artifact_tui.cli.failures import say
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import FilterCommand, cached_option, json_option
from artifact_tui.cli.output import Output
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import client_of, parse_filter, reading, split
from artifact_tui.clients.base import LineageScan
from artifact_tui.deletion.build import build_plan
from artifact_tui.deletion.items import Action, Options
from artifact_tui.deletion.objects import with_storage
from artifact_tui.deletion.plan import Plan
from artifact_tui.deletion.target import storage_of
from artifact_tui.errors import PlanError, RegistryError, UsageError
from artifact_tui.here import actor, now_us

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.catalog.coverage import Coverage
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.deletion.draft import Draft

    Selected = Sequence[str] | query.Where | Literal["marked"]

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
@click.option(
    "--unknown-lineage", is_flag=True, help="Versions may go whose dependents are not fully known."
)
@click.option(
    "--scan-lineage", "scan", is_flag=True, help="Ask for the lineage of every model first."
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
    delete_aliases: bool,
    with_dependents: bool,
    orphan_dependents: bool,
    unknown_lineage: bool,
    scan: bool,
    storage: bool,
    storage_versions: bool,
    cached: bool,
    as_json: bool,
) -> None:
    """Build a plan from a filter, and print what it would do. Nothing is deleted.

    \b
    artifact-tui plan local:./sample 'type:model age>90d alias:none' -o old.plan
    artifact-tui plan local:./sample 'name:sweep -latest:3' -o sweep.plan --with-dependents

    A version with a protected alias, or with live dependents outside the plan, stays. The filter *
    means everything. Without -o the plan is kept where `artifact-tui tasks` finds it.

    Where a registry does not tell what was made from a version, the lineage of all models is asked
    for first (--scan-lineage; the screen does so by itself); until then every version needs
    --unknown-lineage. Stored objects go only after their version is gone.
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
        unknown_lineage=unknown_lineage,
        storage=storage or storage_versions,
        storage_versions=storage_versions,
    )
    out = Output(json=as_json)
    draft = asyncio.run(make_draft(target, selection, options, cached=cached, scan=scan))
    path = save(draft, output) if draft.summary.deletes else None  # before a reader may hang up
    print_draft(draft, out)
    reviewing.print_next(path or save(draft, output), draft.summary, out)


async def make_draft(
    target: Target,
    selection: Selection,
    options: Options,
    *,
    cached: bool = False,
    scan: bool = False,
) -> Draft:
    """Judge what is selected in a registry; with `scan`, ask for all lineage first."""
    parsed = parse_filter([selection.filter])
    async with client_of(target) as client:
        _refuse_purge(client, target, options)
        marks = places.marks_file(client.identity.uid) if selection.marked else None
        async with reading(client, marks=marks, cached=cached) as conn:
            if scan:
                await scanned(client)
            now = now_us()
            where: query.Where | Literal["marked"] = query.compile_query(
                parsed, now, registry=target.name
            )
            chosen = "marked" if selection.marked else where
            draft = draft_of(conn, client, target, chosen, options, query_text=selection.filter)
        return await with_objects(draft, client)


def _refuse_purge(client: Client, target: Target, options: Options) -> None:
    """Refuse to purge where nothing can be purged.

    Raises:
        UsageError: the registry removes for good by itself, or at once.
    """
    can = client.capabilities
    if options.action is not Action.PURGE or can.purge:
        return
    then = f"{can.freeing}." if can.freeing else "What is deleted there is gone at once."
    raise UsageError(
        f"“{target.name}” has no trash that could be purged. Nothing was deleted.", hint=then
    )


def draft_of(
    conn: sqlite3.Connection,
    client: Client,
    target: Target,
    selection: Selected,
    options: Options,
    *,
    query_text: str = "",
) -> Draft:
    """Judge a selection of a catalog."""
    return build_plan(
        conn,
        identity=client.identity,
        name=target.name,
        selection=selection,
        options=options,
        production=target.production,
        read_only=target.read_only,
        now_us=now_us(),
        actor=actor(),
        query_text=query_text,
        capabilities=client.capabilities,
    )


async def with_objects(draft: Draft, client: Client) -> Draft:
    """The draft with what it leaves in the storage, or deletes there.

    Raises:
        UsageError: objects are to go, and no storage is configured.
        RegistryError: objects are to go, and the storage could not be asked.
    """
    wanted = draft.head.options.storage
    storage = storage_of(client)
    if wanted and storage is None:
        raise UsageError(
            f"No storage is configured for “{draft.head.registry}”. No plan was made.",
            hint="Give it a bucket in the configuration, or leave --storage out.",
        )
    try:
        return await with_storage(draft, storage)
    except RegistryError as error:
        if wanted:
            raise
        say(f"what this leaves in the storage is not known: {error}")
        return draft


async def scanned(client: Client) -> None:
    """Ask a registry for the lineage of the models that nobody asked about yet."""
    if not client.capabilities.scanned_lineage or not isinstance(client, LineageScan):
        return
    with Progress() as progress:

        def tell(found: Coverage) -> None:
            progress.show(f"lineage: {found.scanned:,} of {found.total:,} models scanned")

        await scan_lineage(client, places.catalog_file(client.identity.uid), progress=tell)


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
