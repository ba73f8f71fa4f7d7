"""Adding files and folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import Alias, Deletion, Edge, NewVersion
from tests.support.sync_store import SyncStore
from tests.unit.local.support import NOW, add, blobs, leftovers, put, rows

HOSTILE = [
    "m[latest]",
    "bad [/nope]",
    "esc \x1b[31m red",
    "clip \x1b]52;c;aGk=\x07",
    "rtl \u202egnp.exe",
    "a:b:c",
    " spaces ",
    "new\nline",
    "x" * 5000,
    "\U0001f3f4\u200d\u2620\ufe0f",
    "'; DROP TABLE version; --",
    "%s%n",
    "..",
    "/etc/passwd",
]


def test_a_folder_becomes_a_version_with_all_its_files(store: SyncStore, src: Path) -> None:
    version = add(store, src)
    assert (version.label, version.size, version.file_count) == ("v0", 7002, 2)
    assert version.created_us == NOW
    files = store.files(version.key)
    assert [one.path for one in files] == ["deep/er/config.json", "model.bin"]


def test_a_file_becomes_a_version_with_one_file(store: SyncStore, src: Path) -> None:
    version = add(store, src / "model.bin")
    assert [one.path for one in store.files(version.key)] == ["model.bin"]


def test_bytes_come_back_as_they_were(store: SyncStore, src: Path, tmp_path: Path) -> None:
    (src / "run.sh").write_bytes(os.urandom(3_000_000))
    (src / "run.sh").chmod(0o750)
    (src / "nothing").touch()
    version = add(store, src)
    store.export(version.key, tmp_path / "out")
    for path in src.rglob("*"):
        if path.is_file():
            twin = tmp_path / "out" / path.relative_to(src)
            assert twin.read_bytes() == path.read_bytes()
            assert stat.S_IMODE(twin.stat().st_mode) == stat.S_IMODE(path.stat().st_mode)


def test_adding_again_costs_no_bytes(store: SyncStore, src: Path) -> None:
    first = add(store, src)
    before = blobs(store.layout)
    written = {name: (store.layout.blob("sha256:" + name)).stat().st_ino for name in before}
    second = add(store, src)
    assert blobs(store.layout) == before
    assert written == {name: (store.layout.blob("sha256:" + name)).stat().st_ino for name in before}
    assert second.digest == first.digest
    assert (second.label, second.key == first.key) == ("v1", False)
    assert rows(store.layout, "SELECT DISTINCT refs FROM blob") == [(2,)]


def test_equal_files_in_one_folder_are_stored_once(store: SyncStore, src: Path) -> None:
    for name in ("a", "b", "deep/c"):
        (src / name).write_bytes(b"same")
    version = add(store, src)
    assert version.file_count == 5
    assert len(blobs(store.layout)) == 3
    assert (3,) in rows(store.layout, "SELECT refs FROM blob")


def test_blobs_are_read_only_and_nothing_is_left_behind(store: SyncStore, src: Path) -> None:
    add(store, src)
    for path in store.layout.blobs.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert leftovers(store.layout) == []


def test_the_name_of_a_folder_of_blobs_is_durable_whoever_made_it(
    store: SyncStore, src: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[Path] = set()
    fsync = os.fsync

    def noted(fd: int) -> None:
        synced.add(Path(f"/proc/self/fd/{fd}").readlink())
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    for number in range(256):  # as if who made them was killed at once
        (store.layout.blobs / f"{number:02x}").mkdir()
    add(store, src)
    folders = {path.parent for path in store.layout.blobs.rglob("*") if path.is_file()}
    assert folders | {store.layout.blobs} <= synced


def test_the_digest_tells_paths_bytes_and_modes_apart(store: SyncStore, tmp_path: Path) -> None:
    digests: set[str] = set()
    for path, data, mode in (("a", b"1", 0o644), ("b", b"1", 0o644), ("a", b"2", 0o644),
                             ("a", b"1", 0o755)):  # fmt: skip
        folder = tmp_path / f"s{len(digests)}"
        folder.mkdir()
        (folder / path).write_bytes(data)
        (folder / path).chmod(mode)
        digests.add(add(store, folder).digest)
    assert len(digests) == 4


def test_everything_said_about_a_version_is_kept(store: SyncStore, src: Path) -> None:
    parent = put(store, "data")
    new = NewVersion(
        name="m", type="model", aliases=("best",), protected=("production",), tags=("t", "t"),
        parents=(parent, parent), ttl_us=5, run="fancy-cat-7", note="why", created_us=123,
    )  # fmt: skip
    version = store.add(src, new)
    assert version.aliases == (Alias("best"), Alias("latest"), Alias("production", protected=True))
    assert (version.tags, version.ttl_us, version.run) == (("t",), 5, "fancy-cat-7")
    assert (version.note, version.created_us) == ("why", 123)
    assert store.listing().edges == (Edge(parent, version.key),)


def test_latest_follows_the_newest_version(store: SyncStore) -> None:
    first, second = put(store), put(store)
    assert Alias("latest") not in store.version(first).aliases
    assert Alias("latest") in store.version(second).aliases
    assert store.resolve("m:latest") == second


def test_an_alias_moves_and_keeps_its_protection(store: SyncStore) -> None:
    put(store, protected=["production"])
    second = put(store, aliases=["production"])
    assert Alias("production", protected=True) in store.version(second).aliases


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_kept_exactly(store: SyncStore, src: Path, name: str) -> None:
    alias = name.replace(":", ";")
    new = NewVersion(name=name, type=name, aliases=(alias,), tags=(name,), run=name, note=name)
    version = store.add(src, new)
    (collection,) = store.listing().collections
    assert (collection.name, collection.type) == (name, name)
    assert Alias(alias) in version.aliases
    assert (version.tags, version.run, version.note) == ((name,), name, name)
    assert store.resolve(f"{name}:{alias}") == store.resolve(f"{name}:v0") == version.key


@pytest.mark.parametrize("bad", ["", "nul\0", "half \ud800", "x" * 10_001])
@pytest.mark.parametrize("where", ["name", "type", "aliases", "protected", "tags"])
def test_impossible_names_are_refused(store: SyncStore, src: Path, bad: str, where: str) -> None:
    said: dict[str, object] = {"name": "m", "type": "model"}
    said[where] = bad if where in said else (bad,)
    with pytest.raises(UsageError):
        store.add(src, NewVersion(**said))  # type: ignore[arg-type]
    assert blobs(store.layout) == {}
    assert store.listing().collections == ()


@pytest.mark.parametrize("alias", ["v1", "v007", "v\N{ARABIC-INDIC DIGIT ONE}", "a:b", ":"])
def test_an_alias_may_not_look_like_a_label_or_hold_a_colon(
    store: SyncStore, src: Path, alias: str
) -> None:
    with pytest.raises(UsageError, match="alias"):
        store.add(src, NewVersion(name="m", type="model", aliases=(alias,)))


@pytest.mark.parametrize("alias", ["v", "v1a", "V1", "version 1"])
def test_an_alias_may_begin_with_v(store: SyncStore, src: Path, alias: str) -> None:
    store.add(src, NewVersion(name="m", type="model", aliases=(alias,)))


@pytest.mark.parametrize("ttl", [0, -1, 2**63])
def test_an_impossible_ttl_is_refused(store: SyncStore, src: Path, ttl: int) -> None:
    with pytest.raises(UsageError, match="time to live"):
        store.add(src, NewVersion(name="m", type="model", ttl_us=ttl))


def test_a_collection_has_one_type(store: SyncStore, src: Path) -> None:
    put(store, "m")
    with pytest.raises(UsageError, match="model"):
        add(store, src, "m", "dataset")
    assert len(store.listing().versions) == 1


def test_an_unknown_or_trashed_parent_is_refused(store: SyncStore, src: Path) -> None:
    trashed = put(store, "old")
    store.delete([Deletion(trashed, delete_aliases=True)])
    with pytest.raises(NotFoundError, match="trash"):
        store.add(src, NewVersion(name="m", type="model", parents=(trashed,)))
    with pytest.raises(NotFoundError, match="no version"):
        store.add(src, NewVersion(name="m", type="model", parents=("nothing",)))
    assert [one.name for one in store.listing().collections] == ["old"]


def test_progress_is_told_and_can_give_up(store: SyncStore, src: Path) -> None:
    told: list[tuple[int, int]] = []
    new = NewVersion(name="m", type="model")
    store.add(src, new, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (7002, 7002)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    (src / "more").write_bytes(b"more")
    with pytest.raises(KeyboardInterrupt):
        store.add(src, new, progress=stop)
    assert len(store.listing().versions) == 1
    assert leftovers(store.layout) == []


def test_many_versions_are_one_transaction(store: SyncStore) -> None:
    good = NewVersion(name="a", type="model")
    other_type = NewVersion(name="a", type="dataset")
    with pytest.raises(UsageError):
        store.add_many([(good, {"f": b"1"}), (other_type, {"f": b"2"})])
    assert store.listing().collections == ()
    with pytest.raises(UsageError):
        store.add_many([(good, {})])


def test_two_stores_share_one_registry(store: SyncStore, src: Path) -> None:
    other = SyncStore(store.layout)
    try:
        version = add(other, src)
        assert store.version(version.key) == version
        put(store, "m")
        assert other.resolve("m:v1")
    finally:
        other.close()
