"""`artifact-tui export`: the files of a version, back out of a local registry."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from artifact_tui import text
from artifact_tui.catalog import queries
from artifact_tui.cli import wording
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.output import Output
from artifact_tui.cli.session import catalog_of, local_client_of, split_one
from artifact_tui.text import safe


@click.command("export")
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="A new or empty folder."
)
@click.pass_obj
def export(flags: Flags, words: tuple[str, ...], *, output: Path) -> None:
    """Write the files of a version to a folder, each checked by its hash.

    \b
    artifact-tui export local:./sample resnet50:latest -o ./weights
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, name = split_one(words, read_only=flags.read_only)

    async def main() -> None:
        async with local_client_of(target) as client:
            with catalog_of(client) as conn:
                row = queries.find(conn, name)
            await client.export(row.key, output)
        what = f"{text.plural(row.file_count or 0, 'file')}, {text.size(row.size)}"
        Output(changes=True).words(f"{wording.name_of(row)}: {what} in {safe(str(output))}")

    asyncio.run(main())
