"""`artifact-tui [REGISTRY]`: open the screen."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import click

from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.output import command
from artifact_tui.cli.table import COMMANDS
from artifact_tui.config import Target, load, nearest, resolve
from artifact_tui.errors import UsageError


@click.command("open")
@click.argument("registry", required=False)
@click.option("--read-only", is_flag=True, help="Refuse everything that would change the registry.")
@click.pass_obj
def open(flags: Flags, registry: str | None, *, read_only: bool) -> int:  # noqa: A001
    """Open the screen on REGISTRY: a configured name, a folder, or an address such as local:PATH.

    Without one: the default registry of the configuration, or the embedded one.
    """
    config = load()
    try:
        target = resolve(config, registry)
    except UsageError as error:
        near = nearest(registry or "", COMMANDS)
        if not near:
            raise
        raise UsageError(
            f"There is no command and no registry named “{registry}”.",
            hint=f"Did you mean: artifact-tui {near}? All commands: artifact-tui --help",
        ) from error
    locked = read_only or flags.read_only
    return show_screen(replace(target, read_only=target.read_only or locked, locked=locked))


def show_screen(target: Target) -> int:
    """Enter the screen; returns the exit code.

    Raises:
        UsageError: there is no terminal that could show it.
    """
    if os.environ.get("TERM", "") in {"", "dumb"} or not (
        sys.stdin.isatty() and sys.stdout.isatty()
    ):
        raise UsageError(
            "The screen needs a terminal, and this is none.",
            hint=f"Without a screen: {command('ls', target.typed)}; see artifact-tui --help",
        )
    from artifact_tui.tui import run  # noqa: PLC0415 - nothing else needs the screen

    return run(target, load())
