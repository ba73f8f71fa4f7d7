"""A plan as a file: made, opened with suspicion, hashed, locked; and what was noted beside it.

A plan may come from someone else, by mail, years later. So its schema must be ours to the letter
(no trigger or view can hide in it), and what was reviewed is covered by a hash.
The file uses a rollback journal, not WAL: it stays one file that can be copied once nobody applies
it, works from a read-only folder and on network file systems; EXTRA makes each commit survive a
power cut.

One process applies a plan at a time. The lock is on the plan's own file, so that no link, no second
name and no removed file leads around it; the kernel releases it whatever happens to its holder. It
is an open-file-description lock on one byte that SQLite does not use: an flock would get in
SQLite's way on NFS. Closing any descriptor of a file drops the locks that SQLite holds on it in
this process, so ours are kept open. Where a file system has no locks, a link `PLAN.applying` that
names its holder stands in. That a plan applies once, and not again from a copy, is kept by a link
`tasks/<plan id>` to its file.

A plan may say of itself what it likes: who confirmed it, which server it is for. So what this
person made, confirmed and named is noted apart from it: one link a plan in the state folder, named
by plan id, whose target is a word and the hash of all that was reviewed. A link needs no free
bytes, and is there whole or not at all.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
import sqlite3
import stat
import struct
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from shlex import quote
from typing import TYPE_CHECKING, TypeVar

import msgspec

from artifact_tui import config, database
from artifact_tui.config import LOCAL, configured_name, load, resolve, same_registry
from artifact_tui.database import newer_sqlite_needed, without_locks
from artifact_tui.deletion.draft_items import REVIEWED_VIEW
from artifact_tui.errors import (
    ArtifactTuiError,
    BusyError,
    ConfirmationError,
    NotFoundError,
    PlanError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from artifact_tui.config import Config, Target
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Identity


APPLICATION_ID = 0x41545550
"""`ATUP`: marks the file as a plan."""

FORMAT = 4
"""The plan format that this program writes, and the only one that it applies."""

LONGEST = 10_000
"""Characters of a text in a plan, but for the facts and for what a registry said."""

BUSY_PATIENCE = 30.0
"""Seconds to wait while another process reads or writes the plan; it takes milliseconds."""

_LOCK_LEFT = 10.0
"""Seconds after which a lock that does not change is nobody's; each is held for milliseconds."""

WrittenT = TypeVar("WrittenT")

REVIEWED = (
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


_OF_THE_DISK = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY,
}  # fmt: skip
"""Errors that say nothing about what is in the file."""

