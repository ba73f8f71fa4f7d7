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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local import local_folder, local_trash
from artifact_tui.clients.local.adding import hash_file
from artifact_tui.clients.local.local_folder import DIGEST_PREFIX, is_digest
from artifact_tui.errors import RegistryError
from artifact_tui.model import FsckProblem, FsckReport, schema_sql

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.clients.local.local_database import Pool
    from artifact_tui.clients.local.local_folder import Layout


_NAME = re.compile(r"[0-9a-f]{64}")
_VALUE = re.compile(r"^(?:[A-Z]+|non-[A-Z]+) value in ")
"""What SQLite says of a row that does not fit its table; the rows beside it can be read."""

_FAILED = "CHECK constraint failed in "
"""What it says of others, where it may write: `_checks` finds the rows."""

_TABLE = re.compile(r"^CREATE TABLE (\w+)\((.*?)^\)", re.MULTILINE | re.DOTALL)
_CHECK = re.compile(r"CHECK\(((?:[^()]|\([^()]*\))*)\)")

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


_MENDED = {
    Damage.COUNT, Damage.ORPHAN, Damage.LEFTOVER, Damage.UNFINISHED, Damage.HEALED,
}  # fmt: skip
_HARMLESS = {
    Damage.ORPHAN, Damage.LEFTOVER, Damage.UNFINISHED, Damage.STRANGER, Damage.HEALED, Damage.TEXT,
}  # fmt: skip
_MARKED = {Damage.MISSING, Damage.SIZE, Damage.HASH}


@dataclass(frozen=True, slots=True)
class _BlobRow:
    number: int
    digest: str
    size: int
    refs: int
    state: int


@dataclass(slots=True)
class _FsckRun:
    """One run: what it may do, and what it has found."""

    pool: Pool
    layout: Layout
    repair: bool
    now_us: int
    blobs: dict[str, _BlobRow] = field(default_factory=dict)
    problems: list[FsckProblem] = field(default_factory=list)

    def note(self, kind: Damage, what: str, size: int = 0, detail: str = "") -> None:
        """Write a problem down; beside a row that is not right, nothing is mended."""
        self.repair = self.repair and kind is not Damage.ROW
        mended = self.repair and kind in _MENDED
        self.problems.append(
            FsckProblem(kind, what, size, detail, mended, harmless=kind in _HARMLESS)
        )


def _check_database(run: _FsckRun, *, verify: bool) -> bool:
    """Let SQLite check its file; False when nothing more can be trusted."""
    pragma = "integrity_check" if verify else "quick_check"
    try:
        with run.pool.reading() as conn:
            rows = (str(row[0]) for row in conn.execute(f"PRAGMA {pragma}({_MOST})"))
            complaints = [line for line in rows if line != "ok" and not line.startswith(_FAILED)]
            sound = all(map(_VALUE.search, complaints))
            broken = conn.execute("PRAGMA foreign_key_check").fetchall() if sound else []
    except RegistryError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        complaints, sound, broken = [str(error.__cause__)], False, []
    for line in complaints:
        run.note(Damage.ROW if sound else Damage.DATABASE, str(run.layout.db), detail=line)
    if not sound:
        return False
    run.repair = run.repair and not broken  # a dangling row may be the last to know of an orphan
    for table, number, parent, _ in broken:
        run.note(Damage.REFERENCE, f"{table} {number}", detail=f"names a {parent} that is gone")
    return True


def _load_blobs(run: _FsckRun) -> None:
    with run.pool.reading() as conn:
        rows = conn.execute("SELECT id, digest, size, refs, state FROM blob ORDER BY id")
        numbers = (row for row in rows if all(isinstance(one, int) for one in row[2:]))
        run.blobs = {row[1]: _BlobRow(*row) for row in numbers if is_digest(row[1])}


