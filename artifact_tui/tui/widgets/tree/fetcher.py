"""Fetches windows of versions in the background: what is on screen first, the newest wish wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from artifact_tui.tui.widgets.tree.pages import PAGE, PageId, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from artifact_tui.catalog.rows import VersionRow


class Source(Protocol):
    """Where the versions of an expanded collection come from, in one order."""

    async def window(self, collection_id: int, start: int, count: int) -> Sequence[VersionRow]:
        """`count` versions from index `start` on."""

    async def position(self, collection_id: int, version_id: int) -> int | None:
        """Where a version stands; None when it is not among them."""


class Fetcher:
    """The windows that are here, and those that are wished for."""

    def __init__(self, source: Source, arrived: Callable[[PageId, int], object]) -> None:
        self.source = source
        self.pages = Pages()
        self._arrived = arrived
        self._wanted: dict[PageId, None] = {}
        self._running = False

    def fetches(self, page: PageId) -> bool:
        """Whether a window is on its way."""
        return page in self._wanted

    def want(self, pages: Iterable[PageId]) -> bool:
        """Wish for these windows and no others; True when `run` has to be started."""
        self._wanted = dict.fromkeys(page for page in pages if not self.pages.touch(page))
        return bool(self._wanted) and not self._running

    async def run(self) -> None:
        """Fetch what is wished for until nothing is."""
        if self._running:
            return
        self._running = True
        try:
            while self._wanted:
                page = next(iter(self._wanted))
                rows = await self.get(page)
                self._wanted.pop(page, None)
                self._arrived(page, len(rows))
        except BaseException:
            self._wanted.clear()  # it does not come: nobody waits for it
            raise
        finally:
            self._running = False

    async def get(self, page: PageId) -> Sequence[VersionRow]:
        """Fetch one window and keep it."""
        rows = await self.source.window(page.collection_id, page.start, PAGE)
        self.pages.put(page, rows)
        return rows
