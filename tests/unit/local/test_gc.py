"""What the contract suite cannot see of garbage collection: rows, leftovers, locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.local import local_folder
from artifact_tui.errors import BusyError, UsageError
from artifact_tui.model import Deletion, Garbage
from tests.unit.local.support import HOUR, blobs, leftovers, put, rows, tamper

if TYPE_CHECKING:
    from tests.support.sync_store import SyncStore
    from tests.unit.local.support import Clock


def gone(store: SyncStore, *keys: str) -> None:
    store.delete([Deletion(key, delete_aliases=True) for key in keys])
    store.purge(keys)


def test_no_row_is_left_of_what_was_purged_and_collected(store: SyncStore) -> None:
    parent = put(store, "p", aliases=["best"])
    key = put(store, "m", {"a": b"1", "b": b"1", "c": b"2"}, parents=[parent])
    gone(store, key, parent)
    store.collect_garbage()
    for table in ("version", "collection", "alias", "alias_at", "tag", "edge", "file", "blob",
                  "trash"):  # fmt: skip
        assert rows(store.layout, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert blobs(store.layout) == {}


def test_refs_are_counted_down_by_every_file(store: SyncStore) -> None:
    one = put(store, "m", {"a": b"same", "b": b"same"})
    put(store, "m", {"c": b"same"})
    assert rows(store.layout, "SELECT refs, unref_us FROM blob") == [(3, None)]
    gone(store, one)
    assert rows(store.layout, "SELECT refs, unref_us FROM blob") == [(1, None)]


def test_bytes_that_are_needed_again_do_not_wait_any_more(store: SyncStore, clock: Clock) -> None:
    gone(store, put(store, "m", {"a": b"12345"}))
    put(store, "m", {"a": b"12345"})
    clock.now += 2 * HOUR
    assert store.collect_garbage() == Garbage()
    assert rows(store.layout, "SELECT refs, state, unref_us FROM blob") == [(1, 0, None)]


def test_a_sweep_that_was_cut_short_is_finished(store: SyncStore) -> None:
    gone(store, put(store, "m", {"a": b"12345"}), put(store, "m", {"a": b"123"}))
    tamper(store.layout, "UPDATE blob SET state = 1")
    store.layout.blob(str(rows(store.layout, "SELECT digest FROM blob")[0][0])).unlink()
    assert store.collect_garbage(dry_run=True).blobs == 2
    assert store.collect_garbage() == Garbage(blobs=1, freed=3)
    assert rows(store.layout, "SELECT * FROM blob") == []


def test_putting_a_condemned_blob_again_finishes_the_sweep_first(store: SyncStore) -> None:
    gone(store, put(store, "m", {"a": b"12345"}))
    before = rows(store.layout, "SELECT id FROM blob")
    tamper(store.layout, "UPDATE blob SET state = 1")
    put(store, "m", {"a": b"12345"})
    assert rows(store.layout, "SELECT id FROM blob") != before
    assert store.fsck(verify=True).problems == ()


def test_what_killed_adds_left_is_cleared(store: SyncStore) -> None:
    (store.layout.tmp / "host-1-dead").write_bytes(b"half")
    (store.layout.tmp / "a folder of somebody").mkdir()
    expected = Garbage(leftovers=1, freed=4)
    assert store.collect_garbage(dry_run=True) == expected
    assert store.collect_garbage() == expected
    assert leftovers(store.layout) == ["a folder of somebody"]


def test_a_dry_run_leaves_everything(store: SyncStore) -> None:
    (store.layout.tmp / "host-1-dead").write_bytes(b"half")
    gone(store, put(store, "m", {"a": b"12345"}))
    assert store.collect_garbage(dry_run=True) == Garbage(blobs=1, leftovers=1, freed=9)
    assert leftovers(store.layout) == ["host-1-dead"]
    assert len(blobs(store.layout)) == 1


def test_a_negative_grace_is_refused(store: SyncStore) -> None:
    with pytest.raises(UsageError):
        store.collect_garbage(grace_us=-1)


def test_gc_waits_for_an_add_and_then_gives_up(
    store: SyncStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_folder, "LOCK_WAIT_SECONDS", 0.05)
    gone(store, put(store, "m", {"a": b"12345"}))
    with local_folder.gc_lock(store.layout), pytest.raises(BusyError, match="adding"):
        store.collect_garbage()
    assert len(blobs(store.layout)) == 1
    with local_folder.gc_lock(store.layout, alone=True), pytest.raises(BusyError, match="cleaning"):
        put(store)
    assert store.collect_garbage().freed == 5


def test_purging_thousands_goes_in_chunks(store: SyncStore) -> None:
    keys = [put(store, "m", {"a": b"1"}) for _ in range(3)]
    store.delete([Deletion(key, delete_aliases=True) for key in keys])
    many = keys + [f"none {n}" for n in range(1200)]
    outcomes = store.purge(many)
    assert [one.key for one in outcomes] == many
    assert sum(1 for one in outcomes if one.result == "done") == 3
