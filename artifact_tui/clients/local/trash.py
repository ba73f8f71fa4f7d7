"""Soft delete, restore and purge. No bytes are removed here: that is `gc`.

Every function works inside the caller's writing transaction and gives one outcome an item.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.local import facts, names
from artifact_tui.model import Alias, Outcome, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.model import Deletion, Facts

PURGE_CHUNK = 500
"""Versions purged by one transaction, so that others wait at most some tenths of a second."""


@dataclass(frozen=True, slots=True)
class By:
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
        below = facts.first_dependent(conn, version_id)
        if below is not None:
            return Outcome(deletion.key, Result.REFUSED, f"{below[0]} {below[1]} was made from it")
    return None


def move(conn: sqlite3.Connection, version_id: int, now: Facts, by: By) -> None:
    """Put one live version into the trash, with its aliases remembered."""
    kept = json.dumps([[alias.name, alias.protected] for alias in now.aliases])
    conn.execute("INSERT INTO trash(version_id, aliases) VALUES(?, ?)", (version_id, kept))
    if now.aliases:
        conn.execute("DELETE FROM alias WHERE version_id = ?", (version_id,))
    conn.execute(
        "UPDATE version SET state = 'trash', deleted_us = ?, deleted_by = ? WHERE id = ?",
        (by.now_us, by.actor, version_id),
    )


def delete(conn: sqlite3.Connection, deletions: Sequence[Deletion], by: By) -> list[Outcome]:
    """Move versions into the trash, one after the other in the given order.

    Tokens are compared with the facts as they are before the first item goes; dependents are
    looked at when the item's turn comes, so that a parent may follow its children in one call.
    """
    keys = [deletion.key for deletion in deletions]
    known = facts.read(conn, keys)
    numbers = facts.ids(conn, keys)
    outcomes: list[Outcome] = []
    gone: set[str] = set()
    for deletion in deletions:
        now = known.get(deletion.key)
        if now is None or now.state == "trash" or deletion.key in gone:
            message = "it is not there" if now is None else "it is in the trash already"
            outcomes.append(Outcome(deletion.key, Result.ABSENT, message))
            continue
        version_id = numbers[deletion.key][0]
        refusal = _why_not(conn, deletion, now, version_id)
        if refusal is None:
            begun = by.now_us if deletion.begun_us is None else deletion.begun_us
            move(conn, version_id, now, By(by.actor, min(by.now_us, begun)))
            gone.add(deletion.key)
        outcomes.append(refusal or Outcome(deletion.key, Result.DONE))
    return outcomes


def _remembered(text: object) -> list[tuple[str, bool]]:
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
    for name, protected in _remembered(text):
        if names.holder(conn, version_id, name) is None:
            names.point(conn, version_id, name, protected=protected)
        else:
            taken.append(name)
    message = f"another version has the alias {_quoted(taken)} now" if taken else ""
    return Outcome(key, Result.DONE, message)


def restore(conn: sqlite3.Connection, keys: Sequence[str]) -> list[Outcome]:
    """Bring versions back from the trash, with those of their aliases that are still free."""
    known = facts.ids(conn, keys)
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


def remembered(conn: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[Alias, ...]]:
    """The aliases that versions in the trash had; those without any are left out."""
    found: dict[str, tuple[Alias, ...]] = {}
    for group in facts.chunks(keys):
        rows = conn.execute(
            "SELECT v.key, t.aliases FROM json_each(?) want CROSS JOIN version v"
            " ON v.key = want.value CROSS JOIN trash t ON t.version_id = v.id",
            (facts.dump(group),),
        )
        for key, text in rows:
            some = sorted(Alias(name, protected) for name, protected in _remembered(text))
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


def _remove(conn: sqlite3.Connection, numbers: str, now_us: int) -> None:
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


def purge(conn: sqlite3.Connection, keys: Sequence[str], now_us: int) -> list[Outcome]:
    """Remove versions in the trash for good; call with at most `PURGE_CHUNK` of them."""
    known = facts.ids(conn, keys)
    outcomes: list[Outcome] = []
    going: list[int] = []
    for key in keys:
        outcomes.append(_purge_outcome(key, known.get(key)))
        if outcomes[-1].result is Result.DONE:
            going.append(known.pop(key)[0])
    if going:
        _remove(conn, facts.dump(going), now_us)
    return outcomes
