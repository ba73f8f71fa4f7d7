"""`artifact-tui purge`: remove versions in the trash for good."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from artifact_tui.cli.asking import Consent, confirm_plan
from artifact_tui.cli.drafting import Selection, make_draft
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import FilterCommand, consent_options, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.plan import print_draft, save
from artifact_tui.cli.report import print_items
from artifact_tui.cli.session import split
from artifact_tui.cli.trash import in_trash
from artifact_tui.cli.watching import check_writable, start_and_watch
from artifact_tui.deletion.items import Action, Options
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("purge", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [FILTER]…")
@click.option("--all", "everything", is_flag=True, help="All of the trash, instead of a filter.")
@click.option("--orphan-dependents", is_flag=True, help="Live dependents may lose a parent.")
@consent_options
@json_option
@click.pass_obj
def purge(
    flags: Flags,
    words: tuple[str, ...],
    *,
    everything: bool,
    orphan_dependents: bool,
    yes: bool,
    expect: int | None,
    as_json: bool,
) -> int:
    """Remove versions that are in the trash for good. They cannot be restored afterwards.

    \b
    artifact-tui purge local:./sample --all
    artifact-tui purge local:./sample 'name:sweep* age>30d' --yes --expect 40

    It prints the list and asks, as `artifact-tui apply` does; the plan is kept as a record. The
    bytes are freed by the next `artifact-tui gc`.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words, read_only=flags.read_only)
    consent = Consent(yes, expect)
    consent.check()
    if bool(" ".join(rest).strip()) == everything:
        raise UsageError(
            "Say what to purge: a filter, or --all.",
            hint=f"What is in the trash: {command('trash', target.typed)}",
        )
    out = Output(json=as_json, changes=True)
    selection = Selection(in_trash(rest).text)
    options = Options(action=Action.PURGE, orphan_dependents=orphan_dependents)
    draft = asyncio.run(make_draft(target, selection, options))
    print_draft(draft, out, records=False)
    path = save(draft, None)
    try:
        with Plan.open(path, write=True) as plan:
            check_writable(plan, read_only=flags.read_only)
            also = ["--all"] * everything + ["--orphan-dependents"] * orphan_dependents
            instead = ("purge", *words, *also)
            confirm_plan(plan, consent, (*instead, "--yes", "--expect", draft.summary.deletes))
    except BaseException:
        _forget(path)
        raise
    code = start_and_watch(path, out)
    if as_json:
        print_items(path, out)
    out.words(f"record: {path}", f"next: {command('gc', target.typed)}")
    return code


def _forget(path: Path) -> None:
    """Remove a plan that nobody confirmed."""
    with suppress(OSError):
        path.unlink()
