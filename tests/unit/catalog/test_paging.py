from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort
from artifact_tui.catalog.listing import SORT_FIELDS, version_chunks
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import DAY, NOW, Maker, every_version
from tests.support.writing import change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    Opened = Callable[[Maker], sqlite3.Connection]

EVERYTHING = compile_query(parse(""), NOW)
OF_ALL = "FROM version v CROSS JOIN collection c ON c.id = v.collection_id ORDER BY"


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


@pytest.mark.parametrize("field", SORT_FIELDS)
@pytest.mark.parametrize("descending", [False, True])
def test_chunks_of_any_size_are_the_same_list(
    opened: Opened, maker: Maker, field: str, *, descending: bool
) -> None:
    conn = opened(maker)
    sort = Sort(field, descending=descending)
    whole = list(every_version(conn, EVERYTHING, sort))
    assert len({row.id for row in whole}) == 10
    for count in (1, 2, 3, 7, 10, 11):
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


@pytest.mark.parametrize("field", SORT_FIELDS)
@pytest.mark.parametrize("descending", [False, True])
def test_an_index_is_walked_only_for_the_first_rows(
    opened: Opened, maker: Maker, field: str, *, descending: bool
) -> None:
    conn = opened(maker)
    sort = Sort(field, descending=descending)
    for whole in (False, True):
        plan = conn.execute(f"EXPLAIN QUERY PLAN SELECT v.id {OF_ALL} {sort.order(whole=whole)}")
        steps = " ".join(row[3] for row in plan)
        walks = "TEMP B-TREE FOR ORDER BY" not in steps
        assert walks == (field in {"age", "created", "size"} and not whole)


def test_nothing_matches(opened: Opened, maker: Maker) -> None:
    nothing = compile_query(parse("size>99"), NOW)
    assert list(version_chunks(opened(maker), nothing, Sort())) == []
