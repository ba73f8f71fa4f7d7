"""`artifact-tui alias`, `tag` and `ttl`: what is said about a version of a local registry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from artifact_tui import text
from artifact_tui.catalog import queries
from artifact_tui.cli import wording
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import Duration
from artifact_tui.cli.output import Output
from artifact_tui.cli.session import catalog_of, local_client_of, split_one
from artifact_tui.errors import UsageError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.clients.local import LocalClient

    Work = Callable[[LocalClient, str], Awaitable[None]]

_WORDS = click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
_ADD = click.option("--add", "added", multiple=True, metavar="NAME", help="May be repeated.")
_REMOVE = click.option(
    "--remove", "removed", multiple=True, metavar="NAME", help="May be repeated."
)


@click.command("alias")
@_WORDS
@_ADD
@_REMOVE
@click.option("--protect", multiple=True, metavar="NAME", help="Let this alias forbid deletion.")
@click.option("--unprotect", multiple=True, metavar="NAME", help="Let it no longer do so.")
@click.pass_obj
def alias(
    flags: Flags,
    words: tuple[str, ...],
    *,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    protect: tuple[str, ...],
    unprotect: tuple[str, ...],
) -> None:
    """Show the aliases of a version, or change them.

    \b
    artifact-tui alias resnet50:v3 --add production --protect production
    artifact-tui alias local:./sample resnet50:v3 --remove candidate

    An alias is on one version of its collection: adding it takes it off the one that has it.
    A protected alias forbids deletion. Without options nothing is changed.
    """  # noqa: D301 - click's mark for lines that stay as they are

    async def work(client: LocalClient, key: str) -> None:
        for name in unprotect:
            await client.protect(key, name, protected=False)
        for name in removed:
            await client.unalias(key, name)
        for name in added:
            await client.alias(key, name)
        for name in protect:
            await client.protect(key, name)

    _change(flags, words, work if added or removed or protect or unprotect else None)


@click.command("tag")
@_WORDS
@_ADD
@_REMOVE
@click.pass_obj
def tag(
    flags: Flags, words: tuple[str, ...], *, added: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    """Show the tags of a version, or change them: --add and --remove, each as often as needed."""

    async def work(client: LocalClient, key: str) -> None:
        for name in removed:
            await client.untag(key, name)
        for name in added:
            await client.tag(key, name)

    _change(flags, words, work if added or removed else None)


@click.command("ttl")
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V TIME", required=True)
@click.pass_obj
def ttl(flags: Flags, words: tuple[str, ...]) -> None:
    """Set how long a version lives after its creation: 30d, 12h, or none.

    \b
    artifact-tui ttl resnet50:v3 30d
    artifact-tui ttl local:./sample resnet50:v3 none

    When the time has passed, the next gc moves it to the trash, unless something forbids it.
    """  # noqa: D301 - click's mark for lines that stay as they are
    *named, span = words
    if not named:
        raise UsageError("Name a version and a time.", hint="Such as: artifact-tui ttl m:v3 30d")
    ttl_us = Duration(none=True)(span)

    async def work(client: LocalClient, key: str) -> None:
        await client.set_ttl(key, ttl_us or None)

    _change(flags, named, work)


def _change(flags: Flags, words: tuple[str, ...] | list[str], work: Work | None) -> None:
    """Change one version, if there is something to do, and show what is true then."""
    target, name = split_one(words, read_only=flags.read_only)

    async def main() -> None:
        async with local_client_of(target, write=work is not None) as client:
            with catalog_of(client) as conn:
                key = queries.find(conn, name).key
            if work is not None:
                await work(client, key)
            with catalog_of(client) as conn:
                (row,) = queries.by_keys(conn, [key])
                tags = queries.tags_of(conn, [row.id]).get(row.id, ())
        life = "none" if row.ttl_us is None else text.duration(row.ttl_us)
        Output().words(
            f"{wording.name_of(row)}",
            f"  aliases {wording.aliases(row.aliases) or 'none'}",
            f"  tags    {', '.join(map(safe, tags)) or 'none'}",
            f"  ttl     {life}",
        )

    asyncio.run(main())
