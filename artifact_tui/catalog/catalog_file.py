"""A catalog file: opened for reading, opened for writing, and read in a thread of its own.

`connect` opens one for reading, with the user's marks attached beside it. `open_to_write` opens
the catalog of a remote registry for a sync, and makes it anew when it is old or was changed by
somebody. `CatalogLane` is a thread with one connection and one queue, for callers on an event
loop: a job that nobody waits for any longer never begins, and the query that runs is interrupted;
only jobs that are to be kept, which write, are always done.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections import deque
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from artifact_tui import config
from artifact_tui.database import (
    newer_sqlite_needed,
    open_database,
    open_to_read,
    strange_object,
)
from artifact_tui.errors import ArtifactTuiError, RegistryError
from artifact_tui.model import schema_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


TABLES = frozenset(
    {"alias", "blob", "collection", "edge", "file", "lineage_scan", "link", "meta", "relative"}
    | {"tag", "version"}
)
"""The tables of `model.sql`."""

_PRAGMAS = (
    "temp_store = MEMORY",
    "cache_size = -16384",
    f"mmap_size = {1 << 30}",
    "trusted_schema = OFF",
)
_SPILLING_PRAGMAS = (
    "temp_store = FILE",
    "main.cache_size = -8192",
    "temp.cache_size = -8192",
    "mmap_size = 0",
    "trusted_schema = OFF",
)
"""For work on very many rows: mapped pages and temp tables would count as memory of ours."""

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
        self.must_stop: Callable[[], bool] = _never
        """Whether what runs here is not wanted any more; asked by connections made for it."""

    def rollback(self) -> None:
        """Undo, and forget what may rest on temp tables that are undone with it."""
        super().rollback()
        self.kept.clear()


def _never() -> bool:
    return False


def connect(
    path: Path, *, marks: Path | str | None = None, mapped: bool = True
) -> CatalogConnection:
    """Open a catalog read-only, in autocommit mode; the caller closes it.

    The marks are attached as schema `marks` and can be written; without a file for them they
    live in memory. A temp table `picked(version_id)` is there for `marks.pick`.

    Args:
        path: the catalog file.
        marks: the file of the marks; or a name, for marks in memory that all connections of this
            process see that name it.
        mapped: map the file into memory, and keep temp tables there. That reads a fifth faster,
            but every page that was read counts as memory of this process: who reads most of a file
            once had better not.

    Raises:
        RegistryError: the file is missing or is no catalog; it is left as it is.
        ArtifactTuiError: the file of the marks cannot be used.
    """
    conn = _open_checked(path)
    try:
        for pragma in _PRAGMAS if mapped else _SPILLING_PRAGMAS:
            conn.execute(f"PRAGMA {pragma}")
        attach_marks(conn, marks)
        conn.executescript(_TEMP)
    except BaseException:
        conn.close()
        raise
    return conn


def connect_beside(conn: sqlite3.Connection) -> CatalogConnection:
    """Open the catalog and the marks of a connection again, for work on very many rows.

    Temp tables go into files once they are large, and nothing is mapped, so that a million rows
    take no more memory than ten. The caller closes it.

    Raises:
        RegistryError: the file is missing or is no catalog.
        ArtifactTuiError: the file of the marks cannot be used.
    """
    names = {name: path for _, name, path in conn.execute("PRAGMA database_list")}
    path = conn.path if isinstance(conn, CatalogConnection) else None
    marks = Path(names["marks"]) if names.get("marks") else None
    return connect(path or Path(names["main"]), marks=marks, mapped=False)


@contextmanager
def stopping_with(beside: sqlite3.Connection, conn: sqlite3.Connection) -> Iterator[None]:
    """Let work on one connection end as interrupted when that of the other one must stop."""
    if isinstance(conn, CatalogConnection):
        beside.set_progress_handler(conn.must_stop, _STEPS)
    try:
        yield
    finally:
        beside.set_progress_handler(None, 0)


@contextmanager
def plain_errors(conn: sqlite3.Connection) -> Iterator[None]:
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
        _check(conn, path)

    try:
        return open_to_read(path, CatalogConnection, look)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error


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


def _unreadable(path: Path, error: sqlite3.Error) -> RegistryError:
    """The error for a file that SQLite cannot read."""
    hint = newer_sqlite_needed(error) or (
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


def attach_marks(conn: sqlite3.Connection, marks: Path | str | None) -> None:
    """Attach the marks as schema `marks`."""
    if not isinstance(marks, Path):
        where = ":memory:" if marks is None else f"file:{marks}?mode=memory&cache=shared"
        conn.execute("ATTACH ? AS marks", (where,))
        conn.execute("PRAGMA read_uncommitted = 1")  # who reads a shared cache would block writers
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
        config.with_reserve(attach, marks.parent)
    except (OSError, sqlite3.Error) as error:
        raise ArtifactTuiError(
            f"The file that keeps your marks cannot be used: {marks}: {error}.",
            hint="Move it away to start without marks. No artifact was changed.",
        ) from error


CATALOG_FORMAT = 4
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


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a catalog file for writing; a new one is readable by its owner only.

    A catalog of an older format is emptied, and one that somebody changed is made anew: the next
    sync fills it.

    Raises:
        RegistryError: it cannot be written, or is of a newer format, or no catalog.
    """
    try:
        make_private(path)
        with closing(open_database(path, "rw", sqlite3.Connection, _tables)) as conn:
            ours = _format(conn) == CATALOG_FORMAT and _tables(conn) >= _OLD
            strange = ours and strange_object(conn, schema_sql())
        if strange:
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            make_private(path)
        return open_database(path, "rw", sqlite3.Connection, lambda conn: _prepare(conn, path))
    except (OSError, sqlite3.Error) as error:
        raise RegistryError(
            f"The catalog {path} cannot be written: {error}.",
            hint="Remove the file, or check the folder: it is made anew. No artifact was changed.",
        ) from error


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


