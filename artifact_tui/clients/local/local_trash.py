"""Soft delete, restore and purge, and the garbage collection that frees bytes.

Deleting, restoring and purging give one outcome an item, and remove no bytes.

Garbage collection removes the bytes that nothing needs, in an order that a crash cannot hurt: blob
rows are *condemned* and that is committed, then files are unlinked, then the rows go. A condemned
row never comes back to life; the next collection finishes the work. Whoever removes bytes holds
`gc.lock` alone.
"""

from __future__ import annotations

import json
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from artifact_tui.clients.local import local_edits, local_folder, local_reading
from artifact_tui.clients.local.local_folder import NEW_FOLDER, is_digest, our_errors
from artifact_tui.clients.local.local_reading import json_array
from artifact_tui.database import as_number
from artifact_tui.errors import ArtifactTuiError, NoRoomError, UsageError
from artifact_tui.model import Alias, Garbage, Outcome, Result

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

    from artifact_tui.clients.local.local_folder import Layout
    from artifact_tui.clients.local.local_store import LocalStore
    from artifact_tui.model import Deletion, Facts


_PURGED_AT_ONCE = 500
"""Versions purged by one transaction, so that others wait at most some tenths of a second."""


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"“{text}”" for text in texts)


def _refusal(
    conn: sqlite3.Connection, deletion: Deletion, version_id: int, now: Facts
) -> Outcome | None:
    """The outcome of a version that stays as it is; None when it may go."""
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
    conn: sqlite3.Connection, going: Sequence[tuple[int, Facts]], actor: str, now_us: int
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
        (now_us, actor, json_array(row for row, _ in going)),
    )


def delete_versions(store: LocalStore, deletions: Sequence[Deletion]) -> list[Outcome]:
    """Move versions to the trash, in order, in one transaction where the disk has the room."""
    now_us = store.clock()
    return store.write_in_parts(
        deletions,
        lambda conn, part: _delete(conn, part, store.actor, now_us),
        key=attrgetter("key"),
    )


def _delete(
    conn: sqlite3.Connection, deletions: Sequence[Deletion], actor: str, now_us: int
) -> list[Outcome]:
    """Move versions to the trash, one after the other.

    Tokens are compared with the facts as they are before the first one goes; dependents are
    looked at when a version's turn comes, so that a parent may follow its children in one call.
    """
    known = local_reading.facts_with_ids(conn, [deletion.key for deletion in deletions])
    outcomes: list[Outcome] = []
    gone: set[str] = set()
    going: dict[int, list[tuple[int, Facts]]] = {}

    def carry_out() -> None:
        for moment, some in going.items():
            move_to_trash(conn, some, actor, moment)
        going.clear()

    for deletion in deletions:
        version_id, now = known.get(deletion.key, (0, None))
        if now is None or now.state == "trash" or deletion.key in gone:
            message = "it is not there" if now is None else "it is in the trash already"
            outcomes.append(Outcome(deletion.key, Result.ABSENT, message))
            continue
        if now.dependents:
            carry_out()
        refusal = _refusal(conn, deletion, version_id, now)
        if refusal is None:
            begun = now_us if deletion.begun_us is None else deletion.begun_us
            going.setdefault(min(now_us, begun), []).append((version_id, now))
            gone.add(deletion.key)
        outcomes.append(refusal or Outcome(deletion.key, Result.DONE))
    carry_out()
    return outcomes


def _aliases_in_trash(text: object) -> list[tuple[str, bool]]:
    """The aliases in a row of `trash`; none where another program wrote something else there."""
    with suppress(ValueError, TypeError):
        return [(str(name), bool(protected)) for name, protected in json.loads(str(text))]
    return []


def restore_versions(conn: sqlite3.Connection, keys: Sequence[str]) -> list[Outcome]:
    """Bring versions back from the trash, with those of their aliases that are still free."""
    known = local_reading.version_states(conn, keys)
    outcomes: list[Outcome] = []
    back: set[str] = set()
    for key in keys:
        version_id, state = known.get(key, (0, ""))
        if state != "trash" or key in back:
            message = "it is not in the trash" if state else "it is not there"
            outcomes.append(Outcome(key, Result.ABSENT, message))
            continue
        outcomes.append(_restore(conn, key, version_id))
        back.add(key)
    return outcomes


def _restore(conn: sqlite3.Connection, key: str, version_id: int) -> Outcome:
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


def trashed_aliases(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[Alias, ...]]:
    """The aliases that versions in the trash had; those without any are left out."""
    found: dict[str, tuple[Alias, ...]] = {}
    for group in local_reading.in_chunks(keys):
        rows = conn.execute(
            "SELECT v.key, t.aliases FROM json_each(?) want CROSS JOIN version v"
            " ON v.key = want.value CROSS JOIN trash t ON t.version_id = v.id",
            (json_array(group),),
        )
        for key, text in rows:
            some = sorted(Alias(name, protected) for name, protected in _aliases_in_trash(text))
            if some:
                found[key] = tuple(some)
    return found


