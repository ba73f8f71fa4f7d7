"""Reading a whole registry: for the catalog page by page, and for decisions as one snapshot."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.clients.http import decode
from artifact_tui.clients.http.listing import Walk
from artifact_tui.clients.http.shelf import Shelf
from artifact_tui.clients.web.answers import SilentError
from artifact_tui.clients.web.mending import is_spelled
from artifact_tui.errors import EmptyError, NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from artifact_tui.clients.http.keys import Ref
    from artifact_tui.clients.http.options import Options
    from artifact_tui.clients.http.wire import Wire

EMPTY_LOOKS = 3
"""How often an empty listing must be seen before it is believed, even when it is explained."""

SNAPSHOT_TRIES = 6
_PAUSE_S = 0.05


class OutageError(RegistryError):
    """A listing that is empty without an explanation."""


class HealthyEmptyError(OutageError, EmptyError):
    """A listing that is empty without an explanation, at a server that says it is healthy."""


@dataclass(frozen=True, slots=True)
class Health:
    """What `GET /health` says."""

    status: int
    artifacts: int | None
    """How many there are, where the server counts them."""
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole listing, and whether what it does not show is really not there."""

    shelf: Shelf
    sure: bool
    """The server's own count agrees, or two passes do."""


class Reader:
    """Passes over the listing of one registry, and what is remembered of them."""

    def __init__(self, wire: Wire, options: Options) -> None:
        self._wire = wire
        self._options = options
        self.last: Shelf | None = None
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

    async def health(self) -> Health:
        """Ask the server how it is; this also makes it load its storage again.

        Raises:
            RegistryError: it does not answer.
        """
        start = time.perf_counter()
        call = replace(self._wire.paths.health(), whole_s=self._options.item_s)
        answer = await self._wire.read(call)
        took = (time.perf_counter() - start) * 1000
        return Health(answer.status, decode.count(answer.body) if answer.good else None, took)

    def walk(self) -> Walk:
        """A new pass over everything."""
        return Walk(self._wire, self._options)

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

    async def listing(self, walk: Walk) -> Shelf:
        """One whole pass, remembered."""
        shelf = Shelf()
        while (rows := await walk.page()) is not None:
            shelf.put(rows)
        self.finished(walk, shelf)
        return shelf

    async def named(self, collection: Ref) -> Shelf:
        """The artifacts of one type and name."""
        walk = Walk(self._wire, self._options, name=collection.id, kind=collection.type)
        shelf = Shelf()
        while (rows := await walk.page()) is not None:
            shelf.put(row for row in rows if row.collection == collection)
        shelf.settle(walk)
        return shelf

    def finished(self, walk: Walk, shelf: Shelf) -> None:
        """Remember a listing that was read to its end."""
        self.missing, self.skipped = walk.missing, walk.skipped
        self.spelled = sum(is_spelled(row.name) for row in shelf.rows.values())
        if shelf.rows:
            self.last, self.pages = shelf, walk.pages

    async def snapshot(self, reload: Callable[[], Awaitable[object]]) -> Snapshot:
        """The whole listing as it is now.

        `reload` makes the server load its storage again, where asking for its health does not.

        Raises:
            RegistryError: it cannot be read, or it is empty and nothing explains that.
        """
        before: Shelf | None = None
        empty = 0
        for attempt in range(SNAPSHOT_TRIES):
            await asyncio.sleep(_PAUSE_S * attempt)
            walk, shelf = self.walk(), Shelf()
            walk.expected = await self.count()
            if walk.expected is None:
                with suppress(NotToldError):
                    await reload()
            while (rows := await walk.page()) is not None:
                shelf.put(rows)
            if not shelf.rows:
                empty += 1
                if empty >= EMPTY_LOOKS and self.explained():
                    return Snapshot(shelf, sure=True)
                continue
            if walk.missing:
                self.finished(walk, shelf)
                return Snapshot(shelf, sure=False)
            fits = walk.agrees
            if fits or (fits is None and (walk.pages == 1 or _same(shelf, before))):
                self.finished(walk, shelf)
                return Snapshot(shelf, sure=True)
            before = shelf
        if before is None:
            raise self.outage(healthy=self._healthy and not walk.expected)
        self.count_is_useless = True
        return Snapshot(before, sure=False)

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


def _same(shelf: Shelf, before: Shelf | None) -> bool:
    return before is not None and shelf.rows.keys() == before.rows.keys()
