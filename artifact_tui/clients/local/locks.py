"""`gc.lock`: whoever adds bytes holds it shared, whoever removes bytes holds it alone.

The order is always `gc.lock` first, the database second, so nobody waits for each other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artifact_tui.errors import BusyError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from artifact_tui.clients.local.layout import Layout

WAIT_SECONDS = 60.0
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1


def _try(fd: int, how: int, layout: Layout) -> bool:
    """Take the lock without waiting; False when somebody else has it."""
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
            return False
        raise RegistryError(
            f"{layout.lock} cannot be locked ({error.strerror}).",
            hint="Keep the registry on a local disk: this file system has no locks.",
        ) from error
    return True


def _take(fd: int, how: int, layout: Layout, wait: float) -> None:
    deadline = time.monotonic() + wait
    pause = _FIRST_PAUSE
    while not _try(fd, how, layout):
        if time.monotonic() >= deadline:
            who = "adding to" if how == fcntl.LOCK_EX else "cleaning"
            raise BusyError(
                f"Another process is {who} {layout.root}. Nothing was changed.",
                hint="Try again when it has finished.",
            )
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


@contextmanager
def _held(layout: Layout, how: int, wait: float) -> Iterator[None]:
    fd = os.open(layout.lock, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _take(fd, how, layout, wait)
        yield
    finally:
        os.close(fd)


def shared(layout: Layout, *, wait: float | None = None) -> AbstractContextManager[None]:
    """Hold the lock together with others that add bytes.

    Raises:
        BusyError: a clean-up took longer than `wait` seconds.
    """
    return _held(layout, fcntl.LOCK_SH, WAIT_SECONDS if wait is None else wait)


def alone(layout: Layout, *, wait: float | None = None) -> AbstractContextManager[None]:
    """Hold the lock alone: nobody adds bytes meanwhile.

    Raises:
        BusyError: somebody was adding for longer than `wait` seconds.
    """
    return _held(layout, fcntl.LOCK_EX, WAIT_SECONDS if wait is None else wait)
