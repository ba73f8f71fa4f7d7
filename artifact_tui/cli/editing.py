"""Changing aliases, tags and times to live: shown first, confirmed, sent in batches."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypedDict

from artifact_tui import places, query, text
from artifact_tui.catalog import queries, selection
from artifact_tui.catalog.holding import holders
from artifact_tui.catalog.marks import only_marked
from artifact_tui.catalog.retention import ttl_preview
from artifact_tui.catalog.sorting import Sort
from artifact_tui.cli.changes import Changes, Foresight, Wanted
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import parse_filter, reading
from artifact_tui.clients.base import Editable, Paced
from artifact_tui.errors import NotFoundError, ReadOnlyError, RegistryError, UsageError
from artifact_tui.here import now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRef, VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.model import Outcome

    What = Literal["aliases", "tags", "ttl"]

BATCH = 100
"""Versions of one `edit` call: a stop waits for those in flight."""


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


@dataclass(slots=True)
class Sent:
    """What became of the changes that were confirmed."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By version key; those that were not sent are left out."""
    uncertain: frozenset[str] = frozenset()
    """Keys that were in flight when it was broken off."""
    stopped: bool = False
    """By Ctrl+C."""
    error: RegistryError | None = None
    """What ended it early."""


def editable(client: Client, target: Target, what: What) -> Editable:
    """The client, as one that can change this.

    Raises:
        UsageError: it cannot.
    """
    can = client.capabilities
    able = {"aliases": can.edit_aliases, "tags": can.edit_tags, "ttl": can.edit_ttl}[what]
    if not able or not isinstance(client, Editable):
        words = "times to live" if what == "ttl" else what
        raise UsageError(
            f"The {words} of “{target.name}” cannot be changed from here. Nothing was changed.",
            hint="Local registries and Weights & Biases can do this.",
        )
    return client


def refuse_read_only(target: Target) -> None:
    """Refuse before anything is sent.

    Raises:
        ReadOnlyError: the registry may only be read.
    """
    if target.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was changed.",
            hint="Leave --read-only out, or see its configuration.",
        )


async def look(
    client: Client, target: Target, chosen: Chosen, wanted: Wanted, *, cached: bool = False
) -> Changes:
    """Read the versions that were named, and foresee what becomes of them.

    Raises:
        NotFoundError: there is none.
    """
    marks = places.marks_file(client.identity.uid) if chosen.marked else None
    async with reading(client, marks=marks, cached=cached) as conn:
        foresight, some = Foresight(wanted), False
        for rows in _rows(conn, chosen):
            some = some or bool(rows)
            foresight.take(rows, **_known(conn, rows, wanted))
        if not some:
            what = "Nothing is marked" if chosen.marked else f"Nothing matches {chosen.filter}"
            raise NotFoundError(f"{what} in “{target.name}”. Nothing was changed.")
        found = foresight.changes()
        if wanted.ttl_us is None:
            return found
        selection.select_keys(conn, [one.row.key for one in found.changed])
        return replace(found, expiry=ttl_preview(conn, wanted.ttl_us, now_us()))


def _rows(conn: sqlite3.Connection, chosen: Chosen) -> Iterator[tuple[VersionRow, ...]]:
    """The versions that were named, some at a time."""
    if chosen.name:
        return iter([(queries.find(conn, chosen.name),)])
    words = "state:any" if chosen.marked else chosen.filter
    where = query.compile_query(parse_filter([words]), now_us())
    where = only_marked(where) if chosen.marked else where
    return queries.chunks(conn, where, Sort("name"))


class _Known(TypedDict):
    tags: dict[int, tuple[str, ...]]
    holders: dict[str, dict[int, VersionRef]]


def _known(conn: sqlite3.Connection, rows: tuple[VersionRow, ...], wanted: Wanted) -> _Known:
    """What must be known of some versions beside their rows."""
    collections = {row.collection_id for row in rows}
    tags = wanted.add_tags or wanted.remove_tags
    return {
        "tags": queries.tags_of(conn, [row.id for row in rows]) if tags else {},
        "holders": {alias: holders(conn, alias, collections) for alias in wanted.add_aliases},
    }


async def send(client: Editable, changes: Changes) -> Sent:
    """Send every change; Ctrl+C stops after the batch in flight, a second one breaks it off."""
    total = len(changes.changed)
    sent = Sent()
    with Progress() as progress, _stopping(sent) as stop:
        for start in range(0, total, BATCH):
            if stop.is_set():
                break
            progress.show(_line(client, start, total))
            batch = [one.edit for one in changes.changed[start : start + BATCH]]
            try:
                found = await client.edit(batch)
            except ReadOnlyError:
                raise
            except (asyncio.CancelledError, RegistryError) as error:
                sent.uncertain = frozenset(edit.key for edit in batch)
                sent.error = error if isinstance(error, RegistryError) else None
                break
            sent.outcomes |= {one.key: one for one in found}
    return sent


def _line(client: Editable, done: int, total: int) -> str:
    pace = client.pace() if isinstance(client, Paced) else ""
    line = f"{text.count(done)} of {text.count(total)} changed"
    return f"{line} · {safe(pace)}" if pace else line


@contextmanager
def _stopping(sent: Sent) -> Iterator[asyncio.Event]:
    """An event that the first Ctrl+C sets; the second one cancels what is being awaited."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    stop = asyncio.Event()

    def pressed() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()
        sent.stopped = True

    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
