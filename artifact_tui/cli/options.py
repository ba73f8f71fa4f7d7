"""Options that several commands share, and what they mean."""

from __future__ import annotations

import asyncio
import re
from functools import wraps
from inspect import iscoroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifact_tui.cli.output import Output
from artifact_tui.errors import UsageError
from artifact_tui.query import FIELDS
from artifact_tui.query.filter_fields import TIME_UNITS, read_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    _Command = Callable[..., Any]


_NEGATED = re.compile(r"-([a-z]+)[:<>]")
"""A filter's term that begins like an option."""


class Command(click.Command):
    """A command, which may be a coroutine."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it to its end; gives what it returns."""
        result = super().invoke(ctx)
        return asyncio.run(result) if iscoroutine(result) else result


def json_option(*, changes: bool = False) -> Callable[[_Command], _Command]:
    """`--json`, as the parameter `out`: where the command prints; `changes` is as in `Output`."""
    return click.option(
        "--json", "out", is_flag=True, help="Print one JSON object a line, for programs.",
        callback=lambda _ctx, _option, json: Output(json=json, changes=changes),
    )  # fmt: skip


def cached_option(command: _Command) -> _Command:
    """`--cached`, for commands that read a catalog."""
    return click.option(
        "--cached", is_flag=True, help="Send nothing: a remote registry as it was last synced."
    )(command)


def registry_option(command: _Command) -> _Command:
    """`--registry R`, for commands whose words mean something else."""
    return click.option(
        "--registry", metavar="REGISTRY", help="A configured name, a folder, or an address."
    )(command)


class FilterCommand(Command):
    """A command whose words are a filter: `-latest:3` is a part of it, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set a space before negated terms; the filter language passes over it."""
        terms = (_NEGATED.match(arg) for arg in args)
        spaced = [
            f" {arg}" if term and term[1] in FIELDS else arg
            for arg, term in zip(args, terms, strict=True)
        ]
        return super().parse_args(ctx, spaced)


class DurationParam(click.ParamType):  # type: ignore[type-arg] # not generic in older ones
    """A time span such as 30d, in microseconds."""

    name = "duration"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the span."""
        if isinstance(value, int):
            return value
        found = read_duration(value)
        if found is None:
            *first, last = TIME_UNITS
            units = f"{', '.join(first)} or {last}"
            self.fail(f"“{value}” is no time span: a number and {units}.", param, ctx)
        return found[0]


_PLAN_ID = re.compile(r"[0-9a-f]{1,32}", re.ASCII)


class PlanParam(click.ParamType):  # type: ignore[type-arg] # not generic in older ones
    """A plan: its file, or the id that `tasks` shows, or the beginning of it."""

    name = "plan"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Find the file."""
        del param, ctx
        path = Path(value)
        if path.exists() or not _PLAN_ID.fullmatch(str(value)):
            return path
        from artifact_tui.deletion import tasks  # noqa: PLC0415 - most commands need no plan

        return tasks.find_plan(str(value))


def plan_argument(command: _Command) -> _Command:
    """`PLAN`, a plan file or the id of one, as the parameter `plan`."""
    return click.argument("plan", type=PlanParam())(command)


def consent_options(command: _Command, *, done: str = "deleted") -> _Command:
    """`--yes` and `--expect`, as the parameter `expect`: one without the other is refused.

    `done` is what will have happened to the versions: `deleted` or `changed`.
    """

    @wraps(command)
    def checked(*args: Any, yes: bool, expect: int | None, **more: Any) -> Any:
        if yes and expect is None:
            shows = "`artifact-tui review`" if done == "deleted" else "--dry-run"
            raise UsageError(
                f"--yes needs --expect COUNT: the number of versions that will be {done}. "
                f"Nothing was {done}.",
                hint=f"{shows} shows the number.",
            )
        if expect is not None and not yes:
            raise UsageError(
                f"--expect goes with --yes. Nothing was {done}.",
                hint="Say both, or neither to be asked on the terminal.",
            )
        return command(*args, expect=expect, **more)

    count = click.option(
        "--expect", type=click.IntRange(min=1), metavar="COUNT",
        help="With --yes: the count that was shown; another number refuses.",
    )  # fmt: skip
    return click.option("--yes", is_flag=True, help="Do not ask; needs --expect.")(count(checked))
