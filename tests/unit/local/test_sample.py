"""The sample registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.clients.local.sample import make_sample
from artifact_tui.errors import UsageError
from tests.support.sync_store import SyncStore
from tests.unit.local.support import NOW, blobs, rows

if TYPE_CHECKING:
    from pathlib import Path


def content(root: Path) -> list[list[tuple[object, ...]]]:
    layout = Layout(root)
    tables = ("collection", "version", "alias", "tag", "edge", "blob", "file", "trash")
    return [rows(layout, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The sample in its usual size."""
    root = make_sample(tmp_path_factory.mktemp("sample") / "s", now_us=NOW)
    return Layout(root)


def one(layout: Layout, sql: str) -> int:
    return int(str(rows(layout, sql)[0][0]))


def test_it_is_as_large_and_as_varied_as_promised(sample: Layout) -> None:
    assert one(sample, "SELECT count(*) FROM version") == 2000
    assert one(sample, "SELECT count(*) FROM collection") == 40
    assert one(sample, "SELECT count(*) FROM version WHERE state = 'trash'") == 30
    assert one(sample, "SELECT count(*) FROM trash WHERE aliases <> '[]'") >= 1
    kinds = rows(sample, "SELECT DISTINCT type FROM collection ORDER BY type")
    assert kinds == [("code",), ("dataset",), ("model",)]
    assert one(sample, "SELECT count(*) FROM alias WHERE protected") >= 8
    assert one(sample, "SELECT max(n) FROM (SELECT count(*) n FROM version"
                       " GROUP BY collection_id)") >= 300  # fmt: skip
    expired = f"SELECT count(*) FROM version WHERE state = 'live' AND expires_us <= {NOW}"
    assert 20 <= one(sample, expired) <= 400
    assert one(sample, f"SELECT count(*) FROM version WHERE expires_us > {NOW}") >= 100


def test_production_has_lineage_several_steps_deep(sample: Layout) -> None:
    steps = one(
        sample,
        "WITH RECURSIVE up(id, n) AS (SELECT a.version_id, 0 FROM alias a WHERE a.protected"
        " UNION SELECT e.parent_id, n + 1 FROM up JOIN edge e ON e.child_id = up.id)"
        " SELECT max(n) FROM up",
    )
    assert steps >= 3


def test_bytes_are_real_shared_and_sound(sample: Layout) -> None:
    listed = one(sample, "SELECT sum(size) FROM version")
    stored = one(sample, "SELECT sum(size) FROM blob")
    assert stored < listed * 0.75
    assert sum(blobs(sample).values()) == stored
    store = SyncStore(sample, read_only=True)
    try:
        assert store.fsck(verify=True).problems == ()
    finally:
        store.close()


def test_times_are_believable(sample: Layout) -> None:
    wrong = (
        f"SELECT count(*) FROM version WHERE created_us > {NOW} OR used_us > {NOW}"
        f" OR used_us < created_us OR deleted_us < created_us OR deleted_us > {NOW}"
    )
    assert one(sample, wrong) == 0
    younger = (
        "SELECT count(*) FROM edge e JOIN version p ON p.id = e.parent_id"
        " JOIN version c ON c.id = e.child_id WHERE p.created_us > c.created_us"
    )
    assert one(sample, younger) == 0


def test_the_same_seed_gives_the_same_registry(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_sample(tmp_path / name, versions=120, seed=3, now_us=NOW)
    make_sample(tmp_path / "c", versions=120, seed=4, now_us=NOW)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a") != content(tmp_path / "c")
    uids = {rows(Layout(tmp_path / name), "SELECT value FROM meta WHERE name = 'uid'")[0]
            for name in "ab"}  # fmt: skip
    assert len(uids) == 2


@pytest.mark.parametrize("versions", [1, 3, 41])
def test_small_samples_have_exactly_as_many_versions(tmp_path: Path, versions: int) -> None:
    told: list[tuple[int, int]] = []
    root = make_sample(
        tmp_path / "s", versions=versions, progress=lambda done, total: told.append((done, total))
    )
    assert one(Layout(root), "SELECT count(*) FROM version") == versions
    assert told == [(n, versions) for n in range(1, versions + 1)]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    make_sample(tmp_path / "s", versions=2)
    (tmp_path / "file").touch()
    for name in ("s", "file"):
        with pytest.raises(UsageError, match="something at"):
            make_sample(tmp_path / name, versions=2)
    with pytest.raises(UsageError):
        make_sample(tmp_path / "n", versions=0)


def test_giving_up_leaves_nothing(tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "empty").mkdir()
    with pytest.raises(KeyboardInterrupt):
        make_sample(tmp_path / "empty", versions=5, progress=stop)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["empty"]
    make_sample(tmp_path / "empty", versions=5)
