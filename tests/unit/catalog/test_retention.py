"""What expires when, and what another time to live would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog import retention, selection
from artifact_tui.catalog.facade import Catalog
from artifact_tui.catalog.retention import Day, Expiry
from artifact_tui.model import TTL_INHERIT, TTL_OFF
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
    assert found.days == (Day(MIDNIGHT, 1, 4), Day(MIDNIGHT + 2 * DAY, 2, 24))
    assert (found.versions, found.size) == (5, 29)
    assert found.until(MIDNIGHT + DAY) == Expiry(3, 5)


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


def test_a_new_time_to_live_as_dates(opened: Opened) -> None:
    conn = opened(made())
    selection.select_where(conn, compile_query(parse("state:any"), NOW))
    found = retention.ttl_preview(conn, 2 * DAY, NOW)
    assert found.expiring.overdue == Expiry(2, 1)
    assert found.expiring.days == (Day(MIDNIGHT + DAY, 2, 20), Day(MIDNIGHT + 2 * DAY, 2, 40))
    assert (found.never, found.unknown, found.refused, found.changes) == (0, 0, 1, 6)
    assert [(one.row.label, one.expires_us) for one in found.first][2] == ("v3", NOW + DAY)


def test_switching_it_off_keeps_everything(opened: Opened) -> None:
    conn = opened(made())
    selection.select_where(conn, ALL)
    found = retention.ttl_preview(conn, TTL_OFF, NOW)
    assert (found.never, found.expiring.versions, found.first) == (6, 0, ())


def test_what_would_be_inherited_is_what_another_one_inherits(opened: Opened) -> None:
    maker = made()
    maker.version("a", created_us=NOW - DAY, ttl_us=5 * DAY, ttl_inherited=True)
    maker.version("b", created_us=NOW)
    maker.version("c", ttl_inherited=True)
    maker.version("c", created_us=NOW)
    conn = opened(maker)
    selection.select_where(conn, compile_query(parse("version:v6 | name:b | name:c"), NOW))
    found = retention.ttl_preview(conn, TTL_INHERIT, NOW)
    assert found.expiring.days == (Day(MIDNIGHT + 5 * DAY, 1, 32),)
    assert (found.unknown, found.never) == (1, 2)


def test_links_have_no_time_to_live_and_no_bytes(opened: Opened) -> None:
    maker = Maker()
    source = maker.version("a", size=5, created_us=NOW, ttl_us=DAY)
    maker.version("r", size=5, created_us=NOW, ttl_us=DAY, source_key=source.key)
    conn = opened(maker)
    assert retention.expiring(conn, ALL, NOW).days == (Day(MIDNIGHT + DAY, 2, 5),)
    selection.select_where(conn, ALL)
    assert retention.ttl_preview(conn, DAY, NOW).refused == 1


def test_when_it_was_created_may_not_be_known(opened: Opened) -> None:
    maker = Maker()
    maker.version("a", size=5, created_us=None)
    conn = opened(maker)
    selection.select_where(conn, ALL)
    assert retention.ttl_preview(conn, DAY, NOW).unknown == 1


async def test_screens_ask_for_the_same_beside_the_event_loop(tmp_path: Path) -> None:
    catalog = await Catalog.open(made().write(tmp_path / "catalog.db"))
    try:
        assert (await catalog.expiring(ALL, NOW)).versions == 5
        assert len(await catalog.expiring_rows(ALL, 0, 2)) == 2
        await catalog.mark(["a/v6"])
        assert (await catalog.ttl_preview(DAY, NOW)).changes == 1
        assert (await catalog.ttl_preview(DAY, NOW, keys=["a/v1", "a/v2"])).changes == 2
    finally:
        await catalog.close()