_NOT_OURS = (
    ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError,
)  # fmt: skip
"""What reading a file raises that no plan of ours is like."""


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
        if database.lacks_room(error, path.parent):
            raise full_error(path) from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _OF_THE_DISK:
            raise _damaged(path, text, error) from error
        raise PlanError(
            f"The plan {path} could not be read or written: {text}.",
            hint="Mend the disk or the permissions, then resume. "
            "Nothing is deleted while its plan cannot be written.",
        ) from error
    except (*_NOT_OURS, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise _not_a_plan(path) from error
        raise _damaged(path, str(error), error) from error


_LONGEST_HEAD = 16_000_000
"""Characters of what a plan says about itself: it names every collection that is emptied."""

_WRONG = {
    "an item": f"""SELECT 1 FROM item WHERE seq NOT BETWEEN 1 AND 1000000000
        OR level NOT BETWEEN 0 AND 1000000000 OR kind NOT IN ('version','object','collection')
        OR verdict NOT IN ('delete','consent','blocked') OR added NOT IN (0,1)
        OR size NOT BETWEEN 0 AND {(1 << 62) - 1} OR typeof(size) NOT IN ('integer','null')
        OR length(CAST(key AS BLOB)) NOT BETWEEN 1 AND {LONGEST} OR length(collection) > {LONGEST}
        OR length(label) > {LONGEST} OR length(type) > {LONGEST} OR length(detail) > {LONGEST}
        OR instr(CAST(key AS BLOB), x'00') OR NOT json_valid(facts)""",
    "what an item belongs to": """SELECT 1 FROM item i JOIN item o ON o.seq = i.belongs
        WHERE (i.kind, o.kind) NOT IN (VALUES('version','collection'),('object','version'))""",
    "the state of an item": f"""SELECT 1 FROM item i LEFT JOIN progress p USING(seq)
        WHERE p.seq IS NULL OR attempts NOT BETWEEN 0 AND 1000000000
        OR retryable NOT IN (0,1) OR coalesce(sent_us, 0) NOT BETWEEN 0 AND {1 << 60}
        OR coalesce(done_us, 0) NOT BETWEEN 0 AND {1 << 60}""",
    "a run": f"""SELECT 1 FROM run WHERE coalesce(ended_us, 0) NOT BETWEEN 0 AND {1 << 60}
        OR started_us NOT BETWEEN 0 AND {1 << 60} OR heartbeat_us NOT BETWEEN 0 AND {1 << 60}
        OR pid NOT BETWEEN 1 AND {1 << 31}""",
}
"""By what is wrong then: rows that no plan of ours has."""


def full_error(path: Path) -> PlanError:
    """The error for a plan whose folder has no room left."""
    return PlanError(
        f"There is no room left in {path.parent}, where the plan {path.name} is to be written.",
        hint="Nothing is deleted without a record. Free 1 MB there; or let plans lie on another "
        "disk: -o FILE, or ARTIFACT_TUI_STATE=FOLDER for all of them.",
    )


def with_room(path: Path, work: Callable[[], WrittenT]) -> WrittenT:
    """Write in a plan, all of it or nothing; on a full disk with the room of a reserve."""
    return config.with_reserve(work, path.parent)


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
    """Make an empty plan file, mode 0600, and open it; it is not synchronous yet.

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
        if database.lacks_room(error, path.parent):
            raise full_error(path) from error
        raise PlanError(
            f"The plan {path} cannot be made: {error.strerror}.", hint="Choose another folder."
        ) from error
    with trouble(path):
        conn = _connect(path, "rw")
        try:
            conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
            conn.execute(f"PRAGMA user_version={FORMAT}")
            conn.execute("PRAGMA synchronous=OFF")
            conn.executescript(f"BEGIN IMMEDIATE;{_schema()};COMMIT;")
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
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        raise NotFoundError(f"There is no plan {path}.", hint="See `artifact-tui tasks`.") from None
    if not stat.S_ISREG(mode):
        raise _not_a_plan(path)
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
            _check_format(conn, path)
            if not write:
                conn.execute("PRAGMA query_only=ON")
        except BaseException:
            conn.close()
            raise
        return conn


def address_of(path: Path, mode: str = "rw") -> str:
    """A plan file as SQLite opens it: where there are no locks, it makes a folder as its lock."""
    locks = "unix-dotfile" if without_locks(path.absolute().parent) else "unix"
    return f"{path.absolute().as_uri()}?mode={mode}&vfs={locks}"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    if without_locks(path.absolute().parent):
        _remove_left(path.with_name(f"{path.name}.lock"))
    conn = sqlite3.connect(
        address_of(path, mode),
        uri=True,
        isolation_level=None,
        timeout=BUSY_PATIENCE,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            conn.execute(f"PRAGMA {pragma}")
        conn.execute(REVIEWED_VIEW)
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def _remove_left(lock: Path) -> None:
    """Remove a lock that a killed process has left: one that is used is never the same for long."""
    end = time.monotonic() + _LOCK_LEFT
    with suppress(OSError):
        first = lock.stat()
        while (now := lock.stat()).st_ino == first.st_ino and now.st_mtime_ns == first.st_mtime_ns:
            if time.monotonic() > end:
                lock.rmdir()
            time.sleep(0.05)


def _check_format(conn: sqlite3.Connection, path: Path) -> None:
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


def check_head(conn: sqlite3.Connection) -> None:
    """Raise ValueError when the few rows that are about the whole plan are not those of a plan."""
    for table in ("plan", "journal", "run"):
        _check_types(conn, table)
    _check_no(conn, "a run")
    sizes = dict(conn.execute("SELECT name, length(value) FROM plan").fetchall())
    if sizes.keys() != {"head", "summary", "hash"} or any(
        size > _LONGEST_HEAD for size in sizes.values()
    ):
        raise ValueError("it does not say what it is")
    rows = conn.execute(
        "SELECT id, status, want, length(why) + length(pace) + length(confirmed_by) FROM journal"
    ).fetchall()
    if len(rows) != 1 or any(not isinstance(one, str) for one in rows[0][1:3]):
        raise ValueError("it does not say where it stands")
    if not 0 <= rows[0][3] <= 3 * LONGEST:
        raise ValueError("it says too much")


def check_rows(conn: sqlite3.Connection) -> None:
    """Raise ValueError when any row is not one of a plan: types, ranges, words and references."""
    (found,) = conn.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise ValueError(str(found).splitlines()[0])
    for (table,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        _check_types(conn, table)
    if conn.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise ValueError("it refers to items that are not in it")
    for what in _WRONG:
        _check_no(conn, what)


def _check_no(conn: sqlite3.Connection, what: str) -> None:
    if conn.execute(f"SELECT EXISTS({_WRONG[what]})").fetchone()[0]:
        raise ValueError(f"{what} is none")


def _check_types(conn: sqlite3.Connection, table: str) -> None:
    others = " OR ".join(
        f"typeof({name}) NOT IN ('{kind.lower()}'{'' if needed or key else ', ' + repr('null')})"
        for _, name, kind, needed, _, key in conn.execute(f"PRAGMA table_info({table})")
    )
    if conn.execute(f"SELECT EXISTS(SELECT 1 FROM {table} WHERE {others})").fetchone()[0]:
        raise ValueError(f"a value in {table} has another type")


def _damaged(path: Path, why: str, error: Exception) -> PlanError:
    if newer := newer_sqlite_needed(error):
        return PlanError(f"The plan {path} cannot be read here.", hint=newer)
    return PlanError(
        f"The plan {path} is damaged: {why}.",
        hint="Nothing was deleted because of it. Make a new plan.",
    )


def _not_a_plan(path: Path) -> PlanError:
    return PlanError(
        f"{path} is not a plan.", hint="A plan is made by `artifact-tui plan`, or on the screen."
    )


def content_hash(conn: sqlite3.Connection) -> str:
    """SHA-256 over everything that was reviewed: each row is a line of JSON in ASCII."""
    digest = hashlib.sha256()
    encode_lines = msgspec.json.Encoder().encode_lines
    for sql in REVIEWED:
        rows = conn.execute(sql)
        while page := rows.fetchmany(_HASHED_AT_ONCE):
            lines = encode_lines(page)
            if not lines.isascii() or b"\x7f" in lines:
                lines = b"".join(
                    json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in page
                )
            digest.update(lines)
    return digest.hexdigest()


_HASHED_AT_ONCE = 200
"""Rows whose lines are made at once; those beyond ASCII are made one by one, in the same form."""


LOCK_PATIENCE = 1.0
"""Seconds to wait for the lock: someone who only looks holds it for an instant."""

_BYTE = 1 << 62
"""The byte that is locked; the file never gets that long, and SQLite's bytes are far below."""

_FLOCK = "@hhqqi4x"
"""`struct flock` where the system has such locks (Linux, 64 bits)."""

_free_descriptors: dict[tuple[int, int, int], list[int]] = {}
"""Descriptors that nobody uses now, by device, inode and mode; none is ever closed."""


def is_locked(plan: Path) -> bool:
    """Whether a process is applying the plan now."""
    if without_locks(plan.parent):
        return _stand_in_holder(plan) is not None
    try:
        with _descriptor(plan, os.O_RDONLY) as fd:
            return _locked(fd)
    except OSError:
        return False


@contextmanager
def hold_lock(plan: Path, *, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Hold the lock of a plan that may be written.

    Raises:
        BusyError: another process applies this plan.
        PlanError: it cannot be locked.
    """
    deadline = time.monotonic() + patience
    if without_locks(plan.parent):
        with _stand_in(plan, deadline):
            yield
        return
    with ExitStack() as stack:
        try:
            fd = stack.enter_context(_descriptor(plan, os.O_RDWR))
            while not _lock(fd):
                if time.monotonic() >= deadline:
                    raise busy_error(plan)
                time.sleep(0.02)
            stack.callback(_unlock, fd)
        except OSError as error:
            raise PlanError(
                f"The plan {plan} cannot be locked: {error.strerror}.",
                hint="Copy it to a folder that you may write, then apply it there.",
            ) from error
        yield


def busy_error(plan: Path, pid: int | None = None) -> BusyError:
    """The error for a plan that another process is applying."""
    who = f"Process {pid}" if pid else "Another process"
    return BusyError(
        f"{who} is applying the plan {plan} already.",
        hint="Watch it with `artifact-tui tasks`; a plan is applied by one process at a time.",
    )


@contextmanager
def _descriptor(plan: Path, mode: int) -> Iterator[int]:
    """A descriptor of the plan that is nobody else's meanwhile."""
    at = plan.stat()
    key = (at.st_dev, at.st_ino, mode)
    try:
        fd = _free_descriptors.setdefault(key, []).pop()
    except IndexError:
        fd = os.open(plan, mode | os.O_CLOEXEC | os.O_NOFOLLOW)
        at = os.fstat(fd)
        key = (at.st_dev, at.st_ino, mode)
    try:
        yield fd
    finally:
        _free_descriptors.setdefault(key, []).append(fd)


def _range(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, _BYTE, 1, 0)


if hasattr(fcntl, "F_OFD_SETLK"):

    def _lock(fd: int) -> bool:
        """Take the lock; False when somebody holds it."""
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _range(fcntl.F_WRLCK))
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return False
            raise
        return True

    def _unlock(fd: int) -> None:
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _range(fcntl.F_UNLCK))

    def _locked(fd: int) -> bool:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _range(fcntl.F_WRLCK))
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)

