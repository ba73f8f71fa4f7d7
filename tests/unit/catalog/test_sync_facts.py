"""What only some registries tell of versions, and catalogs of an older format."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from artifact_tui.catalog import Sort, connect
from artifact_tui.catalog.catalog_file import CATALOG_FORMAT, open_to_write, transaction
from artifact_tui.catalog.catalog_rows import unique_of
from artifact_tui.catalog.listing import collection_outline
from artifact_tui.catalog.sync import put_files, sync
from artifact_tui.catalog.version_names import rows_by_keys
from artifact_tui.model import Collection, File, Link
from tests.support.listing import Telling
from tests.unit.catalog.synced import ALL, keys, listing, one, one_raw

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


_FORMER = """
PRAGMA journal_mode = WAL;
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE collection(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT);
CREATE TABLE version(id INTEGER PRIMARY KEY, collection_id INTEGER NOT NULL REFERENCES collection);
INSERT INTO meta VALUES ('uid', 'another');
INSERT INTO collection VALUES (7, 'old');
INSERT INTO version VALUES (1, 7);
PRAGMA user_version = 1;
"""


async def test_a_catalog_of_an_older_format_is_made_anew(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(_FORMER)
    assert (await sync(listing(), path)).versions == 4
    assert keys(path) == ["a/1", "a/2", "a/3", "b/1"]
    assert one(path, "SELECT value FROM meta WHERE name = 'uid'") == "uid-1"
    assert one_raw(path, "PRAGMA user_version") == CATALOG_FORMAT


def test_opening_a_catalog_waits_for_nobody_who_writes(path: Path) -> None:
    open_to_write(path).close()
    with closing(open_to_write(path)) as writer, transaction(writer):
        open_to_write(path).close()


async def test_what_only_some_registries_tell_is_there_too(path: Path) -> None:
    registry = listing()
    registry.listed.append(Collection("p", "org/registry/best", "model", links=True))
    links = (Link("p/1", "org/registry/best"), Link("p/2", "other/best"))
    facts: dict[str, object] = {"used_count": 3, "stored": 5, "kept": "system-managed"}
    registry.version("b", 2, links=links, ttl_inherited=True, ttl_us=9, **facts)
    registry.version("p", 1, source_key="b/2", label="v0")
    for _ in range(2):
        await sync(registry, path)
        with closing(connect(path)) as conn:
            (row,) = rows_by_keys(conn, ["b/2"])
            assert row.links == ("org/registry/best", "other/best")
            assert (row.used_count, row.stored, row.kept) == (3, 5, "system-managed")
            assert (row.ttl_inherited, row.ttl_us, row.link) == (True, 9, False)
            (link,) = rows_by_keys(conn, ["p/1"])
            assert (link.link, link.source_key) == (True, "b/2")
            assert (link.source, row.source) == ("b:v2", "")
            shown = {row.name: row.links for row in collection_outline(conn, ALL, Sort())}
            assert shown == {"a": False, "b": False, "org/registry/best": True}
    registry.made["b"][1] = replace(registry.made["b"][1], links=links[1:])
    await sync(registry, path)
    with closing(connect(path)) as conn:
        assert rows_by_keys(conn, ["b/2"])[0].links == ("other/best",)
    registry.made["b"].pop()
    assert (await sync(registry, path)).removed == 1
    assert one(path, "SELECT count(*) FROM link") == 0


async def test_links_have_no_files_of_their_own(path: Path) -> None:
    registry = listing()
    registry.version("b", 2, source_key="a/1")
    registry.contents = dict.fromkeys(("a/1", "b/2"), (File("w", 100, "sha256:w"),))
    await sync(registry, path)
    with closing(connect(path)) as conn:
        assert unique_of(conn, [row.id for row in rows_by_keys(conn, ["a/1"])]) == {1: 100}
    with closing(open_to_write(path)) as writer:
        put_files(writer, registry.contents)
    assert one(path, "SELECT count(*) FROM file") == 1


async def test_a_sync_notes_what_the_registry_does(path: Path) -> None:
    telling = Telling().collection("a", "b")
    telling.freeing = "within a day"
    assert (await sync(telling, path)).edges == 0
    noted = "SELECT value FROM meta WHERE name = "
    assert one(path, f"{noted}'asked_lineage'") == "1"
    assert one(path, f"{noted}'freeing'") == "within a day"
    await sync(listing(), path)
    assert one(path, f"{noted}'asked_lineage'") == "0"
