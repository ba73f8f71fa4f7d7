"""The link to a remote registry: syncs its catalog beside the screen, asks for lineage and sizes.

The screen reads the catalog meanwhile. One thing at a time happens; asking again while a sync runs
does nothing. What goes wrong is kept as a sentence: the catalog stays as it was. After a sync comes
a scan of lineage where the registry has one; where lineage is told only when asked, it is asked for
when somebody looks at a version, one question at a time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from artifact_tui.catalog.lineage import (
    NOTHING_TO_SCAN,
    LineageCoverage,
    ask_lineage,
    lineage_coverage,
    scan_lineage,
)
from artifact_tui.catalog.listing import last_synced_us
from artifact_tui.catalog.sizes import ASKED_AT_ONCE, ask_sizes
from artifact_tui.catalog.sync import SyncProgress, sync
from artifact_tui.config import marks_file
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import VersionState
from artifact_tui.text import age, count, plural, safe
from artifact_tui.tui import crash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.clients.base import Client


SECOND = 1_000_000
PAUSE_S = 0.5
"""Least time between two readings of the list while pages arrive."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """What is going on, and how old the facts are."""

    syncing: bool = False
    scanning: bool = False
    listed: int = 0
    """Versions that the present sync has listed so far."""
    synced_us: int | None = None
    """When the last sync came to its end; None when none ever did."""
    milliseconds: float | None = None
    """How long the registry took to answer."""
    coverage: LineageCoverage = NOTHING_TO_SCAN
    pace: str = ""
    """What limits the present sync, while the registry wants less: untrusted text."""
    error: str = ""
    """Why the last sync or scan stopped, with what to do about it: untrusted text."""
    notices: tuple[str, ...] = ()
    """What the client says of the last sync, such as what was left out: untrusted text."""

    def words(self, now_us: int) -> str:
        """For the header, in safe words; seconds are not counted, so that it can stand still."""
        parts = []
        if self.syncing:
            parts.append(f"syncing {count(self.listed)}" if self.listed else "syncing")
            if self.pace:
                parts.append(safe(self.pace))
        else:
            if self.error and not self.scanning:
                parts.append("no link")
            if self.synced_us is None:
                parts.append("never synced")
            elif now_us - self.synced_us < 60 * SECOND:
                parts.append("synced just now")
            else:
                parts.append(f"synced {age(self.synced_us, now_us)} ago")
            if self.notices:
                parts.append(plural(len(self.notices), "notice"))
        if self.coverage.total and not self.coverage.complete:
            done, total = count(self.coverage.scanned), count(self.coverage.total)
            parts.append(f"lineage {done} of {total}")
        elif self.milliseconds is not None and not self.syncing and not self.error:
            parts.append(f"{self.milliseconds:.0f} ms")
        return " \N{MIDDLE DOT} ".join(parts)


class RegistryLink:
    """Keeps the catalog of one remote registry fresh."""

    def __init__(
        self, client: Client, catalog: Catalog, path: Path, now: Callable[[], int]
    ) -> None:
        self.state = LinkState()
        self._client = client
        self._catalog = catalog
        self._path = path
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._watchers: list[Callable[[bool], object]] = []
        self._read_at = 0.0
        self._sizes_due: list[str] = []
        self._sizes_requested: set[str] = set()
        self._size_task: asyncio.Task[None] | None = None
        if client.can("sizes"):
            catalog.window_read = self._want_sizes

    async def prepare(self) -> None:
        """Learn from the catalog how old and how complete it is."""
        synced_us, coverage = await self._catalog.run(
            lambda conn: (last_synced_us(conn), lineage_coverage(conn))
        )
        self.state = replace(self.state, synced_us=synced_us, coverage=coverage)

    def watch(self, watcher: Callable[[bool], object]) -> None:
        """Call this after every change of `state`; with True when the catalog has new rows."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[bool], object]) -> None:
        """Call it no longer."""
        with suppress(ValueError):
            self._watchers.remove(watcher)

    def sync(self) -> bool:
        """Begin to sync, stopping a scan of lineage; False when a sync runs already."""
        if self.state.syncing:
            return False
        before = self._task
        self.state = replace(self.state, syncing=True, listed=0, error="", notices=())
        self._tell(rows=False)
        self._task = asyncio.create_task(self._work(before))
        return True

    async def aclose(self) -> None:
        """Stop what runs; what was learnt is kept."""
        self._catalog.window_read = None
        await _stop(self._task)
        await _stop(self._size_task)

    def _want_sizes(self, rows: Sequence[VersionRow]) -> None:
        """Ask for the sizes of rows on screen that lack one, once after each sync."""
        new = [row.key for row in rows if row.size is None and not row.link]
        self._sizes_due += [key for key in new if key not in self._sizes_requested]
        self._sizes_requested.update(new)
        if self._sizes_due and (self._size_task is None or self._size_task.done()):
            self._size_task = asyncio.create_task(self._ask_sizes())

    async def _ask_sizes(self) -> None:
        """Ask in batches, the rows that were read last first; what fails stays unknown."""
        while self._sizes_due:
            batch = self._sizes_due[-ASKED_AT_ONCE:]
            del self._sizes_due[-ASKED_AT_ONCE:]
            with suppress(ArtifactTuiError):
                if await ask_sizes(self._client, self._path, batch):
                    self._tell(rows=True)

    async def _work(self, before: asyncio.Task[None] | None) -> None:
        try:
            await _stop(before)
            await self._sync()
            if self._client.scanned_types:
                self.state = replace(self.state, scanning=True)
                coverage = await scan_lineage(
                    self._client, self._path, progress=self._scanned, now_us=self._now()
                )
                self.state = replace(self.state, coverage=coverage)
        except ArtifactTuiError as error:
            self.state = replace(self.state, error=f"{error} {error.hint}".strip())
        except Exception as error:  # noqa: BLE001 - a mistake of ours; the screen goes on
            said = crash.words(error, crash.write_log(error)).partition("\n")[0]
            self.state = replace(self.state, error=said)
        finally:
            self.state = replace(self.state, syncing=False, scanning=False)
            self._tell(rows=True)

    async def _sync(self) -> None:
        began = time.perf_counter()

        def progress(state: SyncProgress) -> None:
            first = not self.state.listed
            took = (time.perf_counter() - began) * 1000
            shown = took if first else self.state.milliseconds
            self.state = replace(
                self.state, listed=state.versions, milliseconds=shown, pace=throttled(self._client)
            )
            self._tell(rows=first or time.monotonic() - self._read_at > PAUSE_S)

        marks = marks_file(self._client.identity.uid)
        done = await sync(
            self._client, self._path, marks_path=marks, progress=progress, now_us=self._now()
        )
        self._sizes_requested.clear()
        await self.prepare()
        notices = (*self._client.notices, *done.notices)
        self.state = replace(self.state, syncing=False, notices=notices)
        self._tell(rows=True)

    def _scanned(self, coverage: LineageCoverage) -> None:
        self.state = replace(self.state, coverage=coverage)
        self._tell(rows=False)

    async def scan_ended(self, progress: Callable[[LineageCoverage], object]) -> None:
        """Wait while a scan of lineage runs; `progress` hears how far it is."""
        changed = asyncio.Event()

        def watcher(_rows: bool) -> None:  # noqa: FBT001 - as `watch` calls it
            changed.set()

        self.watch(watcher)
        try:
            while self.state.scanning:
                progress(self.state.coverage)
                await changed.wait()
                changed.clear()
        finally:
            self.unwatch(watcher)

    def look(self) -> None:
        """Notice what limits the sync now; `state` says it."""
        if self.state.syncing:
            self.state = replace(self.state, pace=throttled(self._client))

    def _tell(self, *, rows: bool) -> None:
        if rows:
            self._read_at = time.monotonic()
        for watcher in tuple(self._watchers):
            watcher(rows)


