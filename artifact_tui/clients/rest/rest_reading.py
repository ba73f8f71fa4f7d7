"""Reading a whole REST registry: page by page for the catalog, as one snapshot for decisions.

One reading may be wrong: a server whose storage fails lists nothing, and a deletion by somebody
else moves rows to a page that was read before. A listing is believed when the server's own count
agrees, or when two passes do; an empty one only when something explains it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_listing import ListingPass, RestListing
from artifact_tui.clients.servers import is_spelled
from artifact_tui.clients.transport import SilentError
from artifact_tui.errors import EmptyError, NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.clients.rest.rest_entries import Ref, RestEntry
    from artifact_tui.clients.rest.rest_requests import RestRequests
    from artifact_tui.clients.rest.rest_settings import RestOptions


EMPTY_LOOKS = 3
"""How often an empty listing must be seen before it is believed, even when it is explained."""

SNAPSHOT_TRIES = 6
_PAUSE_S = 0.05


class OutageError(RegistryError):
    """A listing that is empty without an explanation."""


class HealthyEmptyError(OutageError, EmptyError):
    """A listing that is empty without an explanation, at a server that says it is healthy."""


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What `GET /health` says."""

    status: int
    artifacts: int | None
    """How many there are, where the server counts them."""
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ListingSnapshot:
    """A whole listing, and whether what it does not show is really not there."""

    shelf: RestListing
    sure: bool
    """The server's own count agrees, or two passes do."""


class ListingReader:
    """Passes over the listing of one registry, and what is remembered of them."""

    def __init__(self, wire: RestRequests, options: RestOptions) -> None:
        self._wire = wire
        self._options = options
        self.last: RestListing | None = None
        """The last complete listing that was not empty."""
        self.pages = 0
        """How many requests that listing took."""
        self.sent: set[str] = set()
        """Ids that this connection may have deleted."""
        self.missing: dict[str, RegistryError] = {}
        """Types that the last listing has not all of, and the registry's answer."""
        self.skipped = 0
        """Entries of the last listing without an id that can be asked for."""
        self.spelled = 0
        """Artifacts of the last listing whose names are not Unicode, and are spelled out."""
        self._healthy = True
        """It answered when it was asked how it is."""
        self.count_is_useless = False
        """The server's count has nothing to do with its listing, or does not come in time."""

    async def health(self) -> ServerHealth:
        """Ask the server how it is; this also makes it load its storage again.

        Raises:
            RegistryError: it does not answer.
        """
        start = time.perf_counter()
        call = replace(self._wire.paths.health(), whole_s=self._options.item_s)
        answer = await self._wire.read(call)
        took = (time.perf_counter() - start) * 1000
        return ServerHealth(
            answer.status, rest_entries.decode_count(answer.body) if answer.good else None, took
        )

    def walk(self) -> ListingPass:
        """A new pass over everything."""
        return ListingPass(self._wire, self._options)

    async def count(self) -> int | None:
        """How many artifacts the server says there are, as far as its count is of use."""
        if self.count_is_useless:
            return None
        try:
            health = await self.health()
        except RegistryError as error:
            self._healthy = False
            self.count_is_useless = isinstance(error, SilentError)
            return None
        self._healthy = health.status < 500  # noqa: PLR2004 - some have no such page at all
        return health.artifacts

    async def listing(self, walk: ListingPass) -> RestListing:
        """One whole pass, remembered."""
        shelf = RestListing()
        while (rows := await walk.page()) is not None:
            shelf.put(rows)
        self.finished(walk, shelf)
        return shelf

    async def named(self, collection: Ref) -> RestListing:
        """The artifacts of one type and name."""
        walk = ListingPass(self._wire, self._options, name=collection.id, kind=collection.type)
        shelf = RestListing()
        while (rows := await walk.page()) is not None:
            shelf.put(row for row in rows if row.collection == collection)
        shelf.settle(walk)
        return shelf

    def finished(self, walk: ListingPass, shelf: RestListing) -> None:
        """Remember a listing that was read to its end."""
        self.missing, self.skipped = walk.missing, walk.skipped
        self.spelled = sum(is_spelled(row.name) for row in shelf.rows.values())
        if shelf.rows:
            self.last, self.pages = shelf, walk.pages

    async def snapshot(self, reload: Callable[[], Awaitable[object]]) -> ListingSnapshot:
        """The whole listing as it is now.

        `reload` makes the server load its storage again, where asking for its health does not.

        Raises:
            RegistryError: it cannot be read, or it is empty and nothing explains that.
        """
        before: RestListing | None = None
        empty = 0
        for attempt in range(SNAPSHOT_TRIES):
            await asyncio.sleep(_PAUSE_S * attempt)
            walk, shelf = self.walk(), RestListing()
            walk.expected = await self.count()
            if walk.expected is None:
                with suppress(NotToldError):
                    await reload()
            while (rows := await walk.page()) is not None:
                shelf.put(rows)
            if not shelf.rows:
                empty += 1
                if empty >= EMPTY_LOOKS and self.explained():
                    return ListingSnapshot(shelf, sure=True)
                continue
            if walk.missing:
                self.finished(walk, shelf)
                return ListingSnapshot(shelf, sure=False)
            fits = walk.agrees
            if fits or (fits is None and (walk.pages == 1 or _same_entries(shelf, before))):
                self.finished(walk, shelf)
                return ListingSnapshot(shelf, sure=True)
            before = shelf
        if before is None:
            raise self.outage(healthy=self._healthy and not walk.expected)
        self.count_is_useless = True
        return ListingSnapshot(before, sure=False)

    def explained(self) -> bool:
        """Whether everything that was listed may have been deleted by us."""
        if self._options.accept_empty:
            return True
        return self.last is not None and all(ref.id in self.sent for ref in self.last.rows)

    def outage(self, *, healthy: bool = False) -> OutageError:
        """The error for a listing that is empty without an explanation.

        It is an `EmptyError` too when the server is `healthy`, and counts nothing itself.
        """
        kind = HealthyEmptyError if healthy else OutageError
        before = f", and listed {len(self.last.rows):,} before" if self.last else ""
        return kind(
            f"The registry lists nothing at all{before}. That is what an outage of its storage"
            " looks like, so nothing is taken as gone. If it is really empty, set"
            " accept_empty = true for it in the configuration.",
            hint="Try again later.",
        )


