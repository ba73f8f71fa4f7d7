"""An open registry: its connections, who uses it, and whether it may be written."""

from __future__ import annotations

import getpass
import time
from typing import TYPE_CHECKING, Self

from artifact_tui import room
from artifact_tui.clients.local import connection, trouble
from artifact_tui.clients.local.layout import Layout
from artifact_tui.clients.local.pool import Pool
from artifact_tui.database import without_locks

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

PAGE = 1000
"""Rows on a page."""


def now_us() -> int:
    """The time now: microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


class OpenRegistry:
    """What every method of `Store` stands on."""

    def __init__(
        self,
        layout: Layout,
        *,
        read_only: bool = False,
        actor: str = "",
        clock: Callable[[], int] = now_us,
        page_size: int = PAGE,
    ) -> None:
        """Open a registry that is there; nothing in it is changed.

        Args:
            layout: where it lies.
            read_only: True refuses every writing method.
            actor: recorded with what is deleted; the user's name unless given.
            clock: gives the time now, in microseconds.
            page_size: rows on a page.

        Raises:
            NotFoundError: there is no registry.
            RegistryError: it cannot be used.
        """
        self.layout = layout
        self.clock = clock
        self.actor = actor or _user()
        self._no_locks = without_locks(layout.root)
        self.writable = connection.writable(layout) and not self._no_locks
        self.read_only = read_only or not self.writable
        self._asked_read_only = read_only
        self._page = page_size
        with trouble.told(layout):
            connection.check_file(layout)
        room.know(layout.root)
        if self.read_only:
            self._pool = Pool(layout, lambda: connection.open_for_reading(layout))
        else:
            room.keep(layout.root)
            self._pool = Pool(
                layout,
                lambda: connection.open_for_writing(layout),
                lambda: connection.open_for_reading(layout),
            )
        try:
            with self.reading() as conn:
                rows = dict(conn.execute("SELECT name, value FROM meta"))
        except BaseException:
            self._pool.close()
            raise
        self.uid = str(rows.get("uid", ""))

    @classmethod
    def create(cls, root: str | os.PathLike[str], *, clock: Callable[[], int] = now_us) -> Self:
        """Open the registry at a folder, made when it is not there."""
        layout = Layout.at(root)
        connection.create(layout, clock())
        return cls(layout, clock=clock)

    @property
    def unwritable(self) -> str:
        """Why nothing can be written here, when it is the file system: words for people."""
        if self._no_locks:
            return "its file system has no locks"
        return "" if self.writable else "you may not write to its folder"

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """One unchanging view of the database."""
        return self._pool.reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction.

        Raises:
            ReadOnlyError: this registry may only be read.
        """
        self.check_writable()
        return self._pool.writing()

    def check_writable(self) -> None:
        """Refuse to go on in a registry that may only be read.

        Raises:
            ReadOnlyError: it may only be read.
        """
        if self._asked_read_only:
            raise trouble.opened_read_only(self.layout)
        if self._no_locks:
            raise trouble.no_locks(self.layout, self._no_locks)
        if self.read_only:
            raise trouble.denied(self.layout, ": the folder is not writable")
