"""`artifact-tui reset`: delete everything that a registry holds, with one request."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from artifact_tui import places, text
from artifact_tui.cli.asking import ask
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.session import client_of, target_of
from artifact_tui.clients.base import FlatListing, Recreate, Resettable
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ConfirmationError,
    ReadOnlyError,
    RegistryError,
    UsageError,
)
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.model import Collection, Recipe, Version

    Listing = list[tuple[Collection, Version]]

LOOKS = 3
"""How often the registry is asked whether all is gone."""


@click.command("reset")
@click.argument("registry")
@click.option("--name", metavar="NAME", help="For scripts: the registry's name, as shown.")
@click.option("--expect", type=click.IntRange(min=1), metavar="COUNT", help="And the count.")
@click.pass_obj
def reset(flags: Flags, registry: str, *, name: str | None, expect: int | None) -> int:
    """Delete EVERYTHING that a registry holds, whoever put it there. There is no way back.

    First the whole listing is written to a file, with what is needed to make entries again where
    the registry tells it. Then the registry's name and the number of artifacts must be typed.
    """
    target = target_of(registry, read_only=flags.read_only)
    if target.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was deleted.",
            hint=READ_ONLY_HINT,
        )
    return asyncio.run(_reset(target, name, expect, Output(changes=True)))


async def _reset(target: Target, name: str | None, expect: int | None, out: Output) -> int:
    async with client_of(target, write=True) as client:
        if not client.capabilities.reset or not isinstance(client, Resettable):
            raise UsageError(f"“{target.name}” cannot be reset. Nothing was deleted.")
        listing = await _everything(client)
        if not listing:
            out.words(f"{safe(target.name)} holds nothing.")
            return 0
        path = _export(target, listing, await _recipes(client, listing))
        count = len(listing)
        out.words(
            f"{safe(target.name)} ({safe(target.address)}) holds "
            f"{text.plural(count, 'artifact')}. All of them will be deleted, for good.",
            f"the listing is kept in {path}",
        )
        _confirm(target, count, name, expect)
        now = {version.key for _, version in await _everything(client)}
        if now != {version.key for _, version in listing}:
            raise ConfirmationError(
                "The registry changed while you were asked. Nothing was deleted.",
                hint="Look again, then say it again.",
            )
        uncertain = await _send(client)
        left = await _left(client, [version.key for _, version in listing])
    return _tell(target, count, left, uncertain, out)


async def _everything(client: Client) -> Listing:
    """The whole listing."""
    if not isinstance(client, FlatListing):
        raise UsageError("This registry cannot be listed in one pass. Nothing was deleted.")
    found: dict[str, tuple[Collection, Version]] = {}
    after: str | None = None
    while True:
        page = await client.artifacts(after)
        found |= {version.key: (row, version) for row, version in page.rows if version}
        after = page.after
        if after is None:
            return list(found.values())


async def _recipes(client: Client, listing: Listing) -> Mapping[str, Recipe]:
    """What is needed to make the entries again."""
    if not client.capabilities.recreate or not isinstance(client, Recreate):
        return {}
    return await client.recipe([version.key for _, version in listing])


def _export(target: Target, listing: Listing, recipes: Mapping[str, Recipe]) -> Path:
    """Write the listing as JSON, one artifact a line; gives the file, 0600."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    path = places.plans_dir() / f"{stamp}-{uuid.uuid4().hex[:8]}-before-reset.jsonl"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        for collection, version in listing:
            recipe = recipes.get(version.key)
            line = {
                "registry": target.address,
                "key": version.key,
                "type": collection.type,
                "name": collection.name,
                "version": version.label,
                "digest": version.digest,
                "recipe": asdict(recipe) if recipe else None,
            }
            file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def _confirm(target: Target, count: int, name: str | None, expect: int | None) -> None:
    """The registry's name and the count, typed or said; nothing less."""
    wanted = f"{target.name} {count}"
    if name is not None or expect is not None:
        typed = f"{name} {expect}"
    elif sys.stdin.isatty():
        typed = ask(f"type {safe(wanted)} to delete everything", "there is no way back").strip()
    else:
        instead = command("reset", target.typed, "--name", target.name, "--expect", count)
        raise UsageError(
            "This must be confirmed, and there is no terminal to ask on. Nothing was deleted.",
            hint=f"After a look at the listing: {instead}",
        )
    if typed != wanted:
        raise ConfirmationError(
            f"Not confirmed: expected {safe(wanted)}. Nothing was deleted.",
            hint="Say the registry's name and the number of artifacts that it holds now.",
        )


async def _send(client: Resettable) -> str:
    """Send the reset; why it is uncertain, if it is."""
    try:
        await client.reset()
    except ReadOnlyError:
        raise
    except RegistryError as error:  # whatever it says, the listing tells
        return str(error)
    return ""


async def _left(client: Client, keys: list[str]) -> int | None:
    """How many of the artifacts are still there; None when the registry cannot be asked."""
    for _ in range(LOOKS):
        try:
            return len(await client.facts(keys))
        except RegistryError:
            await asyncio.sleep(0.5)
    return None


def _tell(target: Target, count: int, left: int | None, uncertain: str, out: Output) -> int:
    """Say what is so."""
    said = f" The registry said: {safe(uncertain)}" if uncertain else ""
    if left == 0:
        out.words(f"{text.plural(count, 'artifact')} of {safe(target.name)} deleted, verified gone")
        out.words("what they left in the storage: " + command("orphans", target.typed))
        return 0
    if left is None:
        out.words(f"Whether it was done is not known: the registry cannot be asked now.{said}")
        return 1
    out.words(f"{text.count(left)} of {text.plural(count, 'artifact')} are still there.{said}")
    return 1
