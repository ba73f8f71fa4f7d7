from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort
from artifact_tui.catalog.catalog_rows import Totals
from artifact_tui.catalog.listing import (
    collection_outline,
    matching_totals,
    registry_totals,
)
from artifact_tui.errors import UsageError
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import DAY, NOW, Maker, every_version
from tests.support.writing import change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.query import Where

    Opened = Callable[[Maker], sqlite3.Connection]

EVERYTHING = compile_query(parse(""), NOW)


def where(text: str) -> Where:
    return compile_query(parse(text), NOW)


@pytest.fixture
def maker() -> Maker:
    maker = Maker()
    maker.version("bert", size=5, created_us=NOW - 2 * DAY)
    maker.version("bert", size=6, created_us=NOW - 9 * DAY)
    maker.version("Alpha", type="dataset", size=100, created_us=NOW - DAY)
    maker.version("code", type="code", created_us=None)
    maker.version("code", state="trash", size=70)
    maker.version("old", state="trash", size=30)
    return maker.collection("empty")


def test_totals(opened: Opened, maker: Maker) -> None:
    assert registry_totals(opened(maker)) == Totals(
        collections=3, versions=4, size=111, trash_versions=2, trash_size=100
    )


def test_totals_of_nothing(opened: Opened) -> None:
    assert registry_totals(opened(Maker())) == Totals(0, 0, 0, 0, 0)


def test_outline_has_what_matches_and_leaves_empty_collections_out(
    opened: Opened, maker: Maker
) -> None:
    rows = collection_outline(opened(maker), EVERYTHING, Sort())
    assert [(row.name, row.type, row.versions, row.size) for row in rows] == [
        ("Alpha", "dataset", 1, 100),
        ("bert", "model", 2, 11),
        ("code", "code", 1, None),
    ]
    assert [row.newest_us for row in rows] == [NOW - DAY, NOW - 2 * DAY, None]
    assert [row.key for row in rows] == ["key:Alpha", "key:bert", "key:code"]


def test_outline_can_have_collections_without_a_live_version(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    rows = collection_outline(conn, EVERYTHING, Sort(), empty=True)
    assert [(row.name, row.versions, row.size, row.newest_us) for row in rows] == [
        ("Alpha", 1, 100, NOW - DAY),
        ("bert", 2, 11, NOW - 2 * DAY),
        ("code", 1, None, None),
        ("empty", 0, 0, None),
        ("old", 0, 0, None),
    ]
    assert [row.key for row in rows[-2:]] == ["key:empty", "key:old"]
    by_size = collection_outline(conn, EVERYTHING, Sort("size", descending=True), empty=True)
    assert [row.name for row in by_size] == ["Alpha", "bert", "empty", "old", "code"]
    by_age = collection_outline(conn, EVERYTHING, Sort("age"), empty=True)
    assert [row.name for row in by_age] == ["Alpha", "bert", "code", "empty", "old"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (Sort("name", descending=True), ["code", "bert", "Alpha"]),
        (Sort("type"), ["code", "Alpha", "bert"]),
        (Sort("size"), ["bert", "Alpha", "code"]),
        (Sort("size", descending=True), ["Alpha", "bert", "code"]),
        (Sort("age"), ["Alpha", "bert", "code"]),
        (Sort("age", descending=True), ["bert", "Alpha", "code"]),
        (Sort("created"), ["bert", "Alpha", "code"]),
        (Sort("version", descending=True), ["bert", "Alpha", "code"]),
        (Sort("alias", descending=True), ["Alpha", "bert", "code"]),
    ],
)
def test_outline_is_sorted_by_what_the_versions_come_to(
    opened: Opened, maker: Maker, sort: Sort, names: list[str]
) -> None:
    assert [row.name for row in collection_outline(opened(maker), EVERYTHING, sort)] == names


def test_outline_counts_only_what_matches(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    (row,) = collection_outline(conn, where("age>5d"), Sort())
    assert (row.name, row.versions, row.size, row.newest_us) == ("bert", 1, 6, NOW - 9 * DAY)
    rows = collection_outline(conn, where("state:trash"), Sort("size", descending=True))
    assert [(row.name, row.versions, row.size) for row in rows] == [("code", 1, 70), ("old", 1, 30)]
    rows = collection_outline(conn, where("code state:any"), Sort())
    assert [(row.versions, row.size) for row in rows] == [(2, 70)]


def test_matching(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    assert matching_totals(conn, EVERYTHING) == (4, 111)
    assert matching_totals(conn, where("bert")) == (2, 11)
    assert matching_totals(conn, where("size<6")) == (1, 5)
    assert matching_totals(conn, where("nothing")) == (0, 0)


def test_a_change_by_another_process_is_counted(
    opened: Opened, maker: Maker, tmp_path: Path
) -> None:
    conn = opened(maker)
    assert matching_totals(conn, where("bert")) == (2, 11)
    change(tmp_path / "catalog.db", "UPDATE version SET state = 'trash' WHERE size = 6")
    assert matching_totals(conn, where("bert")) == (1, 5)
    assert registry_totals(conn).trash_versions == 3


def test_an_unknown_field_to_sort_by_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be sorted by colour"):
        Sort("colour")


def test_the_bytes_of_links_are_counted_once(opened: Opened) -> None:
    maker = Maker()
    source = maker.version("source", size=10)
    maker.version("source", size=5)
    for _ in range(2):
        maker.version("shelf", size=10, source_key=source.key)
    conn = opened(maker)
    assert registry_totals(conn) == Totals(2, 4, 15, 0, 0)
    for text in ("", "size>0"):
        where = compile_query(parse(text), NOW)
        rows = {row.name: (row.size, row.links) for row in collection_outline(conn, where, Sort())}
        assert rows == {"source": (15, False), "shelf": (20, True)}
        assert matching_totals(conn, where) == (4, 15)
    assert matching_totals(conn, compile_query(parse("link:yes"), NOW)) == (2, 0)


def test_the_newest_are_those_of_each_collection_links_or_not(opened: Opened) -> None:
    maker = Maker()
    sources = [maker.version("source") for _ in range(3)]
    for source in sources[:2]:
        maker.version("shelf", source_key=source.key)
    newest = compile_query(parse("latest:1"), NOW)
    rows = every_version(opened(maker), newest, Sort())
    assert {row.key for row in rows} == {"source/v3", "shelf/v2"}
