"""The file of a remote registry's catalog, opened for writing."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artifact_tui.catalog.connection import make_private
from artifact_tui.errors import RegistryError
from artifact_tui.model import schema_sql
from artifact_tui.schema import SQLITE_TEXT, strange_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT = 3
"""`user_version` of a catalog file; an older one is made anew, others are refused."""

_CANNOT_HOLD = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    OverflowError,
    UnicodeEncodeError,
)
"""What SQLite and Python raise for values that do not fit the tables."""

_OLD = frozenset({"collection", "version", "meta"})
"""Tables that a catalog of any format has."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open a catalog file for writing; a new one is readable by its owner only.

    A catalog of an older format is emptied, and one that somebody changed is made anew: the next
    sync fills it.

    Raises:
        RegistryError: it cannot be written, or is of a newer format, or no catalog.
    """
    try:
        make_private(path)
        conn = _open(path)
        if _is_strange(conn):
            conn.close()
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            make_private(path)
            conn = _open(path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        _prepare(conn, path)
    except BaseException:
        conn.close()
        raise
    return conn


def _open(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None)
    conn.text_factory = SQLITE_TEXT
    conn.execute("PRAGMA trusted_schema = OFF")
    return conn


def _is_strange(conn: sqlite3.Connection) -> bool:
    """Whether somebody changed the tables of a catalog, or added to them: it is thrown away."""
    ours = _format(conn) == FORMAT and _tables(conn) >= _OLD
    return ours and bool(strange_object(conn, schema_sql()))


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; what SQLite refuses to hold is the registry's fault."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except _CANNOT_HOLD as error:
        conn.rollback()
        raise RegistryError(
            f"The registry listed something that a catalog cannot hold: {error}.",
            hint="The sync was stopped; what the catalog knew before is still there.",
        ) from error
    except sqlite3.Error as error:
        conn.rollback()
        raise RegistryError(
            f"The catalog cannot be written: {error}.",
            hint="Check the disk. The sync was stopped; what the catalog knew is still there.",
        ) from error
    except BaseException:
        conn.rollback()
        raise
    conn.commit()


def note(conn: sqlite3.Connection, **facts: str) -> None:
    """Write facts about the catalog itself."""
    conn.executemany("INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)", facts.items())


def _prepare(conn: sqlite3.Connection, path: Path) -> None:
    """Set up the connection, and the tables of a new file."""
    try:
        conn.execute("PRAGMA busy_timeout = 15000")
        conn.execute("PRAGMA synchronous = NORMAL")
        if not _tables(conn):
            conn.execute("PRAGMA journal_mode = WAL")
        if _format(conn) < FORMAT:
            _make(conn)
        version = _format(conn)
        conn.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    if version != FORMAT:
        raise RegistryError(
            f"The catalog {path} is of format {version}; this program reads format {FORMAT}.",
            hint="Remove the file: it is made anew. No artifact was changed.",
        )


def _format(conn: sqlite3.Connection) -> int:
    """The format of the file; 0 for an empty one."""
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def _tables(conn: sqlite3.Connection) -> set[str]:
    """The names of all tables, but SQLite's own."""
    found = conn.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%'"
        " ESCAPE '~'"
    )
    return {str(name) for (name,) in found}


def _make(conn: sqlite3.Connection) -> None:
    """Make the tables of an empty file, or of a catalog of an older format, in one step."""
    conn.execute("BEGIN IMMEDIATE")
    try:
        tables = _tables(conn)
        if not tables or (tables >= _OLD and _format(conn) < FORMAT):
            for name in tables:
                conn.execute(f'DROP TABLE "{name}"')
            for statement in _statements(schema_sql()):
                conn.execute(statement)
            conn.execute(f"PRAGMA user_version = {FORMAT}")
    except BaseException:
        conn.rollback()
        raise
    conn.commit()


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _unusable(path: Path, error: Exception) -> RegistryError:
    """The error for a file that cannot be a catalog."""
    return RegistryError(
        f"The catalog {path} cannot be written: {error}.",
        hint="Remove the file, or check the folder: it is made anew. No artifact was changed.",
    )
