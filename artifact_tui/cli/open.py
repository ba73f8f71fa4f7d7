"""`artifact-tui [REGISTRY]`: open the screen."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import click

from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.output import command
from artifact_tui.cli.table import COMMANDS, ELSEWHERE
from artifact_tui.clients import kind_of
from artifact_tui.config import LOCAL, Target, load, nearest, resolve
from artifact_tui.errors import UsageError


@click.command("open")
@click.argument("words", nargs=-1, metavar="[REGISTRY]")
@click.option("--read-only", is_flag=True, help="Refuse everything that would change the registry.")
@click.pass_obj
def open(flags: Flags, words: tuple[str, ...], *, read_only: bool) -> int:  # noqa: A001
    """Open the screen on REGISTRY: a configured name, a folder, or an address such as local:PATH.

    Without one: the default registry of the configuration, or the embedded one.
    """
    registry = words[0] if words else None
    try:
        target = resolve(load(), registry)
    except UsageError as error:
        raise _no_command(registry or "") or error from error
    if not target.address.startswith(LOCAL):
        kind_of(target.address)
    if len(words) > 1:
        raise UsageError(
            "The screen opens one registry, without a filter.",
            hint=f"Press / there to filter; without a screen: {command('ls', *words)}",
        )
    locked = read_only or flags.read_only
    return show_screen(replace(target, read_only=target.read_only or locked, locked=locked))


def _no_command(word: str) -> UsageError | None:
    """The error for a first word that another program has as a command, or that is nearly one."""
    if word.lower() in ELSEWHERE:
        return UsageError(
            f"There is no command “{word}”, and no registry of that name.",
            hint=f"{ELSEWHERE[word.lower()]}. All commands: artifact-tui --help",
        )
    near = nearest(word, COMMANDS)
    if not near:
        return None
    return UsageError(
        f"There is no command and no registry named “{word}”.",
        hint=f"Did you mean: artifact-tui {near}? All commands: artifact-tui --help",
    )


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
