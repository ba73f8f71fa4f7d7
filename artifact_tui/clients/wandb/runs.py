"""Listings under way: made ahead of whoever reads them, page by page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from artifact_tui.model import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Put = Callable[[Sequence["R"]], Awaitable[None]]
    """Hand over a page; waits while the reader is far behind."""

R = TypeVar("R")

AHEAD = 8
"""Pages that wait for their reader."""

MOST = 16
"""Listings kept; the one that was begun first gives way."""


class _End:
    """The listing is over."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Run(Generic[R]):
    """One listing on its way."""

    def __init__(self, number: int, produce: Callable[[Put[R]], Awaitable[None]]) -> None:
        self.number = number
        self._queue: asyncio.Queue[tuple[R, ...] | _End] = asyncio.Queue(AHEAD)
        self._task = asyncio.create_task(self._produce(produce))

    async def _produce(self, produce: Callable[[Put[R]], Awaitable[None]]) -> None:
        try:
            await produce(self._put)
        except Exception as error:  # noqa: BLE001 - it is the reader's
            await self._queue.put(_End(_first(error)))
        else:
            await self._queue.put(_End())

    async def _put(self, rows: Sequence[R]) -> None:
        if rows:
            await self._queue.put(tuple(rows))

    async def more(self) -> Page[R]:
        """The next page; the last one may be empty.

        Raises:
            RegistryError: the listing failed.
        """
        rows = await self._queue.get()
        if isinstance(rows, _End):
            self._queue.put_nowait(rows)
            if rows.error is not None:
                raise rows.error
            return Page(())
        await asyncio.sleep(0)
        return Page(rows, None if self._over() else f"{self.number}.")

    def _over(self) -> bool:
        """Whether nothing but a good end waits."""
        if self._queue.qsize() != 1:
            return False
        end = self._queue.get_nowait()
        self._queue.put_nowait(end)
        return isinstance(end, _End) and end.error is None

    async def close(self) -> None:
        """Stop it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Runs:
    """The listings of one connection, by the number in their cursors."""

    def __init__(self) -> None:
        self._runs: dict[int, Run[object]] = {}
        self._made = 0

    async def page(
        self, after: str | None, produce: Callable[[Put[R]], Awaitable[None]]
    ) -> Page[R]:
        """The next page of a listing, or the first one of a new listing.

        An `after` of another connection starts from the beginning.
        """
        number = (after or "").partition(".")[0]
        run: Run[R] | None = None
        if number.isdecimal():
            run = self._runs.get(int(number))  # type: ignore[assignment]
        if run is None:
            run = await self._begin(produce)
        try:
            page = await run.more()
        except Exception:
            await self._end(run.number)
            raise
        if page.after is None:
            await self._end(run.number)
        return page

    async def _begin(self, produce: Callable[[Put[R]], Awaitable[None]]) -> Run[R]:
        if len(self._runs) >= MOST:
            await self._end(next(iter(self._runs)))
        self._made += 1
        run = Run(self._made, produce)
        self._runs[run.number] = run  # type: ignore[assignment]
        return run

    async def _end(self, number: int) -> None:
        run = self._runs.pop(number, None)
        if run is not None:
            await run.close()

    async def aclose(self) -> None:
        """Stop them all."""
        for number in list(self._runs):
            await self._end(number)


def _first(error: BaseException) -> BaseException:
    """The first error of a group that tells what happened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