def _check_types(run: _FsckRun, conn: sqlite3.Connection, table: str) -> None:
    """Values of another type than their column: other programs may write such."""
    columns = conn.execute(
        "SELECT name, lower(type) FROM pragma_table_info(?)", (table,)
    ).fetchall()
    wrong = [f"typeof({name}) NOT IN ('{kind}', 'null')" for name, kind in columns]
    for row in conn.execute(
        f"SELECT *, {', '.join(wrong)} FROM {table} WHERE {' OR '.join(wrong)}"
    ):
        names = [name for (name, _), bad in zip(columns, row[-len(columns) :], strict=True) if bad]
        run.note(Damage.ROW, f"{table} {row[0]}", detail=f"of another type: {', '.join(names)}")


def _check_rows(run: _FsckRun) -> None:
    """Rows with values that they cannot have, and names that are not text."""
    with run.pool.reading() as conn:
        for table, checks in _TABLE.findall(schema_sql()):
            _check_types(run, conn, table)
            for check in _CHECK.findall(checks):
                for row in conn.execute(f"SELECT * FROM {table} WHERE NOT ({check})"):
                    run.note(Damage.ROW, f"{table} {row[0]}", detail=f"it is not so: {check}")
        for row in conn.execute("SELECT id, digest, size, refs, state FROM blob ORDER BY id"):
            if not is_digest(row[1]):
                detail = (
                    f"no bytes have the digest {row[1]!r:.80}; {_sufferers(conn, _BlobRow(*row))}"
                )
                run.note(Damage.ROW, f"blob {row[0]}", row[2], detail)
        for table, number, column in _NAMES:
            for row, raw in conn.execute(f"SELECT {number}, CAST({column} AS BLOB) FROM {table}"):
                try:
                    (raw or b"").decode()
                except UnicodeDecodeError:
                    shown = raw.decode("utf-8", "backslashreplace")
                    run.note(Damage.TEXT, f"{table} {row}", detail=f"{column} {shown}")


def _sufferers(conn: sqlite3.Connection, blob: _BlobRow) -> str:
    rows = conn.execute(
        "SELECT c.name, v.label, f.path FROM file f JOIN version v ON v.id = f.version_id"
        " JOIN collection c ON c.id = v.collection_id WHERE f.blob_id = ? LIMIT ?",
        (blob.number, _NAMED + 1),
    ).fetchall()
    some = [f"{name}:{label} ({path})" for name, label, path in rows[:_NAMED]]
    return "needed by " + ", ".join(some) + (" and others" if len(rows) > _NAMED else "")


def _report_hurt(run: _FsckRun, kind: Damage, blob: _BlobRow) -> None:
    """Bytes that versions need are not there, or are not right: say so, and mark the blob."""
    with run.pool.reading() as conn:
        detail = _sufferers(conn, blob)
    run.note(kind, str(run.layout.blob(blob.digest)), blob.size, detail)
    if run.repair:
        with run.pool.writing() as conn:
            conn.execute("UPDATE blob SET state = 2 WHERE id = ? AND state = 0", (blob.number,))


def _blob_files(layout: Layout) -> dict[str, os.stat_result]:
    """Every file below `blobs/`, by its path there."""
    found: dict[str, os.stat_result] = {}
    for folder, _, files in os.walk(layout.blobs):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - one call a blob
            found[os.path.relpath(path, layout.blobs)] = os.lstat(path)
    return found


def _check_orphans(run: _FsckRun, files: dict[str, os.stat_result]) -> None:
    for inside, info in sorted(files.items()):
        path = run.layout.blobs / inside
        name = path.name
        ours = _NAME.fullmatch(name) and inside == f"{name[:2]}/{name}"
        if not ours or not stat.S_ISREG(info.st_mode):
            run.note(Damage.STRANGER, str(path), info.st_size)
        elif DIGEST_PREFIX + name not in run.blobs:
            run.note(Damage.ORPHAN, str(path), info.st_size)
            if run.repair:
                path.unlink()


def _check_missing(run: _FsckRun, files: dict[str, os.stat_result]) -> None:
    for blob in run.blobs.values():
        if blob.refs == 0 or blob.state == 1:
            continue
        name = run.layout.blob(blob.digest).name
        info = files.get(f"{name[:2]}/{name}")
        if info is None:
            _report_hurt(run, Damage.MISSING, blob)
        elif info.st_size != blob.size:
            _report_hurt(run, Damage.SIZE, blob)
        elif blob.state == 2:  # noqa: PLR2004 - see model.sql
            _check_healed(run, blob)


