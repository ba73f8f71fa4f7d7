"""Trying a registry out: can it be reached, what can it do, may it be changed. Nothing is changed.

What is said may quote the registry, so it is untrusted text; it never holds a secret.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients import open_client
from artifact_tui.clients.base import MakingClient
from artifact_tui.errors import ArtifactTuiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    works: bool
    sentences: tuple[str, ...]
    milliseconds: float = 0.0


async def trial(target: Target) -> Trial:
    """Open a registry for reading, ask it how it is, and close it. Errors become sentences."""
    began = time.perf_counter()
    try:
        client = await asyncio.to_thread(
            open_client, target.address, read_only=target.read_only, settings=target.settings
        )
        try:
            sentences = await _try(client, target)
        finally:
            await client.aclose()
    except ArtifactTuiError as error:
        return Trial(works=False, sentences=tuple(filter(None, (str(error), error.hint))))
    took = (time.perf_counter() - began) * 1000
    return Trial(works=True, sentences=sentences, milliseconds=took)


async def _try(client: Client, target: Target) -> tuple[str, ...]:
    if client.can("check"):
        own = (access(target),) if target.production else ()
        return (*await client.check(), *_abilities(client), *own)
    began = time.perf_counter()
    async with aclosing(client.listing()) as listing:
        await anext(listing, None)
    took = (time.perf_counter() - began) * 1000
    return (f"It answered in {took:.0f} ms.", *_abilities(client), access(target))


def _abilities(client: Client) -> Iterator[str]:
    names = {
        "aliases": "aliases" in client.tells,
        "lineage": "lineage" in client.tells,
        "TTL": "ttl" in client.tells,
        "trash": "trash" in client.tells and client.can("restore"),
        "purge": client.can("purge"),
        "garbage collection": client.can("collect_garbage"),
        "making entries again": isinstance(client, MakingClient),
        "reset": client.can("reset"),
    }
    there = [name for name, has in names.items() if has]
    missing = [name for name, has in names.items() if not has]
    if there:
        yield f"It has {', '.join(there)}."
    if missing:
        yield f"It has no {', '.join(missing)}."


def access(target: Target) -> str:
    """Whether the configuration lets it be changed."""
    if target.production and target.read_only:
        return "Production: read-only, unless its configuration says read_only = false."
    if target.read_only:
        return "Read-only: nothing in it can be changed from here."
    if target.production:
        return "Production, and armed: deletions ask for its name."
    return "Armed: what a confirmed plan names can be deleted."