def throttled(client: Client) -> str:
    """Why a registry makes us wait; empty while it does not. Untrusted text."""
    words = client.transport.pace()
    return "" if words[:1].isdigit() else words


async def _stop(task: asyncio.Task[None] | None) -> None:
    """Cancel a task, and wait for its end."""
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task])


class LineageState(StrEnum):
    """What is known of the parents of a version."""

    KNOWN = "known"
    NOT_ASKED = "not asked yet"
    ASKING = "asking"
    FAILED = "could not be asked"


class LineageAsker:
    """Asks for lineage and writes it into the catalog; whoever is cancelled asks nothing more."""

    def __init__(self, client: Client, path: Path, now: Callable[[], int]) -> None:
        self._client = client
        self._path = path
        self._now = now
        self._turn = asyncio.Lock()
        self._states: dict[str, LineageState] = {}

    def state_of(self, row: VersionRow) -> LineageState:
        """What is known of a version's parents, as far as this session asked."""
        if row.link or not self._client.tells_dependents:
            return LineageState.KNOWN
        return self._states.get(row.key, LineageState.NOT_ASKED)

    def wants(self, row: VersionRow) -> bool:
        """Whether there is something to ask about a version."""
        return row.state is VersionState.LIVE and self.state_of(row) in {
            LineageState.NOT_ASKED,
            LineageState.ASKING,
        }

    @property
    def busy(self) -> bool:
        """Whether a question is under way."""
        return self._turn.locked()

    def forget(self) -> None:
        """The registry was synced: what it said before may not be so any more."""
        self._states.clear()

    async def ask(self, row: VersionRow) -> None:
        """Ask for parents and dependents of one version.

        Raises:
            ArtifactTuiError: the registry could not be asked.
        """
        if not self._client.tells_dependents:
            return
        self._states[row.key] = LineageState.ASKING
        state = LineageState.FAILED
        try:
            async with self._turn:
                asked = await ask_lineage(
                    self._client, self._path, [row.key], parents=True, now_us=self._now()
                )
            state = LineageState.KNOWN if asked.complete else LineageState.FAILED
        except asyncio.CancelledError:
            state = LineageState.NOT_ASKED
            raise
        finally:
            self._states[row.key] = state

    async def ask_below(
        self, row: VersionRow, progress: Callable[[LineageCoverage], object]
    ) -> LineageCoverage | None:
        """Ask on until everything made from a version is known; None where nothing is asked.

        Raises:
            ArtifactTuiError: the registry could not be asked. What was learnt is kept.
        """
        if not self._client.tells_dependents:
            return None
        async with self._turn:
            return await ask_lineage(
                self._client,
                self._path,
                [row.key],
                closure=True,
                progress=progress,
                now_us=self._now(),
            )