def purge_versions(store: LocalStore, keys: Sequence[str]) -> list[Outcome]:
    """Remove versions in the trash for good, some hundred in a transaction."""
    now_us = store.clock()
    return store.write_in_parts(
        keys, lambda conn, part: _purge(conn, part, now_us), key=str, most=_PURGED_AT_ONCE
    )


def _purge(conn: sqlite3.Connection, keys: Sequence[str], now_us: int) -> list[Outcome]:
    known = local_reading.version_states(conn, keys)
    outcomes: list[Outcome] = []
    going: list[int] = []
    for key in keys:
        version_id, state = known.get(key, (0, ""))
        if not state:
            outcomes.append(Outcome(key, Result.ABSENT, "it is not there"))
        elif state != "trash":
            why = "it is not in the trash: delete it first"
            outcomes.append(Outcome(key, Result.REFUSED, why))
        else:
            outcomes.append(Outcome(key, Result.DONE))
            going.append(version_id)
            del known[key]
    if going:
        _remove_rows(conn, json_array(going), now_us)
    return outcomes


def _remove_rows(conn: sqlite3.Connection, numbers: str, now_us: int) -> None:
    """Remove every row of some versions in the trash, and collections left without any.

    The blobs of their files are counted down.
    """
    within = "(SELECT value FROM json_each(?))"
    touched = conn.execute(
        f"SELECT DISTINCT collection_id FROM version WHERE id IN {within}", (numbers,)
    ).fetchall()
    blobs = conn.execute(
        "SELECT f.blob_id, count(*) FROM json_each(?) want"
        " CROSS JOIN file f ON f.version_id = want.value GROUP BY f.blob_id",
        (numbers,),
    ).fetchall()
    for table, column in (
        ("file", "version_id"),
        ("edge", "parent_id"),
        ("edge", "child_id"),
        ("tag", "version_id"),
        ("trash", "version_id"),
        ("version", "id"),
    ):
        conn.execute(f"DELETE FROM {table} WHERE {column} IN {within}", (numbers,))
    conn.executemany(
        "UPDATE blob SET refs = refs - ?2,"
        " unref_us = CASE WHEN refs = ?2 THEN ?3 ELSE unref_us END WHERE id = ?1",
        [(blob_id, count, now_us) for blob_id, count in blobs],
    )
    conn.executemany(
        "DELETE FROM collection WHERE id = ?1"
        " AND NOT EXISTS(SELECT 1 FROM version WHERE collection_id = ?1)",
        touched,
    )


_UNNEEDED = "refs = 0 AND state <> 1 AND coalesce(unref_us, 0) {} ?"
_FOREVER = 2**63 - 1


def collect_garbage(store: LocalStore, *, grace_us: int = 0, dry_run: bool = False) -> Garbage:
    """Remove bytes that no version needs, and those that killed adds left.

    Args:
        store: the registry.
        grace_us: blobs that became unneeded within this time stay; 0 spares none, whatever the
            clock says.
        dry_run: only say what would be done.

    Raises:
        BusyError: somebody was adding for too long; nothing was removed.
    """
    if grace_us < 0:
        raise UsageError("The grace period cannot be less than nothing.")
    layout, now_us = store.layout, store.clock()
    before = now_us - grace_us if grace_us else _FOREVER
    left: list[tuple[str, int]] = []
    sizes: list[int] = []
    with our_errors(layout):
        if dry_run:
            with suppress(ArtifactTuiError), local_folder.gc_lock(layout, alone=True, wait=0):
                left = left_in_tmp(layout)  # while somebody adds, it is theirs
        else:
            store.check_writable()
            with local_folder.gc_lock(layout, alone=True):
                left = clear_tmp(layout)  # first: it needs no room
                sizes = _condemn(store, before) + finish_sweep(store)
        with store.reading() as conn:
            blobs, freed = len(sizes), sum(sizes)
            if dry_run:
                going = f"({_UNNEEDED.format('<=')}) OR state = 1"
                blobs, freed = _count_blobs(conn, layout, going, before)
            _, waiting = _count_blobs(conn, layout, _UNNEEDED.format(">"), before)
            expired, trash = conn.execute(
                "SELECT (SELECT count(*) FROM version WHERE ttl_us IS NOT NULL AND state <> 'trash'"
                f" AND {as_number('created_us')} + {as_number('ttl_us')} <= ?),"
                " (SELECT count(*) FROM version WHERE state = 'trash')",
                (now_us,),
            ).fetchone()
    freed += sum(size for _, size in left)
    return Garbage(expired, blobs, len(left), freed, waiting, trash)


def _count_blobs(
    conn: sqlite3.Connection, layout: Layout, where: str, before: int
) -> tuple[int, int]:
    """How many blobs there are of a kind, and the bytes that are freed without them."""
    count = freed = 0
    sql = f"SELECT digest, ifnull({as_number('size')}, 0) FROM blob WHERE {where}"
    for digest, size in conn.execute(sql, (before,)):
        count += 1
        freed += 0 if is_digest(digest) and layout.names(digest) > 1 else int(size)
    return count, freed


