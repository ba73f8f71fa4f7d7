"""No query that concerns a few versions may walk through a table of millions.

SQLite decides that from the text of the query alone where it has no statistics, so a small catalog
tells: what it would scan here, it would scan there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort, listing, marks
from artifact_tui.catalog.catalog_rows import rows_of, tags_of, unique_of
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.listing import collection_outline
from artifact_tui.catalog.version_names import find_version, rows_by_keys
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, Maker

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Opened = Callable[[Maker], sqlite3.Connection]
    Ask = Callable[[sqlite3.Connection], object]

EVERYTHING = compile_query(parse(""), NOW)
FILTERED = compile_query(parse("e unique>1 dependents>1 alias:a* tag:none"), NOW)
SHORT = {"main", "p", "q", "j", "m", "d", "own", "below", "picked", "lines", "CONSTANT", "k"}
"""Tables as short as what is asked about, `main.sqlite_schema`, and a row of constants; and `k`,
the collections: whether all lineage was scanned is asked once a query, where that can be."""

_SCAN = re.compile(r"SCAN (\w+)")


def scans(conn: sqlite3.Connection, ask: Ask) -> set[str]:
    """What is scanned when a question is asked, other than short tables."""
    texts: list[str] = []
    conn.set_trace_callback(texts.append)
    ask(conn)
    conn.set_trace_callback(None)
    asked = [text for text in texts if re.match(r"\s*(SELECT|WITH|INSERT|DELETE FROM marks)", text)]
    assert asked
    steps = [row[3] for text in asked for row in conn.execute(f"EXPLAIN QUERY PLAN {text}")]
    return {found[1] for step in steps if (found := _SCAN.match(step))} - SHORT


@pytest.fixture
def conn(opened: Opened) -> sqlite3.Connection:
    maker = Maker()
    base = maker.version("base", files={"a": ("x", 1)}, aliases=["latest"], tags=["t"])
    maker.version("leaf", parents=[base], files={"a": ("x", 1)})
    conn = opened(maker)
    marks.mark_keys(conn, ["base/v1"])
    marks.pick(conn, "marked")
    return conn


@pytest.mark.parametrize(
    "ask",
    [
        lambda conn: rows_of(conn, [1, 2]),
        lambda conn: unique_of(conn, [1, 2]),
        lambda conn: tags_of(conn, [1, 2]),
        lambda conn: version_detail(conn, 1),
        lambda conn: find_version(conn, "base:latest"),
        lambda conn: find_version(conn, "leaf:v1"),
        lambda conn: rows_by_keys(conn, ["base/v1"]),
        lambda conn: listing.version_window(conn, 1, EVERYTHING, Sort("size"), 0, 10),
        lambda conn: listing.version_window(conn, 1, FILTERED, Sort("unique"), 0, 10),
        lambda conn: marks.pick(conn, ["base/v1"]),
        lambda conn: marks.pick(conn, "marked"),
        marks.picked_bytes,
        marks.pick_dependents,
        marks.marked_count,
        lambda conn: marks.marked_and_hidden(conn, FILTERED),
        lambda conn: marks.unmark_where(conn, FILTERED),
    ],
)
def test_no_long_table_is_scanned(conn: sqlite3.Connection, ask: Ask) -> None:
    assert scans(conn, ask) == set()


@pytest.mark.parametrize(
    "ask",
    [
        lambda conn: collection_outline(conn, FILTERED, Sort()),
        lambda conn: marks.pick(conn, FILTERED),
        lambda conn: marks.mark_where(conn, FILTERED),
    ],
)
def test_a_filter_by_name_starts_at_the_collections(conn: sqlite3.Connection, ask: Ask) -> None:
    assert scans(conn, ask) <= {"c"}


@pytest.mark.parametrize("descending", [False, True])
def test_the_first_rows_need_no_sorting(conn: sqlite3.Connection, *, descending: bool) -> None:
    order = Sort("version", descending=descending).within()
    plan = conn.execute(
        "EXPLAIN QUERY PLAN SELECT v.id FROM collection c"
        " CROSS JOIN version v ON v.collection_id = c.id"
        f" WHERE c.id = 1 AND (v.state <> 'trash') ORDER BY {order} LIMIT 10"
    )
    steps = " ".join(row[3] for row in plan)
    assert "autoindex_version" in steps
    assert "TEMP B-TREE" not in steps
