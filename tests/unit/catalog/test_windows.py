"""Stretches of large collections; the properties compare every window with a slice."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort, connect, listing, marks
from artifact_tui.catalog.catalog_rows import rows_of
from artifact_tui.catalog.listing import version_position, version_window
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, Maker
from tests.support.writing import change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import VersionRow

    Opened = Callable[[Maker], sqlite3.Connection]

EVERYTHING = compile_query(parse(""), NOW)
COUNT = 300


@pytest.fixture
def large(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """One collection of 300 versions of mixed sizes, of which 100 count as near an end."""
    monkeypatch.setattr(listing, "NEAR", 100)
    maker = Maker()
    for number in range(COUNT):
        maker.version("large", size=None if number % 100 == 7 else number * 7919 % 1000)
    return opened(maker)


def ids(rows: tuple[VersionRow, ...]) -> list[int]:
    return [row.id for row in rows]


@pytest.mark.parametrize("field", ["version", "size", "name", "alias"])
@pytest.mark.parametrize("descending", [False, True])
def test_every_stretch_fits_the_whole(
    large: sqlite3.Connection, field: str, *, descending: bool
) -> None:
    sort = Sort(field, descending=descending)
    whole = ids(version_window(large, 1, EVERYTHING, sort, 0, COUNT))
    assert sorted(whole) == list(range(1, COUNT + 1))
    for start in (0, 90, 99, 100, 150, 199, 200, 201, 295, 299, 300, 999):
        conn_rows = version_window(large, 1, EVERYTHING, sort, start, 12)
        assert ids(conn_rows) == whole[start : start + 12]


@pytest.mark.parametrize("start", [0, 150, 295])
def test_each_way_to_read_works_first(large: sqlite3.Connection, start: int) -> None:
    sort = Sort("size", descending=True)
    found = ids(version_window(large, 1, EVERYTHING, sort, start, 50))
    whole = ids(version_window(large, 1, EVERYTHING, sort, 0, COUNT))
    assert found == whole[start : start + 50]


def test_odd_questions_have_empty_answers(large: sqlite3.Connection) -> None:
    for collection, start, count in ((1, 0, 0), (1, 5, -5), (1, 400, 10), (99, 0, 10)):
        assert version_window(large, collection, EVERYTHING, Sort(), start, count) == ()
    assert ids(version_window(large, 1, EVERYTHING, Sort("version"), -5, 2)) == [1, 2]


def test_position(large: sqlite3.Connection) -> None:
    sort = Sort("size", descending=True)
    whole = ids(version_window(large, 1, EVERYTHING, sort, 0, COUNT))
    for place in (0, 150, 299):
        assert version_position(large, 1, EVERYTHING, sort, whole[place]) == place
    small = compile_query(parse("size<10"), NOW)
    assert version_position(large, 1, small, sort, whole[0]) is None


def test_a_change_is_seen_in_every_stretch(large: sqlite3.Connection, tmp_path: Path) -> None:
    sort = Sort("version")
    for start in (0, 150, 290):
        version_window(large, 1, EVERYTHING, sort, start, 10)
    change(tmp_path / "catalog.db", "UPDATE version SET state = 'trash' WHERE ordinal <= 10")
    assert ids(version_window(large, 1, EVERYTHING, sort, 0, 2)) == [11, 12]
    assert ids(version_window(large, 1, EVERYTHING, sort, 150, 2)) == [161, 162]
    assert ids(version_window(large, 1, EVERYTHING, sort, 289, 9)) == [300]


def test_only_the_marked_follow_the_marks(large: sqlite3.Connection, tmp_path: Path) -> None:
    only = marks.only_marked(EVERYTHING)
    marks.mark_keys(large, ["large/v5", "large/v9"])
    assert ids(version_window(large, 1, only, Sort("version"), 0, 9)) == [5, 9]
    marks.unmark_keys(large, ["large/v5"])
    assert ids(version_window(large, 1, only, Sort("version"), 0, 9)) == [9]
    with closing(connect(tmp_path / "catalog.db", marks=tmp_path / "marks.db")) as other:
        marks.mark_keys(other, ["large/v7"])
    assert ids(version_window(large, 1, only, Sort("version"), 0, 9)) == [7, 9]


def test_a_window_is_marked_in_the_order_of_the_list(large: sqlite3.Connection) -> None:
    sort = Sort("size", descending=True)
    marks.mark_keys(large, [version_window(large, 1, EVERYTHING, sort, 150, 1)[0].key])
    assert marks.mark_window(large, 1, EVERYTHING, sort, 100, 120) == 119
    rows = version_window(large, 1, EVERYTHING, sort, 0, COUNT)
    assert [at for at, row in enumerate(rows) if row.marked] == list(range(100, 220))
    only = marks.only_marked(compile_query(parse("size>0"), NOW))
    assert marks.mark_window(large, 1, only, sort, 0, 9) == 0
    assert not large.in_transaction


def test_orders_that_nobody_uses_are_forgotten(
    large: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_KEPT", 2 * COUNT)
    kept = listing.kept_orders(large)
    for field in ("size", "version", "age", "run", "alias", "ttl"):
        version_window(large, 1, EVERYTHING, Sort(field), 150, 10)
    assert sum(len(order) for order in kept._orders.values()) <= 2 * COUNT
    assert ids(version_window(large, 1, EVERYTHING, Sort("version"), 150, 1)) == [151]


def test_a_row_has_all_that_a_list_shows(opened: Opened) -> None:
    maker = Maker()
    made = maker.version(
        "a", size=3, file_count=2, aliases=["b", "a"], run="r", ttl_us=5, used_us=NOW
    )
    maker.version("a", parents=[made])
    conn = opened(maker)
    marks.mark_keys(conn, [made.key])
    (row,) = rows_of(conn, [1])
    assert (row.key, row.collection, row.type, row.label, row.ordinal) == (
        "a/v1",
        "a",
        "model",
        "v1",
        1,
    )
    assert (row.size, row.file_count, row.run, row.created_us) == (3, 2, "r", NOW)
    assert (row.used_us, row.expires_us, row.ttl_us, row.state) == (NOW, NOW + 5, 5, "live")
    assert (row.dependents, row.marked, row.deleted_us, row.deleted_by) == (1, True, None, "")
    assert [alias.name for alias in row.aliases] == ["a", "b"]
    assert row.digest.startswith("sha256:")
