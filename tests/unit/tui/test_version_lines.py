"""One row of the tree, drawn for every width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
from artifact_tui.catalog.listing import Sort
from artifact_tui.model import Alias, VersionState
from artifact_tui.tui.terminal import ASCII, UNICODE, Signs
from artifact_tui.tui.widgets.version_lines import VersionPainter, column_titles, layout_for
from tests.unit.tui.rows import DAY, NOW, collection, version


def text(
    width: int, row: CollectionRow | VersionRow, *, signs: Signs = UNICODE, opened: bool = False
) -> str:
    lines = VersionPainter(signs, NOW, biggest=10_000)
    if isinstance(row, CollectionRow):
        return lines.collection(row, width, opened=opened).plain
    return lines.version(row, width).plain


def whole(width: int) -> int:
    """The cells of a line: those of the widget, or as few as all columns need."""
    layout = layout_for(width)
    return max(width, layout.name + sum(column.width + 1 for column in layout.columns) + 1)


names = st.text(max_size=60)


@given(st.integers(14, 250), names, st.integers(0, 10**16), st.integers(0, 10**7))
def test_a_collection_fills_its_line_exactly(
    width: int, name: str, size: int, versions: int
) -> None:
    row = collection(1, versions, name=name, size=size, type=name[:20])
    line = text(width, row)
    assert cell_len(line) == whole(width)


@given(
    st.integers(15, 250),
    names,
    st.lists(st.builds(Alias, names, st.booleans()), max_size=4),
    st.none() | st.integers(0, 10**16),
    st.sampled_from(VersionState),
)
def test_a_version_fills_its_line_exactly(
    width: int, label: str, aliases: list[Alias], size: int | None, state: VersionState
) -> None:
    row = version(1, label=label, aliases=tuple(aliases), size=size, state=state)
    assert cell_len(text(width, row)) == whole(width)


@given(st.integers(12, 250))
def test_the_titles_stand_over_the_columns(width: int) -> None:
    for field in ("name", "size", "version", "age"):
        titles = column_titles(layout_for(width), Sort(field, descending=True), UNICODE)
        assert cell_len(titles) == whole(width)


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (30, "size"),
        (50, "versions size age"),
        (64, "type versions size age"),
        (76, "type versions size share age ttl"),
        (79, "type versions size share age ttl"),
        (200, "type versions size share age ttl"),
    ],
)
def test_what_matters_least_goes_first(width: int, columns: str) -> None:
    assert " ".join(column.id for column in layout_for(width).columns) == columns


def test_a_wide_list_gives_the_room_to_the_name_and_the_bar() -> None:
    wide = layout_for(200)
    assert wide.name > 80
    assert next(column.width for column in wide.columns if column.id == "share") == 12


@pytest.mark.parametrize(
    ("width", "needed", "cells"),
    [(79, 0, 8), (79, 5, 8), (79, 10, 10), (79, 40, 14), (120, 40, 16), (64, 40, 14), (58, 40, 8)],
)
def test_a_type_has_the_room_that_it_needs_and_the_name_can_spare(
    width: int, needed: int, cells: int
) -> None:
    narrow, found = layout_for(width), layout_for(width, type_cells=needed)
    (type_,) = (one for one in found.columns if one.id == "type")
    assert type_.width == cells
    assert [one.id for one in found.columns] == [one.id for one in narrow.columns]
    assert found.name >= 22
    assert found.name + sum(one.width + 1 for one in found.columns) == width - 1


def test_everything_about_a_version() -> None:
    row = version(
        41,
        aliases=(Alias("latest"), Alias("production", protected=True)),
        dependents=3,
        expires_us=NOW + 12 * DAY,
        marked=True,
        size=312_000_000,
    )
    line = text(90, row)
    assert line.startswith(" ●   v41 production⚿ latest  ")
    assert line.endswith("  ↳3   312 MB           2 d   ◷12 d ")


def test_state_is_told_by_signs_and_words() -> None:
    assert "♺ trash" in text(80, version(1, state=VersionState.TRASH, deleted_us=NOW))
    assert "♺ deleted" in text(80, version(1, state=VersionState.TRASH))
    assert "◌ pending" in text(80, version(1, state=VersionState.PENDING))
    assert "expired" in text(80, version(1, expires_us=NOW - 1))


def test_aliases_that_do_not_fit_are_hinted_at() -> None:
    many = tuple(Alias(f"a-rather-long-alias-{number}") for number in range(5))
    line = text(80, version(1, aliases=many))
    assert "…" in line
    assert "a-rather-long-alias-0" in line


def test_marks_of_a_collection() -> None:
    assert text(80, collection(1, 4)).startswith("  ▸")
    assert text(80, collection(1, 4, marked=1)).startswith(" ◐▸")
    assert text(80, collection(1, 4, marked=4), opened=True).startswith(" ●▾")


def test_an_empty_collection_is_neither_marked_nor_to_be_opened() -> None:
    line = text(80, collection(1, 0, size=0, newest_us=None))
    assert not {UNICODE.mark, UNICODE.partly, UNICODE.opened, UNICODE.closed} & set(line)
    assert line.split() == ["name-1", "model", "0", "0", "B"]


def test_the_bar_counts_eighths_of_a_cell() -> None:
    bar = VersionPainter(UNICODE, NOW, biggest=48).bar
    assert bar(48, 6) == "██████"
    assert bar(25, 6) == "███▏  "
    assert bar(1, 6) == "▏     "
    assert bar(0, 6) == "      "
    assert VersionPainter(ASCII, NOW, biggest=48).bar(25, 6) == "###   "


def test_in_ascii_everything_is() -> None:
    row = version(1, aliases=(Alias("a", protected=True),), expires_us=NOW + DAY, dependents=2)
    assert text(80, row, signs=ASCII).isascii()
    assert text(80, collection(1, 2, marked=1), signs=ASCII).isascii()


def test_every_sign_takes_one_cell() -> None:
    for signs in (UNICODE, ASCII):
        for name in signs.__dataclass_fields__:
            value = getattr(signs, name)
            if isinstance(value, str) and name not in ("tee", "elbow", "pipe", "bar"):
                assert cell_len(value) == 1, name
        assert {cell_len(signs.tee), cell_len(signs.elbow), cell_len(signs.pipe)} == {2}
    assert all(
        getattr(ASCII, name).isascii()
        for name in ASCII.__dataclass_fields__
        if isinstance(getattr(ASCII, name), str)
    )
