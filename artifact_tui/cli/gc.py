"""`artifact-tui gc`: free the bytes that no version needs any more."""

from __future__ import annotations

import asyncio

import click

from artifact_tui import text
from artifact_tui.cli import records
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import Duration, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.session import client_of, target_of
from artifact_tui.errors import RegistryError
from artifact_tui.text import safe


@click.command("gc")
@click.argument("registry", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--grace", type=Duration(), default=0, help="Leave what became unneeded since: 2h.")
@json_option
@click.pass_obj
def gc(flags: Flags, registry: str | None, *, dry_run: bool, grace: int, as_json: bool) -> None:
    """Free the bytes that no version needs. No version is changed.

    What is in the trash still needs its bytes: `artifact-tui purge` removes it for good first.
    What has expired waits for a plan: `artifact-tui plan REGISTRY ttl:expired`.
    It is safe while others use the registry.
    """
    target = target_of(registry, read_only=flags.read_only)

    async def main() -> None:
        async with client_of(target, write=not dry_run) as client:
            if not client.capabilities.garbage_collection:
                freeing = client.capabilities.freeing
                left = command("orphans", target.typed)
                raise RegistryError(
                    f"“{target.name}” has no garbage collection that could be started from here.",
                    hint=f"{freeing}." if freeing
                    else f"With its bucket configured, this finds what is left in it: {left}",
                )  # fmt: skip
            found = await client.collect_garbage(grace_us=grace, dry_run=dry_run)
        out = Output(json=as_json, changes=True)
        if as_json:
            out.record(
                {
                    "registry": target.name,
                    "dry_run": dry_run,
                    "expired": found.expired,
                    "objects": found.blobs,
                    "leftovers": found.leftovers,
                    "freed": found.freed,
                    "waiting": found.waiting,
                    "trash": found.trash,
                    "grace": records.seconds(grace),
                }
            )
        would = "would be " if dry_run else ""
        what = text.plural(found.blobs, "stored object")
        if found.leftovers:
            what += f", {text.plural(found.leftovers, 'leftover')} of killed adds"
        out.words(f"{safe(target.name)}: {text.size(found.freed)} {would}freed ({what})")
        if found.waiting:
            out.words(f"  {text.size(found.waiting)} wait for the end of the grace period")
        if found.trash:
            need = "needs" if found.trash == 1 else "need"
            out.words(
                f"  {text.plural(found.trash, 'version')} in the trash still {need} the bytes",
                f"next: {command('purge', target.typed, '--all')}",
            )
        if found.expired:
            one = found.expired == 1
            have, stay, them = ("has", "stays", "it") if one else ("have", "stay", "them")
            out.words(
                f"  {text.plural(found.expired, 'version')} {have} expired, and {stay} until a plan"
                f" deletes {them}",
                f"next: {command('plan', target.typed, 'ttl:expired')}",
            )

    asyncio.run(main())
