"""Files back out of the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import NotFoundError, RegistryError, UsageError
from artifact_tui.model import Deletion
from tests.unit.local.support import NOW, put, rows, tamper

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sync_store import SyncStore


def test_an_export_is_recorded_as_use(store: SyncStore, tmp_path: Path) -> None:
    key = put(store)
    assert store.version(key).used_us is None
    store.export(key, tmp_path / "new" / "deep")
    assert store.version(key).used_us == NOW


def test_a_version_in_the_trash_can_be_taken_out(store: SyncStore, tmp_path: Path) -> None:
    key = put(store, "m", {"a/b": b"x"})
    store.delete([Deletion(key, delete_aliases=True)])
    (tmp_path / "empty").mkdir()
    store.export(key, tmp_path / "empty")
    assert (tmp_path / "empty" / "a" / "b").read_bytes() == b"x"


def test_nothing_is_written_over(store: SyncStore, tmp_path: Path) -> None:
    key = put(store)
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "full", "link"):
        with pytest.raises(UsageError, match="something at"):
            store.export(key, tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def test_no_such_version(store: SyncStore, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        store.export("none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_blob_is_named_and_nothing_is_left(store: SyncStore, tmp_path: Path) -> None:
    key = put(store, "m", {"a": b"12345", "b": b"6"})
    ((digest,),) = rows(store.layout, "SELECT digest FROM blob WHERE size = 5")
    path = store.layout.blob(str(digest))
    path.chmod(0o644)
    path.write_bytes(b"xxxxx")
    with pytest.raises(RegistryError, match=path.name) as caught:
        store.export(key, tmp_path / "out")
    assert "damaged" in str(caught.value)
    assert caught.value.hint
    assert [one.name for one in tmp_path.iterdir() if "out" in one.name] == []


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", "a//b", ".", "a/."])
def test_a_path_that_leads_out_is_refused(store: SyncStore, tmp_path: Path, path: str) -> None:
    key = put(store)
    tamper(store.layout, "UPDATE file SET path = ?", path)
    with pytest.raises(RegistryError, match="impossible file name"):
        store.export(key, tmp_path / "out")
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written(store: SyncStore, tmp_path: Path) -> None:
    key = put(store)
    (tmp_path / "file").touch()
    with pytest.raises(RegistryError, match="could not be written"):
        store.export(key, tmp_path / "file" / "out")
