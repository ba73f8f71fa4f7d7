"""What most commands begin with: which registry, its client, its catalog."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import catalog, query
from artifact_tui.cli.output import command
from artifact_tui.clients import kind_of, open_client
from artifact_tui.clients.local import LocalClient
from artifact_tui.config import Config, Target, load, resolve
from artifact_tui.errors import QueryError, RegistryError, UsageError
from artifact_tui.here import actor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from artifact_tui.clients.base import Client


def target_of(registry: str | None, *, read_only: bool = False) -> Target:
    """The registry that was named, or the default one; `read_only` can only be added."""
    target = resolve(load(), registry)
    return replace(target, read_only=target.read_only or read_only)


def split(words: Sequence[str], *, read_only: bool = False) -> tuple[Target, list[str]]:
    """The registry, if the first word names one, else the default; and the other words."""
    named = bool(words) and _names_registry(load(), words[0])
    target = target_of(words[0] if named else None, read_only=read_only)
    return target, list(words[1:] if named else words)


def _names_registry(config: Config, word: str) -> bool:
    """Whether a word can only mean a registry: a field of a filter or a name cannot."""
    if word in config.registries or word.startswith(("./", "../", "/", "~")):
        return True
    scheme, colon, _ = word.partition(":")
    if not colon:
        return (Path(word) / "FORMAT").is_file()
    if scheme in query.FIELDS:
        return False
    try:
        kind_of(word)
    except UsageError:
        return False
    return True


@asynccontextmanager
async def client_of(target: Target, *, write: bool = False) -> AsyncIterator[Client]:
    """An open client; for writing only when the target is not read-only."""
    client = open_client(
        target.address,
        read_only=target.read_only or not write,
        actor=actor() if write else "",
        settings=target.settings,
    )
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def local_client_of(target: Target, *, write: bool = False) -> AsyncIterator[LocalClient]:
    """An open client of a local registry, for what only those can do."""
    async with client_of(target, write=write) as client:
        if not isinstance(client, LocalClient):
            raise UsageError(
                f"“{target.name}” is not a local registry, and only those can do this.",
                hint="Name a registry by an address such as local:PATH.",
            )
        yield client


@contextmanager
def catalog_of(client: LocalClient) -> Iterator[sqlite3.Connection]:
    """A read-only connection to the catalog of an open local registry."""
    with _connected(client, client.catalog_path, None) as conn:
        yield conn


@asynccontextmanager
async def reading(
    client: Client, *, marks: Path | None = None, cached: bool = False
) -> AsyncIterator[sqlite3.Connection]:
    """A read-only connection to the catalog of an open registry; a remote one is synced first.

    With `cached`, what the last sync knew is read, and nothing is sent.
    """
    path = client.catalog_path
    if path is None:
        from artifact_tui.cli.syncing import synced  # noqa: PLC0415 - remote registries only

        path = await synced(client, cached=cached)
    with _connected(client, path, marks) as conn:
        yield conn


@contextmanager
def _connected(client: Client, path: Path, marks: Path | None) -> Iterator[sqlite3.Connection]:
    with closing(catalog.connect(path, marks=marks)) as conn:
        try:
            yield conn
        except sqlite3.Error as error:
            check = f"Check it: {command('fsck', client.identity.address)}"
            made_anew = f"Remove it, it is made anew: {path}"
            raise RegistryError(
                f"{path} could not be read: {error}. Nothing was changed.",
                hint=made_anew if client.catalog_path is None else check,
            ) from error


def parse_filter(words: Sequence[str]) -> query.Query:
    """The filter that these words make together; an error knows the text it is about."""
    text = " ".join(words)
    try:
        return query.parse(text)
    except QueryError as error:
        error.add_note(text)
        raise


def split_one(words: Sequence[str], *, read_only: bool = False) -> tuple[Target, str]:
    """The registry, and the one version that the other word names."""
    if len(words) == 1:
        return target_of(None, read_only=read_only), words[0]
    if len(words) != 2:  # noqa: PLR2004 - a registry and a name
        raise UsageError(
            "Name one version, after the registry if it is not the default one.",
            hint="Such as: artifact-tui show local:./sample resnet50:v3",
        )
    return target_of(words[0], read_only=read_only), words[1]
