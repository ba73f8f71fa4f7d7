"""The command group: every command and where it lives; the screen for any other first word.

Each group of commands is a module that is imported when one of them is used, so that `--help` and
errors are immediate.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from artifact_tui import __version__
from artifact_tui.cli.output import TYPED, command
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from artifact_tui.config import Target


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command: `NAME_command` in the file `module`."""

    section: str
    module: str
    summary: str


COMMANDS = {
    "open": CommandEntry("Begin", "root", "Open the screen (also without the word “open”)."),
    "demo": CommandEntry("Begin", "upkeep", "Make a sample registry with real bytes, and open it."),
    "add": CommandEntry("Begin", "upkeep", "Put a file or a folder in a local registry."),
    "stores": CommandEntry("Look", "home", "List every store of this machine, with its size."),
    "ls": CommandEntry("Look", "looking", "List collections, or versions."),
    "show": CommandEntry("Look", "looking", "One version: aliases, files, lineage, unique bytes."),
    "export": CommandEntry("Look", "upkeep", "Write the files of a version to a folder."),
    "plan": CommandEntry(
        "Delete", "drafting", "Build a plan from a filter, and print what it would do."
    ),
    "review": CommandEntry("Delete", "reviewing", "Print a plan, item by item."),
    "apply": CommandEntry("Delete", "applying", "Apply a plan: delete exactly its items."),
    "resume": CommandEntry("Delete", "applying", "Continue a plan that was interrupted."),
    "tasks": CommandEntry("Delete", "applying", "List the plans that were applied here."),
    "report": CommandEntry("Delete", "applying", "What happened to each item of a plan."),
    "trash": CommandEntry("After", "restoring", "List what is in the trash."),
    "restore": CommandEntry("After", "restoring", "Bring versions back from the trash."),
    "purge": CommandEntry("After", "restoring", "Remove versions in the trash for good."),
    "gc": CommandEntry("After", "upkeep", "Free the bytes that no version needs any more."),
    "orphans": CommandEntry("After", "clearing", "Stored objects that no artifact refers to."),
    "reingest": CommandEntry(
        "After", "restoring", "Delete an entry, and make it again from its source."
    ),
    "reset": CommandEntry("After", "clearing", "Delete everything that a registry holds."),
    "registries": CommandEntry("Care", "registries", "List, add, remove and test registries."),
    "fsck": CommandEntry(
        "Care", "upkeep", "Check a local registry, and repair what cannot lose anything."
    ),
    "alias": CommandEntry("Care", "editing", "Add, remove or protect the aliases of a version."),
    "tag": CommandEntry("Care", "editing", "Add or remove the tags of a version."),
    "ttl": CommandEntry("Care", "editing", "Set the time to live of a version."),
}
"""In the order of the help."""

_PLAN = (
    "Deleting takes a plan: artifact-tui plan REGISTRY FILTER -o FILE shows what would go,"
    " artifact-tui apply FILE deletes exactly that"
)
_LS = "To list or search: artifact-tui ls REGISTRY FILTER"
_SHOW = "For one version: artifact-tui show REGISTRY NAME:V"

ELSEWHERE = {
    **dict.fromkeys(("rm", "delete", "del", "remove", "prune", "clean", "cleanup"), _PLAN),
    **dict.fromkeys(("list", "dir", "search", "find", "query", "filter"), _LS),
    **dict.fromkeys(("du", "df", "scan", "disk"), "What takes the space: artifact-tui stores"),
    **dict.fromkeys(("info", "get", "describe", "inspect", "view", "cat"), _SHOW),
    **dict.fromkeys(
        ("undo", "undelete"), "To undo a deletion: artifact-tui restore REGISTRY --plan FILE"
    ),
    **dict.fromkeys(
        ("download", "pull"),
        "The files of a local version: artifact-tui export REGISTRY NAME:V -o FOLDER",
    ),
    **dict.fromkeys(
        ("upload", "push", "put", "log"), "To put one in: artifact-tui add SOURCE NAME --type TYPE"
    ),
    **dict.fromkeys(("config", "login", "registry"), "The configuration: artifact-tui registries"),
}
"""Commands of other programs, and what is typed here instead."""


