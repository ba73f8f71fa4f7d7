"""One apply per plan at a time, and one file per plan for ever.

The lock is on the plan's own file, so that no link, no second name and no removed file leads around
it; the kernel releases it whatever happens to its holder. It is an open-file-description lock on
one byte that SQLite does not use: an flock would get in SQLite's way on NFS. Closing any descriptor
of a file drops the locks that SQLite holds on it in this process, so ours are kept open.

Where a file system has no locks, a link `PLAN.applying` that names its holder stands in. That a
plan applies once, and not again from a copy, is kept by a link `tasks/<plan id>` to its file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from artifact_tui import places, room
from artifact_tui.database import without_locks
from artifact_tui.errors import BusyError, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 1.0
"""Seconds to wait for the lock: someone who only looks holds it for an instant."""

_BYTE = 1 << 62
"""The byte that is locked; the file never gets that long, and SQLite's bytes are far below."""

_FLOCK = "@hhqqi4x"
"""`struct flock` where the system has such locks (Linux, 64 bits)."""

_free: dict[tuple[int, int, int], list[int]] = {}
"""Descriptors that nobody uses now, by device, inode and mode; none is ever closed."""


def is_held(plan: Path) -> bool:
    """Whether a process is applying the plan now."""
    if without_locks(plan.parent):
        return _stand_in_holder(plan) is not None
    try:
        with _descriptor(plan, os.O_RDONLY) as fd:
            return _locked(fd)
    except OSError:
        return False


@contextmanager
def held(plan: Path, *, patience: float = PATIENCE) -> Iterator[None]:
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
                    raise busy(plan)
                time.sleep(0.02)
            stack.callback(_unlock, fd)
        except OSError as error:
            raise PlanError(
                f"The plan {plan} cannot be locked: {error.strerror}.",
                hint="Copy it to a folder that you may write, then apply it there.",
            ) from error
        yield


def busy(plan: Path, pid: int | None = None) -> BusyError:
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
        fd = _free.setdefault(key, []).pop()
    except IndexError:
        fd = os.open(plan, mode | os.O_CLOEXEC | os.O_NOFOLLOW)
        at = os.fstat(fd)
        key = (at.st_dev, at.st_ino, mode)
    try:
        yield fd
    finally:
        _free.setdefault(key, []).append(fd)


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
    link = places.tasks_dir() / plan_id
    try:
        room.with_reserve(lambda: link.symlink_to(plan), link.parent, *places.reserves())
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
