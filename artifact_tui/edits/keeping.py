"""Keeping: a version of any registry on this machine becomes the next version of one's own.

What is said about it comes along: its type, its tags, who made it, and what it was made from as far
as that was kept too. Its label and its aliases become tags; those of its aliases that are free
there it gets as well. Its note tells where it came from: by that it is found again when something
made from it is kept.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_file import connect
from artifact_tui.catalog.catalog_rows import snapshot, tags_of
from artifact_tui.catalog.detail import parents_of
from artifact_tui.catalog.version_names import rows_by_keys
from artifact_tui.clients import open_client
from artifact_tui.clients.base import OwnClient
from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import NewVersion, VersionState, actor
from artifact_tui.text import size

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.model import Kept


@dataclass(frozen=True, slots=True)
class Keepsake:
    """A version that is to be kept, as its registry tells of it."""

    new: NewVersion
    origins: tuple[str, ...] = ()
    """What it was made from: how the notes of those begin where they were kept."""


_KEPT = """
SELECT v.key FROM version v WHERE v.state = 'live' AND substr(v.note, 1, length(:note)) = :note
ORDER BY v.id DESC LIMIT 1"""


@asynccontextmanager
async def own_registry(target: Target, *, write: bool) -> AsyncIterator[OwnClient]:
    """Open a registry of one's own; for writing only where the target is not read-only.

    Raises:
        UsageError: it is kept by others.
        ArtifactTuiError: it cannot be opened.
    """
    client = await asyncio.to_thread(
        open_client,
        target.address,
        read_only=target.read_only or not write,
        actor=actor() if write else "",
        settings=target.settings,
    )
    try:
        if not isinstance(client, OwnClient):
            raise UsageError(
                f"“{target.name}” is not a local registry, and only those can do this.",
                hint="Name a registry by an address such as local:PATH.",
            )
        yield client
    finally:
        await client.aclose()


def why_not_kept(client: Client, row: VersionRow | None = None) -> str:
    """Why versions of a registry, or one of them, cannot be kept: words for people, or empty."""
    if isinstance(client, OwnClient):
        return "it is in a registry of your own"
    if not client.can("local_files"):
        return "its files are not on this machine, or not as files of their own"
    if row is not None and row.link:
        return "it only shows a version of another collection"
    if row is not None and row.state is not VersionState.LIVE:
        return "it is in the trash" if row.state is VersionState.TRASH else "it is not complete"
    return ""


def keepsake(conn: sqlite3.Connection, client: Client, row: VersionRow) -> Keepsake:
    """What is to be said of a version when it is kept.

    Raises:
        UsageError: it cannot be kept.
    """
    if why := why_not_kept(client, row):
        raise UsageError(
            f"{row.collection}:{row.label} cannot be kept: {why}. Nothing was added.",
            hint="Put its files in a folder, then: artifact-tui add FOLDER NAME",
        )
    address = client.identity.address
    aliases = tuple(one.name for one in row.aliases if not one.scope)
    new = NewVersion(
        name=row.collection,
        type=row.type,
        free_aliases=aliases,
        tags=(row.label, *aliases, *tags_of(conn, [row.id]).get(row.id, ())),
        run=row.run,
        note=f"{_origin(address, row.key)} {row.digest}",
    )
    return Keepsake(new, tuple(_origin(address, one.key) for one in parents_of(conn, row.id)))


def _origin(address: str, key: str) -> str:
    """How the note of a kept version begins."""
    return f"kept from {address}: {key},"


def _with_kept_parents(own: OwnClient, kept: Keepsake) -> NewVersion:
    """The new version of a registry, made from those of its parents that were kept there."""
    parents = []
    if own.catalog_path is not None:
        with closing(connect(own.catalog_path, mapped=False)) as conn, snapshot(conn):
            found = (conn.execute(_KEPT, {"note": note}).fetchone() for note in kept.origins)
            parents = [row[0] for row in found if row is not None]
    return replace(kept.new, parents=tuple(dict.fromkeys((*kept.new.parents, *parents))))


async def keep(
    kept: Keepsake,
    key: str,
    client: Client,
    own: OwnClient,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Kept:
    """Keep the version of a client that has this key in a registry of one's own.

    Raises:
        ArtifactTuiError: it cannot be kept; nothing was added.
    """
    new = await asyncio.to_thread(_with_kept_parents, own, kept)
    return await own.keep(await client.local_files(key), new, progress=progress)


def kept_row(own: OwnClient, kept: Kept) -> VersionRow:
    """The version that was kept, as its registry has it.

    Raises:
        NotFoundError: it is gone already.
    """
    path = own.catalog_path
    if path is not None:
        with closing(connect(path, mapped=False)) as conn:
            for row in rows_by_keys(conn, [kept.key]):
                return row
    raise NotFoundError("It was kept, and is not there any more.", hint="Somebody deleted it.")


def bytes_words(kept: Kept) -> str:
    """How the bytes of a kept version came: `9 KB linked, 300 B copied`; empty where not told."""
    ways = (
        (kept.linked, "linked, not copied: freed when gone from both"),
        (kept.cloned, "cloned, not copied"),
        (kept.copied, "copied"),
        (kept.known, "there already"),
    )
    return "; ".join(f"{size(count)} {words}" for count, words in ways if count)
