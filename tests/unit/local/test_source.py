"""What cannot be added: each refusal names the file, and nothing is added."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import SourceError
from tests.unit.local.support import add, blobs, leftovers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.sync_store import SyncStore


@pytest.fixture(autouse=True)
def nothing_is_added(store: SyncStore, request: pytest.FixtureRequest) -> Iterator[None]:
    """After a refusal there is no version, no blob and no leftover."""
    yield
    if "refused" in request.node.name:
        assert store.listing().collections == ()
        assert blobs(store.layout) == {}
    assert leftovers(store.layout) == []


def refused(store: SyncStore, path: Path, *words: str) -> None:
    with pytest.raises(SourceError) as caught:
        add(store, path)
    for word in (*words, "Nothing was added"):
        assert word in str(caught.value)
    assert caught.value.hint
    str(caught.value).encode("utf-8")


def test_refused_a_path_that_is_not_there(store: SyncStore, tmp_path: Path) -> None:
    refused(store, tmp_path / "none", "none", "not there")


def test_refused_a_folder_without_files(store: SyncStore, tmp_path: Path) -> None:
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    refused(store, tmp_path / "empty", "no file")


def test_refused_a_named_pipe(store: SyncStore, src: Path) -> None:
    os.mkfifo(src / "pipe")
    refused(store, src, "pipe", "a named pipe")
    refused(store, src / "pipe", "a named pipe")


def test_refused_a_socket(store: SyncStore, src: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(src)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        refused(store, src, "sock", "a socket")


def test_refused_a_device(store: SyncStore) -> None:
    refused(store, type(store.layout.root)("/dev/null"), "/dev/null", "a device")


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside", "deep", ".", "nowhere", "loop"])
def test_refused_a_link_that_leads_out_or_nowhere(store: SyncStore, src: Path, target: str) -> None:
    (src.parent / "outside").write_text("secret")
    (src / "loop").symlink_to(target)
    refused(store, src, "loop", "is a link")


def test_a_link_to_a_file_inside_is_stored_as_a_copy(
    store: SyncStore, src: Path, tmp_path: Path
) -> None:
    (src / "deep" / "same").symlink_to("../model.bin")
    version = add(store, src)
    store.export(version.key, tmp_path / "out")
    assert not (tmp_path / "out" / "deep" / "same").is_symlink()
    assert (tmp_path / "out" / "deep" / "same").read_bytes() == b"weights" * 1000
    assert len(blobs(store.layout)) == 2


def test_the_named_path_may_be_a_link(store: SyncStore, src: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to(src)
    (tmp_path / "named.bin").symlink_to(src / "model.bin")
    assert add(store, tmp_path / "folder").file_count == 2
    one = add(store, tmp_path / "named.bin")
    assert [file.path for file in store.files(one.key)] == ["named.bin"]


def test_refused_a_name_that_is_not_utf8(store: SyncStore, src: Path) -> None:
    with open(os.fsencode(src) + b"/bad\xff.bin", "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"x")
    refused(store, src, "bad\\xff.bin", "UTF-8")


def test_refused_the_registry_itself_and_what_holds_it(store: SyncStore, tmp_path: Path) -> None:
    refused(store, store.layout.root, "inside each other")
    refused(store, store.layout.blobs, "inside each other")
    refused(store, tmp_path, "inside each other")


def test_hard_links_are_ordinary_files(store: SyncStore, src: Path) -> None:
    (src / "twin").hardlink_to(src / "model.bin")
    assert add(store, src).file_count == 3
    assert len(blobs(store.layout)) == 2


def while_reading(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something when the first source file has been opened and looked at."""
    original = os.fstat
    done: list[bool] = []

    def fstat(fd: int) -> os.stat_result:
        info = original(fd)
        if not done and "/src/" in str(Path(f"/proc/self/fd/{fd}").readlink()):
            done.append(True)
            act()
        return info

    monkeypatch.setattr(os, "fstat", fstat)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten"])
def test_refused_a_file_that_changes_while_it_is_read(
    store: SyncStore, src: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    target = src / "deep" / "er" / "config.json"

    def act() -> None:
        if change == "is rewritten":
            target.write_text("[]")
            os.utime(target, ns=(1, 1))
        else:
            target.write_text("{}{}" if change == "grows" else "")

    while_reading(monkeypatch, act)
    refused(store, src, "config.json", "changed while")


def test_refused_a_file_that_vanishes(
    store: SyncStore, src: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_reading(monkeypatch, (src / "model.bin").unlink)
    refused(store, src, "model.bin", "not there")


def test_refused_a_file_that_becomes_a_pipe_or_a_link(
    store: SyncStore, src: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = src / "model.bin"

    def pipe() -> None:
        target.unlink()
        os.mkfifo(target)

    while_reading(monkeypatch, pipe)
    refused(store, src, "model.bin")
    target.unlink()
    target.write_bytes(b"again")

    def link() -> None:
        target.unlink()
        target.symlink_to("/etc/hostname")

    while_reading(monkeypatch, link)
    refused(store, src, "model.bin")
