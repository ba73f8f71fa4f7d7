"""What a selection frees and hurts; the properties compare it with a naive computation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import marks
from artifact_tui.catalog.catalog_rows import PickedBytes
from artifact_tui.model import Alias
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, Maker
from tests.support.writing import change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    Opened = Callable[[Maker], sqlite3.Connection]


@pytest.fixture
def maker() -> Maker:
    maker = Maker()
    base = maker.version("base", files={"w": ("shared", 100), "c": ("own", 5)}, aliases=["a"])
    maker.version("base", files={"w": ("shared", 100)})
    gone = maker.version("mid", parents=[base], state="trash", files={"w": ("other", 7)})
    leaf = maker.version("leaf", parents=[gone], files={"w": ("other", 7)})
    maker.version("leaf", parents=[leaf], size=50, aliases=[Alias("p", protected=True)])
    return maker


def test_shared_bytes_are_freed_only_with_the_last_that_shares(
    opened: Opened, maker: Maker
) -> None:
    conn = opened(maker)
    marks.pick(conn, ["base/v1"])
    assert marks.picked_bytes(conn) == PickedBytes(listed=105, freed=5, unknown_count=0)
    marks.pick(conn, ["base/v1", "base/v2"])
    assert marks.picked_bytes(conn) == PickedBytes(listed=205, freed=105, unknown_count=0)


def test_bytes_in_the_trash_are_still_held(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    marks.pick(conn, ["leaf/v1"])
    assert marks.picked_bytes(conn).freed == 0
    marks.pick(conn, ["leaf/v1", "mid/v1"])
    assert marks.picked_bytes(conn).freed == 7


def test_versions_whose_files_are_not_told_are_counted(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    marks.pick(conn, ["leaf/v2"])
    assert marks.picked_bytes(conn) == PickedBytes(listed=50, freed=0, unknown_count=1)


def test_what_is_charged_stands_in_for_files_that_are_not_told(opened: Opened) -> None:
    maker = Maker()
    maker.version("a", size=100, stored=40)
    maker.version("a", size=100, stored=0)
    maker.version("a", files={"w": ("own", 5)}, stored=3)
    maker.version("a", size=1)
    conn = opened(maker)
    marks.pick(conn, ["a/v1", "a/v2", "a/v3"])
    assert marks.picked_bytes(conn) == PickedBytes(
        listed=205, freed=45, unknown_count=0, charged=True
    )
    marks.pick(conn, ["a/v3", "a/v4"])
    assert marks.picked_bytes(conn) == PickedBytes(
        listed=6, freed=5, unknown_count=1, charged=False
    )


def test_a_link_weighs_and_frees_nothing(opened: Opened) -> None:
    maker = Maker()
    source = maker.version("a", size=100, stored=40, links=["registry"])
    maker.version("registry", size=100, stored=40, source_key=source.key)
    conn = opened(maker)
    marks.pick(conn, ["registry/v1"])
    assert marks.picked_bytes(conn) == PickedBytes(0, 0, 0)
    marks.pick(conn, ["registry/v1", "a/v1"])
    assert marks.picked_bytes(conn) == PickedBytes(100, 40, 0, charged=True)


def test_a_missing_object_frees_nothing(opened: Opened, maker: Maker, tmp_path: Path) -> None:
    conn = opened(maker)
    change(tmp_path / "catalog.db", "UPDATE blob SET state = 2 WHERE digest = 'own'")
    marks.pick(conn, ["base/v1"])
    assert marks.picked_bytes(conn).freed == 0


def test_nothing_picked(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    assert marks.picked_bytes(conn) == PickedBytes(0, 0, 0)
    assert marks.pick_dependents(conn) == 0


def test_with_dependents_takes_all_live_ones(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    marks.pick(conn, ["base/v1"])
    assert marks.pick_dependents(conn) == 2
    assert [row.key for row in marks.picked_rows(conn, chunk=2)] == [
        "base/v1",
        "leaf/v1",
        "leaf/v2",
    ]
    assert marks.pick_dependents(conn) == 0


def test_each_way_to_pick_replaces_what_was_picked(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    assert marks.pick(conn, ["leaf/v1", "leaf/v1", "gone"]) == 1
    assert marks.pick(conn, compile_query(parse("base"), NOW)) == 2
    assert marks.picked_ids(conn) == [1, 2]
    marks.mark_keys(conn, ["leaf/v2", "gone"])
    assert marks.pick(conn, "marked") == 1
    assert marks.picked_ids(conn) == [5]
    marks.pick(conn, [])
    assert marks.picked_ids(conn) == []


def test_more_keys_than_sqlite_has_parameters(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    keys = [f"k{number}" for number in range(300_000)]
    assert marks.pick(conn, ["base/v1", *keys]) == 1
