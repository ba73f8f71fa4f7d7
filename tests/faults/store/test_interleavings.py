"""Two at once, with the worst moment forced instead of hoped for."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.local import adding, local_folder, local_reading, local_trash
from artifact_tui.errors import BusyError, RegistryError
from artifact_tui.model import Deletion
from tests.faults.store.invariants import check
from tests.support.sync_store import SyncStore
from tests.unit.local.support import blobs, opened, put, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from artifact_tui.clients.local.local_folder import Layout

WAIT = 30
BYTES = b"shared by two" * 50


class Gate:
    """Stops the first thread that comes through, until it is told to go on."""

    def __init__(self, call: Callable[..., Any], *, after: bool = False) -> None:
        self._call = call
        self._after = after
        self._first = True
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, *args: Any, **more: Any) -> Any:
        result = self._call(*args, **more) if self._after else None
        if self._first:
            self._first = False
            self.reached.set()
            assert self.open.wait(WAIT)
        return result if self._after else self._call(*args, **more)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[SyncStore, SyncStore]]:
    """Two stores on one registry; its invariants are checked in the end."""
    with opened(tmp_path / "registry") as one:
        other = SyncStore(one.layout, clock=one.clock)
        try:
            yield one, other
        finally:
            other.close()
    check(one.layout)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def unneeded(store: SyncStore) -> None:
    """Leave a blob that nothing needs."""
    key = put(store, "old", {"f": BYTES})
    store.delete([Deletion(key, delete_aliases=True)])
    store.purge([key])


def waits_for_lock(layout: Layout, waiting: Future[Any]) -> None:
    """Whoever waits cannot be seen from outside: it must still be waiting while we hold on."""
    with contextlib.suppress(TimeoutError):
        waiting.result(timeout=0.2)
    assert not waiting.done()
    assert layout.lock.exists()


def test_a_sweep_waits_for_an_add_that_has_seen_the_blob(
    two: tuple[SyncStore, SyncStore], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, sweeper = two
    unneeded(writer)
    gate = Gate(adding.is_stored, after=True)
    monkeypatch.setattr(adding, "is_stored", gate)
    putting = threads.submit(put, writer, "new", {"f": BYTES})
    assert gate.reached.wait(WAIT)
    sweeping = threads.submit(sweeper.collect_garbage)
    waits_for_lock(writer.layout, sweeping)
    gate.open.set()
    assert putting.result(WAIT)
    assert sweeping.result(WAIT).freed == 0
    assert len(blobs(writer.layout)) == 1


def test_a_sweep_waits_between_bytes_and_rows(
    two: tuple[SyncStore, SyncStore], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, sweeper = two
    gate = Gate(adding.insert_versions)
    monkeypatch.setattr(adding, "insert_versions", gate)
    putting = threads.submit(put, writer, "new", {"f": BYTES})
    assert gate.reached.wait(WAIT)
    checking = threads.submit(sweeper.fsck, repair=True)
    waits_for_lock(writer.layout, checking)
    gate.open.set()
    assert putting.result(WAIT)
    assert checking.result(WAIT).problems == ()


def test_an_add_waits_for_a_sweep_between_condemned_and_unlinked(
    two: tuple[SyncStore, SyncStore], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, sweeper = two
    unneeded(writer)
    gate = Gate(local_trash._unlink_blobs)
    monkeypatch.setattr(local_trash, "_unlink_blobs", gate)
    sweeping = threads.submit(sweeper.collect_garbage)
    assert gate.reached.wait(WAIT)
    assert rows(writer.layout, "SELECT state FROM blob") == [(1,)]
    putting = threads.submit(put, writer, "new", {"f": BYTES})
    waits_for_lock(writer.layout, putting)
    gate.open.set()
    assert sweeping.result(WAIT).freed == len(BYTES)
    assert putting.result(WAIT)
    assert len(blobs(writer.layout)) == 1


def test_without_the_lock_an_add_still_notices_that_its_blob_is_gone(
    two: tuple[SyncStore, SyncStore], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, sweeper = two
    unneeded(writer)
    for module in (adding, local_folder):
        monkeypatch.setattr(module, "gc_lock", lambda *_a, **_k: contextlib.nullcontext())
    gate = Gate(adding.is_stored, after=True)
    monkeypatch.setattr(adding, "is_stored", gate)
    putting = threads.submit(put, writer, "new", {"f": BYTES})
    assert gate.reached.wait(WAIT)
    assert sweeper.collect_garbage().freed == len(BYTES)
    gate.open.set()
    assert putting.result(WAIT)
    assert len(blobs(writer.layout)) == 1


def test_a_sweep_waits_for_an_export(
    two: tuple[SyncStore, SyncStore],
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    reader, sweeper = two
    key = put(reader, "m", {"f": BYTES})
    gate = Gate(local_reading._copy_blob)
    monkeypatch.setattr(local_reading, "_copy_blob", gate)
    exporting = threads.submit(reader.export, key, tmp_path / "out")
    assert gate.reached.wait(WAIT)
    sweeper.delete([Deletion(key, delete_aliases=True)])
    sweeper.purge([key])
    sweeping = threads.submit(sweeper.collect_garbage)
    waits_for_lock(reader.layout, sweeping)
    gate.open.set()
    exporting.result(WAIT)
    assert (tmp_path / "out" / "f").read_bytes() == BYTES
    assert sweeping.result(WAIT).freed == len(BYTES)


@pytest.mark.parametrize("step", ["mkdir", "chmod", "rename"])
def test_two_make_the_folder_of_a_blob(
    two: tuple[SyncStore, SyncStore],
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    one, other = two
    gate = Gate(getattr(os, step), after=step == "mkdir")
    monkeypatch.setattr(os, step, gate)
    slow = threads.submit(put, one, "slow", {"f": BYTES})
    assert gate.reached.wait(WAIT)
    assert list(one.layout.blobs.iterdir()) == []  # others see it when they can use it
    put(other, "fast", {"f": BYTES})
    gate.open.set()
    assert slow.result(WAIT)
    assert len(blobs(one.layout)) == 1


def test_a_reader_sees_one_moment_while_others_write(two: tuple[SyncStore, SyncStore]) -> None:
    reader, writer = two
    key = put(writer, "m")
    with reader.reading() as conn:
        before = conn.execute("SELECT count(*) FROM version").fetchone()
        writer.delete([Deletion(key, delete_aliases=True)])
        writer.purge([key])
        put(writer, "n")
        assert conn.execute("SELECT count(*) FROM version").fetchone() == before
        assert conn.execute("SELECT key FROM version").fetchall() == [(key,)]


def test_a_version_goes_once_when_two_delete_it(
    two: tuple[SyncStore, SyncStore], threads: ThreadPoolExecutor
) -> None:
    keys = [put(two[0], "m") for _ in range(20)]
    deletions = [Deletion(key, delete_aliases=True) for key in keys]
    calls = [threads.submit(store.delete, deletions) for store in two]
    results = zip(*(call.result(WAIT) for call in calls), strict=True)
    assert all(sorted(o.result.value for o in some) == ["absent", "done"] for some in results)


def test_an_alias_moved_between_look_and_delete_saves_its_version(
    two: tuple[SyncStore, SyncStore],
) -> None:
    deleter, other = two
    key = put(deleter, "m")
    seen = deleter.facts([key])[key]
    other.alias(key, "production", protected=False)
    (outcome,) = deleter.delete([Deletion(key, seen.token, delete_aliases=True)])
    assert outcome.result == "changed"
    assert other.version(key).state == "live"


def test_a_file_system_without_locks_is_refused(
    two: tuple[SyncStore, SyncStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_fd: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RegistryError, match=r"gc\.lock cannot be locked") as caught:
        put(two[0])
    assert not isinstance(caught.value, BusyError)
    monkeypatch.undo()
    assert blobs(two[0].layout) == {}
