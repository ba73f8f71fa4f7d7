"""The command group: finds commands by name, and opens the screen for anything else."""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click

from artifact_tui import __version__
from artifact_tui.cli.flags import Flags
from artifact_tui.cli.table import COMMANDS

EXAMPLES = """\
Examples:
  artifact-tui demo ./sample                             a sample registry to play with
  artifact-tui add ./weights resnet50 --type model       put a folder in your own registry
  artifact-tui                                           open your own registry
  artifact-tui ls local:./sample 'type:model size>1MB'   list without the screen
  artifact-tui plan local:./sample 'age>90d alias:none' -o old.plan
  artifact-tui review old.plan                           read it before anything is deleted
  artifact-tui apply old.plan                            delete exactly that
  artifact-tui ls https://zoo.example/api                a remote registry
  artifact-tui https://wandb.ai/acme/vision              a W&B project, with your `wandb login`

A REGISTRY is a name in the configuration, a folder, or an address: local:PATH, https://HOST/api,
wandb://[HOST/]ENTITY[/PROJECT], or a page of W&B's app.
Without one it is the default registry of the configuration, or the embedded one.
A FILTER has words and field:value terms: name type version alias tag state size unique stored age
created used ttl dependents files run runs registry link latest. Put it in quotes: the shell reads
< > | and * otherwise. A bare word is found anywhere in a name, in either case; a field is exact,
and * stands for anything; - negates, | is "or". A list instead: plan REGISTRY --from FILE.

Environment:
  ARTIFACT_TUI_TOKEN   the token of a remote registry whose configuration names no other
  WANDB_API_KEY, WANDB_BASE_URL   as for W&B's own SDK; so are netrc and its settings file
  ARTIFACT_TUI_HOME    one folder for configuration, catalogs, plans and your own registry;
                       each can be moved alone: ARTIFACT_TUI_CONFIG, _CACHE, _STATE, _DATA
  NO_COLOR             no colours

Help for one command: artifact-tui COMMAND --help"""


class CommandTable(click.Group):
    """Commands of the table, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click asks so
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name, or None."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"artifact_tui.cli.{entry.module}")
        return cast("click.Command", getattr(module, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A first word that is no command names the registry to open; `help` is `--help`."""
        if args and args[0] == "help":
            args = [*args[1:2], "--help"]
        if args == ["--help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        if args and args[0] not in COMMANDS:
            args = ["open", *args]
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click asks so
        formatter: click.HelpFormatter,
    ) -> None:
        """The commands in groups, without importing any."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(n, e.summary) for n, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows, col_max=10)

    def format_epilog(
        self,
        ctx: click.Context,  # noqa: ARG002 - click asks so
        formatter: click.HelpFormatter,
    ) -> None:
        """The examples as they are written."""
        formatter.write(f"\n{EXAMPLES}\n")


@click.group(
    cls=CommandTable,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    options_metavar="[--read-only]",
    subcommand_metavar="[REGISTRY | COMMAND …]",
)
@click.option("--read-only", is_flag=True, help="Refuse everything that would change a registry.")
@click.version_option(__version__, "--version", message="artifact-tui %(version)s")
@click.pass_context
def root(ctx: click.Context, *, read_only: bool) -> int:
    """Browse and delete machine-learning artifacts.

    See what is big, old and unused; see what depends on it; review the exact list; delete it; know
    what happened to every item. Nothing is deleted that was not in a reviewed plan.
    """
    from artifact_tui.database import check_sqlite  # noqa: PLC0415 - the help needs no SQLite

    check_sqlite()
    ctx.obj = Flags(read_only)
    if ctx.invoked_subcommand is None:
        command = cast("click.Command", root.get_command(ctx, "open"))
        return cast("int", ctx.invoke(command))
    return 0
