"""Passes over a list that others change meanwhile, which lose nothing without saying so.

Where cursors are positions, a row that goes shifts all that come after it, and the next page
begins one row too late. So each page begins with the last row of the one before, where the server
gives rows cursors, and otherwise the totals of all pages must agree. A pass in which they do not
is made again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from artifact_tui.clients.wandb.cursors import offsets
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from artifact_tui.clients.wandb.decode import Connection, Edge

    Ask = Callable[[str | None, int], Awaitable[Connection["T"]]]
    """A page of the list: after which cursor, and how many rows."""

T = TypeVar("T")

TRIES = 4
"""Passes over a list, before it is taken as it is."""

AT_ONCE = 8
"""Pages of one list under way at once."""

LEAST = 3
"""Pages of fewer rows are asked for one after the other."""


class Pass(Generic[T]):
    """One pass over a list."""

    def __init__(
        self, ask: Ask[T], size: int, first: Connection[T] | None = None, *, leaping: bool = True
    ) -> None:
        self._ask = ask
        self._size = size
        self._first = first
        self._leaping = leaping
        self.count = 0
        """Rows so far, each once."""
        self._totals: set[int | None] = set()
        self._last: Edge[T] | None = None
        self._torn = False
        self._blind = False

    @property
    def steady(self) -> bool:
        """Whether nothing was lost between the pages, as far as can be told at the end."""
        if self._torn or not self._blind:
            return not self._torn
        total = next(iter(self._totals))
        return len(self._totals) == 1 and total in {None, self.count}

    async def pages(self) -> AsyncIterator[Sequence[Edge[T] | None]]:
        """The rows, page by page.

        Raises:
            RegistryError: a page cannot be had, or the list never ends.
        """
        first = await self._ask(None, self._size) if self._first is None else self._first
        page = first
        yield self._take(page, overlap=False)
        seen: set[str] = set()
        while (after := page.after) is not None:
            if after in seen:
                raise RegistryError(
                    "W&B sends the same page of a list again and again.",
                    hint="Nothing was changed. Try again later.",
                )
            seen.add(after)
            own = page is not first or self._first is None
            starts = self._starts(page) if own and self._leaping else []
            pages = await self._leap(page, starts) if starts else [await self._step(page)]
            for page, overlap in pages:
                if rows := self._take(page, overlap=overlap):
                    yield rows

    def _starts(self, page: Connection[T]) -> list[str]:
        """Cursors of the pages to ask for at once, each one row before its own rows."""
        after, total, size = page.after, page.total_count, len(page.rows)
        made = offsets(after, self.count) if after else None
        if made is None or total is None or size < LEAST:
            return []
        positions = range(self.count - 2, total - 2, size - 1)[:AT_ONCE]
        return [made.after(position) for position in positions]

    async def _leap(
        self, page: Connection[T], starts: Sequence[str]
    ) -> list[tuple[Connection[T], bool]]:
        size = len(page.rows)
        found = await asyncio.gather(*(self._ask(start, size) for start in starts))
        return [(one, True) for one in found]

    async def _step(self, page: Connection[T]) -> tuple[Connection[T], bool]:
        """The next page, from one row before its own rows where that can be."""
        before = page.rows[-2] if len(page.rows) > 1 else None
        if before is not None and before.cursor:
            return await self._ask(before.cursor, self._size), True
        return await self._ask(page.after, self._size), False

    def _take(self, page: Connection[T], *, overlap: bool) -> Sequence[Edge[T] | None]:
        """The new rows of a page; notes what does not fit."""
        rows = page.rows
        self._totals.add(page.total_count)
        if overlap:
            if not rows or _identity(rows[0]) != _identity(self._last):
                self._torn = True
            else:
                rows = rows[1:]
        elif self.count:
            self._blind = True
        if rows:
            self._last = rows[-1]
        self.count += len(rows)
        return rows


def _identity(edge: Edge[T] | None) -> object:
    return None if edge is None else getattr(edge.node, "id", None)


async def everything(
    ask: Ask[T], size: int, *, first: Connection[T] | None = None, unsteady: Callable[[], object]
) -> AsyncIterator[Sequence[Edge[T] | None]]:
    """All rows, page by page; rows may come again when the list changed while it was read.

    `unsteady` is called when it never held still: rows that are there may then be missing.
    """
    for attempt in range(TRIES):
        one = Pass(ask, size, None if attempt else first, leaping=not attempt)
        async for rows in one.pages():
            yield rows
        if one.steady:
            return
    unsteady()


async def whole(ask: Ask[T], size: int, what: str) -> list[Edge[T] | None]:
    """All rows of a list as it is at one moment.

    Raises:
        RegistryError: it changed whenever it was read, or cannot be read.
    """
    for attempt in range(TRIES):
        one = Pass(ask, size, leaping=not attempt)
        rows = [row async for page in one.pages() for row in page]
        if one.steady:
            return rows
    raise RegistryError(
        f"{what} changes faster than it can be read.",
        hint="Nothing was changed. Try again when fewer others are at work on it.",
    )
