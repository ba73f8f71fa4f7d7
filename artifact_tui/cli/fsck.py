"""`artifact-tui fsck`: check a local registry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from artifact_tui import text
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.session import local_client_of, target_of
from artifact_tui.text import safe

if TYPE_CHECKING:
    from artifact_tui.clients.local.fsck import FsckReport, Problem
    from artifact_tui.config import Target


@click.command("fsck")
@click.argument("registry", required=False)
@click.option("--verify", is_flag=True, help="Read every byte and check its hash.")
@click.option("--repair", is_flag=True, help="Mend what can be mended without losing anything.")
@json_option
@click.pass_obj
def fsck(flags: Flags, registry: str | None, *, verify: bool, repair: bool, as_json: bool) -> int:
    """Look for damage in a local registry. No version is ever removed.

    The exit code is 0 when nothing is wrong, or all of it was mended, and else 1.
    """
    target = target_of(registry, read_only=flags.read_only)

    async def main() -> FsckReport:
        async with local_client_of(target, write=repair) as client:
            return await client.fsck(repair=repair, verify=verify)

    report = asyncio.run(main())
    _tell(report, target, Output(json=as_json), repair=repair)
    return 0 if report.ok else 1


def _tell(report: FsckReport, target: Target, out: Output, *, repair: bool) -> None:
    if out.json:
        for problem in report.problems:
            out.record(
                {
                    "registry": target.name,
                    "problem": str(problem.kind),
                    "what": problem.what,
                    "size": problem.size,
                    "detail": problem.detail,
                    "repaired": problem.repaired,
                }
            )
    else:
        out.rows(map(_row, report.problems), right="2")
    looked = "read" if report.verified else "looked at, not read (--verify reads them)"
    objects = text.plural(report.blobs, "stored object")
    out.words(f"{safe(target.name)}: {objects}, {text.size(report.size)}, {looked}")
    if not report.problems:
        out.words("nothing is wrong")
        return
    mended = sum(problem.repaired for problem in report.problems)
    said = f"{text.plural(len(report.problems), 'problem')}, {text.count(mended)} mended"
    out.words(f"{said}, {text.count(len(report.harmed))} that cost something")
    if repair and report.harmed:
        out.words("what was lost comes back when the same file is added again, or from a backup")
    elif not repair:
        out.words(f"next: {command('fsck', target.typed, '--repair')}")


def _row(problem: Problem) -> tuple[str, ...]:
    state = "mended" if problem.repaired else ""
    return (
        str(problem.kind),
        safe(problem.what),
        text.size(problem.size),
        state,
        safe(problem.detail),
    )
