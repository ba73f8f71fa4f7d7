from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort
from artifact_tui.catalog.listing import SORT_FIELDS, every_version, next_page, version_chunks
from artifact_tui.errors import UsageError
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import DAY, NOW, Maker
from tests.support.writing import change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import VersionRow

    Opened = Callable[[Maker], sqlite3.Connection]

EVERYTHING = compile_query(parse(""), NOW)


@pytest.fixture
def maker() -> Maker:
    """Ten versions in three collections: equal sizes, unknown sizes and times."""
    maker = Maker()
    for number in range(10):
        maker.version(
            "abc"[number % 3],
            size=None if number % 4 == 3 else number // 3,
            created_us=None if number % 5 == 4 else NOW - number * DAY,
            run="" if number % 2 else "r",
        )
    return maker


def paged(conn: sqlite3.Connection, sort: Sort, count: int) -> list[VersionRow]:
    found = next_page(conn, EVERYTHING, sort, None, count)
    rows = list(found.rows)
    while found.after is not None:
        found = next_page(conn, EVERYTHING, sort, found.after, count)
        rows += found.rows
    return rows


@pytest.mark.parametrize("field", SORT_FIELDS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_any_size_are_the_same_list(
    opened: Opened, maker: Maker, field: str, *, descending: bool
) -> None:
    conn = opened(maker)
    sort = Sort(field, descending=descending)
    whole = list(every_version(conn, EVERYTHING, sort))
    assert len({row.id for row in whole}) == 10
    for count in (1, 2, 3, 7, 10, 11):
        assert paged(conn, sort, count) == whole
        assert [
            row for rows in version_chunks(conn, EVERYTHING, sort, size=count) for row in rows
        ] == whole
        (first,) = version_chunks(conn, EVERYTHING, sort, limit=count)
        assert list(first) == whole[:count]


def test_chunks_leave_out_what_went_meanwhile(opened: Opened, maker: Maker, tmp_path: Path) -> None:
    found = version_chunks(opened(maker), EVERYTHING, Sort("version"), size=4)
    ids = [row.id for row in next(found)]
    change(tmp_path / "catalog.db", "DELETE FROM version WHERE id > 5")
    ids += [row.id for rows in found for row in rows]
    assert sorted(ids) == sorted({*ids[:4], 1, 2, 3, 4, 5})


def test_the_last_page_says_so(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    first = next_page(conn, EVERYTHING, Sort("size"), None, 8)
    assert len(first.rows) == 8
    last = next_page(conn, EVERYTHING, Sort("size"), first.after, 8)
    assert (len(last.rows), last.after) == (2, None)
    assert next_page(conn, EVERYTHING, Sort(), None, 0).rows == ()


def test_a_deletion_between_pages_skips_nothing(
    opened: Opened, maker: Maker, tmp_path: Path
) -> None:
    conn = opened(maker)
    sort = Sort("created", descending=True)
    first = next_page(conn, EVERYTHING, sort, None, 3)
    ids = ", ".join(str(row.id) for row in first.rows)
    change(tmp_path / "catalog.db", f"UPDATE version SET state = 'trash' WHERE id IN ({ids})")
    rest = next_page(conn, EVERYTHING, sort, first.after, 99)
    assert sorted([row.id for row in first.rows + rest.rows]) == list(range(1, 11))


@pytest.mark.parametrize("after", ["", "x", "[]", "[1]", '{"a": 1}', "[1, 2, 3]", '[1, "x"]', "7"])
def test_a_place_that_is_none_is_refused(opened: Opened, maker: Maker, after: str) -> None:
    with pytest.raises(UsageError, match="no place"):
        next_page(opened(maker), EVERYTHING, Sort(), after, 3)
