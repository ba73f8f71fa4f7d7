"""`artifact-tui demo`: make a sample registry, and open it."""

from __future__ import annotations

from pathlib import Path

import click

from artifact_tui import text
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.open import show_screen
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import target_of
from artifact_tui.clients.local.sample import make_sample
from artifact_tui.config import LOCAL

PLACE = Path("sample")
"""Where the sample is made unless a path is given."""


@click.command("demo")
@click.argument("path", type=click.Path(path_type=Path), default=PLACE)
@click.option(
    "--versions", type=click.IntRange(1, 1_000_000), default=2000, show_default=True,
    help="How many versions to make.",
)  # fmt: skip
@click.option("--seed", type=int, default=7, help="Another number makes another sample.")
@click.option("--no-open", is_flag=True, help="Only make it; do not open the screen.")
@click.pass_obj
def demo(flags: Flags, path: Path, *, versions: int, seed: int, no_open: bool) -> int:
    """Make a sample registry at PATH, and open the screen on it.

    Models, datasets and code with real (small) bytes, aliases, lineage and some trash; yours to
    delete. A sample that is at PATH already is opened as it is.
    """
    target = target_of(f"{LOCAL}{path}", read_only=flags.read_only)
    out = Output(changes=True)
    if (path / "FORMAT").is_file():
        out.words(f"there is a registry at {text.safe(str(path))} already")
    else:
        with Progress() as progress:
            make_sample(
                path,
                versions=versions,
                seed=seed,
                progress=lambda done, total: progress.show(
                    f"making version {text.count(done)} of {text.count(total)}"
                ),
            )
        out.words(f"made {text.plural(versions, 'version')} in {text.safe(str(path))}")
    if not no_open:
        return show_screen(target)
    out.words(f"next: {command('ls', f'{LOCAL}{path}')}", f"      {command(f'{LOCAL}{path}')}")
    return 0
