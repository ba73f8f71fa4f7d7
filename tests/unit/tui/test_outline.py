"""Which line is which row for every shape of list, the windows that are kept, their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
from artifact_tui.tui.widgets.outline import PAGE, ROWS_KEPT, Outline, PageId, RowPlace, Windows
from tests.unit.tui.rows import collection, version

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = CollectionRow | VersionRow
MOST = ROWS_KEPT // PAGE

shapes = st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12)


class Shelf:
    """Versions below collections, and a note of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def below(self, row: Row) -> Windows[Row]:
        async def read(start: int, count: int) -> Sequence[Row]:
            self.asked.append((row.id, start, count))
            return [version(n, row.id) for n in range(start, min(start + count, many))]

        async def find(one: Row) -> int | None:
            return one.id if one.id < many else None

        many = row.versions if isinstance(row, CollectionRow) else 0
        return Windows(many, read, find)


def outline_of(shape: Sequence[tuple[int, bool]], shelf: Shelf | None = None) -> Outline[Row]:
    outline: Outline[Row] = Outline(
        [collection(index, versions) for index, (versions, _) in enumerate(shape)],
        key=lambda row: row.key,
        below=(shelf or Shelf()).below,
    )
    outline.open_only({f"c{index}" for index, (_, opened) in enumerate(shape) if opened})
    return outline


@given(shapes)
def test_every_line_has_a_place_and_every_place_its_line(shape: list[tuple[int, bool]]) -> None:
    outline = outline_of(shape)
    assert len(outline) == sum(1 + versions * opened for versions, opened in shape)
    places = [outline.place(line) for line in range(len(outline))]
    lines = [outline.line(place) for place in places if place is not None]
    assert lines == list(range(len(outline)))
    assert places == [
        RowPlace(index, version)
        for index, (versions, opened) in enumerate(shape)
        for version in (None, *(range(versions) if opened else ()))
    ]
    assert outline.place(-1) is None
    assert outline.place(len(outline)) is None


def test_windows_alone_have_a_line_for_each_row() -> None:
    outline = Outline(Shelf().below(collection(1, 300)), key=lambda row: row.key)
    assert len(outline) == 300
    assert outline.place(0) == RowPlace(0, 0)
    assert outline.line(RowPlace(0, 299)) == 299
    assert outline.pages(0, 400) == [PageId(0, 0), PageId(0, 1), PageId(0, 2)]


def test_a_place_in_a_collection_that_was_emptied_is_its_own_line() -> None:
    outline = outline_of([(3, True), (0, True), (2, True)])
    assert outline.line(RowPlace(1, 7)) == outline.line(RowPlace(1)) == 4


@given(shapes, st.integers(-5, 400), st.integers(-5, 400))
def test_runs_hold_exactly_the_lines_between(
    shape: list[tuple[int, bool]], first: int, last: int
) -> None:
    outline = outline_of(shape)
    found = [
        RowPlace(head, None if start is None else start + offset)
        for head, start, count in outline.runs(first, last)
        for offset in range(max(count, 1))
    ]
    lines = range(max(first, 0), min(last, len(outline) - 1) + 1)
    assert found == [outline.place(line) for line in lines]


@given(shapes, st.data())
def test_opening_and_closing_leaves_everything_as_it_was(
    shape: list[tuple[int, bool]], data: st.DataObject
) -> None:
    if not shape:
        return
    outline = outline_of(shape)
    before = len(outline)
    head = data.draw(st.integers(0, len(shape) - 1))
    opened = outline.is_open(head)
    outline.set_open(head, opened=not opened)
    assert len(outline) == before + shape[head][0] * (-1 if opened else 1)
    outline.set_open(head, opened=opened)
    assert len(outline) == before


def test_a_version_of_a_collapsed_collection_is_on_its_collections_line() -> None:
    outline = outline_of([(5, False), (3, True)])
    assert outline.line(RowPlace(0, 4)) == 0
    assert outline.line(RowPlace(1, 99)) == 1 + 3


