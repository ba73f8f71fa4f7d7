"""Looking for damage, and mending what cannot lose anything.

Mended: counters, leftovers of killed adds, a sweep that was cut short, blobs that nothing names.
Marked: blobs whose bytes are missing or wrong, so that adding the same file puts them back.
Never touched: versions, a damaged database, and files that artifact-tui did not make.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from artifact_tui.clients.local import local_trash
from artifact_tui.clients.local.local_folder import (
    DIGEST_PREFIX,
    gc_lock,
    hash_file,
    is_digest,
    our_errors,
)
from artifact_tui.errors import RegistryError
from artifact_tui.model import FsckProblem, FsckReport, schema_sql

if TYPE_CHECKING:
    from artifact_tui.clients.local.local_folder import Layout
    from artifact_tui.clients.local.local_store import LocalStore


_NAME = re.compile(r"[0-9a-f]{64}")
_VALUE = re.compile(r"^(?:[A-Z]+|non-[A-Z]+) value in ")
"""What SQLite says of a row that does not fit its table; the rows beside it can be read."""

_FAILED = "CHECK constraint failed in "
"""What it says of others, where it may write: `_check_rows` finds them."""

_TABLE = re.compile(r"^CREATE TABLE (\w+)\((.*?)^\)", re.MULTILINE | re.DOTALL)
_CONSTRAINT = re.compile(r"CHECK\(((?:[^()]|\([^()]*\))*)\)")

_MOST = 100_000
"""Complaints of SQLite that are listed."""

_NAMES = (
    ("collection", "id", "name"),
    ("collection", "id", "type"),
    ("version", "id", "label"),
    ("version", "id", "run"),
    ("alias", "version_id", "name"),
    ("tag", "version_id", "name"),
)
"""Texts that people read, and the number of their row."""

_NAMED = 3
"""Versions named for one damaged blob."""

PRESENT, CONDEMNED, KNOWN_MISSING = 0, 1, 2
"""States of a blob, as in model.sql."""


class Damage(StrEnum):
    """What can be wrong."""

    DATABASE = "database"
    """SQLite itself finds the file damaged."""
    ROW = "row"
    """A row holds a value that none of its kind can have."""
    TEXT = "text"
    """A name is not text: it is shown spelled out."""
    REFERENCE = "reference"
    """A row names a row that is not there."""
    COUNT = "count"
    """A blob's counter is not the number of files that need it."""
    MISSING = "missing"
    """Bytes that a version needs are not there."""
    SIZE = "size"
    """They have another size."""
    HASH = "hash"
    """They have another hash."""
    HEALED = "healed"
    """They were marked as missing, and are there and right."""
    ORPHAN = "orphan"
    """Bytes that nothing names."""
    LEFTOVER = "leftover"
    """Left by an add that was killed."""
    UNFINISHED = "unfinished"
    """A garbage collection was cut short."""
    STRANGER = "stranger"
    """A file that artifact-tui did not make."""


_MENDED = {Damage.COUNT, Damage.ORPHAN, Damage.LEFTOVER, Damage.UNFINISHED, Damage.HEALED}
_HARMLESS = {
    Damage.ORPHAN, Damage.LEFTOVER, Damage.UNFINISHED, Damage.STRANGER, Damage.HEALED, Damage.TEXT,
}  # fmt: skip


class _BlobRow(NamedTuple):
    number: int
    digest: str
    size: int
    refs: int
    state: int


_BLOBS = "SELECT id, digest, size, refs, state FROM blob ORDER BY id"
_COUNTS = (
    "SELECT b.id, b.digest, b.refs, (SELECT count(*) FROM file f WHERE f.blob_id = b.id) AS real"
    " FROM blob b WHERE b.refs <> real"
)


@dataclass(slots=True)
class _Check:
    """One check: whether it may still mend, and what it has found."""

    store: LocalStore
    repair: bool
    problems: list[FsckProblem] = field(default_factory=list)

    def note(self, kind: Damage, what: str, size: int = 0, detail: str = "") -> None:
        """Write a problem down; beside a row that is not right, nothing is mended."""
        self.repair = self.repair and kind is not Damage.ROW
        mended = self.repair and kind in _MENDED
        self.problems.append(
            FsckProblem(kind, what, size, detail, mended, harmless=kind in _HARMLESS)
        )