else:  # pragma: no cover - systems without such locks

    def _lock(fd: int) -> bool:
        """Take the lock; False when somebody holds it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)

    def _locked(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(fd, fcntl.LOCK_UN)
        return False


def _stand_in_path(plan: Path) -> Path:
    return plan.with_name(plan.name + ".applying")


@contextmanager
def _stand_in(plan: Path, deadline: float) -> Iterator[None]:
    """Hold the link that stands in for a lock: it needs no free bytes, and is there whole."""
    path = _stand_in_path(plan)
    while True:
        try:
            path.symlink_to(f"{os.getpid()}@{socket.gethostname()}")
            break
        except FileExistsError:
            if (holder := _stand_in_holder(plan)) is None:
                with suppress(OSError):
                    path.unlink()
            elif time.monotonic() >= deadline:
                raise BusyError(
                    f"{holder} is applying the plan {plan} already.",
                    hint=f"There are no locks in that folder. If it has ended, remove {path}.",
                ) from None
            else:
                time.sleep(0.02)
        except OSError as error:
            raise PlanError(
                f"The plan {plan} cannot be locked: {path}: {error.strerror}.",
                hint="Copy it to a folder that you may write, then apply it there.",
            ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def _stand_in_holder(plan: Path) -> str | None:
    """Who holds the link that stands in for a lock; None when nobody does any more."""
    try:
        pid, _, host = os.readlink(_stand_in_path(plan)).partition("@")  # noqa: PTH115 - a word, not a path
        if host == socket.gethostname():
            os.kill(int(pid), 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except (OSError, ValueError):
        return "Another process"
    return f"Process {pid} on {host}"


def claim(plan: Path, plan_id: str, *, begun: bool) -> None:
    """Bind a plan id to this file for ever; call it while holding the lock.

    `begun` tells that this very file has been applied in part: it may have been moved since.

    Raises:
        PlanError: the plan was applied, or is being applied, from another file.
    """
    link = config.tasks_dir() / plan_id
    try:
        config.with_reserve(lambda: link.symlink_to(plan), link.parent)
    except FileExistsError:
        other = link.parent / link.readlink()
    except OSError as error:
        raise PlanError(
            f"The folder {link.parent} cannot be written: {error.strerror}. Nothing was deleted.",
            hint="Make room, or set ARTIFACT_TUI_STATE to a folder that you can write to.",
        ) from error
    else:
        return
    if other.exists():
        if other.samefile(plan):
            return
    elif begun:
        link.unlink()
        link.symlink_to(plan)
        return
    raise PlanError(
        f"The plan {plan} is a copy: it was applied as {other}. Nothing was deleted.",
        hint="A plan is applied once. Resume that file, or make a new plan.",
    )


MADE, CONFIRMED = "made", "confirmed"

_REGISTRY = ".registry"
"""Ends the name of a link that tells which registry somebody named for a plan."""

_HASH = 40
"""Characters of the hash that are noted."""


def is_made(plan: Plan) -> bool:
    """Whether this very plan was made here: its registry was named, and its counts are ours."""
    return _noted_word(plan) in {MADE, CONFIRMED}


def is_confirmed(plan: Plan) -> bool:
    """Whether this very plan was confirmed here, by this person."""
    return _noted_word(plan).startswith(CONFIRMED)


def check_confirmed(plan: Plan) -> None:
    """Raise ConfirmationError unless the plan was confirmed here."""
    if is_confirmed(plan) and plan.stored_status != "draft":
        return
    if plan.confirmed_by:
        raise ConfirmationError(
            f"The plan {plan.path} says that {plan.confirmed_by} confirmed it, and you have not, "
            "as far as is known here. Nothing was deleted.",
            hint=f"This shows it and asks you: artifact-tui apply {quote(str(plan.path))}",
        )
    raise ConfirmationError(
        f"Nobody has confirmed the plan {plan.path}. Nothing was deleted.",
        hint=f"Review it and confirm it: artifact-tui apply {quote(str(plan.path))}",
    )


def note_made(plan: Plan) -> None:
    """Note that a plan was made here; where that cannot be noted, it counts as a foreign one."""
    with suppress(OSError, ArtifactTuiError):
        _write_note(plan.head.id, f"{MADE}-{plan.hash[:_HASH]}")


def note_confirmed(plan: Plan) -> None:
    """Note that this person confirmed the plan here.

    Raises:
        PlanError: it cannot be noted.
    """
    word = CONFIRMED if is_made(plan) else f"{CONFIRMED}-foreign"
    try:
        _write_note(plan.head.id, f"{word}-{plan.hash[:_HASH]}")
    except OSError as error:
        raise PlanError(
            f"The confirmation cannot be noted in {config.consents_dir()}: {error.strerror}. "
            "Nothing was deleted.",
            hint="Make room, or set ARTIFACT_TUI_STATE to a folder that you can write to.",
        ) from error


def name_registry(plan: Plan, named: str) -> None:
    """Note that this person named the registry of a plan: its credentials may go there.

    Raises:
        UsageError: the plan was made for another registry.
        PlanError: it cannot be noted.
    """
    address = plan.head.identity.address
    target = resolve(load(), named)
    if not same_registry(target.address, address):
        raise UsageError(
            f"The plan {plan.path} was made for {address}, and not for {target.address}. "
            "Nothing was deleted.",
            hint="Apply it to the registry it was made for, or make a new plan.",
        )
    try:
        _write_note(f"{plan.head.id}{_REGISTRY}", target.address)
    except OSError as error:
        raise PlanError(
            f"{config.consents_dir()} cannot be written: {error.strerror}. Nothing was deleted.",
            hint="Make room, or set ARTIFACT_TUI_STATE to a folder that you can write to.",
        ) from error


def target_of(plan: Plan, known: Config | None = None) -> Target:
    """The registry of a plan as this machine knows it: name, protection and settings.

    Raises:
        UsageError: its address cannot be read.
    """
    known, head = known or load(), plan.head
    named = known.registries.get(head.registry)
    if named is not None and same_registry(named.address, head.identity.address):
        return resolve(known, head.registry)
    return resolve(known, head.identity.address)


def check_registry(plan: Plan, present: Identity) -> None:
    """Refuse a plan that was made for another registry than this one.

    Raises:
        PlanError: so it is.
    """
    made_for = plan.head.identity
    if (made_for.kind, made_for.uid) != (present.kind, present.uid):
        raise PlanError(
            f"The plan {plan.path} was made for the registry {made_for.address}, "
            f"and {present.address} is another one. Nothing was done.",
            hint="Use it with the registry it was made for, or make a new plan.",
        )


def registry_of(plan: Plan) -> Target:
    """Where a plan may be carried out: what is configured, or was named by this person.

    Raises:
        PlanError: only the plan names that address.
        UsageError: its address cannot be read.
    """
    config = load()
    target = target_of(plan, config)
    known = configured_name(config, target.address) is not None
    if known or target.address.startswith(LOCAL) or is_made(plan):
        return target
    named = _read_note(f"{plan.head.id}{_REGISTRY}")
    if named and same_registry(named, plan.head.identity.address):
        return resolve(config, named)
    raise PlanError(
        f"Only the plan {plan.path} names {target.address}: it is not configured here, and your "
        "credentials are not sent there. Nothing was deleted.",
        hint=f"When you know that registry, name it: artifact-tui apply {quote(str(plan.path))} "
        f"--registry {quote(target.address)}",
    )


def _noted_word(plan: Plan) -> str:
    """What was noted about this plan; nothing when it is not this one to the letter."""
    word, _, digest = _read_note(plan.head.id).rpartition("-")
    return word if digest == plan.hash[:_HASH] else ""


def _read_note(name: str) -> str:
    try:
        return os.readlink(config.consents_dir() / name)  # noqa: PTH115 - a word, not a path
    except (OSError, ValueError):
        return ""


def _write_note(name: str, word: str) -> None:
    folder = config.consents_dir()

    def note() -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f"{name}.{os.getpid()}"
        with suppress(FileNotFoundError):
            new.unlink()
        new.symlink_to(word)
        new.replace(folder / name)

    config.with_reserve(note, folder.parent)
