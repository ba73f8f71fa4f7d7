"""kill -9 at every step of a story: `python -m tests.faults.store.points DIR [EVERY]`.

The story touches every way in which the store writes. A child runs it and dies at its n-th step
(a system call on a file, or an SQL statement that begins or ends a transaction); the parent then
checks that what was acknowledged is there, that nothing is half done, and that the story can go on.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local import local_database
from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.model import Deletion, LocalFile, NewVersion
from tests.faults.store.invariants import State, check, state_of
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

CALLS = (
    "open", "write", "fsync", "fchmod", "rename", "unlink", "link", "replace", "mkdir", "chmod",
)  # fmt: skip
SQL = ("BEGIN IMMEDIATE", "COMMIT")


def _add(store: SyncStore, key: str, files: dict[str, bytes], **more: Any) -> None:
    store.add_many([(NewVersion(name=f"c{key[0]}", type="model", key=key, **more), files)])


def _add_folder(store: SyncStore, key: str) -> None:
    store.add(store.layout.root.parent / "src", NewVersion(name="folder", type="code", key=key))


def _keep(store: SyncStore, key: str) -> None:
    found = {path.name: path for path in (store.layout.root.parent / "steady").iterdir()}
    files = {name: LocalFile(path, steady=name != "notes") for name, path in found.items()}
    store.keep(files, NewVersion(name="kept", type="model", key=key))


def _gone(store: SyncStore, key: str) -> None:
    assert store.delete([Deletion(key, delete_aliases=True, orphan_dependents=True)])


STORY: tuple[Callable[[SyncStore], object], ...] = (
    lambda store: _add(store, "a1", {"one": b"1" * 5000, "two": b"2" * 500}),
    lambda store: _add_folder(store, "f1"),
    lambda store: _add(store, "a2", {"two": b"2" * 500, "three": b"3"}, parents=("a1",)),
    lambda store: store.alias("a1", "production", protected=True),
    lambda store: store.protect("a1", "production", protected=False),
    lambda store: _gone(store, "a1"),
    lambda store: store.restore(["a1"]),
    lambda store: _gone(store, "a1"),
    lambda store: store.purge(["a1"]),
    lambda store: store.collect_garbage(),
    lambda store: _add(store, "b1", {"one": b"1" * 5000}),
    lambda store: _add_folder(store, "f2"),
    lambda store: _keep(store, "k1"),
    lambda store: _gone(store, "k1"),
    lambda store: store.purge(["k1"]),
    lambda store: _gone(store, "f1"),
    lambda store: _gone(store, "b1"),
    lambda store: store.purge(["f1", "b1"]),
    lambda store: store.fsck(repair=True),
    lambda store: store.collect_garbage(),
)


class Fuse:
    """Kills this process at the n-th step."""

    def __init__(self, at: int) -> None:
        self.steps = 0
        self._at = at

    def step(self) -> None:
        """One step more."""
        self.steps += 1
        if self.steps == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self) -> None:
        """Count every call on a file and every transaction from now on."""
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        opening = local_database.open_for_writing

        def traced(layout: Layout) -> sqlite3.Connection:
            conn = opening(layout)
            conn.set_trace_callback(self._statement)
            return conn

        local_database.open_for_writing = traced

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            self.step()
            return call(*args, **more)

        return counted

    def _statement(self, sql: str) -> None:
        if sql.startswith(SQL):
            self.step()


def _run(layout: Layout, fuse: Fuse, acknowledge: Callable[[], object]) -> None:
    """Run the story; say so after each part that was done."""
    fuse.arm()
    store = SyncStore(layout)
    for part in STORY:
        part(store)
        acknowledge()
    store.close()


def _expected(layout: Layout) -> list[State]:
    """What the registry holds before the story and after each part of it."""
    store = SyncStore(layout)
    states = [state_of(layout)]
    for part in STORY:
        part(store)
        states.append(state_of(layout))
    store.close()
    return states


def _killed_at(layout: Layout, at: int) -> tuple[int, bool]:
    """Run the story in a child that dies at one step.

    Gives how many parts were acknowledged, and whether the story ended before that step.
    """
    reading, writing = os.pipe()
    write = os.write
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _run(layout, Fuse(at), lambda: write(writing, b"."))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        acknowledged = len(told.read())
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    if ended not in (0, -signal.SIGKILL):
        raise AssertionError(f"the story failed with {ended} at step {at}")
    return acknowledged, ended == 0


def _go_on(layout: Layout) -> None:
    store = SyncStore(layout)
    _add(store, "z1", {"one": b"1" * 5000, "new": b"z"})
    _gone(store, "z1")
    store.purge(["z1"])
    store.collect_garbage()
    store.close()
    check(layout)


def prepare(folder: Path) -> Layout:
    """An empty registry that a group shares, a folder to add, and files to keep."""
    (folder / "steady").mkdir(parents=True)
    (folder / "steady" / "weights").write_bytes(b"w" * 9000)
    (folder / "steady" / "again").write_bytes(b"w" * 9000)
    (folder / "steady" / "notes").write_bytes(b"n" * 100)
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "src" / "deep" / "x").write_bytes(b"x" * 9000)
    (folder / "src" / "y").write_bytes(b"1" * 5000)
    folder.chmod(0o2775)
    SyncStore.create(folder / "registry").close()
    return Layout(folder / "registry")


def every_point(folder: Path, *, every: int = 1) -> int:
    """Kill at every step (or every n-th); gives how many kills there were."""
    empty = prepare(folder / "empty")
    shutil.copytree(folder / "empty", folder / "whole")
    states = _expected(Layout(folder / "whole" / "registry"))
    for kills, at in enumerate(range(1, 100_000, every)):
        root = folder / "round"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(empty.root.parent, root)
        layout = Layout(root / "registry")
        acknowledged, ended = _killed_at(layout, at)
        now = state_of(layout)
        allowed = states[acknowledged : acknowledged + 2]
        assert now in allowed, f"step {at}: after {acknowledged} parts the registry holds {now}"
        check(layout)
        _go_on(layout)
        if ended:
            return kills
    raise AssertionError("the story never ended")


def main() -> None:
    """Say how many steps were survived."""
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    os.umask(0o077)
    kills = every_point(Path(sys.argv[1]), every=every)
    sys.stdout.write(f"{kills} kills, nothing lost\n")


if __name__ == "__main__":
    main()
