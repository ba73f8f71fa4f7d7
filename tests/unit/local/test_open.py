"""Making and opening registries: what is refused, in which words, and that nothing is changed."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config, database
from artifact_tui.clients import kind_of, open_client
from artifact_tui.clients.local import KIND, create, open_registry
from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.errors import (
    BusyError,
    NotFoundError,
    ReadOnlyError,
    RegistryError,
    UsageError,
)
from tests.support.sync_store import SyncStore
from tests.unit.local.support import NOW, opened, put, snapshot, tamper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.clients.base import Kind


@pytest.fixture
def closed(tmp_path: Path) -> Layout:
    """A registry with one version, which nobody has open."""
    with opened(tmp_path / "registry") as store:
        put(store)
    return store.layout


def test_a_new_registry_has_its_folders_and_says_what_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "a" / "b") as store:
        layout = store.layout
    assert list(layout.blobs.iterdir()) == []
    assert "registry" in layout.format.read_text()
    assert stat.S_IMODE(layout.root.stat().st_mode) == 0o700
    assert not layout.unfinished.exists()
    assert not layout.db.with_name("registry.db-wal").exists(), (
        "the last one to close leaves one database file"
    )


def test_making_it_twice_changes_nothing(closed: Layout) -> None:
    before = snapshot(closed.root)
    SyncStore.create(closed.root).close()
    assert snapshot(closed.root) == before


@pytest.mark.parametrize("bits", [0o2770, 0o700])
def test_what_somebody_was_killed_at_making_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int
) -> None:
    layout = Layout(tmp_path / "registry")
    layout.root.mkdir()
    layout.root.chmod(0o2770)
    layout.tmp.mkdir()
    layout.tmp.chmod(bits)
    real = os.chmod

    def by_another(path: Path, mode: int, **more: bool) -> None:
        if path == layout.tmp and bits == 0o2770:
            raise PermissionError(errno.EPERM, "it is another user's", str(path))
        real(path, mode, **more)

    monkeypatch.setattr(os, "chmod", by_another)
    SyncStore.create(layout.root).close()
    assert stat.S_IMODE(layout.tmp.stat().st_mode) == 0o2770


def test_the_database_is_set_up_as_promised(closed: Layout) -> None:
    store = SyncStore(closed)
    try:
        with store.writing() as conn:
            said = {
                name: conn.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
            }
        assert said == {
            "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
        }  # fmt: skip
    finally:
        store.close()


def test_nothing_is_made_by_opening(tmp_path: Path) -> None:
    for read_only in (True, False):
        with pytest.raises(NotFoundError, match="no registry"):
            open_registry(tmp_path / "none", read_only=read_only)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda db: db.write_text("not a database, but long enough to look like one. " * 9),
         "not an SQLite database"),
        (lambda db: db.write_bytes(b""), "not an SQLite database"),
        (lambda db: db.write_bytes(db.read_bytes()[:60]), "not an SQLite database"),
        (lambda db: db.write_bytes(db.read_bytes()[:5000]), "damaged"),
        (lambda db: db.write_bytes(db.read_bytes()[:4096] + b"\xff" * 90_000), "damaged"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("read_only", [True, False])
def test_a_damaged_database_is_named_and_left_alone(
    closed: Layout, damage: Callable[[Path], object], words: str, *, read_only: bool
) -> None:
    damage(closed.db)
    before = snapshot(closed.root)
    with pytest.raises(RegistryError, match=words) as caught:
        open_registry(closed.root, read_only=read_only)
    assert str(closed.db) in str(caught.value)
    assert caught.value.hint
    assert snapshot(closed.root) == before


def test_a_newer_format_is_refused(closed: Layout) -> None:
    tamper(closed, "PRAGMA user_version = 9")
    before = snapshot(closed.root)
    with pytest.raises(RegistryError, match="format 9") as caught:
        open_registry(closed.root)
    assert str(closed.db) in str(caught.value)
    assert "pip install" in caught.value.hint
    assert snapshot(closed.root) == before


def test_a_newer_format_in_the_log_is_refused_too(closed: Layout) -> None:
    with contextlib.closing(sqlite3.connect(closed.db)) as other:
        other.execute("PRAGMA user_version = 9")
        with pytest.raises(RegistryError, match="format 9"):
            open_registry(closed.root)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "registry.db")) as conn:
        conn.execute("CREATE TABLE t(x)")
    before = snapshot(folder)
    for call in (open_registry, create):
        with pytest.raises(RegistryError, match="another program"):
            call(folder)
    assert snapshot(folder) == before


def test_a_folder_with_other_files_does_not_become_a_registry(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UsageError, match="is a file"):
        create(tmp_path / "thesis.tex")
    with pytest.raises(NotFoundError):
        open_registry(tmp_path / "thesis.tex")


async def test_a_registry_whose_making_was_cut_short_can_be_made(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "r")
    layout.blobs.mkdir(parents=True)
    layout.lock.touch()
    layout.unfinished.write_bytes(b"half a database")
    with pytest.raises(NotFoundError):
        open_registry(layout.root)
    await create(layout.root).aclose()
    assert not layout.unfinished.exists()


def test_two_processes_that_make_it_at_once_share_it(tmp_path: Path) -> None:
    code = "import sys; from artifact_tui.clients.local.local_store import LocalStore;"
    code += "s = LocalStore.create(sys.argv[1]); print(s.uid); s.close()"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    uids = {process.communicate()[0].strip() for process in running}
    assert {process.returncode for process in running} == {0}
    assert len(uids) == 1


async def test_addresses_open_what_they_name(
    closed: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Kind = KIND
    assert kind_of(f"local:{closed.root}") is kind
    assert not KIND.claims("mlflow+http://local:5000")
    monkeypatch.chdir(closed.root.parent)
    client = open_client("local:./registry", read_only=True)
    assert client.identity.address == f"local:{closed.root}"
    assert client.catalog_path == closed.db
    await client.aclose()


async def test_local_alone_is_the_users_own_registry() -> None:
    with pytest.raises(NotFoundError):
        open_client("local:", read_only=True)
    client = open_client("local:")
    assert client.catalog_path == config.embedded_registry() / "registry.db"
    await client.aclose()
    again = open_client("local:", read_only=True)
    assert again.identity == client.identity
    await again.aclose()


async def test_a_client_that_was_closed_says_so(closed: Layout) -> None:
    client = open_registry(closed.root)
    await client.aclose()
    await client.aclose()
    with pytest.raises(RegistryError, match="closed"):
        await anext(client.listing())
    with pytest.raises(RegistryError, match="closed"):
        client.store.reading().__enter__()


def test_a_folder_that_cannot_be_written_is_opened_for_reading(
    closed: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, how: how != os.W_OK)
    store = SyncStore(closed)
    try:
        assert (bool(store.unwritable), store.read_only) == (True, True)
        assert len(store.listing().collections) == 1
        with pytest.raises(ReadOnlyError, match="not writable"):
            put(store)
    finally:
        store.close()


def test_a_busy_database_is_said_to_be_busy(
    closed: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 1)
    store = SyncStore(closed)
    try:
        with contextlib.closing(sqlite3.connect(closed.db)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(BusyError, match="Another process"):
                store.purge(["x"])
            other.rollback()
        assert store.purge(["x"])
    finally:
        store.close()


def test_the_creation_time_is_kept(closed: Layout) -> None:
    with contextlib.closing(sqlite3.connect(closed.db)) as conn:
        rows = dict(conn.execute("SELECT name, value FROM meta"))
    assert rows["created_us"] == str(NOW)
    assert rows["kind"] == "local"
    assert os.sep not in rows["uid"]
