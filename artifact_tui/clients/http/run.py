"""A listing on its way to the catalog."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from artifact_tui.clients.http.shelf import Shelf
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.reader import Reader

PASSES = 4
"""How often a listing is read that changes each time, before it is given up."""


class Run:
    """Rows as they come, nothing twice, nothing skipped; the next page is fetched meanwhile."""

    def __init__(self, reader: Reader, number: int) -> None:
        self.number = number
        self.shelf = Shelf()
        self.done = False
        self._reader = reader
        self._walk = reader.walk()
        self._ahead: asyncio.Future[list[Row] | None] | None = None
        self._before: frozenset[Row] | None = None
        self._passes = 1
        self._began = self._sent = len(reader.sent)
        self._lock = asyncio.Lock()
        self.began = time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether nothing was deleted through this connection since it began."""
        return self._began == len(self._reader.sent)

    async def more(self) -> list[Row]:
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

    async def all(self) -> Shelf:
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

    async def _next(self) -> list[Row] | None:
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

    async def _page(self) -> list[Row] | None:
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

    async def _end(self) -> list[Row]:
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
