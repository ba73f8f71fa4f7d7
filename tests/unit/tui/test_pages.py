"""The windows that are kept, and the order in which they are fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.tui.widgets.tree_list import PAGE, ROWS_KEPT, Fetcher, PageId, VersionPages
from tests.unit.tui.rows import version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.catalog.catalog_rows import VersionRow


def full(number: int) -> list[VersionRow]:
    return [version(number * PAGE + offset) for offset in range(PAGE)]


def test_rows_are_found_by_their_index() -> None:
    pages = VersionPages()
    pages.put(PageId(1, 2), full(2)[:5])
    row = pages.row(1, 2 * PAGE + 4)
    assert row is not None
    assert row.key == f"v{2 * PAGE + 4}"
    assert pages.row(1, 2 * PAGE + 5) is None
    assert pages.row(1, 0) is None
    assert pages.row(2, 2 * PAGE) is None


def test_the_least_used_window_leaves_first() -> None:
    pages = VersionPages()
    most = ROWS_KEPT // PAGE
    for number in range(most):
        pages.put(PageId(1, number), full(number))
    assert pages.touch(PageId(1, 0))
    pages.put(PageId(1, most), full(most))
    assert pages.row(1, 0) is not None
    assert not pages.touch(PageId(1, 1))
    assert sum(1 for _ in pages.rows()) == ROWS_KEPT


def test_many_small_windows_are_kept() -> None:
    pages = VersionPages()
    for number in range(200):
        pages.put(PageId(number, 0), [version(number)])
        pages.put(PageId(number, 0), [version(number)])
    assert all(pages.touch(PageId(number, 0)) for number in range(200))


def test_marks_change_in_place() -> None:
    pages = VersionPages()
    pages.put(PageId(1, 0), full(0))
    pages.set_marked(lambda row: True if row.key == "v3" else None)
    assert [row.key for row in pages.rows() if row.marked] == ["v3"]
    pages.set_marked(lambda _: False)
    assert not any(row.marked for row in pages.rows())


class Shelf:
    """A source that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    async def window(self, collection_id: int, start: int, count: int) -> Sequence[VersionRow]:
        self.asked.append((collection_id, start, count))
        return [version(start + offset) for offset in range(count)]

    async def position(self, collection_id: int, version_id: int) -> int | None:
        return version_id + collection_id


async def test_each_window_is_fetched_once_the_first_wish_first() -> None:
    shelf, arrived = Shelf(), []
    fetcher = Fetcher(shelf, lambda page, count: arrived.append((page, count)))
    assert fetcher.want([PageId(1, 3), PageId(1, 4)])
    await fetcher.run()
    assert shelf.asked == [(1, 3 * PAGE, PAGE), (1, 4 * PAGE, PAGE)]
    assert arrived == [(PageId(1, 3), PAGE), (PageId(1, 4), PAGE)]
    assert not fetcher.want([PageId(1, 3), PageId(1, 4)])


async def test_a_newer_wish_replaces_the_older_one() -> None:
    shelf = Shelf()
    fetcher = Fetcher(shelf, lambda page, _: fetcher.want([PageId(1, 9)]) if page[1] == 0 else None)
    assert fetcher.want([PageId(1, number) for number in range(5)])
    await fetcher.run()
    assert [start // PAGE for _, start, _ in shelf.asked] == [0, 9]