def check_registry(store: LocalStore, *, repair: bool = False, verify: bool = False) -> FsckReport:
    """Look for damage.

    Args:
        store: the registry.
        repair: mend what cannot lose anything, and mark bytes that are missing or wrong.
        verify: read every byte and compare its hash, not only the names and sizes.

    Raises:
        BusyError: somebody was adding for too long.
        ReadOnlyError: it is to be repaired, and may only be read.
    """
    if repair:
        store.check_writable()
    check = _Check(store, repair)
    blobs: dict[str, _BlobRow] = {}
    with our_errors(store.layout):
        with gc_lock(store.layout, alone=True):
            sound = _check_database(check, verify=verify)
            if sound:
                _check_rows(check)
                _check_counts(check)
                _check_unfinished(check)
                with store.reading() as conn:
                    for row in map(_BlobRow._make, conn.execute(_BLOBS)):
                        if is_digest(row.digest) and all(isinstance(n, int) for n in row[2:]):
                            blobs[row.digest] = row
                files = _blob_files(store.layout)
                _check_orphans(check, blobs, files)
                _check_missing(check, blobs, files)
                look = local_trash.clear_tmp if check.repair else local_trash.left_in_tmp
                for name, left in look(store.layout):
                    check.note(Damage.LEFTOVER, str(store.layout.tmp / name), left)
        if sound and verify:
            _check_hashes(check, blobs)
    size = sum(blob.size for blob in blobs.values())
    return FsckReport(tuple(check.problems), len(blobs), size, verified=sound and verify)


# the database


def _check_database(check: _Check, *, verify: bool) -> bool:
    """Let SQLite check its file; False when nothing more can be trusted."""
    pragma = "integrity_check" if verify else "quick_check"
    try:
        with check.store.reading() as conn:
            rows = (str(row[0]) for row in conn.execute(f"PRAGMA {pragma}({_MOST})"))
            complaints = [line for line in rows if line != "ok" and not line.startswith(_FAILED)]
            sound = all(map(_VALUE.search, complaints))
            broken = conn.execute("PRAGMA foreign_key_check").fetchall() if sound else []
    except RegistryError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        complaints, sound, broken = [str(error.__cause__)], False, []
    for line in complaints:
        kind = Damage.ROW if sound else Damage.DATABASE
        check.note(kind, str(check.store.layout.db), detail=line)
    if sound and broken:
        check.repair = False  # a dangling row may be the last to know of an orphan
        for table, number, parent, _ in broken:
            check.note(
                Damage.REFERENCE, f"{table} {number}", detail=f"names a {parent} that is gone"
            )
    return sound


def _check_rows(check: _Check) -> None:
    """Rows with values that they cannot have, and names that are not text."""
    with check.store.reading() as conn:
        for table, checks in _TABLE.findall(schema_sql()):
            _check_types(check, conn, table)
            for condition in _CONSTRAINT.findall(checks):
                for row in conn.execute(f"SELECT * FROM {table} WHERE NOT ({condition})"):
                    check.note(Damage.ROW, f"{table} {row[0]}", detail=f"it is not so: {condition}")
        for blob in map(_BlobRow._make, conn.execute(_BLOBS)):
            if not is_digest(blob.digest):
                needed = _needed_by(conn, blob)
                detail = f"no bytes have the digest {blob.digest!r:.80}; {needed}"
                check.note(Damage.ROW, f"blob {blob.number}", blob.size, detail)
        for table, number, column in _NAMES:
            for row, raw in conn.execute(f"SELECT {number}, CAST({column} AS BLOB) FROM {table}"):
                try:
                    (raw or b"").decode()
                except UnicodeDecodeError:
                    shown = raw.decode("utf-8", "backslashreplace")
                    check.note(Damage.TEXT, f"{table} {row}", detail=f"{column} {shown}")


def _check_types(check: _Check, conn: sqlite3.Connection, table: str) -> None:
    """Values of another type than their column: other programs may write such."""
    columns = conn.execute(
        "SELECT name, lower(type) FROM pragma_table_info(?)", (table,)
    ).fetchall()
    wrong = [f"typeof({name}) NOT IN ('{kind}', 'null')" for name, kind in columns]
    for row in conn.execute(
        f"SELECT *, {', '.join(wrong)} FROM {table} WHERE {' OR '.join(wrong)}"
    ):
        names = [name for (name, _), bad in zip(columns, row[-len(columns) :], strict=True) if bad]
        check.note(Damage.ROW, f"{table} {row[0]}", detail=f"of another type: {', '.join(names)}")


