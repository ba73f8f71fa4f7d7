"""Which line is which row, for every shape of tree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.tui.widgets.tree_list import Outline, TreePlace
from tests.unit.tui.rows import collection

shapes = st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12)


def outline_of(shape: list[tuple[int, bool]]) -> Outline:
    outline = Outline()
    outline.opened = {index for index, (_, opened) in enumerate(shape) if opened}
    outline.set_rows([collection(index, versions) for index, (versions, _) in enumerate(shape)])
    return outline


@given(shapes)
def test_every_line_has_a_place_and_every_place_its_line(shape: list[tuple[int, bool]]) -> None:
    outline = outline_of(shape)
    assert len(outline) == sum(1 + versions * opened for versions, opened in shape)
    places = [outline.place(line) for line in range(len(outline))]
    assert [outline.line(place) for place in places if place is not None] == list(
        range(len(outline))
    )
    expected = [
        TreePlace(index, version)
        for index, (versions, opened) in enumerate(shape)
        for version in (None, *(range(versions) if opened else ()))
    ]
    assert places == expected
    assert outline.place(-1) is None
    assert outline.place(len(outline)) is None


def test_a_place_in_a_collection_that_was_emptied_is_its_own_line() -> None:
    outline = outline_of([(3, True), (0, True), (2, True)])
    assert outline.line(TreePlace(1, 7)) == outline.line(TreePlace(1)) == 4


@given(shapes, st.integers(-5, 400), st.integers(-5, 400))
def test_runs_hold_exactly_the_lines_between(
    shape: list[tuple[int, bool]], first: int, last: int
) -> None:
    outline = outline_of(shape)
    found = [
        TreePlace(index, None if start is None else start + offset)
        for index, start, count in outline.runs(first, last)
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
    index = data.draw(st.integers(0, len(shape) - 1))
    opened = outline.is_open(index)
    outline.set_open(index, opened=not opened)
    assert len(outline) == before + shape[index][0] * (-1 if opened else 1)
    outline.set_open(index, opened=opened)
    assert len(outline) == before


def test_a_version_of_a_collapsed_collection_is_on_its_collections_line() -> None:
    outline = outline_of([(5, False), (3, True)])
    assert outline.line(TreePlace(0, 4)) == 0
    assert outline.line(TreePlace(1, 99)) == 1 + 3


def test_what_is_expanded_stays_so_while_a_filter_hides_it() -> None:
    outline = outline_of([(5, True), (3, False)])
    outline.set_rows([collection(1, 3)])
    assert len(outline) == 1
    assert outline.index_of(0) is None
    outline.set_rows([collection(1, 3), collection(0, 2)])
    assert len(outline) == 1 + 1 + 2
    assert outline.index_of(0) == 1


def test_mark_counts_move_within_what_there_is() -> None:
    outline = outline_of([(2, False)])
    outline.shift_marks([(0, 1), (0, 5), (77, 1)])
    assert outline.rows[0].marked == 2
    outline.shift_marks([(0, -9)])
    assert outline.rows[0].marked == 0
