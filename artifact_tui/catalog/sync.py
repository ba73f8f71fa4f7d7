"""Fills a catalog file from a client: every collection, version and edge, page by page.

Pages can be seen as soon as they are written. What the registry no longer lists is removed at the
end, in one transaction; a sync that does not get there removes nothing, and the next one starts
over without harm.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.catalog import sync_store
from artifact_tui.catalog.lane import Lane
from artifact_tui.clients.base import FlatListing, Partial
from artifact_tui.errors import NotFoundError, RegistryError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.model import File, Page, Version

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Synced:
    """How far a sync is, or what it did."""

    collections: int = 0
    versions: int = 0
    edges: int = 0
    removed: int = 0
    """Versions that the registry no longer lists."""
    done: bool = False


async def sync(
    client: Client,
    path: Path,
    *,
    files: bool = False,
    progress: Callable[[Synced], object] | None = None,
    now_us: int | None = None,
) -> Synced:
    """Bring the catalog file at `path` up to date; it is made when it is missing.

    Args:
        client: the registry to list.
        path: the catalog file.
        files: list the files of every version too, one request each: unique bytes need them.
        progress: called on the event loop after every page.
        now_us: microseconds UTC that are noted as the time of the sync.

    Raises:
        RegistryError: the registry or the file could not be used; nothing was removed.
    """
    lane = await Lane.open("sync", partial(sync_store.open_file, path))
    try:
        run = _Run(client, lane, progress)
        run.number = await run.write(sync_store.begin, client.identity, client.capabilities)
        await run.everything(files=files)
        at = time.time_ns() // 1000 if now_us is None else now_us
        if isinstance(client, Partial) and not client.complete:
            removed = await run.write(sync_store.finish_partly, at)
        else:
            removed = await run.write(sync_store.finish, run.number, at)
        run.tell(replace(run.state, removed=removed, done=True))
        return run.state
    finally:
        await lane.close()


class _Run:
    """One sync on its way."""

    def __init__(
        self, client: Client, lane: Lane, progress: Callable[[Synced], object] | None
    ) -> None:
        self._client = client
        self._lane = lane
        self._progress = progress
        self.number = 0
        self.state = Synced()

    async def write(self, work: Callable[..., T], *facts: object) -> T:
        """Call a function of `sync_store` in the lane."""

        def job(conn: sqlite3.Connection) -> T:
            return work(conn, *facts)

        return await self._lane.run(job, keep=True)

    def tell(self, state: Synced) -> None:
        """Note how far it is, and say so."""
        self.state = state
        if self._progress is not None:
            self._progress(state)

    async def everything(self, *, files: bool) -> None:
        """List and write all there is; in one pass, where the registry has such a listing."""
        if isinstance(self._client, FlatListing):
            await self._flat(self._client, files=files)
        else:
            await self._by_collection(files=files)
        can = self._client.capabilities
        if can.lineage and not (can.scanned_lineage or can.asked_lineage):
            async for edges in _pages(self._client.edges):
                await self.write(sync_store.put_edges, edges)
                self.tell(replace(self.state, edges=self.state.edges + len(edges)))

    async def _flat(self, client: FlatListing, *, files: bool) -> None:
        """Collections and their versions, as they come; what comes again counts once."""
        collections: set[str] = set()
        async for found in _pages(client.artifacts, moves=False):
            new = {row.key: row for row, _ in found if row.key not in collections}
            await self.write(sync_store.put_collections, tuple(new.values()), self.number)
            collections |= new.keys()
            rows = {row.key: row for _, row in found if row is not None}
            self.state = replace(self.state, collections=len(collections))
            await self._versions(tuple(rows.values()), files=files)

    async def _by_collection(self, *, files: bool) -> None:
        """Collections first, then the versions of each."""
        keys: list[str] = []
        async for found in _pages(self._client.collections):
            await self.write(sync_store.put_collections, found, self.number)
            keys += [row.key for row in found]
            self.tell(replace(self.state, collections=len(keys)))
        for key in keys:
            async for versions in _pages(partial(self._client.versions, key)):
                await self._versions(versions, files=files)

    async def _versions(self, rows: Sequence[Version], *, files: bool) -> None:
        """Write a page of versions, with their files when asked."""
        new = await self.write(sync_store.put_versions, rows, self.number)
        if files:
            sources = [row.key for row in rows if row.source_key is None]
            found = {key: await self._files(key) for key in sources}
            await self.write(sync_store.put_files, found)
        self.tell(replace(self.state, versions=self.state.versions + new))

    async def _files(self, key: str) -> tuple[File, ...]:
        """The files of a version; none when it was deleted meanwhile."""
        try:
            return await self._client.files(key)
        except NotFoundError:
            return ()


async def _pages(
    ask: Callable[[str | None], Awaitable[Page[T]]], *, moves: bool = True
) -> AsyncIterator[tuple[T, ...]]:
    """The rows of every page, page by page; `moves` tells that each has a cursor of its own.

    Raises:
        RegistryError: the registry sends the same place twice, so that it would never end.
    """
    after: str | None = None
    seen: set[str] = set()
    while True:
        page = await ask(after)
        if page.rows:
            yield page.rows
        after = page.after
        if after is None:
            return
        if moves and after in seen:
            raise RegistryError(
                "The registry lists the same page again and again.",
                hint="The sync was stopped; what the catalog knew before is still there.",
            )
        seen.add(after)