def _check_counts(check: _Check) -> None:
    with check.store.reading() as conn:
        wrong = conn.execute(_COUNTS).fetchall()
    for _, digest, refs, real in wrong:
        check.note(Damage.COUNT, digest, detail=f"says {refs}, is {real}")
    if check.repair and wrong:
        now_us = check.store.clock()
        with check.store.writing() as conn:
            conn.executemany(
                "UPDATE blob SET refs = ?2, state = CASE state WHEN 1 THEN 2 ELSE state END,"
                " unref_us = CASE WHEN ?2 = 0 THEN ?3 END WHERE id = ?1",
                [(number, real, now_us) for number, _, _, real in conn.execute(_COUNTS)],
            )


def _check_unfinished(check: _Check) -> None:
    with check.store.reading() as conn:
        rows = conn.execute("SELECT digest, size FROM blob WHERE state = 1 AND refs = 0").fetchall()
    for digest, size in rows:
        if is_digest(digest):
            check.note(Damage.UNFINISHED, str(check.store.layout.blob(digest)), size)
    if check.repair and rows:
        local_trash.finish_sweep(check.store)


# the bytes


def _blob_files(layout: Layout) -> dict[str, os.stat_result]:
    """Every file below `blobs/`, by its path there."""
    found: dict[str, os.stat_result] = {}
    for folder, _, files in os.walk(layout.blobs):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - one call a blob
            found[os.path.relpath(path, layout.blobs)] = os.lstat(path)
    return found


def _check_orphans(
    check: _Check, blobs: dict[str, _BlobRow], files: dict[str, os.stat_result]
) -> None:
    for inside, info in sorted(files.items()):
        path = check.store.layout.blobs / inside
        name = path.name
        ours = _NAME.fullmatch(name) and inside == f"{name[:2]}/{name}"
        if not ours or not stat.S_ISREG(info.st_mode):
            check.note(Damage.STRANGER, str(path), info.st_size)
        elif DIGEST_PREFIX + name not in blobs:
            check.note(Damage.ORPHAN, str(path), info.st_size)
            if check.repair:
                path.unlink()


def _check_missing(
    check: _Check, blobs: dict[str, _BlobRow], files: dict[str, os.stat_result]
) -> None:
    """Bytes that versions need and that are not there, of another size, or there again."""
    for blob in blobs.values():
        if blob.refs == 0 or blob.state == CONDEMNED:
            continue
        path = check.store.layout.blob(blob.digest)
        info = files.get(f"{path.parent.name}/{path.name}")
        if info is None:
            _mark_hurt(check, Damage.MISSING, blob)
        elif info.st_size != blob.size:
            _mark_hurt(check, Damage.SIZE, blob)
        elif blob.state == KNOWN_MISSING and hash_file(path) != (blob.digest, blob.size):
            _mark_hurt(check, Damage.HASH, blob)
        elif blob.state == KNOWN_MISSING:
            check.note(Damage.HEALED, str(path), blob.size)
            _set_state(check, blob, KNOWN_MISSING, PRESENT)


def _check_hashes(check: _Check, blobs: dict[str, _BlobRow]) -> None:
    """Read every blob; needs no lock, as a blob never changes while its row is there."""
    known = {problem.what for problem in check.problems}
    for blob in blobs.values():
        path = check.store.layout.blob(blob.digest)
        if blob.refs and blob.state == PRESENT and str(path) not in known:
            with suppress(FileNotFoundError):
                if hash_file(path) != (blob.digest, blob.size):
                    _mark_hurt(check, Damage.HASH, blob)


def _mark_hurt(check: _Check, kind: Damage, blob: _BlobRow) -> None:
    """Bytes that versions need are not there, or are not right: say so, and mark the blob."""
    with check.store.reading() as conn:
        detail = _needed_by(conn, blob)
    check.note(kind, str(check.store.layout.blob(blob.digest)), blob.size, detail)
    _set_state(check, blob, PRESENT, KNOWN_MISSING)


def _set_state(check: _Check, blob: _BlobRow, before: int, after: int) -> None:
    """On repair, change the state of a blob, unless somebody else did."""
    if check.repair:
        with check.store.writing() as conn:
            conn.execute(
                "UPDATE blob SET state = ? WHERE id = ? AND state = ?", (after, blob.number, before)
            )


def _needed_by(conn: sqlite3.Connection, blob: _BlobRow) -> str:
    """Which versions need the bytes of a blob, in words."""
    rows = conn.execute(
        "SELECT c.name, v.label, f.path FROM file f JOIN version v ON v.id = f.version_id"
        " JOIN collection c ON c.id = v.collection_id WHERE f.blob_id = ? LIMIT ?",
        (blob.number, _NAMED + 1),
    ).fetchall()
    some = [f"{name}:{label} ({path})" for name, label, path in rows[:_NAMED]]
    return "needed by " + ", ".join(some) + (" and others" if len(rows) > _NAMED else "")