def _check_healed(run: _FsckRun, blob: _BlobRow) -> None:
    path = run.layout.blob(blob.digest)
    if hash_file(path) != (blob.digest, blob.size):
        _report_hurt(run, Damage.HASH, blob)
        return
    run.note(Damage.HEALED, str(path), blob.size)
    if run.repair:
        with run.pool.writing() as conn:
            conn.execute("UPDATE blob SET state = 0 WHERE id = ? AND state = 2", (blob.number,))


_COUNTS = (
    "SELECT b.id, b.digest, b.refs, (SELECT count(*) FROM file f WHERE f.blob_id = b.id) AS real"
    " FROM blob b WHERE b.refs <> real"
)


def _check_counts(run: _FsckRun) -> None:
    with run.pool.reading() as conn:
        wrong = conn.execute(_COUNTS).fetchall()
    if not wrong:
        return
    for _, digest, refs, real in wrong:
        run.note(Damage.COUNT, digest, detail=f"says {refs}, is {real}")
    if run.repair:
        with run.pool.writing() as conn:
            conn.executemany(
                "UPDATE blob SET refs = ?2, state = CASE state WHEN 1 THEN 2 ELSE state END,"
                " unref_us = CASE WHEN ?2 = 0 THEN ?3 END WHERE id = ?1",
                [(number, real, run.now_us) for number, _, _, real in conn.execute(_COUNTS)],
            )


def _check_leftovers(run: _FsckRun) -> None:
    left = local_trash.clear_tmp(run.layout) if run.repair else local_trash.left_in_tmp(run.layout)
    for name, size in left:
        run.note(Damage.LEFTOVER, str(run.layout.tmp / name), size)


def _check_unfinished(run: _FsckRun) -> None:
    with run.pool.reading() as conn:
        rows: list[Any] = conn.execute(
            "SELECT digest, size FROM blob WHERE state = 1 AND refs = 0"
        ).fetchall()
    for digest, size in rows:
        if is_digest(digest):
            run.note(Damage.UNFINISHED, str(run.layout.blob(digest)), size)
    if run.repair and rows:
        local_trash.finish_sweep_locked(run.pool, run.layout)


def _check_hashes(run: _FsckRun) -> None:
    """Read every blob; needs no lock, as a blob never changes while its row is there."""
    for blob in run.blobs.values():
        if blob.refs == 0 or blob.state != 0:
            continue
        path: Path = run.layout.blob(blob.digest)
        try:
            right = hash_file(path) == (blob.digest, blob.size)
        except FileNotFoundError:
            continue
        if not right and not any(one.what == str(path) for one in run.problems):
            _report_hurt(run, Damage.HASH, blob)


def check_registry(
    pool: Pool, layout: Layout, *, repair: bool, verify: bool, now_us: int
) -> FsckReport:
    """Look for damage.

    Args:
        pool: connections; writable when `repair` is asked.
        layout: where the registry lies.
        repair: mend what cannot lose anything, and mark bytes that are missing or wrong.
        verify: read every byte and compare its hash, not only the names and sizes.
        now_us: the time now.

    Raises:
        BusyError: somebody was adding for too long.
    """
    run = _FsckRun(pool, layout, repair, now_us)
    with local_folder.lock_alone(layout):
        sound = _check_database(run, verify=verify)
        if sound:
            _check_rows(run)
            _check_counts(run)
            _check_unfinished(run)
            _load_blobs(run)
            files = _blob_files(layout)
            _check_orphans(run, files)
            _check_missing(run, files)
            _check_leftovers(run)
    if sound and verify:
        _check_hashes(run)
    report = FsckReport(
        tuple(run.problems), len(run.blobs), sum(blob.size for blob in run.blobs.values())
    )
    return replace(report, verified=sound and verify)
