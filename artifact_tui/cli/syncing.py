"""The catalog of a remote registry on the command line: synced first, or as it was."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from artifact_tui import catalog, places, text
from artifact_tui.catalog import queries
from artifact_tui.catalog.sync import Synced, sync
from artifact_tui.cli.failures import say
from artifact_tui.cli.progress import Progress
from artifact_tui.clients.base import Noticing, Paced
from artifact_tui.errors import NotFoundError, RegistryError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.clients.base import Client


async def synced(client: Client, *, cached: bool = False) -> Path:
    """The catalog file of a remote registry, brought up to date unless `cached`.

    Raises:
        NotFoundError: nothing was synced yet, and `cached` forbids it.
        RegistryError: it could not be synced; the hint says how old what is known is.
    """
    path = places.catalog_file(client.identity.uid)
    if cached:
        if synced_us(path) is None:
            raise NotFoundError(
                f"{client.identity.address} was never synced to its end on this machine.",
                hint="Leave --cached out once.",
            )
        return path
    with Progress() as progress:
        line = f"listing {safe(client.identity.address)}"

        def tell(state: Synced) -> None:
            nonlocal line
            line = f"listing {safe(client.identity.address)}: {_words(state)}"
            progress.show(line)

        waiting = asyncio.create_task(
            _tell_waits(client, lambda words: progress.show(line + words))
        )
        try:
            await sync(client, path, progress=tell)
        except RegistryError as error:
            error.hint = f"{error.hint} {_older(path)}".strip()
            raise
        finally:
            waiting.cancel()
    if isinstance(client, Noticing):
        say(*(safe(sentence) for sentence in client.notices))
    return path


async def _tell_waits(client: Client, show: Callable[[str], object]) -> None:
    """Say every second what the registry is waited for."""
    while isinstance(client, Paced):
        await asyncio.sleep(1)
        if words := client.pace():
            show(f" · {safe(words)}")


def synced_us(path: Path) -> int | None:
    """When a catalog was last synced to its end; None when it never was."""
    if not path.is_file():
        return None
    with closing(catalog.connect(path)) as conn:
        return queries.synced_us(conn)


def _words(state: Synced) -> str:
    return text.plural(state.versions, "version")


def _older(path: Path) -> str:
    """Whether there is something older to read."""
    try:
        at = synced_us(path)
    except RegistryError:
        return ""
    return "" if at is None else f"--cached shows what was known at {text.moment(at)} UTC."