EXAMPLES = """\
Examples:
  artifact-tui demo ./sample                             a sample registry to play with
  artifact-tui add ./weights resnet50 --type model       put a folder in your own registry
  artifact-tui                                           what is on this machine, the largest first
  artifact-tui stores                                    the same without the screen
  artifact-tui local:                                    open your own registry
  artifact-tui ls local:./sample 'type:model size>1MB'   list without the screen
  artifact-tui plan local:./sample 'age>90d alias:none' -o old.plan
  artifact-tui review old.plan                           read it before anything is deleted
  artifact-tui apply old.plan                            delete exactly that
  artifact-tui ls https://zoo.example/api                a remote registry
  artifact-tui https://wandb.ai/acme/vision              a W&B project, with your `wandb login`

A REGISTRY is a name in the configuration, a folder, or an address: local:PATH, https://HOST/api,
wandb://[HOST/]ENTITY[/PROJECT], or a page of W&B's app.
Without one it is the default registry of the configuration, or the only one in it, or the embedded
one; the screen then opens home, the list of all stores.
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
        return cast("click.Command", getattr(module, f"{cmd_name}_command"))

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
        ctx.meta[TYPED] = tuple(args)
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
def root(ctx: click.Context, /, **_: object) -> int:
    """Browse and delete machine-learning artifacts.

    See what is big, old and unused; see what depends on it; review the exact list; delete it; know
    what happened to every item. Nothing is deleted that was not in a reviewed plan.
    """
    from artifact_tui.database import check_sqlite  # noqa: PLC0415 - the help needs no SQLite

    check_sqlite()
    if ctx.invoked_subcommand is None:
        command = cast("click.Command", root.get_command(ctx, "open"))
        return cast("int", ctx.invoke(command))
    return 0


@click.command("open")
@click.argument("words", nargs=-1, metavar="[REGISTRY]")
@click.option("--read-only", is_flag=True, help="Refuse everything that would change the registry.")
@click.pass_context
def open_command(ctx: click.Context, words: tuple[str, ...], *, read_only: bool) -> int:
    """Open the screen on REGISTRY: a configured name, a folder, or an address such as local:PATH.

    Without one: the default registry of the configuration, or the only one in it; else home, the
    list of every store of this machine and of what it has a login for.
    """
    from artifact_tui.clients import kind_of  # noqa: PLC0415 - the help needs none of these
    from artifact_tui.config import LOCAL, load, resolve  # noqa: PLC0415

    registry = words[0] if words else None
    locked = read_only or ctx.find_root().params["read_only"]
    config = load()
    if registry is None and not config.default and len(config.registries) != 1:
        return show_screen(None, locked=locked)
    try:
        target = resolve(config, registry)
    except UsageError as error:
        raise _no_command(registry or "") or error from error
    if not target.address.startswith(LOCAL):
        kind_of(target.address)
    if len(words) > 1:
        raise UsageError(
            "The screen opens one registry, without a filter.",
            hint=f"Press / there to filter; without a screen: {command('ls', *words)}",
        )
    target = replace(target, read_only=target.read_only or locked, locked=locked)
    return show_screen(target, locked=locked)


def _no_command(word: str) -> UsageError | None:
    """The error for a first word that another program has as a command, or that is nearly one."""
    if word.lower() in ELSEWHERE:
        return UsageError(
            f"There is no command “{word}”, and no registry of that name.",
            hint=f"{ELSEWHERE[word.lower()]}. All commands: artifact-tui --help",
        )
    from artifact_tui.config import nearest  # noqa: PLC0415 - the help needs no configuration

    near = nearest(word, COMMANDS)
    if not near:
        return None
    return UsageError(
        f"There is no command and no registry named “{word}”.",
        hint=f"Did you mean: artifact-tui {near}? All commands: artifact-tui --help",
    )


def show_screen(target: Target | None, *, locked: bool = False) -> int:
    """Enter the screen of a registry, or home; returns the exit code.

    `locked`: nothing may be changed in any registry of this session.

    Raises:
        UsageError: there is no terminal that could show it.
    """
    if os.environ.get("TERM", "") in {"", "dumb"} or not (
        sys.stdin.isatty() and sys.stdout.isatty()
    ):
        without = command("stores") if target is None else command("ls", target.typed)
        raise UsageError(
            "The screen needs a terminal, and this is none.",
            hint=f"Without a screen: {without}; see artifact-tui --help",
        )
    from artifact_tui.config import load  # noqa: PLC0415 - the help needs no configuration
    from artifact_tui.tui import run  # noqa: PLC0415 - nothing else needs the screen

    return run(target, load(), locked=locked)
