"""Listing a registry into a catalog file, again and again, with all that can go wrong."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace as changed

from artifact_tui.catalog import Sort, connect
from artifact_tui.catalog.catalog_file import open_to_write
from artifact_tui.catalog.catalog_rows import tags_of, unique_of
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.listing import registry_totals
from artifact_tui.catalog.sync import (
    SyncProgress,
    begin_sync,
    finish_sync,
    put_collections,
    put_edges,
    put_versions,
    sync,
)
from artifact_tui.catalog.version_names import find_version
from artifact_tui.errors import RegistryError
from artifact_tui.model import (
    Alias,
    Edge,
    File,
    Identity,
)
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, every_version
from tests.unit.catalog.synced import ALL, keys, listing, one, one_raw

if TYPE_CHECKING:
    from artifact_tui.model import Version
    from tests.support.listing import Listing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def got(path: Path) -> bytes:
    return path.read_bytes()


async def test_everything_listed_is_there(path: Path) -> None:
    told: list[SyncProgress] = []
    done = await sync(listing(), path, progress=told.append, now_us=NOW)
    assert (
        done == told[-1] == SyncProgress(collections=3, versions=4, edges=3, removed=0, done=True)
    )
    assert [state.versions for state in told if not state.done][-1] == 4
    with closing(connect(path)) as conn:
        assert registry_totals(conn).versions == 4
        found = version_detail(conn, find_version(conn, "b:v1").id)
        assert (found.tags, found.note, found.row.run, found.used_us) == (("t1", "t2"), "n", "r", 7)
        assert [ref.key for ref in found.parents] == ["a/1", "a/2"]
        assert find_version(conn, "a:alias2").key == "a/2"
        assert find_version(conn, "a:v1").dependents == 2
    meta = "SELECT value FROM meta WHERE name = "
    assert one(path, f"{meta}'synced_us'") == str(NOW)
    assert one(path, f"{meta}'uid'") == "uid-1"
    assert mode(path) == 0o600


async def test_a_second_sync_changes_nothing_and_keeps_the_ids(path: Path) -> None:
    registry = listing()
    await sync(registry, path)
    before = [one(path, "SELECT json_group_array(id || key) FROM version ORDER BY id")]
    assert (await sync(registry, path)).removed == 0
    assert before == [one(path, "SELECT json_group_array(id || key) FROM version ORDER BY id")]


async def test_what_is_no_longer_listed_is_removed_with_all_that_hangs_on_it(path: Path) -> None:
    registry = listing()
    await sync(registry, path)
    del registry.made["a"][0]
    registry.listed = [row for row in registry.listed if row.key != "empty"]
    registry.made_from = [Edge("a/2", "b/1"), Edge("a/1", "b/1")]
    assert (await sync(registry, path)).removed == 1
    assert keys(path) == ["a/2", "a/3", "b/1"]
    assert one(path, "SELECT count(*) FROM edge") == 1
    assert one(path, "SELECT group_concat(name) FROM (SELECT name FROM alias ORDER BY 1)") == (
        "alias2,alias3"
    )
    assert one(path, "SELECT group_concat(key) FROM collection") == "a,b"


async def test_changed_facts_replace_the_old_ones(path: Path) -> None:
    registry = listing()
    await sync(registry, path)
    old: Version = registry.made["b"][0]
    registry.made["b"][0] = changed(old, aliases=(Alias("new", protected=True),), tags=("t2",))
    registry.listed[1] = replace(registry.listed[1], name="renamed", type="dataset")
    await sync(registry, path)
    with closing(connect(path)) as conn:
        row = find_version(conn, "renamed:new")
        assert (row.type, row.aliases) == ("dataset", (Alias("new", protected=True),))
        assert tags_of(conn, [row.id]) == {row.id: ("t2",)}


@pytest.mark.parametrize("place", ["collections", "a", "edges"])
async def test_a_sync_that_breaks_off_removes_nothing(path: Path, place: str) -> None:
    registry = listing()
    await sync(registry, path, now_us=1)
    registry.made["a"] = [registry.version("a", 4), registry.version("a", 5)]
    for ordinal in (6, 7):
        registry.version("a", ordinal)
    registry.fails_at = place
    with pytest.raises(RegistryError, match="went away"):
        await sync(registry, path, now_us=2)
    assert {"a/1", "a/2", "a/3", "b/1"} <= set(keys(path))
    assert one(path, "SELECT count(*) FROM edge") == 3
    assert one(path, "SELECT value FROM meta WHERE name = 'synced_us'") == "1"
    registry.fails_at = None
    assert (await sync(registry, path)).removed == 3
    assert {"a/4", "a/5", "a/6", "a/7", "b/1"} == set(keys(path))


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from artifact_tui.catalog.sync import sync
from tests.support.listing import Listing

registry = Listing().collection("a", "b")
for ordinal in range(5, 9):
    registry.version("a", ordinal)

def tell(state):
    if state.versions >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(sync(registry, Path(sys.argv[1]), progress=tell))
"""


@pytest.mark.parametrize("after", [2, 4])
def test_a_sync_that_is_killed_removes_nothing(path: Path, after: int) -> None:
    registry = listing()
    asyncio.run(sync(registry, path))
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(path), str(after)],
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    found = keys(path)
    assert {"a/1", "a/2", "a/3", "b/1"} <= set(found)
    assert len(found) == 4 + after
    assert one(path, "SELECT count(*) FROM edge") == 3
    assert asyncio.run(sync(registry, path)).removed == after
    assert keys(path) == ["a/1", "a/2", "a/3", "b/1"]


