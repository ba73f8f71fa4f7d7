"""Listings under way: made ahead of whoever reads them, page by page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from artifact_tui.errors import RegistryError
from artifact_tui.model import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Put = Callable[[Sequence["R"]], Awaitable[None]]
    """Hand over a page; waits while the reader is far behind."""

R = TypeVar("R")

AHEAD = 8
"""Pages that wait for their reader."""

MOST = 16
"""Listings kept that nobody is reading now; the one left alone the longest gives way."""


class _End:
    """The listing is over."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Run(Generic[R]):
    """One listing on its way."""

    def __init__(
        self, number: int, name: str, produce: Callable[[Put[R]], Awaitable[None]]
    ) -> None:
        self.number = number
        self.name = name
        self.readers = 0
        """How many wait for a page now."""
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
            RegistryError: the listing failed, or was ended.
        """
        self.readers += 1
        try:
            rows = await self._queue.get()
        finally:
            self.readers -= 1
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
        """Stop it; who waits for a page is told."""
        if self._task.done():
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(_End(_ended()))


class Runs:
    """The listings of one connection, by the number in their cursors."""

    def __init__(self) -> None:
        self._runs: dict[int, Run[object]] = {}
        self._made = 0
        self._ended: set[int] = set()
        """Those that gave way to others."""

    async def page(
        self, after: str | None, produce: Callable[[Put[R]], Awaitable[None]], *, name: str = ""
    ) -> Page[R]:
        """The next page of a listing, or the first one of a new listing.

        An `after` of another connection starts from the beginning. Of listings with the same
        `name` there is one: a new one ends the former, whose reader has left.

        Raises:
            RegistryError: the listing failed, or gave way to others.
        """
        number = (after or "").partition(".")[0]
        run: Run[R] | None = None
        if number.isdecimal():
            run = self._known(int(number))
        if run is None:
            run = await self._begin(name, produce)
        try:
            page = await run.more()
        except Exception:
            await self._end(run.number)
            raise
        if page.after is None:
            await self._end(run.number)
        return page

    def _known(self, number: int) -> Run[R] | None:
        """A listing by its number, which counts as read last; None for one of elsewhere."""
        run = self._runs.pop(number, None)
        if run is not None:
            self._runs[number] = run
        elif number in self._ended:
            raise _ended()
        return run  # type: ignore[return-value]

    async def _begin(self, name: str, produce: Callable[[Put[R]], Awaitable[None]]) -> Run[R]:
        self._made += 1
        run = Run(self._made, name, produce)
        left = [one for one in self._runs.values() if not one.readers]
        former = [one.number for one in left if name and one.name == name]
        too_many = [one.number for one in left[: max(0, len(left) + 1 - MOST)]]
        self._runs[run.number] = run  # type: ignore[assignment]
        for number in former or too_many:
            self._ended.add(number)
            await self._end(number)
        return run

    async def _end(self, number: int) -> None:
        run = self._runs.pop(number, None)
        if run is not None:
            await run.close()

    async def aclose(self) -> None:
        """Stop them all."""
        for number in list(self._runs):
            await self._end(number)


def _ended() -> RegistryError:
    return RegistryError(
        "The listing was ended before its last page.", hint="Nothing was changed. List again."
    )


def _first(error: BaseException) -> BaseException:
    """The first error of a group that tells what happened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
