"""The plan file as SQLite: made, opened with suspicion, and hashed.

A plan may come from someone else, by mail, years later. So its schema must be ours to the letter
(no trigger or view can hide in it), and what was reviewed is covered by a hash.
The file uses a rollback journal, not WAL: it stays one file that can be copied once nobody applies
it, works from a read-only folder and on network file systems; EXTRA makes each commit survive a
power cut.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from artifact_tui.errors import BusyError, NotFoundError, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x41545550
"""`ATUP`: marks the file as a plan."""

FORMAT = 3
"""The plan format that this program writes, and the only one that it applies."""
PATIENCE = 30.0
"""Seconds to wait while another process reads or writes the plan; it takes milliseconds."""

_REVIEWED = (
    "SELECT name, value FROM plan WHERE name <> 'hash' ORDER BY name",
    "SELECT * FROM item ORDER BY seq",
    "SELECT * FROM outside ORDER BY seq, key",
)

_PRAGMAS = (
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "synchronous=EXTRA",
)


@contextmanager
def trouble(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about a plan file into ours, naming the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise BusyError(
                f"Another process is writing the plan {path}.", hint="Try again in a moment."
            ) from error
        raise PlanError(
            f"The plan {path} could not be read or written: {text}.",
            hint="Free some space or mend the permissions, then resume. "
            "Nothing is deleted while its plan cannot be written.",
        ) from error
    except (sqlite3.Error, ValueError) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise _not_a_plan(path) from error
        raise PlanError(
            f"The plan {path} is damaged: {error}.",
            hint="Nothing was deleted because of it. Make a new plan.",
        ) from error


@lru_cache
def _schema() -> str:
    return files("artifact_tui.deletion").joinpath("plan.sql").read_text(encoding="utf-8")


def _objects(conn: sqlite3.Connection) -> list[tuple[str, ...]]:
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    return conn.execute(sql).fetchall()


@lru_cache
def _expected_objects() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(_schema())
        return _objects(conn)


def create(path: Path) -> sqlite3.Connection:
    """Make an empty plan file, mode 0600, and open it inside a transaction.

    Raises:
        PlanError: something has that name already, or the folder cannot be written.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        raise PlanError(
            f"There is a file {path} already.", hint="Choose another name for the plan."
        ) from None
    except OSError as error:
        raise PlanError(
            f"The plan {path} cannot be made: {error.strerror}.", hint="Choose another folder."
        ) from error
    with trouble(path):
        conn = _connect(path, "rw")
        try:
            conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
            conn.execute(f"PRAGMA user_version={FORMAT}")
            conn.executescript(f"BEGIN IMMEDIATE;{_schema()}")
        except sqlite3.Error:
            conn.close()
            with suppress(OSError):
                path.unlink()
            raise
        return conn


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open a plan file and check that it is one.

    Raises:
        NotFoundError: there is no such file.
        PlanError: it is not a plan, of another format, damaged, or not writable.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no plan {path}.", hint="See `artifact-tui tasks`.")
    writable = os.access(path, os.W_OK)
    if write and not writable:
        why = os.strerror(errno.EACCES)
        raise PlanError(
            f"The plan {path} cannot be written: {why}.",
            hint="A plan is also the record of what happened: copy it to a folder of yours first.",
        )
    with trouble(path):
        conn = _connect(path, "rw" if writable else "ro")
        try:
            _check(conn, path)
            if not write:
                conn.execute("PRAGMA query_only=ON")
        except BaseException:
            conn.close()
            raise
        return conn


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    conn = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=PATIENCE,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            conn.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def _check(conn: sqlite3.Connection, path: Path) -> None:
    application: int = conn.execute("PRAGMA application_id").fetchone()[0]
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise _not_a_plan(path)
    if version != FORMAT:
        age = "a newer" if version > FORMAT else "an older"
        raise PlanError(
            f"The plan {path} was made by {age} artifact-tui (plan format {version}).",
            hint=f"Apply it with that one, or make a new plan; this one knows format {FORMAT}.",
        )
    if _objects(conn) != _expected_objects():
        raise PlanError(
            f"The plan {path} does not hold the tables of a plan, or holds others as well.",
            hint="It was changed by another program. Make a new plan.",
        )


def _not_a_plan(path: Path) -> PlanError:
    return PlanError(
        f"{path} is not a plan.", hint="A plan is made by `artifact-tui plan`, or on the screen."
    )


def content_hash(conn: sqlite3.Connection) -> str:
    """SHA-256 over everything that was reviewed."""
    digest = hashlib.sha256()
    for sql in _REVIEWED:
        for row in conn.execute(sql):
            digest.update(json.dumps(row, separators=(",", ":")).encode())
            digest.update(b"\n")
    return digest.hexdigest()
