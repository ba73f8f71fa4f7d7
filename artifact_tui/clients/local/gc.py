"""Garbage collection: expired versions go to the trash, bytes that nothing needs are removed.

Bytes go in an order that a crash cannot hurt: blob rows are *condemned* and that is committed,
then files are unlinked, then the rows go. A condemned row never comes back to life; the next
collection finishes the work.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.local import facts, locks, trash
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import Garbage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from artifact_tui.clients.local.layout import Layout
    from artifact_tui.clients.local.pool import Pool

ACTOR = "ttl"
"""`deleted_by` of versions whose time to live had passed."""

_UNNEEDED = "refs = 0 AND state <> 1 AND coalesce(unref_us, 0) {} ?"
_FOREVER = 2**63 - 1


def _before(now_us: int, grace_us: int) -> int:
    """What became unneeded until this time goes; without grace all, whatever the clock says."""
    return now_us - grace_us if grace_us else _FOREVER


@dataclass(frozen=True, slots=True)
class Expired:
    """Versions whose time to live has passed."""

    going: tuple[str, ...]
    """Keys of those that go to the trash, dependents before parents."""
    kept: int
    """How many stay: they have a protected alias, or something live was made from them."""


def _below(conn: sqlite3.Connection, key_of: dict[int, str]) -> dict[str, set[str]]:
    return {key_of[number]: set(keys) for number, keys in facts.dependents(conn, key_of).items()}


def expired(conn: sqlite3.Connection, now_us: int) -> Expired:
    """Which expired versions may go; a live dependent that does not go itself keeps one."""
    rows = conn.execute(
        "SELECT v.id, v.key, EXISTS(SELECT 1 FROM alias a"
        " WHERE a.version_id = v.id AND a.protected) FROM version v"
        " WHERE v.ttl_us IS NOT NULL AND v.expires_us <= ? AND v.state = 'live' ORDER BY v.id",
        (now_us,),
    ).fetchall()
    open_to_go = {number: key for number, key, shielded in rows if not shielded}
    below = _below(conn, open_to_go)
    waiting = list(open_to_go.values())
    going: list[str] = []
    gone: set[str] = set()
    while True:
        free = [key for key in waiting if below.get(key, set()) <= gone]
        if not free:
            return Expired(tuple(going), len(rows) - len(going))
        going += free
        gone.update(free)
        waiting = [key for key in waiting if key not in gone]


def expire(conn: sqlite3.Connection, now_us: int) -> Expired:
    """Move what has expired into the trash, in the caller's writing transaction."""
    found = expired(conn, now_us)
    numbers = facts.ids(conn, found.going)
    known = facts.read(conn, found.going)
    by = trash.By(ACTOR, now_us)
    for key in found.going:
        trash.move(conn, numbers[key][0], known[key], by)
    return found


def _sum(conn: sqlite3.Connection, where: str, *values: int) -> tuple[int, int]:
    count, size = conn.execute(
        f"SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE {where}", values
    ).fetchone()
    return int(count), int(size)


def look(conn: sqlite3.Connection, *, now_us: int, grace_us: int) -> Garbage:
    """What a collection would do now; reads only.

    Args:
        conn: inside a reading transaction.
        now_us: the time now.
        grace_us: blobs that became unneeded within this time stay.
    """
    found = expired(conn, now_us)
    before = _before(now_us, grace_us)
    blobs, size = _sum(conn, f"({_UNNEEDED.format('<=')}) OR state = 1", before)
    _, waiting = _sum(conn, _UNNEEDED.format(">"), before)
    return Garbage(len(found.going), blobs, size, waiting, found.kept)


def _unlink(layout: Layout, digest: str) -> int:
    """Remove one blob's file; gives its size, or 0 when it was not there."""
    path = layout.blob(digest)
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def left_in_tmp(layout: Layout) -> list[tuple[str, int]]:
    """Names and sizes of the files in `tmp/`."""
    return [
        (path.name, path.lstat().st_size)
        for path in sorted(layout.tmp.iterdir())
        if path.is_symlink() or not path.is_dir()
    ]


def clear_tmp(layout: Layout) -> list[tuple[str, int]]:
    """Remove what adds that were killed have left; the caller holds `gc.lock` alone."""
    gone = []
    for name, size in left_in_tmp(layout):
        (layout.tmp / name).unlink()
        gone.append((name, size))
    return gone


def finish_locked(pool: Pool, layout: Layout) -> tuple[int, int]:
    """Unlink what is condemned and forget it; gives how many files and bytes went.

    The caller holds `gc.lock` alone.
    """
    with pool.reading() as conn:
        rows = conn.execute("SELECT id, digest FROM blob WHERE state = 1").fetchall()
    sizes = [_unlink(layout, digest) for _, digest in rows]
    if rows:
        _forget(pool, [number for number, _ in rows])
    return sum(1 for size in sizes if size), sum(sizes)


def _forget(pool: Pool, numbers: Sequence[int]) -> None:
    with pool.writing() as conn:
        conn.execute(
            "DELETE FROM blob WHERE state = 1 AND refs = 0"
            " AND id IN (SELECT value FROM json_each(?))",
            (facts.dump(numbers),),
        )


def sweep(pool: Pool, layout: Layout, *, now_us: int, grace_us: int) -> Garbage:
    """Remove the bytes that no version needs, and what killed adds left, while nobody adds.

    Raises:
        BusyError: somebody was adding for too long; nothing was removed.
    """
    before = _before(now_us, grace_us)
    with locks.alone(layout):
        with pool.writing() as conn:
            conn.execute(f"UPDATE blob SET state = 1 WHERE {_UNNEEDED.format('<=')}", (before,))
        blobs, freed = finish_locked(pool, layout)
        clear_tmp(layout)
        with pool.reading() as conn:
            _, waiting = _sum(conn, _UNNEEDED.format(">"), before)
    return Garbage(0, blobs, freed, waiting)


def finish(pool: Pool, layout: Layout) -> None:
    """End a sweep that was cut short, so that its blobs can be put again."""
    with locks.alone(layout):
        finish_locked(pool, layout)


def take_back(pool: Pool, layout: Layout, digests: Collection[str]) -> None:
    """Remove blobs that a failed add has put and that no row names.

    Only tried: when somebody else is adding, the blobs stay as orphans for `fsck` to find, as the
    other may be relying on them.
    """
    if not digests:
        return
    with contextlib.suppress(ArtifactTuiError, OSError), locks.alone(layout, wait=0):
        for digest in digests:
            with pool.reading() as conn:
                row = conn.execute("SELECT 1 FROM blob WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                layout.blob(digest).unlink(missing_ok=True)
