"""fsck finds each kind of damage, and mends only what cannot lose anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.local.fsck import Damage
from artifact_tui.errors import ReadOnlyError, RegistryError
from artifact_tui.model import Deletion
from tests.unit.local.support import blobs, leftovers, put, rows, snapshot, tamper

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.model import FsckReport
    from tests.support.sync_store import SyncStore

CONTENT = b"weights" * 100


@pytest.fixture
def key(store: SyncStore) -> str:
    """A version with one file of 700 bytes."""
    return put(store, "m[x]", {"model.bin": CONTENT})


def blob(store: SyncStore) -> Path:
    """The only blob."""
    ((digest,),) = rows(store.layout, "SELECT digest FROM blob")
    return store.layout.blob(str(digest))


def kinds(report: FsckReport) -> list[str]:
    return [one.kind for one in report.problems]


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("verify", [True, False])
def test_a_sound_registry_has_no_problems(store: SyncStore, *, verify: bool) -> None:
    report = store.fsck(verify=verify)
    assert report.ok
    assert (report.problems, report.blobs, report.size) == ((), 1, 700)
    assert report.verified is verify


def test_a_missing_blob_is_found_marked_and_healed_by_adding_again(
    store: SyncStore, key: str, tmp_path: Path
) -> None:
    path = blob(store)
    path.unlink()
    report = store.fsck()
    assert kinds(report) == [Damage.MISSING]
    assert str(path) == report.problems[0].what
    assert "m[x]:v0 (model.bin)" in report.problems[0].detail
    assert not report.ok
    assert report.harmed == report.problems
    assert rows(store.layout, "SELECT state FROM blob") == [(0,)]
    assert kinds(store.fsck(repair=True)) == [Damage.MISSING]
    assert rows(store.layout, "SELECT state FROM blob") == [(2,)]
    with pytest.raises(RegistryError, match=path.name):
        store.export(key, tmp_path / "out")
    put(store, "other", {"again": CONTENT})
    assert rows(store.layout, "SELECT state, refs FROM blob") == [(0, 2)]
    assert store.fsck(verify=True).problems == ()
    store.export(key, tmp_path / "out")
    assert (tmp_path / "out" / "model.bin").read_bytes() == CONTENT


@pytest.mark.usefixtures("key")
def test_adding_again_heals_even_without_fsck(store: SyncStore) -> None:
    blob(store).unlink()
    put(store, "other", {"again": CONTENT})
    assert store.fsck(verify=True).problems == ()


@pytest.mark.usefixtures("key")
def test_a_file_that_came_back_is_unmarked_when_its_hash_is_right(store: SyncStore) -> None:
    path = blob(store)
    path.rename(path.with_name("away"))
    store.fsck(repair=True)
    path.with_name("away").rename(path)
    assert kinds(store.fsck()) == [Damage.HEALED]
    assert store.fsck(repair=True).ok
    assert store.fsck().problems == ()


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("data", "kind"), [(b"short", Damage.SIZE), (b"X" * 700, Damage.HASH)])
def test_wrong_bytes_are_found_and_replaced_by_adding_again(
    store: SyncStore, data: bytes, kind: Damage
) -> None:
    overwrite(blob(store), data)
    assert kinds(store.fsck(verify=True)) == [kind]
    assert kinds(store.fsck(verify=True, repair=True)) == [kind]
    assert rows(store.layout, "SELECT state FROM blob") == [(2,)]
    assert not store.fsck().ok
    put(store, "other", {"again": CONTENT})
    assert store.fsck(verify=True).problems == ()
    assert blob(store).read_bytes() == CONTENT


@pytest.mark.usefixtures("key")
def test_without_verify_only_names_and_sizes_are_looked_at(store: SyncStore) -> None:
    overwrite(blob(store), b"X" * 700)
    assert store.fsck().problems == ()


@pytest.mark.usefixtures("key")
def test_orphans_and_leftovers_go_only_on_repair(store: SyncStore) -> None:
    orphan = store.layout.blob("sha256:" + "ab" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"nobody")
    (store.layout.tmp / "host-1-dead").write_bytes(b"half")
    for _ in range(2):
        report = store.fsck()
        assert kinds(report) == [Damage.ORPHAN, Damage.LEFTOVER]
        assert [one.size for one in report.problems] == [6, 4]
        assert report.harmed == ()
        assert not report.ok
    assert store.fsck(repair=True).ok
    assert len(blobs(store.layout)) == 1
    assert leftovers(store.layout) == []
    assert store.fsck().problems == ()


@pytest.mark.usefixtures("key")
def test_files_that_are_not_ours_are_never_removed(store: SyncStore) -> None:
    strange = [
        store.layout.blobs / "README",
        store.layout.blobs / "ab" / "notes.txt",
        store.layout.blobs / "ab" / ("cd" * 32),
        store.layout.blobs / "ab" / ("ab" * 32),
    ]
    strange[1].parent.mkdir(exist_ok=True)
    for path in strange[:3]:
        path.write_bytes(b"mine")
    strange[3].symlink_to("/etc/hostname")
    report = store.fsck(repair=True)
    assert kinds(report) == [Damage.STRANGER] * 4
    assert not report.ok
    assert report.harmed == ()
    assert all(path.is_symlink() or path.exists() for path in strange)


@pytest.mark.parametrize("refs", [0, 1, 7])
def test_wrong_counters_are_counted_again(store: SyncStore, refs: int) -> None:
    put(store, "m", {"a": CONTENT, "b": CONTENT})
    tamper(store.layout, "UPDATE blob SET refs = ?, unref_us = 5", refs)
    assert kinds(store.fsck()) == [Damage.COUNT]
    assert rows(store.layout, "SELECT refs FROM blob") == [(refs,)]
    assert store.fsck(repair=True).ok
    assert rows(store.layout, "SELECT refs, unref_us FROM blob") == [(2, None)]
    assert store.collect_garbage().freed == 0


def test_a_counter_that_hides_garbage_is_mended(store: SyncStore, key: str) -> None:
    store.delete([Deletion(key, delete_aliases=True)])
    store.purge([key])
    tamper(store.layout, "UPDATE blob SET refs = 3")
    assert store.collect_garbage().freed == 0
    store.fsck(repair=True)
    assert store.collect_garbage().freed == 700


def test_a_sweep_that_was_cut_short_is_reported_and_finished(store: SyncStore, key: str) -> None:
    store.delete([Deletion(key, delete_aliases=True)])
    store.purge([key])
    tamper(store.layout, "UPDATE blob SET state = 1")
    assert kinds(store.fsck()) == [Damage.UNFINISHED]
    assert store.fsck(repair=True).ok
    assert blobs(store.layout) == {}
    assert store.fsck().problems == ()


def test_rows_that_name_nothing_stop_every_repair_of_files(store: SyncStore, key: str) -> None:
    tamper(store.layout, "DELETE FROM blob")
    report = store.fsck(repair=True)
    assert Damage.REFERENCE in kinds(report)
    assert Damage.ORPHAN in kinds(report)
    assert not any(one.repaired for one in report.problems)
    assert len(blobs(store.layout)) == 1
    assert store.version(key)


@pytest.mark.usefixtures("key")
def test_a_damaged_database_is_reported_and_nothing_is_touched(store: SyncStore) -> None:
    (store.layout.tmp / "host-1-dead").write_bytes(b"half")
    store.close()
    data = bytearray(store.layout.db.read_bytes())
    page = rows(store.layout, "SELECT rootpage FROM sqlite_schema WHERE name = 'file_blob'")
    start = (int(str(page[0][0])) - 1) * 4096
    data[start : start + 4096] = b"\xff" * 4096
    store.layout.db.write_bytes(data)
    again = type(store)(store.layout)
    try:
        before = snapshot(store.layout.root)
        report = again.fsck(repair=True, verify=True)
        assert set(kinds(report)) == {Damage.DATABASE}
        assert report.problems[0].what == str(store.layout.db)
        assert snapshot(store.layout.root) == before
    finally:
        again.close()


@pytest.mark.usefixtures("key")
def test_a_read_only_registry_is_checked_but_not_repaired(store: SyncStore) -> None:
    blob(store).unlink()
    other = type(store)(store.layout, read_only=True)
    try:
        assert kinds(other.fsck(verify=True)) == [Damage.MISSING]
        with pytest.raises(ReadOnlyError):
            other.fsck(repair=True)
    finally:
        other.close()


@pytest.mark.usefixtures("key")
def test_an_impossible_digest_in_the_database_leads_nowhere(store: SyncStore) -> None:
    tamper(store.layout, "UPDATE blob SET digest = 'sha256:../../../etc/passwd'")
    for repair in (False, True):
        report = store.fsck(repair=repair)
        assert kinds(report) == [Damage.ROW, Damage.ORPHAN]
        assert "needed by m[x]:v0" in report.problems[0].detail
        assert not report.ok
    assert len(blobs(store.layout)) == 1, "what looks like an orphan may be its bytes"
