"""Short ways to make versions in a real store, and to see what is on its disk."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from artifact_tui.model import NewVersion
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.local.local_folder import Layout
    from artifact_tui.model import Version

NOW = 1_800_000_000_000_000
HOUR = 3_600_000_000


class Clock:
    """A time that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@contextlib.contextmanager
def opened(root: Path, clock: Callable[[], int] | None = None) -> Iterator[SyncStore]:
    """A store for writing, made when it is not there."""
    store = SyncStore.create(root, clock=clock or Clock())
    try:
        yield store
    finally:
        store.close()


def put(
    store: SyncStore,
    name: str = "m",
    files: Mapping[str, bytes] | None = None,
    *,
    parents: Sequence[str] = (),
    aliases: Sequence[str] = (),
    protected: Sequence[str] = (),
    ttl_us: int | None = None,
) -> str:
    """A new version from memory; gives its key. It carries `latest` too."""
    new = NewVersion(
        name=name,
        type="model",
        parents=tuple(parents),
        aliases=tuple(aliases),
        protected=tuple(protected),
        ttl_us=ttl_us,
    )
    return store.add_many([(new, files or {"f": name.encode()})])[0]


def add(store: SyncStore, path: Path, name: str = "m", kind: str = "model") -> Version:
    """A new version from a file or folder."""
    return store.add(path, NewVersion(name=name, type=kind))


def blobs(layout: Layout) -> dict[str, int]:
    """Sizes of what is below `blobs/`, by file name."""
    return {path.name: path.stat().st_size for path in layout.blobs.rglob("*") if path.is_file()}


def leftovers(layout: Layout) -> list[str]:
    """What lies in `tmp/`."""
    return sorted(path.name for path in layout.tmp.iterdir())


def rows(layout: Layout, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Read the database behind the store's back."""
    with contextlib.closing(sqlite3.connect(layout.db)) as conn:
        return conn.execute(sql, values).fetchall()


def tamper(layout: Layout, sql: str, *values: object) -> None:
    """Write to the database behind the store's back."""
    with contextlib.closing(sqlite3.connect(layout.db)) as conn, conn:
        conn.execute(sql, values)


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes, but for what SQLite keeps while it is open."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }
