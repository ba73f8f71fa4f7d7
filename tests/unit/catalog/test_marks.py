from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort, connect, marks
from artifact_tui.catalog.catalog_rows import rows_of
from artifact_tui.catalog.listing import collection_outline
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, Maker, marked_keys
from tests.support.writing import change

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    maker = Maker()
    maker.version("a")
    maker.version("a")
    maker.version("b")
    return maker.write(tmp_path / "catalog.db")


def test_marks_outlive_the_connection(path: Path, tmp_path: Path) -> None:
    with closing(connect(path, marks=tmp_path / "marks.db")) as conn:
        assert marks.mark_keys(conn, ["a/v1", "b/v1"], now_us=NOW) == 2
        assert marks.mark_keys(conn, ["a/v1"]) == 0
    with closing(connect(path, marks=tmp_path / "marks.db")) as conn:
        assert marked_keys(conn) == ("a/v1", "b/v1")
        assert [row.marked for row in rows_of(conn, [1, 2, 3])] == [True, False, True]
        assert marks.unmark_keys(conn, ["a/v1", "a/v2"]) == 1
        assert marks.mark_keys(conn, ["a/v2"]) == 1
        assert marks.unmark_keys(conn, ["b/v1"]) == 1
        assert marked_keys(conn) == ("a/v2",)
        assert marks.unmark_keys(conn, ["a/v2"]) == 1
        assert marks.marked_count(conn) == 0


def test_marks_without_a_file_end_with_the_connection(path: Path) -> None:
    with closing(connect(path)) as conn:
        marks.mark_keys(conn, ["a/v1"])
        assert marks.marked_count(conn) == 1
    with closing(connect(path)) as conn:
        assert marks.marked_count(conn) == 0


def test_hidden_and_counted_by_collection(path: Path) -> None:
    with closing(connect(path)) as conn:
        marks.mark_keys(conn, ["a/v1", "a/v2", "b/v1"])
        where = compile_query(parse("version:v1"), NOW)
        assert marks.marked_and_hidden(conn, where) == (3, 1)
        rows = collection_outline(conn, where, Sort())
        assert [(row.name, row.versions, row.marked) for row in rows] == [("a", 1, 1), ("b", 1, 1)]
        assert marks.unmark_where(conn, where) == 2
        assert marks.mark_where(conn, compile_query(parse("a"), NOW), now_us=NOW) == 1


def test_a_mark_whose_version_is_purged_is_not_counted(path: Path) -> None:
    with closing(connect(path)) as conn:
        marks.mark_keys(conn, ["a/v1", "b/v1"])
        change(path, "DELETE FROM version WHERE key = 'a/v1'")
        assert marked_keys(conn) == ("b/v1",)
        assert marks.marked_count(conn) == 1


def test_a_trashed_version_is_marked_but_hidden(path: Path) -> None:
    with closing(connect(path)) as conn:
        marks.mark_keys(conn, ["a/v1"])
        change(path, "UPDATE version SET state = 'trash' WHERE key = 'a/v1'")
        assert marks.marked_and_hidden(conn, compile_query(parse(""), NOW)) == (1, 1)


def test_two_programs_mark_at_once(path: Path, tmp_path: Path) -> None:
    shared = tmp_path / "marks.db"
    with closing(connect(path, marks=shared)) as one, closing(connect(path, marks=shared)) as two:
        marks.mark_keys(one, ["a/v1"])
        marks.mark_keys(two, ["a/v2"])
        assert marked_keys(one) == marked_keys(two) == ("a/v1", "a/v2")


def test_a_failed_mark_leaves_no_transaction(path: Path) -> None:
    with closing(connect(path)) as conn:
        with pytest.raises(TypeError):
            marks.mark_keys(conn, ["a/v1", object()])  # type: ignore[list-item]
        assert not conn.in_transaction
        assert marks.marked_count(conn) == 0
