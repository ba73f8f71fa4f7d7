"""Soft delete, restore and purge, and the garbage collection that frees bytes.

Deleting, restoring and purging work inside the caller's writing transaction, give one outcome an
item, and remove no bytes.

Garbage collection removes the bytes that nothing needs, in an order that a crash cannot hurt: blob
rows are *condemned* and that is committed, then files are unlinked, then the rows go. A condemned
row never comes back to life; the next collection finishes the work.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.local import local_edits, local_folder, local_reading
from artifact_tui.clients.local.local_folder import is_digest
from artifact_tui.database import as_number
from artifact_tui.errors import ArtifactTuiError, NoRoomError
from artifact_tui.model import Alias, Garbage, Outcome, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from artifact_tui.clients.local.local_database import Pool
    from artifact_tui.clients.local.local_folder import Layout
    from artifact_tui.model import Deletion, Facts


PURGE_CHUNK = 500
"""Versions purged by one transaction, so that others wait at most some tenths of a second."""


@dataclass(frozen=True, slots=True)
class DeletedBy:
    """Who deletes, and when."""

    actor: str
    now_us: int


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"“{text}”" for text in texts)


def _why_not(
    conn: sqlite3.Connection, deletion: Deletion, now: Facts, version_id: int
) -> Outcome | None:
    """The outcome of an item that stays as it is; None when it may go."""
    shield = [alias.name for alias in now.aliases if alias.protected]
    if shield:
        return Outcome(deletion.key, Result.REFUSED, f"protected alias {_quoted(shield)}")
    if deletion.token and deletion.token != now.token:
        return Outcome(deletion.key, Result.CHANGED, "it changed since it was reviewed")
    if now.aliases and not deletion.delete_aliases:
        some = [alias.name for alias in now.aliases]
        return Outcome(deletion.key, Result.REFUSED, f"it has the alias {_quoted(some)}")
    if now.dependents and not deletion.orphan_dependents:
        below = local_reading.first_live_dependent(conn, version_id)
        if below is not None:
            return Outcome(deletion.key, Result.REFUSED, f"{below[0]} {below[1]} was made from it")
    return None


def move_to_trash(
    conn: sqlite3.Connection, going: Sequence[tuple[int, Facts]], by: DeletedBy
) -> None:
    """Put live versions, by their rows, into the trash, with their aliases remembered."""
    conn.executemany(
        "INSERT INTO trash(version_id, aliases) VALUES(?, ?)",
        [
            (row, json.dumps([[a.name, a.protected] for a in now.aliases]) if now.aliases else "[]")
            for row, now in going
        ],
    )
    conn.executemany(
        "DELETE FROM alias WHERE version_id = ?", [(row,) for row, now in going if now.aliases]
    )
    conn.execute(
        "UPDATE version SET state = 'trash', deleted_us = ?, deleted_by = ?"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (by.now_us, by.actor, local_reading.json_array(row for row, _ in going)),
    )


def delete_versions(
    conn: sqlite3.Connection, deletions: Sequence[Deletion], by: DeletedBy
) -> list[Outcome]:
    """Move versions into the trash, one after the other in the given order.

    Tokens are compared with the facts as they are before the first item goes; dependents are
    looked at when the item's turn comes, so that a parent may follow its children in one call.
    """
    keys = [deletion.key for deletion in deletions]
    known = local_reading.read_facts(conn, keys)
    numbers = local_reading.version_ids(conn, keys)
    outcomes: list[Outcome] = []
    gone: set[str] = set()
    going: dict[int, list[tuple[int, Facts]]] = {}

    def carry_out() -> None:
        for moment, some in going.items():
            move_to_trash(conn, some, DeletedBy(by.actor, moment))
        going.clear()

    for deletion in deletions:
        now = known.get(deletion.key)
        if now is None or now.state == "trash" or deletion.key in gone:
            message = "it is not there" if now is None else "it is in the trash already"
            outcomes.append(Outcome(deletion.key, Result.ABSENT, message))
            continue
        version_id = numbers[deletion.key][0]
        if now.dependents:
            carry_out()
        refusal = _why_not(conn, deletion, now, version_id)
        if refusal is None:
            begun = by.now_us if deletion.begun_us is None else deletion.begun_us
            going.setdefault(min(by.now_us, begun), []).append((version_id, now))
            gone.add(deletion.key)
        outcomes.append(refusal or Outcome(deletion.key, Result.DONE))
    carry_out()
    return outcomes


def _aliases_in_trash(text: object) -> list[tuple[str, bool]]:
    """The aliases in a row of `trash`; none where another program wrote something else there."""
    with suppress(ValueError, TypeError):
        return [(str(name), bool(protected)) for name, protected in json.loads(str(text))]
    return []


def _restore_one(conn: sqlite3.Connection, key: str, version_id: int) -> Outcome:
    (text,) = conn.execute(
        "SELECT aliases FROM trash WHERE version_id = ?", (version_id,)
    ).fetchone() or ("[]",)
    conn.execute("DELETE FROM trash WHERE version_id = ?", (version_id,))
    conn.execute(
        "UPDATE version SET state = 'live', deleted_us = NULL, deleted_by = '' WHERE id = ?",
        (version_id,),
    )
    taken = []
    for name, protected in _aliases_in_trash(text):
        if local_edits.alias_holder(conn, version_id, name) is None:
            local_edits.point_alias(conn, version_id, name, protected=protected)
        else:
            taken.append(name)
    message = f"another version has the alias {_quoted(taken)} now" if taken else ""
    return Outcome(key, Result.DONE, message)


def restore_versions(conn: sqlite3.Connection, keys: Sequence[str]) -> list[Outcome]:
    """Bring versions back from the trash, with those of their aliases that are still free."""
    known = local_reading.version_ids(conn, keys)
    outcomes: list[Outcome] = []
    back: set[str] = set()
    for key in keys:
        row = known.get(key)
        if row is None or row[1] != "trash" or key in back:
            message = "it is not there" if row is None else "it is not in the trash"
            outcomes.append(Outcome(key, Result.ABSENT, message))
            continue
        outcomes.append(_restore_one(conn, key, row[0]))
        back.add(key)
    return outcomes


def trashed_aliases(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[Alias, ...]]:
    """The aliases that versions in the trash had; those without any are left out."""
    found: dict[str, tuple[Alias, ...]] = {}
    for group in local_reading.in_chunks(keys):
        rows = conn.execute(
            "SELECT v.key, t.aliases FROM json_each(?) want CROSS JOIN version v"
            " ON v.key = want.value CROSS JOIN trash t ON t.version_id = v.id",
            (local_reading.json_array(group),),
        )
        for key, text in rows:
            some = sorted(Alias(name, protected) for name, protected in _aliases_in_trash(text))
            if some:
                found[key] = tuple(some)
    return found


def _unreference(conn: sqlite3.Connection, numbers: str, now_us: int) -> None:
    """Take the file rows of versions away and count their blobs down."""
    rows = conn.execute(
        "SELECT f.blob_id, count(*) FROM json_each(?) want"
        " CROSS JOIN file f ON f.version_id = want.value GROUP BY f.blob_id",
        (numbers,),
    ).fetchall()
    conn.execute(
        "DELETE FROM file WHERE version_id IN (SELECT value FROM json_each(?))", (numbers,)
    )
    conn.executemany(
        "UPDATE blob SET refs = refs - ?2,"
        " unref_us = CASE WHEN refs = ?2 THEN ?3 ELSE unref_us END WHERE id = ?1",
        [(blob_id, count, now_us) for blob_id, count in rows],
    )


def _remove_rows(conn: sqlite3.Connection, numbers: str, now_us: int) -> None:
    """Remove every row of some versions in the trash, and collections left without any."""
    within = "(SELECT value FROM json_each(?))"
    touched = conn.execute(
        f"SELECT DISTINCT collection_id FROM version WHERE id IN {within}", (numbers,)
    ).fetchall()
    _unreference(conn, numbers, now_us)
    for table, column in (
        ("edge", "parent_id"),
        ("edge", "child_id"),
        ("tag", "version_id"),
        ("trash", "version_id"),
        ("version", "id"),
    ):
        conn.execute(f"DELETE FROM {table} WHERE {column} IN {within}", (numbers,))
    conn.executemany(
        "DELETE FROM collection WHERE id = ?1"
        " AND NOT EXISTS(SELECT 1 FROM version WHERE collection_id = ?1)",
        touched,
    )


def _purge_outcome(key: str, row: tuple[int, str, str] | None) -> Outcome:
    if row is None:
        return Outcome(key, Result.ABSENT, "it is not there")
    if row[1] != "trash":
        return Outcome(key, Result.REFUSED, "it is not in the trash: delete it first")
    return Outcome(key, Result.DONE)


def purge_versions(conn: sqlite3.Connection, keys: Sequence[str], now_us: int) -> list[Outcome]:
    """Remove versions in the trash for good; call with at most `PURGE_CHUNK` of them."""
    known = local_reading.version_ids(conn, keys)
    outcomes: list[Outcome] = []
    going: list[int] = []
    for key in keys:
        outcomes.append(_purge_outcome(key, known.get(key)))
        if outcomes[-1].result is Result.DONE:
            going.append(known.pop(key)[0])
    if going:
        _remove_rows(conn, local_reading.json_array(going), now_us)
    return outcomes


_UNNEEDED = "refs = 0 AND state <> 1 AND coalesce(unref_us, 0) {} ?"
_FOREVER = 2**63 - 1


def _unneeded_before(now_us: int, grace_us: int) -> int:
    """What became unneeded until this time goes; without grace all, whatever the clock says."""
    return now_us - grace_us if grace_us else _FOREVER


def _staying_versions(conn: sqlite3.Connection, now_us: int) -> tuple[int, int]:
    """How many versions the filter `ttl:expired` finds, and how many are in the trash."""
    expired, trash = conn.execute(
        "SELECT (SELECT count(*) FROM version WHERE ttl_us IS NOT NULL AND state <> 'trash'"
        f" AND {as_number('created_us')} + {as_number('ttl_us')} <= ?),"
        " (SELECT count(*) FROM version WHERE state = 'trash')",
        (now_us,),
    ).fetchone()
    return int(expired), int(trash)


def _count_blobs(conn: sqlite3.Connection, where: str, *values: int) -> tuple[int, int]:
    count, size = conn.execute(
        f"SELECT count(*), coalesce(sum({as_number('size')}), 0) FROM blob WHERE {where}", values
    ).fetchone()
    return int(count), int(size)


def preview_garbage(pool: Pool, layout: Layout, *, now_us: int, grace_us: int) -> Garbage:
    """What a collection would do now; reads only.

    Args:
        pool: connections.
        layout: where the registry lies.
        now_us: the time now.
        grace_us: blobs that became unneeded within this time stay.
    """
    before = _unneeded_before(now_us, grace_us)
    with pool.reading() as conn:
        blobs, size = _count_blobs(conn, f"({_UNNEEDED.format('<=')}) OR state = 1", before)
        _, waiting = _count_blobs(conn, _UNNEEDED.format(">"), before)
        expired, trash = _staying_versions(conn, now_us)
    left: list[tuple[str, int]] = []
    with contextlib.suppress(ArtifactTuiError), local_folder.lock_alone(layout, wait=0):
        left = left_in_tmp(layout)  # while somebody adds, it is theirs
    freed = size + sum(size for _, size in left)
    return Garbage(expired, blobs, len(left), freed, waiting, trash)


def _unlink_blob(layout: Layout, digest: str) -> int | None:
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


def finish_sweep_locked(pool: Pool, layout: Layout) -> tuple[int, int]:
    """Unlink what is condemned and forget it; gives how many files and bytes went.

    The caller holds `gc.lock` alone.
    """
    with pool.reading() as conn:
        rows = conn.execute("SELECT id, digest FROM blob WHERE state = 1").fetchall()
    sizes = [_unlink_blob(layout, digest) for _, digest in rows]
    if rows:
        with contextlib.suppress(NoRoomError):  # they stay condemned; the bytes are free already
            _forget_blobs(pool, [number for number, _ in rows])
    gone = [size for size in sizes if size is not None]
    return len(gone), sum(gone)


def _forget_blobs(pool: Pool, numbers: Sequence[int]) -> None:
    pool.write(
        lambda conn: conn.execute(
            "DELETE FROM blob WHERE state = 1 AND refs = 0"
            " AND id IN (SELECT value FROM json_each(?))",
            (local_reading.json_array(numbers),),
        )
    )


def _condemn_blobs(pool: Pool, layout: Layout, before: int) -> tuple[int, int]:
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
        sizes = [_unlink_blob(layout, digest) for (digest,) in rows]
        with contextlib.suppress(NoRoomError):  # somebody took the room: the bytes are free
            pool.write(lambda conn: conn.execute(condemned, (before,)))
        gone = [size for size in sizes if size is not None]
        return len(gone), sum(gone)
    return 0, 0


def make_room(pool: Pool, layout: Layout) -> bool:
    """Remove leftovers of adds and condemned bytes, which needs no room; whether any went."""
    with contextlib.suppress(ArtifactTuiError, OSError), local_folder.lock_alone(layout, wait=0):
        return bool(clear_tmp(layout)) or finish_sweep_locked(pool, layout)[0] > 0
    return False


def sweep_garbage(pool: Pool, layout: Layout, *, now_us: int, grace_us: int) -> Garbage:
    """Remove the bytes that no version needs, and what killed adds left, while nobody adds.

    Raises:
        BusyError: somebody was adding for too long; nothing was removed.
    """
    before = _unneeded_before(now_us, grace_us)
    with local_folder.lock_alone(layout):
        left = clear_tmp(layout)  # first: it needs no room
        early = _condemn_blobs(pool, layout, before)
        blobs, freed = (
            sum(pair) for pair in zip(early, finish_sweep_locked(pool, layout), strict=True)
        )
        with pool.reading() as conn:
            _, waiting = _count_blobs(conn, _UNNEEDED.format(">"), before)
            expired, trash = _staying_versions(conn, now_us)
    freed += sum(size for _, size in left)
    return Garbage(expired, blobs, len(left), freed, waiting, trash)


def finish_sweep(pool: Pool, layout: Layout) -> None:
    """End a sweep that was cut short, so that its blobs can be put again."""
    with local_folder.lock_alone(layout):
        finish_sweep_locked(pool, layout)


def take_back_blobs(pool: Pool, layout: Layout, digests: Collection[str]) -> None:
    """Remove blobs that a failed add has put and that no row names.

    Only tried: when somebody else is adding, the blobs stay as orphans for `fsck` to find, as the
    other may be relying on them.
    """
    if not digests:
        return
    with contextlib.suppress(ArtifactTuiError, OSError), local_folder.lock_alone(layout, wait=0):
        for digest in digests:
            with pool.reading() as conn:
                row = conn.execute("SELECT 1 FROM blob WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                layout.blob(digest).unlink(missing_ok=True)