def _same_entries(shelf: RestListing, before: RestListing | None) -> bool:
    return before is not None and shelf.rows.keys() == before.rows.keys()


PASSES = 4
"""How often a listing is read that changes each time, before it is given up."""


class ListingRun:
    """Rows as they come, nothing twice, nothing skipped; the next page is fetched meanwhile."""

    def __init__(self, reader: ListingReader, number: int) -> None:
        self.number = number
        self.shelf = RestListing()
        self.done = False
        self._reader = reader
        self._walk = reader.walk()
        self._ahead: asyncio.Future[list[RestEntry] | None] | None = None
        self._before: frozenset[RestEntry] | None = None
        self._passes = 1
        self._began = self._sent = len(reader.sent)
        self._lock = asyncio.Lock()
        self.began = time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether nothing was deleted through this connection since it began."""
        return self._began == len(self._reader.sent)

    async def more(self) -> list[RestEntry]:
        """Rows not given before; empty only when the listing is complete.

        Raises:
            RegistryError: the listing cannot be read, or cannot be believed.
        """
        async with self._lock:
            while not self.done:
                if self._sent != len(self._reader.sent):
                    await self._again()
                rows = await self._next()
                if rows is None:
                    if changed := await self._end():
                        return changed
                elif found := self.shelf.put(rows):
                    return found
        return []

    async def all(self) -> RestListing:
        """The complete listing."""
        while not self.done:
            await self.more()
        return self.shelf

    async def close(self) -> None:
        """Stop fetching."""
        if self._ahead is not None:
            self._ahead.cancel()
            with contextlib.suppress(asyncio.CancelledError, RegistryError):
                await self._ahead
            self._ahead = None

    async def _again(self) -> None:
        """From the beginning once more; what is on the shelf stays there."""
        await self.close()
        self._sent = len(self._reader.sent)
        self._walk = self._reader.walk()

    async def _next(self) -> list[RestEntry] | None:
        """The page that is being fetched; then the following one is on its way."""
        ahead = self._ahead or asyncio.ensure_future(self._page())
        self._ahead = None
        try:
            rows = await ahead
        finally:
            ahead.cancel()
        if rows is not None:
            self._ahead = asyncio.ensure_future(self._page())
        return rows

    async def _page(self) -> list[RestEntry] | None:
        """The next page; beside the first one of a pass, the server is asked for its count."""
        if self._walk.pages:
            return await self._walk.page()
        counting = asyncio.ensure_future(self._reader.count())
        try:
            rows = await self._walk.page()
            self._walk.expected = await counting
        finally:
            counting.cancel()
        return rows

    async def _end(self) -> list[RestEntry]:
        """The end of a pass: is it the whole listing? Gives rows whose order is known only now.

        Another count than the server's may mean that somebody deleted meanwhile, so that rows
        moved to a page that was read before. Two equal passes are believed against the count.
        """
        seen, agrees = self._walk.seen, self._walk.agrees
        before, self._before = self._before, seen
        if not seen and (self.shelf.rows or self._reader.last) and not self._reader.explained():
            await self._again()
            raise self._reader.outage()
        if agrees is False and seen != before and not self._walk.missing:
            self._passes += 1
            await self._again()
            if self._passes > PASSES:
                self._passes = 1
                raise RegistryError(
                    "The registry's listing changes each time it is read.",
                    hint="Try again when nobody else changes it.",
                )
            return []
        self._reader.count_is_useless |= agrees is False and not self._walk.missing
        changed = self.shelf.settle(self._walk)
        self._reader.finished(self._walk, self.shelf)
        self.done = True
        return changed
