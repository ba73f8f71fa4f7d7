"""One apply per plan at a time, and one file per plan for ever.

The lock is an flock on `PLAN.lock`: the kernel releases it whatever happens to its holder. That a
plan applies once, and not again from a copy, is kept by a link `tasks/<plan id>` to its file.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from artifact_tui import places
from artifact_tui.errors import BusyError, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 1.0
"""Seconds to wait for the lock: someone who only looks holds it for an instant."""


def lock_path(plan: Path) -> Path:
    """The file beside a plan that its apply locks."""
    return plan.with_name(plan.name + ".lock")


def is_held(plan: Path) -> bool:
    """Whether a process is applying the plan now."""
    try:
        fd = os.open(lock_path(plan), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def holder(plan: Path) -> int | None:
    """The process id that the lock file names; it may be of the past."""
    with suppress(OSError, ValueError):
        return int(lock_path(plan).read_text(encoding="ascii"))
    return None


@contextmanager
def held(plan: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of a plan; the lock file goes away with it.

    Raises:
        BusyError: another process applies this plan.
        PlanError: the lock file cannot be made.
    """
    fd = _acquire(plan, time.monotonic() + patience)
    try:
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        yield
    finally:
        with suppress(OSError):
            lock_path(plan).unlink()
        os.close(fd)


def _acquire(plan: Path, deadline: float) -> int:
    path = lock_path(plan)
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise PlanError(
                f"The lock {path} cannot be made: {error.strerror}.",
                hint="Copy the plan to a folder that you may write, then apply it there.",
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), path.lstat()):
                return fd
        except FileNotFoundError:
            pass  # the holder before us removed it: take a new one
        except OSError as error:
            if time.monotonic() >= deadline:
                os.close(fd)
                raise _busy(plan) from error
            time.sleep(0.02)
        os.close(fd)


def _busy(plan: Path) -> BusyError:
    pid = holder(plan)
    who = f"Process {pid}" if pid else "Another process"
    return BusyError(
        f"{who} is applying the plan {plan} already.",
        hint="Watch it with `artifact-tui tasks`; a plan is applied by one process at a time.",
    )


def claim(plan: Path, plan_id: str, *, begun: bool) -> None:
    """Bind a plan id to this file for ever; call it while holding the lock.

    `begun` tells that this very file has been applied in part: it may have been moved since.

    Raises:
        PlanError: the plan was applied, or is being applied, from another file.
    """
    link = places.tasks_dir() / plan_id
    try:
        link.symlink_to(plan)
    except FileExistsError:
        other = link.parent / link.readlink()
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