async def test_a_row_is_found_again_or_the_place_where_it_stood() -> None:
    before = outline_of([(300, True), (3, True)])
    await before.read_lines(0, 304)
    version_7, second = before.anchor(8), before.anchor(301)
    after = outline_of([(2, False), (300, True)])
    assert await after.find(version_7) == (0, False)  # collapsed
    assert await after.find(second) == (1, True)
    assert await before.find(version_7) == (8, True)
    shorter = outline_of([(5, True)])
    assert await shorter.find(version_7) == (5, False)
    assert await shorter.find(second) == (None, False)
    assert await outline_of([]).find(None) == (None, False)


async def test_rows_are_found_by_their_line() -> None:
    outline = outline_of([(PAGE + 5, True)])
    await outline.read(PageId(0, 1))
    row = outline.row(PAGE + 5)
    assert row is not None
    assert row.key == f"v{PAGE + 4}"
    assert outline.row(1) is None
    assert outline.row(PAGE + 6) is None


async def test_the_least_used_window_leaves_first() -> None:
    outline = outline_of([(ROWS_KEPT * 2, True)])
    for number in range(MOST):
        await outline.read(PageId(0, number))
    assert outline.has(PageId(0, 0))
    await outline.read(PageId(0, MOST))
    assert outline.has(PageId(0, 0))
    assert not outline.has(PageId(0, 1))
    assert sum(1 for _ in outline.rows_here()) == ROWS_KEPT


async def test_many_small_windows_are_kept() -> None:
    outline = outline_of([(1, True)] * 200)
    for head in range(200):
        await outline.read(PageId(head, 0))
        await outline.read(PageId(head, 0))
    assert all(outline.has(PageId(head, 0)) for head in range(200))


async def test_rows_that_are_here_can_change_and_be_read_anew() -> None:
    outline = outline_of([(PAGE * 2, True)])
    await outline.read_lines(0, PAGE * 2)
    outline.change(lambda row: replace(row, marked=True) if row.key in ("v3", "c0") else row)
    assert [row.key for row in outline.rows_here() if row.marked] == ["v3"]
    assert outline.heads[0].marked is True
    await outline.read_again(0, 5)
    assert not any(row.marked for row in outline.rows_here())
    assert not outline.has(PageId(0, 1))


def test_a_change_looks_at_no_head_but_those_that_are_named() -> None:
    outline = outline_of([(1, False)] * 1_000)
    seen: list[object] = []

    def marked(row: Row) -> Row:
        seen.append(row.key)
        return replace(row, marked=True)

    outline.change(marked, heads=["c7", "c1000"])
    assert seen == ["c7"]
    assert [row.key for row in outline.heads if row.marked] == ["c7"]


async def test_each_window_is_read_once_the_first_wish_first() -> None:
    shelf, arrived = Shelf(), []
    outline = outline_of([(PAGE * 9, True)], shelf)
    assert outline.want([PageId(0, 3), PageId(0, 4)])
    assert outline.wants(1 + 3 * PAGE)
    await outline.fetch(lambda first, count: arrived.append((first, count)))
    assert shelf.asked == [(0, 3 * PAGE, PAGE), (0, 4 * PAGE, PAGE)]
    assert arrived == [(1 + 3 * PAGE, PAGE), (1 + 4 * PAGE, PAGE)]
    assert not outline.wants(1 + 3 * PAGE)
    assert not outline.want([PageId(0, 3), PageId(0, 4)])


async def test_a_newer_wish_replaces_the_older_one() -> None:
    shelf = Shelf()
    outline = outline_of([(PAGE * 10, True)], shelf)
    assert outline.want([PageId(0, number) for number in range(5)])
    await outline.fetch(lambda first, _: outline.want([PageId(0, 9)]) if first == 1 else None)
    assert [start // PAGE for _, start, _ in shelf.asked] == [0, 9]
