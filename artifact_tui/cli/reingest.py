"""`artifact-tui reingest`: delete an entry, and make it again from another source address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from artifact_tui.catalog import queries
from artifact_tui.cli import remaking
from artifact_tui.cli.asking import Consent, confirm_plan
from artifact_tui.cli.drafting import ask_lineage, draft_of, with_objects
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import consent_options, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.plan import print_draft, save
from artifact_tui.cli.session import client_of, reading, split_one
from artifact_tui.cli.watching import check_writable, start_and_watch
from artifact_tui.clients.base import Recreate
from artifact_tui.deletion.items import Options
from artifact_tui.deletion.plan import Plan
from artifact_tui.deletion.recreate import CAVEAT, wish
from artifact_tui.errors import RegistryError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.config import Target
    from artifact_tui.deletion.draft import Draft


@click.command("reingest")
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
@click.option("--url", metavar="URL", help="The source address. Default: the one it has now.")
@click.option("--storage", is_flag=True, help="Delete its stored object too.")
@click.option("--orphan-dependents", is_flag=True, help="Live dependents may lose a parent.")
@click.option(
    "--unknown-lineage", is_flag=True, help="It may go although its dependents are not fully known."
)
@consent_options
@json_option
@click.pass_obj
def reingest(
    flags: Flags,
    words: tuple[str, ...],
    *,
    url: str | None,
    storage: bool,
    orphan_dependents: bool,
    unknown_lineage: bool,
    yes: bool,
    expect: int | None,
    as_json: bool,
) -> int:
    """Delete a version, and make it again from its source address, or from a corrected one.

    \b
    artifact-tui reingest zoo acme/bert:41 --url https://huggingface.co/acme/bert

    The deletion is a plan like any other: shown, confirmed, verified. Only then is the entry made
    again: with a new id and new metrics. If that fails, the entry is gone, and the plan has what is
    needed to try again.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, name = split_one(words, read_only=flags.read_only)
    consent = Consent(yes, expect)
    consent.check()
    if url is not None and not url.strip():
        raise UsageError("The source address is empty. Nothing was deleted.")
    out = Output(json=as_json, changes=True)
    options = Options(
        storage=storage, orphan_dependents=orphan_dependents, unknown_lineage=unknown_lineage
    )
    draft = asyncio.run(_draft(target, name, options, url))
    print_draft(draft, out, records=False)
    path = save(draft, None)
    try:
        with Plan.open(path, write=True) as plan:
            check_writable(plan, read_only=flags.read_only)
            out.words("", CAVEAT)
            also = ["--url", url] if url else []
            also += ["--storage"] * storage + ["--orphan-dependents"] * orphan_dependents
            also += ["--unknown-lineage"] * unknown_lineage
            instead = ("reingest", *words, *also)
            confirm_plan(plan, consent, (*instead, "--yes", "--expect", draft.summary.deletes))
            if url:
                wish(plan, url)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if code := start_and_watch(path, out):
        out.words(
            "It was not made again, because its deletion did not come to its end.",
            f"to go on: {command('resume', path)}, then {command('restore', '--plan', path)}",
        )
        return code
    return asyncio.run(_make(target, path, out))


async def _draft(target: Target, name: str, options: Options, url: str | None) -> Draft:
    async with client_of(target) as client:
        if not client.capabilities.recreate or not isinstance(client, Recreate):
            raise UsageError(
                f"“{target.name}” cannot make entries again. Nothing was deleted.",
                hint="Only REST registries can, so far.",
            )
        async with reading(client) as conn:
            key = queries.find(conn, name).key
            recipes = {} if url else await client.recipe([key])
            if not url and not (key in recipes and recipes[key].url):
                raise RegistryError(
                    f"The registry does not tell the source address of {name}."
                    " Nothing was deleted.",
                    hint="Name the address to make it from, with --url.",
                )
            await ask_lineage(client, [key], options)
            draft = draft_of(conn, client, target, [key], options=options, query_text=name)
        return await with_objects(draft, client)


async def _make(target: Target, path: Path, out: Output) -> int:
    with Plan.open(path) as plan:
        keys = [item.key for item in plan.every_item() if item.kind == "version"]
    async with client_of(target, write=True) as client:
        found = await remaking.remake(path, client, only=keys)
    code = remaking.tell(found, target, path, out)
    if not all(one.new_key for one in found):
        out.words("The entry is gone: what it was made from is in the plan.")
    return code
