"""Opens a catalog for reading, with the user's marks beside it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from artifact_tui import places, room
from artifact_tui.database import newer_needed, open_to_read
from artifact_tui.errors import ArtifactTuiError, RegistryError
from artifact_tui.model import schema_sql
from artifact_tui.schema import SQLITE_TEXT, strange_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLES = frozenset(
    {"alias", "blob", "collection", "edge", "file", "lineage_scan", "link", "meta", "relative"}
    | {"tag", "version"}
)
"""The tables of `model.sql`."""

_PRAGMAS = (
    "temp_store = MEMORY",
    "cache_size = -16384",
    "mmap_size = 1073741824",
    "trusted_schema = OFF",
)
_MARKS = """
CREATE TABLE IF NOT EXISTS marks.mark(
  version_key TEXT PRIMARY KEY,
  at_us       INTEGER NOT NULL
) WITHOUT ROWID;
"""
_TEMP = "CREATE TEMP TABLE picked(version_id INTEGER PRIMARY KEY);"


class CatalogConnection(sqlite3.Connection):
    """A connection that keeps what was worked out for the present state of the data."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept: dict[str, object] = {}
        """Caches by the module that owns them; each checks `stamp` before it believes them."""
        self.path: Path | None = None
        """The catalog file, for messages."""

    def rollback(self) -> None:
        """Undo, and forget what may rest on temp tables that are undone with it."""
        super().rollback()
        self.kept.clear()


def connect(path: Path, *, marks: Path | None = None) -> sqlite3.Connection:
    """Open a catalog read-only, in autocommit mode; the caller closes it.

    The marks are attached as schema `marks` and can be written; without a file for them they
    live in memory. A temp table `picked(version_id)` is there for `selection`.

    Raises:
        RegistryError: the file is missing or is no catalog; it is left as it is.
        ArtifactTuiError: the file of the marks cannot be used.
    """
    conn = _open_checked(path)
    try:
        for pragma in _PRAGMAS:
            conn.execute(f"PRAGMA {pragma}")
        _attach(conn, marks)
        conn.executescript(_TEMP)
    except BaseException:
        conn.close()
        raise
    return conn


@contextmanager
def told(conn: sqlite3.Connection) -> Iterator[None]:
    """Say in our words what SQLite could not do: a damaged file, a full disk, a lock.

    Raises:
        RegistryError: instead of any `sqlite3.DatabaseError` but an interrupted query.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.ProgrammingError) or str(error) == "interrupted":
            raise
        path = conn.path if isinstance(conn, CatalogConnection) else None
        raise RegistryError(
            f"The catalog {path or ''} cannot be read: {error}.",
            hint="Check the disk and the file; `artifact-tui fsck` checks a local registry.",
        ) from error


def stamp(conn: sqlite3.Connection, *, marked: bool = False) -> tuple[int, ...]:
    """Numbers that change when other connections change the catalog, or with `marked` the marks."""
    seen: int = conn.execute("PRAGMA main.data_version").fetchone()[0]
    if not marked:
        return (seen,)
    return (seen, marks_stamp(conn), conn.total_changes)


def marks_stamp(conn: sqlite3.Connection) -> int:
    """A number that changes when other connections change the marks."""
    found: int = conn.execute("PRAGMA marks.data_version").fetchone()[0]
    return found


def _open_checked(path: Path) -> CatalogConnection:
    """A connection to a catalog; also where nothing can be written or locked beside it."""

    def look(conn: CatalogConnection) -> None:
        conn.path = path
        conn.text_factory = SQLITE_TEXT
        conn.execute("PRAGMA busy_timeout = 5000")
        _check(conn, path)

    def stuck() -> bool:
        return not os.access(path.parent, os.W_OK) or room.is_full(path.parent)

    try:
        return open_to_read(path, CatalogConnection, look, stuck=stuck)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _check(conn: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that lacks a catalog's tables, or has them in another form."""
    found = {name for (name,) in conn.execute("SELECT name FROM main.sqlite_schema")}
    strange = strange_object(conn, schema_sql(), more=True)
    if missing := TABLES - found:
        raise RegistryError(
            f"{path} is not a catalog: it has no table {', '.join(sorted(missing))}.",
            hint="Sync the registry again, or check its address. Nothing was changed.",
        )
    if strange:
        raise RegistryError(
            f"{path} is not as artifact-tui makes it: {strange}. Nothing was read.",
            hint="Somebody changed it. A catalog can be removed: it is made anew.",
        )


def _unusable(path: Path, error: sqlite3.Error) -> RegistryError:
    """The error for a file that SQLite cannot read."""
    hint = newer_needed(error) or (
        "Check the address of the registry, and that you may read the file and write beside it."
        if path.exists()
        else "There is no such file: check the address of the registry."
    )
    return RegistryError(
        f"The catalog {path} cannot be read: {error}.", hint=f"{hint} Nothing was changed."
    )


def make_private(path: Path) -> None:
    """Make an empty file for its owner only, unless it is there.

    One that is there is not opened: closing it would give up the locks that SQLite holds on it in
    this process, and the next process to leave would then write over the changes of this one.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _attach(conn: sqlite3.Connection, marks: Path | None) -> None:
    """Attach the marks as schema `marks`."""
    if marks is None:
        conn.execute("ATTACH ':memory:' AS marks")
        conn.executescript(_MARKS)
        return

    def attach() -> None:
        make_private(marks)
        conn.execute("ATTACH ? AS marks", (f"{marks.absolute().as_uri()}?mode=rw&vfs=unix",))
        try:
            conn.execute("PRAGMA marks.journal_mode = WAL")
            conn.execute("PRAGMA marks.synchronous = NORMAL")
            conn.executescript(_MARKS)
        except sqlite3.Error:
            conn.execute("DETACH marks")
            raise

    try:
        room.with_reserve(attach, marks.parent, *places.reserves())
    except (OSError, sqlite3.Error) as error:
        raise ArtifactTuiError(
            f"The file that keeps your marks cannot be used: {marks}: {error}.",
            hint="Move it away to start without marks. No artifact was changed.",
        ) from error