def write_meta(conn: sqlite3.Connection, **facts: str) -> None:
    """Write facts about the catalog itself."""
    conn.executemany("INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)", facts.items())


def _prepare(conn: sqlite3.Connection, path: Path) -> None:
    """Set up the connection, and the tables of a new file."""
    conn.execute("PRAGMA synchronous = NORMAL")
    if not _tables(conn):
        conn.execute("PRAGMA journal_mode = WAL")
    if _format(conn) < CATALOG_FORMAT:
        _make(conn)
    version = _format(conn)
    conn.execute("PRAGMA foreign_keys = ON")
    if version != CATALOG_FORMAT:
        raise RegistryError(
            f"The catalog {path} is of format {version}; "
            f"this program reads format {CATALOG_FORMAT}.",
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
        if not tables or (tables >= _OLD and _format(conn) < CATALOG_FORMAT):
            for name in tables:
                conn.execute(f'DROP TABLE "{name}"')
            statement = ""
            for line in schema_sql().splitlines():  # `executescript` would end the transaction
                statement += f"{line}\n"
                if sqlite3.complete_statement(statement):
                    conn.execute(statement)
                    statement = ""
            conn.execute(f"PRAGMA user_version = {CATALOG_FORMAT}")
    except BaseException:
        conn.rollback()
        raise
    conn.commit()


T = TypeVar("T")

_STEPS = 20_000
"""SQLite looks up from its work each so many of its steps: about a millisecond."""


class Superseded(asyncio.CancelledError):
    """A newer call made this one pointless; nothing is wrong.

    It is a `CancelledError`, so a task or worker that does not catch it just ends as cancelled.
    """


@dataclass(eq=False, slots=True)
class _LaneJob(Generic[T]):
    """One function to call with the lane's connection."""

    work: Callable[[sqlite3.Connection], T]
    answer: asyncio.Future[T]
    group: str
    keep: bool
    dropped: bool = False


class CatalogLane:
    """One thread, one connection, one queue."""

    def __init__(self, name: str, connect: Callable[[], sqlite3.Connection]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connect = connect
        self._changed = threading.Condition()
        self._waiting: deque[_LaneJob[Any]] = deque()
        self._running: _LaneJob[Any] | None = None
        self._conn: sqlite3.Connection | None = None
        self._closing = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name=f"catalog-{name}", daemon=True)

    @classmethod
    async def open(cls, name: str, connect: Callable[[], sqlite3.Connection]) -> CatalogLane:
        """Start the thread and connect in it; raises what `connect` raises."""
        lane = cls(name, connect)
        lane._thread.start()
        try:
            await asyncio.shield(lane._opened)
        except BaseException:
            await lane.close()
            raise
        return lane

    async def run(
        self, work: Callable[[sqlite3.Connection], T], *, group: str = "", keep: bool = False
    ) -> T:
        """Call `work` in the thread and wait for its answer.

        With a `group`, earlier calls of the same group that have no answer yet are superseded.
        When the waiting task is cancelled, so is the work, unless it is to be kept.

        Raises:
            Superseded: a newer call of the group came, or the lane was closed.
        """
        job: _LaneJob[T] = _LaneJob(work, self._loop.create_future(), group, keep)
        with self._changed:
            if self._closing:
                raise Superseded
            if group:
                self._drop(lambda other: other.group == group)
            self._waiting.append(job)
            self._changed.notify()
        try:
            return await job.answer
        finally:
            if not job.answer.done() or job.answer.cancelled():
                with self._changed:
                    self._drop(lambda other: other is job)

    async def close(self) -> None:
        """Stop what runs, finish what is kept, close the connection and end the thread.

        Harmless the second time.
        """
        with self._changed:
            self._closing = True
            self._drop(lambda _: True)
            self._changed.notify()
        await asyncio.shield(self._ended)
        self._thread.join()

    def _drop(self, which: Callable[[_LaneJob[Any]], bool]) -> None:
        """Supersede jobs that are not to be kept; the caller holds the lock."""
        for job in [job for job in self._waiting if which(job) and not job.keep]:
            self._waiting.remove(job)
            _settle(job.answer, None, Superseded())
        running = self._running
        if running is not None and which(running) and not (running.dropped or running.keep):
            running.dropped = True
            _settle(running.answer, None, Superseded())
            if self._conn is not None:
                self._conn.interrupt()

    def _work(self) -> None:
        """The thread: connect, answer until closed, disconnect."""
        try:
            conn = self._connect()
        except BaseException as error:  # noqa: BLE001 - handed to whoever opened the lane
            self._tell(self._opened, None, error)
            self._tell(self._ended)
            return
        self._conn = conn
        conn.set_progress_handler(self._must_stop, _STEPS)
        if isinstance(conn, CatalogConnection):
            conn.must_stop = self._must_stop
        self._tell(self._opened)
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                job = self._running = self._waiting.popleft() if self._waiting else None
            if job is None:
                break
            self._answer(job, conn)
        conn.close()
        self._tell(self._ended)

    def _answer(self, job: _LaneJob[Any], conn: sqlite3.Connection) -> None:
        """Do one job and hand its answer to the loop."""
        result, failed = None, None
        try:
            with plain_errors(conn):
                result = job.work(conn)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the answer
            failed = error
        finally:
            with self._changed:
                self._running = None
            if conn.in_transaction:
                conn.rollback()
        if failed is None or not job.dropped:
            self._tell(job.answer, result, failed)

    def _must_stop(self) -> bool:
        """Whether SQLite shall give up; asked in the middle of queries."""
        job = self._running
        return job is not None and job.dropped

    def _tell(
        self, future: asyncio.Future[Any], result: object = None, error: BaseException | None = None
    ) -> None:
        """Settle a future from the thread; a loop that is gone needs no answer."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    """End a future with a result or an error, unless it has ended already."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
