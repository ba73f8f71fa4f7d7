"""Garbage collection: bytes that nothing needs are removed, and no version is changed.

Bytes go in an order that a crash cannot hurt: blob rows are *condemned* and that is committed,
then files are unlinked, then the rows go. A condemned row never comes back to life; the next
collection finishes the work.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from artifact_tui.clients.local import facts, locks
from artifact_tui.clients.local.layout import is_digest
from artifact_tui.errors import ArtifactTuiError, NoRoomError
from artifact_tui.model import Garbage
from artifact_tui.schema import as_number

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from artifact_tui.clients.local.layout import Layout
    from artifact_tui.clients.local.pool import Pool

_UNNEEDED = "refs = 0 AND state <> 1 AND coalesce(unref_us, 0) {} ?"
_FOREVER = 2**63 - 1


def _before(now_us: int, grace_us: int) -> int:
    """What became unneeded until this time goes; without grace all, whatever the clock says."""
    return now_us - grace_us if grace_us else _FOREVER


def _staying(conn: sqlite3.Connection, now_us: int) -> tuple[int, int]:
    """How many versions the filter `ttl:expired` finds, and how many are in the trash."""
    expired, trash = conn.execute(
        "SELECT (SELECT count(*) FROM version WHERE ttl_us IS NOT NULL AND state <> 'trash'"
        f" AND {as_number('created_us')} + {as_number('ttl_us')} <= ?),"
        " (SELECT count(*) FROM version WHERE state = 'trash')",
        (now_us,),
    ).fetchone()
    return int(expired), int(trash)


def _sum(conn: sqlite3.Connection, where: str, *values: int) -> tuple[int, int]:
    count, size = conn.execute(
        f"SELECT count(*), coalesce(sum({as_number('size')}), 0) FROM blob WHERE {where}", values
    ).fetchone()
    return int(count), int(size)


def look(pool: Pool, layout: Layout, *, now_us: int, grace_us: int) -> Garbage:
    """What a collection would do now; reads only.

    Args:
        pool: connections.
        layout: where the registry lies.
        now_us: the time now.
        grace_us: blobs that became unneeded within this time stay.
    """
    before = _before(now_us, grace_us)
    with pool.reading() as conn:
        blobs, size = _sum(conn, f"({_UNNEEDED.format('<=')}) OR state = 1", before)
        _, waiting = _sum(conn, _UNNEEDED.format(">"), before)
        expired, trash = _staying(conn, now_us)
    left: list[tuple[str, int]] = []
    with contextlib.suppress(ArtifactTuiError), locks.alone(layout, wait=0):
        left = left_in_tmp(layout)  # while somebody adds, it is theirs
    freed = size + sum(size for _, size in left)
    return Garbage(expired, blobs, len(left), freed, waiting, trash)


def _unlink(layout: Layout, digest: str) -> int | None:
    """Remove one blob's file; gives its size, or None when it was not there."""
    if not is_digest(digest):
        return None  # it names no file: fsck tells of such rows
    path = layout.blob(digest)
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return None
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
        with contextlib.suppress(NoRoomError):  # they stay condemned; the bytes are free already
            _forget(pool, [number for number, _ in rows])
    gone = [size for size in sizes if size is not None]
    return len(gone), sum(gone)


def _forget(pool: Pool, numbers: Sequence[int]) -> None:
    pool.write(
        lambda conn: conn.execute(
            "DELETE FROM blob WHERE state = 1 AND refs = 0"
            " AND id IN (SELECT value FROM json_each(?))",
            (facts.dump(numbers),),
        )
    )


def _condemn(pool: Pool, layout: Layout, before: int) -> tuple[int, int]:
    """Condemn the blobs that nothing needs; the files and bytes that had to go before that.

    Where there is not even room to condemn them they are unlinked at once. That is safe while
    `gc.lock` is held alone: whoever adds the same bytes looks for the file first.
    """
    condemned = f"UPDATE blob SET state = 1 WHERE {_UNNEEDED.format('<=')}"
    try:
        pool.write(lambda conn: conn.execute(condemned, (before,)))
    except NoRoomError:
        with pool.reading() as conn:
            sql = f"SELECT digest FROM blob WHERE {_UNNEEDED.format('<=')} OR state = 1"
            rows = conn.execute(sql, (before,)).fetchall()
        sizes = [_unlink(layout, digest) for (digest,) in rows]
        with contextlib.suppress(NoRoomError):  # somebody took the room: the bytes are free
            pool.write(lambda conn: conn.execute(condemned, (before,)))
        gone = [size for size in sizes if size is not None]
        return len(gone), sum(gone)
    return 0, 0


def take_out(pool: Pool, layout: Layout) -> bool:
    """Make room without any: leftovers of adds and condemned bytes; whether something went."""
    with contextlib.suppress(ArtifactTuiError, OSError), locks.alone(layout, wait=0):
        return bool(clear_tmp(layout)) or finish_locked(pool, layout)[0] > 0
    return False


def sweep(pool: Pool, layout: Layout, *, now_us: int, grace_us: int) -> Garbage:
    """Remove the bytes that no version needs, and what killed adds left, while nobody adds.

    Raises:
        BusyError: somebody was adding for too long; nothing was removed.
    """
    before = _before(now_us, grace_us)
    with locks.alone(layout):
        left = clear_tmp(layout)  # first: it needs no room
        early = _condemn(pool, layout, before)
        blobs, freed = (sum(pair) for pair in zip(early, finish_locked(pool, layout), strict=True))
        with pool.reading() as conn:
            _, waiting = _sum(conn, _UNNEEDED.format(">"), before)
            expired, trash = _staying(conn, now_us)
    freed += sum(size for _, size in left)
    return Garbage(expired, blobs, len(left), freed, waiting, trash)


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