async def test_pages_can_be_seen_before_the_end(path: Path) -> None:
    seen: list[int] = []

    def look(state: SyncProgress) -> None:
        if state.versions and not state.done:
            seen.append(len(keys(path)))

    await sync(listing(), path, progress=look)
    assert seen == sorted(seen)
    assert seen[0] == 2


async def test_ordinals_that_change_hands(path: Path) -> None:
    registry = listing()
    await sync(registry, path)
    first, second, _ = registry.made["a"]
    new = changed(first, key="a/new", ordinal=3, label="v3")
    registry.made["a"] = [
        changed(second, ordinal=1),
        changed(first, ordinal=2),
        new,
    ]
    await sync(registry, path)
    with closing(connect(path)) as conn:
        rows = list(every_version(conn, compile_query(parse("name:a"), NOW), Sort("version")))
    assert [(row.key, row.ordinal) for row in rows] == [("a/2", 1), ("a/1", 2), ("a/new", 3)]


async def test_a_version_that_moves_to_another_collection(path: Path) -> None:
    registry = listing()
    await sync(registry, path)
    moved = changed(registry.made["a"].pop(), collection_key="b", ordinal=9)
    registry.made["b"].append(moved)
    await sync(registry, path)
    with closing(connect(path)) as conn:
        assert find_version(conn, "b:v3").key == "a/3"


async def test_files_come_with_the_listing(path: Path) -> None:
    registry = listing()
    shared = File("w.bin", 100, "sha256:s")
    registry.contents = {
        "a/1": (shared, File("c", 5, "sha256:c")),
        "a/2": (File("w.bin", 100, "sha256:s", 0o755),),
        "a/3": (File("x", 9, ""), shared),
    }
    await sync(registry, path)
    with closing(connect(path)) as conn:
        ids = {row.key: row.id for row in every_version(conn, ALL, Sort())}
        unique = unique_of(conn, list(ids.values()))
    assert {key: unique[number] for key, number in ids.items()} == {
        "a/1": 5,
        "a/2": 0,
        "a/3": None,
        "b/1": None,
    }
    del registry.made["a"][0]
    await sync(registry, path)
    assert one(path, "SELECT group_concat(digest || refs) FROM blob") == "sha256:s1"


async def test_the_catalog_of_another_registry_is_left_alone(path: Path) -> None:
    registry = listing()
    await sync(registry, path)
    registry.identity = Identity("listing", "listing:other", "uid-2")
    registry.made.clear()
    with pytest.raises(RegistryError, match="another registry: listing:test") as caught:
        await sync(registry, path)
    assert "Remove the catalog file" in caught.value.hint
    assert len(keys(path)) == 4


async def test_a_file_that_is_no_catalog_is_left_alone(path: Path) -> None:
    put(path, b"hello " * 1000)
    with pytest.raises(RegistryError, match=r"catalog\.db cannot be written"):
        await sync(listing(), path)
    assert got(path) == b"hello " * 1000


async def test_a_catalog_of_another_format_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE x(y)")
        conn.execute("PRAGMA user_version = 9")
    with pytest.raises(RegistryError, match="is of format 9"):
        await sync(listing(), path)
    assert one_raw(path, "PRAGMA journal_mode") == "delete"


async def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no-folder"):
        await sync(listing(), tmp_path / "no-folder" / "catalog.db")


@pytest.mark.parametrize(
    "facts", [{"size": -1}, {"size": 2**70}, {"label": "\ud800"}, {"ttl_us": 0}, {"state": "odd"}]
)
async def test_what_a_catalog_cannot_hold_stops_the_sync(
    path: Path, facts: dict[str, object]
) -> None:
    registry = listing()
    await sync(registry, path)
    registry.version("b", 2, **facts)
    with pytest.raises(RegistryError, match="cannot hold"):
        await sync(registry, path)
    assert len(keys(path)) == 4


def test_a_full_disk_keeps_what_was_known(path: Path) -> None:
    registry = listing()
    asyncio.run(sync(registry, path))
    with closing(open_to_write(path)) as conn:
        number = begin_sync(conn, registry)
        (pages,) = conn.execute("PRAGMA page_count").fetchone()
        conn.execute(f"PRAGMA max_page_count = {pages}")
        new = [changed(registry.made["b"][0], key=f"k{n}", ordinal=n) for n in range(10, 2_000)]
        with pytest.raises(RegistryError, match="cannot be written: database or disk is full"):
            put_versions(conn, new, number)
    assert len(keys(path)) == 4


def put_all(conn: sqlite3.Connection, registry: Listing, number: int) -> None:
    put_collections(conn, registry.listed, number)
    for versions in registry.made.values():
        put_versions(conn, versions, number)
    put_edges(conn, registry.made_from)


@pytest.mark.parametrize("first", ["older", "newer"])
async def test_two_syncs_at_once_lose_nothing(path: Path, first: str) -> None:
    registry = listing()
    await sync(registry, path)
    with (
        closing(open_to_write(path)) as older,
        closing(open_to_write(path)) as newer,
    ):
        syncs = [(conn, begin_sync(conn, registry)) for conn in (older, newer)]
        for conn, number in syncs if first == "older" else syncs[::-1]:
            put_all(conn, registry, number)
        assert [finish_sync(conn, number, NOW) for conn, number in syncs] == [0, 0]
    assert len(keys(path)) == 4
    assert one(path, "SELECT count(*) FROM edge") == 3
