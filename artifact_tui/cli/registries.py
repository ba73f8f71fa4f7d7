"""`artifact-tui registries`: what is configured; add, remove and test registries."""

from __future__ import annotations

import click

from artifact_tui.cli.options import Command, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.root import COMMANDS
from artifact_tui.clients import (
    check_settings,
    every_kind,
    setting_rows,
    setting_value,
)
from artifact_tui.clients.trial import access, trial
from artifact_tui.config import Config, config_file, load, resolve, shown_settings
from artifact_tui.configwrite import add_registry, remove_registry, set_default
from artifact_tui.errors import UsageError
from artifact_tui.text import safe

_ROOM = 4096


class _AddCommand(click.Command):
    """Its help tells the settings of every kind of registry that is installed."""

    def get_help(self, ctx: click.Context) -> str:
        """What `registries add --help` says."""
        parts = ["Add the registry at ADDRESS to the configuration, under NAME."]
        for kind in every_kind():
            parts.append(f"An address such as {kind.forms}:" if kind.about else "")
            parts.append(kind.about)
            if rows := [row for row in setting_rows(kind) if row.name not in _OPTIONS]:
                width = max(len(row.name) for row in rows)
                lines = (
                    f"  {row.name:{width}}  {row.meaning}{f' ({row.usual})' if row.usual else ''}"
                    for row in rows
                )
                parts.append("\n".join(["\b", "Its settings, for --set:", *lines]))
        parts.append("Nothing is sent: `registries test` does that.")
        self.help = "\n\n".join(part.strip() for part in parts if part)
        return super().get_help(ctx)


_OPTIONS = frozenset({"token_env", "token_command", "token", "password", "concurrency", "bucket"})
"""Settings with an option of their own, and those that no command writes."""


@click.group("registries", invoke_without_command=True)
@json_option()
@click.pass_context
def registries_command(ctx: click.Context, *, out: Output) -> int:
    """List the configured registries; add, remove and test them.

    \b
    artifact-tui registries add vision https://wandb.ai/acme/vision
    artifact-tui registries add zoo https://zoo.example/api --token-env ZOO_TOKEN
    artifact-tui registries test zoo
    artifact-tui registries remove zoo

    They are written to the configuration file, which is yours to edit as well. A token is never
    written there: name the variable that holds it.
    """  # noqa: D301 - click's mark for lines that stay as they are
    if ctx.invoked_subcommand is None:
        _print_all(load(), out)
    return 0


@registries_command.command("list")
@json_option()
def list_(*, out: Output) -> int:
    """List the configured registries."""
    _print_all(load(), out)
    return 0


@registries_command.command("add", cls=_AddCommand)
@click.argument("name")
@click.argument("address")
@click.option("--production", is_flag=True, help="Read-only by default; deletions ask its name.")
@click.option(
    "--read-only/--writable", "read_only", default=None, help="Whether it may be changed at all."
)
@click.option("--default", is_flag=True, help="Use it where no registry is named.")
@click.option("--token-env", metavar="VAR", help="The variable that holds its token.")
@click.option("--token-command", metavar="CMD", help="A program that prints its token.")
@click.option("--concurrency", type=int, help="Requests at once, for a server that bears them.")
@click.option("--bucket", help="The S3 bucket with its bytes.")
@click.option("--set", "more", multiple=True, metavar="KEY=VALUE", help="Any other setting.")
@json_option(changes=True)
def add(
    name: str,
    address: str,
    *,
    production: bool,
    read_only: bool | None,
    default: bool,
    token_env: str | None,
    token_command: str | None,
    concurrency: int | None,
    bucket: str | None,
    more: tuple[str, ...],
    out: Output,
) -> int:
    """Write a registry into the configuration."""
    if name in COMMANDS:
        raise UsageError(f"“{name}” is a command, so it cannot be the name of a registry.")
    settings = _settings(
        more, token_env=token_env, token_command=token_command,
        concurrency=concurrency, bucket=bucket,
    )  # fmt: skip
    target = resolve(Config(), address)
    check_settings(target.address, settings)
    config = add_registry(
        name, target.address, production=production, read_only=read_only,
        settings=settings, default=default,
    )  # fmt: skip
    _print_one(name, config, out)
    out.words(f"written to {safe(str(config_file()), _ROOM)}")
    out.words(f"next: {command('registries', 'test', name)}")
    return 0


def _settings(more: tuple[str, ...], **named: object) -> dict[str, object]:
    """Those that have an option of their own, as far as given, and what `--set` says."""
    given = {key: value for key, value in named.items() if value is not None}
    return given | dict(map(_setting, more))


def _setting(text: str) -> tuple[str, object]:
    """`KEY=VALUE`, each as it was typed."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"“{text}” is no setting.", hint="Such as: --set concurrency=4")
    return key.strip(), setting_value(value)


@registries_command.command("remove")
@click.argument("name")
def remove(name: str) -> int:
    """Take a registry out of the configuration. The registry itself is not touched."""
    remove_registry(name)
    Output(changes=True).words(f"removed {safe(name)} from {safe(str(config_file()), _ROOM)}")
    return 0


@registries_command.command("default")
@click.argument("name")
def default_(name: str) -> int:
    """Use NAME where no registry is named."""
    set_default(name)
    Output(changes=True).words(f"{safe(name)} is the default registry")
    return 0


@registries_command.command("test", cls=Command)
@click.argument("names", nargs=-1, metavar="[REGISTRY]…")
@json_option(changes=True)
async def test(names: tuple[str, ...], *, out: Output) -> int:
    """Ask registries how they are: reachable, which version, what they can do, read-only or not.

    Without names, all that are configured. Nothing is changed. The exit code is 1 when one of
    them cannot be used.
    """
    config = load()
    targets = [resolve(config, name) for name in names or config.registries] or [resolve(config)]
    all_work = True
    for target in targets:
        found = await trial(target)
        all_work &= found.works
        if out.json:
            out.record(
                {
                    "registry": target.name,
                    "address": target.address,
                    "works": found.works,
                    "milliseconds": round(found.milliseconds),
                    "said": list(found.sentences),
                }
            )
        else:
            state = "works" if found.works else "cannot be used"
            out.words(f"{safe(target.name)} {state} · {safe(target.address, _ROOM)}")
            out.words(*(f"  {safe(sentence, _ROOM)}" for sentence in found.sentences))
    return int(not all_work)


def _print_all(config: Config, out: Output) -> None:
    for name in config.registries:
        _print_one(name, config, out)
    if not config.registries:
        out.words("No registry is configured; commands use the embedded one.")
        out.words(f"next: {command('registries', 'add', 'NAME', 'https://HOST/api')}")


def _print_one(name: str, config: Config, out: Output) -> None:
    registry = config.registries[name]
    target = resolve(config, name)
    if out.json:
        out.record(
            {
                "registry": name,
                "address": registry.address,
                "default": name == config.default,
                "read_only": registry.read_only,
                "production": registry.production,
                "settings": shown_settings(registry.settings),
            }
        )
        return
    default = " (default)" if name == config.default else ""
    out.words(f"{safe(name)}{default} · {safe(registry.address, _ROOM)}")
    out.words(f"  {access(target)}")
    if registry.settings:
        out.words(f"  {safe(shown_settings(registry.settings), _ROOM)}")
