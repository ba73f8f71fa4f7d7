"""Changing aliases, tags and times to live: shown first, confirmed, sent in batches."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui import places, text
from artifact_tui.catalog import queries
from artifact_tui.catalog.marks import only_marked
from artifact_tui.catalog.sorting import Sort
from artifact_tui.cli.drafting import ask_lineage
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import parse_filter, reading, where_of
from artifact_tui.clients.base import Paced
from artifact_tui.deletion.items import Options
from artifact_tui.edits import sending
from artifact_tui.edits.able import editor
from artifact_tui.edits.changes import naming
from artifact_tui.edits.lives import Clock
from artifact_tui.edits.reading import foreseen
from artifact_tui.edits.sending import Sent
from artifact_tui.errors import READ_ONLY_HINT, NotFoundError, ReadOnlyError, UsageError
from artifact_tui.here import now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.clients.base import Client, Editable
    from artifact_tui.config import Target
    from artifact_tui.edits.able import What
    from artifact_tui.edits.changes import Changes, Named
    from artifact_tui.edits.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which versions: one by its name, those that match a filter, or the marks."""

    name: str = ""
    filter: str = ""
    marked: bool = False

    def check(self) -> None:
        """Refuse none and more than one of the three.

        Raises:
            UsageError: they do not say which versions.
        """
        if (bool(self.name) + bool(self.filter.strip()) + self.marked) != 1:
            raise UsageError(
                "Say which versions: NAME:V, or --filter FILTER, or --marked.",
                hint="For everything in the registry: --filter '*'.",
            )


def editable(client: Client, target: Target, what: What) -> Editable:
    """The client, as one that can change this.

    Raises:
        UsageError: it cannot.
    """
    able = editor(client, what)
    if able is None:
        words = "times to live" if what == "ttl" else what
        raise UsageError(
            f"The {words} of “{target.name}” cannot be changed from here. Nothing was changed.",
            hint="Local registries and Weights & Biases can do this.",
        )
    return able


def refuse_read_only(target: Target) -> None:
    """Refuse before anything is sent.

    Raises:
        ReadOnlyError: the registry may only be read.
    """
    if target.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was changed.",
            hint=READ_ONLY_HINT,
        )


async def look(
    client: Client, target: Target, chosen: Chosen, wanted: Wanted, *, cached: bool = False
) -> Changes[Named]:
    """Read the versions that were named, and foresee what becomes of them.

    Raises:
        NotFoundError: there is none.
    """
    marks = places.marks_file(client.identity.uid) if chosen.marked else None
    async with reading(client, marks=marks, cached=cached) as conn:
        clock = clock_of(client)
        found = foreseen(conn, _rows(conn, client, chosen), wanted, naming(), clock)
        if found.unasked and not cached:
            await ask_lineage(client, found.unasked, Options())
            found = foreseen(conn, _rows(conn, client, chosen), wanted, naming(), clock)
        if not any(True for _ in found.rows()):
            what = "Nothing is marked" if chosen.marked else f"Nothing matches {chosen.filter}"
            raise NotFoundError(f"{what} in “{target.name}”. Nothing was changed.")
        return found


def clock_of(client: Client) -> Clock:
    """By when something expires at once in this registry."""
    return Clock(now_us(), client.capabilities.restore)


def _rows(
    conn: sqlite3.Connection, client: Client, chosen: Chosen
) -> Iterator[tuple[VersionRow, ...]]:
    """The versions that were named, some at a time."""
    if chosen.name:
        return iter([(queries.find(conn, chosen.name),)])
    words = "state:any" if chosen.marked else chosen.filter
    where = where_of(conn, parse_filter([words]), client, acts=True)
    where = only_marked(where) if chosen.marked else where
    return queries.chunks(conn, where, Sort("name"))


async def send(client: Client, able: Editable, changes: Changes[Named]) -> Sent:
    """Send every change; Ctrl+C stops after the batch in flight, a second one breaks it off."""
    sent = Sent(len(changes.changed))
    edits = sending.in_time(changes.changed, sent, lambda: clock_of(client))
    with Progress() as progress, _stopping() as stop:
        await sending.send(
            able, edits, sent, lambda sent: progress.show(_line(able, sent)), stop=stop
        )
    if isinstance(sent.error, ReadOnlyError):
        raise sent.error
    return sent


def _line(client: Editable, sent: Sent) -> str:
    pace = client.pace() if isinstance(client, Paced) else ""
    line = f"{text.count(len(sent.outcomes))} of {text.count(sent.total)} changed"
    return f"{line} · {safe(pace)}" if pace else line


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """An event that the first Ctrl+C sets; the second one cancels what is being awaited."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    stop = asyncio.Event()

    def pressed() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
