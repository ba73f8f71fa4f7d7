"""A registry of an older format: brought up to date by whoever may write, left alone otherwise."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.errors import ReadOnlyError
from tests.support.sync_store import SyncStore
from tests.unit.local.support import opened, put, snapshot

if TYPE_CHECKING:
    from pathlib import Path

_TO_THIRD = """
DROP INDEX blob_held;
ALTER TABLE blob DROP COLUMN held;
PRAGMA user_version = 3;
"""
_TO_SECOND = f"""{_TO_THIRD}
ALTER TABLE version DROP COLUMN generated;
PRAGMA user_version = 2;
"""
_TO_FIRST = f"""{_TO_SECOND}
DROP TABLE link;
DROP TABLE relative;
ALTER TABLE collection DROP COLUMN links;
ALTER TABLE version DROP COLUMN ttl_inherited;
ALTER TABLE version DROP COLUMN used_count;
ALTER TABLE version DROP COLUMN stored;
ALTER TABLE version DROP COLUMN kept;
PRAGMA user_version = 1;
"""


_COLUMNS_OF = {
    "table": 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
    "index": 'SELECT seqno, name, "desc", coll, key FROM pragma_index_xinfo(?)',
}


@pytest.fixture(params=[_TO_FIRST, _TO_SECOND, _TO_THIRD], ids=["1", "2", "3"])
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Layout:
    """A registry of an older format with one version, which nobody has open."""
    with opened(tmp_path / "registry") as store:
        put(store)
    with contextlib.closing(sqlite3.connect(store.layout.db)) as conn:
        conn.executescript(request.param)
    return store.layout


def shape(layout: Layout) -> dict[str, object]:
    """Every table's columns, in any order, and every index."""
    with contextlib.closing(sqlite3.connect(layout.db)) as conn:
        names = conn.execute("SELECT name, type FROM sqlite_schema ORDER BY name").fetchall()
        return {
            name: sorted(map(str, conn.execute(_COLUMNS_OF[kind], (name,))))
            for name, kind in names
            if kind in _COLUMNS_OF
        }


def test_it_gets_the_tables_of_a_new_one_and_keeps_what_it_holds(
    old: Layout, tmp_path: Path
) -> None:
    store = SyncStore(old)
    try:
        assert len(store.listing().collections) == 1
        (version,) = store.listing().versions
        assert store.facts([version.key])[version.key].digest == version.digest
    finally:
        store.close()
    with opened(tmp_path / "new") as other:
        new = other.layout
    assert shape(old) == shape(new)


def test_it_is_read_and_left_alone_when_opened_read_only(old: Layout) -> None:
    before = snapshot(old.root)
    for _ in range(2):
        reader = SyncStore(Layout(old.root), read_only=True)
        try:
            (version,) = reader.listing().versions
            assert reader.facts([version.key])[version.key].digest == version.digest
            with pytest.raises(ReadOnlyError):
                reader.check_writable()
        finally:
            reader.close()
    assert snapshot(old.root) == before
    (copy,) = config.catalog_file("any").parent.glob("local*")
    SyncStore(Layout(old.root)).close()
    assert not copy.exists(), "it is not needed any more"


def test_it_can_be_read_once_it_is_up_to_date(old: Layout) -> None:
    SyncStore(old).close()
    reader = SyncStore(old, read_only=True)
    try:
        assert len(reader.listing().collections) == 1
    finally:
        reader.close()


def test_who_reads_beside_the_one_who_writes_sees_the_new_format(old: Layout) -> None:
    """The new format may still be in the log, where the first bytes of the file do not show it."""
    store = SyncStore(old)
    try:
        reader = SyncStore(Layout(old.root), read_only=True)
        reader.close()
    finally:
        store.close()
