"""What expires when, and what would be inherited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog import retention
from artifact_tui.catalog.facade import Catalog
from artifact_tui.catalog.retention import Expiry, ExpiryDay
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import DAY, NOW, Maker

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    Opened = Callable[[Maker], sqlite3.Connection]

ALL = compile_query(parse(""), NOW)
MIDNIGHT = NOW // DAY * DAY


def made() -> Maker:
    """Versions `a/v1…`: two overdue, one today, two the day after tomorrow, one kept, one gone."""
    maker = Maker()
    for ttl, size in ((DAY, 1), (2 * DAY, None)):
        maker.version("a", size=size, created_us=NOW - 3 * DAY, ttl_us=ttl)
    maker.version("a", size=4, created_us=NOW - DAY, ttl_us=DAY + 1)
    maker.version("a", size=8, created_us=NOW, ttl_us=2 * DAY)
    maker.version("a", size=16, created_us=NOW - DAY, ttl_us=3 * DAY)
    maker.version("a", size=32, created_us=NOW)
    maker.version("a", size=64, created_us=NOW, ttl_us=DAY, state="trash")
    return maker


def test_what_expires_by_date(opened: Opened) -> None:
    found = retention.expiring(opened(made()), ALL, NOW)
    assert found.overdue == Expiry(2, 1)
    assert found.days == (ExpiryDay(MIDNIGHT, 1, 4), ExpiryDay(MIDNIGHT + 2 * DAY, 2, 24))
    assert (found.versions, found.size) == (5, 29)


def test_nothing_expires_in_an_empty_registry(opened: Opened) -> None:
    found = retention.expiring(opened(Maker()), ALL, NOW)
    assert (found.overdue, found.days, found.versions, found.size) == (Expiry(0, 0), (), 0, 0)


def test_a_filter_narrows_and_an_unknown_size_stays_unknown(opened: Opened) -> None:
    conn = opened(made())
    narrow = compile_query(parse("version:v2"), NOW)
    assert retention.expiring(conn, narrow, NOW).overdue == Expiry(1, None)
    assert [row.label for row in retention.expiring_rows(conn, narrow, 0, 9)] == ["v2"]


def test_rows_come_by_date_in_windows(opened: Opened) -> None:
    conn = opened(made())
    labels = [row.label for row in retention.expiring_rows(conn, ALL, 0, 99)]
    assert labels == ["v1", "v2", "v3", "v4", "v5"]
    assert [row.label for row in retention.expiring_rows(conn, ALL, 1, 2)] == ["v2", "v3"]


def test_what_is_inherited_is_what_the_newest_that_inherits_does(opened: Opened) -> None:
    maker = made()
    maker.version("a", created_us=NOW, ttl_us=DAY, ttl_inherited=True)
    maker.version("a", created_us=NOW - DAY, ttl_us=5 * DAY, ttl_inherited=True)
    maker.version("a", created_us=NOW, ttl_us=9 * DAY, ttl_inherited=True, state="trash")
    maker.version("b", created_us=NOW)
    maker.version("c", ttl_inherited=True)
    maker.version("c", created_us=NOW)
    conn = opened(maker)
    ids = dict(conn.execute("SELECT name, id FROM collection").fetchall())
    found = retention.inherited_ttls(conn, ids.values())
    assert found == {ids["a"]: 5 * DAY, ids["c"]: None}, "nobody tells it for b"
    assert retention.inherited_ttls(conn, [ids["c"]]) == {ids["c"]: None}


def test_links_have_no_time_to_live_and_no_bytes(opened: Opened) -> None:
    maker = Maker()
    source = maker.version("a", size=5, created_us=NOW, ttl_us=DAY)
    maker.version("r", size=5, created_us=NOW, ttl_us=DAY, source_key=source.key)
    conn = opened(maker)
    assert retention.expiring(conn, ALL, NOW).days == (ExpiryDay(MIDNIGHT + DAY, 2, 5),)


async def test_screens_ask_for_the_same_beside_the_event_loop(tmp_path: Path) -> None:
    catalog = await Catalog.open(made().write(tmp_path / "catalog.db"))
    try:
        assert (await catalog.expiring(ALL, NOW)).versions == 5
        assert len(await catalog.expiring_rows(ALL, 0, 2)) == 2
    finally:
        await catalog.close()