def _freed_by(info: os.stat_result) -> int:
    """The bytes that are freed when a file goes: none while it has another hard link."""
    return 0 if info.st_nlink > 1 else info.st_size


def left_in_tmp(layout: Layout) -> list[tuple[str, int]]:
    """Names of the files in `tmp/`, and the bytes that are freed without them."""
    return [
        (path.name, _freed_by(path.lstat()))
        for path in sorted(layout.tmp.iterdir())
        if path.is_symlink() or not path.is_dir()
    ]


def clear_tmp(layout: Layout) -> list[tuple[str, int]]:
    """Remove what adds that were killed have left; the caller holds `gc.lock` alone."""
    left = left_in_tmp(layout)
    for name, _ in left:
        (layout.tmp / name).unlink()
    for folder in layout.tmp.glob(f"{NEW_FOLDER}*"):
        with suppress(OSError):  # somebody has put something into it
            folder.rmdir()
    return left


def _unlink_blobs(layout: Layout, digests: Iterable[str]) -> list[int]:
    """Remove the files of some blobs; the bytes that each frees of those that were there."""
    sizes = []
    for digest in filter(is_digest, digests):  # another names no file: fsck tells of such rows
        path = layout.blob(digest)
        with suppress(FileNotFoundError):
            freed = _freed_by(path.lstat())
            path.unlink()
            sizes.append(freed)
    return sizes


def _condemn(store: LocalStore, before: int) -> list[int]:
    """Condemn the blobs that nothing needs; the sizes of those that had to go before that.

    Where there is not even room to condemn them they are unlinked at once. That is safe while
    `gc.lock` is held alone: whoever adds the same bytes looks for the file first.
    """
    condemned = f"UPDATE blob SET state = 1 WHERE {_UNNEEDED.format('<=')}"
    try:
        store.write(lambda conn: conn.execute(condemned, (before,)))
    except NoRoomError:
        with store.reading() as conn:
            sql = f"SELECT digest FROM blob WHERE {_UNNEEDED.format('<=')} OR state = 1"
            digests = [digest for (digest,) in conn.execute(sql, (before,))]
        sizes = _unlink_blobs(store.layout, digests)
        with suppress(NoRoomError):  # somebody took the room: the bytes are free
            store.write(lambda conn: conn.execute(condemned, (before,)))
        return sizes
    return []


def finish_sweep(store: LocalStore) -> list[int]:
    """Unlink what is condemned and forget it; the bytes that each file that went has freed.

    The caller holds `gc.lock` alone.
    """
    with store.reading() as conn:
        rows = conn.execute("SELECT id, digest FROM blob WHERE state = 1").fetchall()
    sizes = _unlink_blobs(store.layout, (digest for _, digest in rows))
    if rows:
        forget = (
            "DELETE FROM blob WHERE state = 1 AND refs = 0"
            " AND id IN (SELECT value FROM json_each(?))"
        )
        with suppress(NoRoomError):  # they stay condemned; the bytes are free already
            numbers = json_array(number for number, _ in rows)
            store.write(lambda conn: conn.execute(forget, (numbers,)))
    return sizes


def recount_names(store: LocalStore) -> None:
    """Note which blobs have no hard link elsewhere any more. Only tried."""
    with suppress(ArtifactTuiError, OSError):
        with store.reading() as conn:
            rows = conn.execute("SELECT id, digest FROM blob WHERE held = 1").fetchall()
        alone = [
            number
            for number, digest in rows
            if is_digest(digest) and store.layout.names(digest) == 1
        ]
        if alone:
            sql = "UPDATE blob SET held = 0 WHERE id IN (SELECT value FROM json_each(?))"
            store.write(lambda conn: conn.execute(sql, (json_array(alone),)))


def remove_leftovers(store: LocalStore) -> bool:
    """Remove what killed adds and sweeps left, which needs no room; whether any went.

    Only tried: not while somebody adds, or sweeps.
    """
    with (
        suppress(ArtifactTuiError, OSError),
        local_folder.gc_lock(store.layout, alone=True, wait=0),
    ):
        return bool(clear_tmp(store.layout) or finish_sweep(store))
    return False


def take_back_blobs(store: LocalStore, digests: Collection[str]) -> None:
    """Remove blobs that a failed add has put and that no row names.

    Only tried: when somebody else is adding, the blobs stay as orphans for `fsck` to find, as the
    other may be relying on them.
    """
    if not digests:
        return
    with (
        suppress(ArtifactTuiError, OSError),
        local_folder.gc_lock(store.layout, alone=True, wait=0),
    ):
        for digest in digests:
            with store.reading() as conn:
                row = conn.execute("SELECT 1 FROM blob WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                store.layout.blob(digest).unlink(missing_ok=True)
