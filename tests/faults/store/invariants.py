"""What must hold of a registry whatever happened to those who worked on it."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from typing import TYPE_CHECKING

from artifact_tui.clients.local.fsck import Damage
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    from artifact_tui.clients.local.local_folder import Layout

HARMLESS = {Damage.ORPHAN, Damage.LEFTOVER, Damage.UNFINISHED}
"""What a crash may leave: bytes that nothing names, never rows without bytes."""

State = dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
"""By version key: its state, its aliases, and its files with their digests."""


def state_of(layout: Layout) -> State:
    """What the registry says it holds."""
    with contextlib.closing(sqlite3.connect(layout.db)) as conn:
        found: State = {}
        for number, key, state in conn.execute("SELECT id, key, state FROM version").fetchall():
            aliases = conn.execute(
                "SELECT name || ' ' || protected FROM alias WHERE version_id = ? ORDER BY name",
                (number,),
            )
            files = conn.execute(
                "SELECT f.path || ' ' || b.digest FROM file f JOIN blob b ON b.id = f.blob_id"
                " WHERE f.version_id = ? ORDER BY f.path",
                (number,),
            )
            found[key] = (state, tuple(row[0] for row in aliases), tuple(row[0] for row in files))
        return found


def check(layout: Layout) -> None:
    """Nothing is harmed; what is left over can be mended; then nothing is left at all."""
    store = SyncStore(layout)
    try:
        before = state_of(layout)
        found = store.fsck(verify=True).problems
        assert {one.kind for one in found} <= HARMLESS, found
        assert store.fsck(repair=True, verify=True).ok
        assert store.fsck(verify=True).problems == ()
        assert state_of(layout) == before
        store.collect_garbage()
        with store.reading() as conn:
            rows = dict(conn.execute("SELECT substr(digest, 8), size FROM blob").fetchall())
            orphans = conn.execute("SELECT count(*) FROM blob WHERE refs = 0").fetchone()[0]
        stored = {p.name: p.stat().st_size for p in layout.blobs.rglob("*") if p.is_file()}
        assert stored == rows, "exactly the blobs that rows name are on disk"
        assert orphans == 0
        assert list(layout.tmp.iterdir()) == []
        bits = stat.S_IMODE(layout.root.stat().st_mode)
        for folder in (layout.tmp, layout.blobs, *layout.blobs.iterdir()):
            assert stat.S_IMODE(folder.stat().st_mode) == bits, f"others cannot use {folder}"
    finally:
        store.close()
