"""The versions that were fetched: a small cache of windows, the least used leave first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from artifact_tui.catalog.rows import VersionRow

PAGE = 128
"""Versions a window."""

KEPT = 16 * PAGE
"""Rows that are kept: a few screens in each direction."""


class PageId(NamedTuple):
    """One window: `PAGE` versions of a collection from `number * PAGE` on."""

    collection_id: int
    number: int

    @property
    def start(self) -> int:
        """The index of its first version in the collection."""
        return self.number * PAGE


class Pages:
    """Windows of version rows by collection id; what is not here has to be fetched."""

    def __init__(self) -> None:
        self._pages: OrderedDict[PageId, tuple[VersionRow, ...]] = OrderedDict()
        self._count = 0

    def row(self, collection_id: int, index: int) -> VersionRow | None:
        """A version by its index in the collection, or None when its window is not here."""
        page = self._pages.get(PageId(collection_id, index // PAGE))
        if page is None or index % PAGE >= len(page):
            return None
        return page[index % PAGE]

    def touch(self, page: PageId) -> bool:
        """Whether a window is here; it then counts as just used."""
        if page not in self._pages:
            return False
        self._pages.move_to_end(page)
        return True

    def put(self, page: PageId, rows: Sequence[VersionRow]) -> None:
        """Keep a window that was fetched."""
        self._count += len(rows) - len(self._pages.get(page, ()))
        self._pages[page] = tuple(rows)
        self._pages.move_to_end(page)
        while self._count > KEPT:
            _, dropped = self._pages.popitem(last=False)
            self._count -= len(dropped)

    def rows(self) -> Iterator[VersionRow]:
        """Every row that is here."""
        for rows in self._pages.values():
            yield from rows

    def set_marked(self, marked: Callable[[VersionRow], bool | None]) -> None:
        """Change the mark of rows: True, False, or None to leave a row as it is."""
        for page, rows in self._pages.items():
            answers = [marked(row) for row in rows]
            if any(answer is not None for answer in answers):
                self._pages[page] = tuple(
                    row if answer is None else replace(row, marked=answer)
                    for row, answer in zip(rows, answers, strict=True)
                )
