"""Asks a registry for the lineage of some versions, where it tells lineage only when asked.

What was answered is written down: edges between versions that the catalog lists, `relative` rows
for the others, and when it was. Before something is deleted, what is older than the last sync is
asked again.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.catalog import lineage_store, sync_file
from artifact_tui.catalog.lane import Lane
from artifact_tui.text import plural

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import AskedLineage

PAGE = 500
"""Versions asked about between two writes; the client makes fewer or more requests of it."""
MOST = 100_000
"""Versions that one call asks about at most."""
_CHUNK = 5_000

_NEEDS = """
v.source_key IS NULL AND (:parents OR v.state <> 'trash' AND v.used_count IS NOT 0
  AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id AND NOT :again
    AND s.at_us >= (SELECT CAST(m.value AS INTEGER) FROM meta m WHERE m.name = 'synced_us')))"""

_GIVEN = f"""
SELECT v.id, v.key, {_NEEDS}
FROM json_each(:asked) j CROSS JOIN version v ON v.key = j.value ORDER BY j.key"""

_CHILDREN = f"""
SELECT DISTINCT v.id, v.key, {_NEEDS}
FROM json_each(:asked) j CROSS JOIN edge e ON e.parent_id = j.value
CROSS JOIN version v ON v.id = e.child_id ORDER BY v.id"""


_Found = tuple[int, str, int]
"""Id, key, and whether a question is needed."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """What one call was told; see `ask_lineage`."""

    closure: bool
    parents: bool
    again: bool
    most: int


@dataclass(frozen=True, slots=True)
class Asked:
    """How far the asking is."""

    asked: int = 0
    """Versions asked about."""
    total: int = 0
    """Versions to ask about, as far as they are found yet."""
    untold: int = 0
    """Those of them that the registry did not tell about: their dependents are not known."""
    capped: bool = False
    """There were more than `MOST`: the rest was not asked about."""
    models: bool = False
    """Models are asked what they were made from: their registry tells nothing else."""

    @property
    def complete(self) -> bool:
        """Whether all that was to be known is known now."""
        return not self.untold and not self.capped and self.asked == self.total

    @property
    def missing(self) -> str:
        """What is not known, and why; empty when all is."""
        parts = []
        if self.untold:
            asked = plural(self.asked, "model" if self.models else "version")
            parts.append(f"the registry told nothing about {self.untold:,} of {asked}")
        if self.capped:
            parts.append(
                f"there are more than the {self.total:,} versions that are asked about at once"
            )
        if self.asked < self.total:
            parts.append(f"{self.total:,} versions are to be asked about, and {self.asked:,} were")
        return "; ".join(parts)

    def words(self) -> str:
        """How far it is, for a progress line; and why models are asked about other versions."""
        if self.models:
            known = self.asked - self.untold
            return f"what was made from these only models tell: {known:,} of {self.total:,} did"
        return f"lineage of {self.asked:,} of {self.total:,}"


async def ask_lineage(
    client: AskedLineage,
    path: Path,
    keys: Sequence[str],
    *,
    closure: bool = False,
    parents: bool = False,
    again: bool = False,
    progress: Callable[[Asked], object] | None = None,
    now_us: int | None = None,
    most: int = MOST,
) -> Asked:
    """Ask for the dependents of these versions, where they are not known since the last sync.

    Links and versions that no run used need no question; keys that the catalog does not know are
    left out.

    Args:
        client: the registry; it paces its own requests.
        path: the catalog file, filled by `sync`.
        keys: version keys.
        closure: ask on for the dependents that are found, until nothing new comes.
        parents: ask for parents too, about all of `keys`, whatever is known.
        again: ask also about those whose lineage is known since the last sync.
        progress: called on the event loop after every page.
        now_us: microseconds UTC to note instead of the clock.
        most: versions to ask about at most.

    Raises:
        RegistryError: the registry or the file could not be used. What was learnt is kept.
    """
    lane = await Lane.open("ask", partial(sync_file.open_file, path))
    try:
        walk = _Walk(client, lane, _Asking(closure, parents, again, most))
        await walk.start(keys)
        while walk.waiting:
            await walk.step(time.time_ns() // 1000 if now_us is None else now_us)
            if progress is not None:
                progress(walk.state)
        return walk.state
    finally:
        await lane.close()


class _Walk:
    """One call of `ask_lineage` on its way."""

    def __init__(self, client: AskedLineage, lane: Lane, asking: _Asking) -> None:
        self._client = client
        self._lane = lane
        self._asking = asking
        self._seen: set[int] = set()
        self.waiting: deque[tuple[int, str]] = deque()
        self.state = Asked()

    async def start(self, keys: Sequence[str]) -> None:
        """Find out which of the given versions need a question."""
        asked = list(dict.fromkeys(keys))
        look = partial(_look, parents=self._asking.parents, again=self._asking.again)
        await self._take(await self._lane.run(partial(look, query=_GIVEN, asked=asked)))

    async def step(self, at: int) -> None:
        """Ask about the next page, and write the answer down."""
        page = [self.waiting.popleft() for _ in range(min(PAGE, len(self.waiting)))]
        keys = [key for _, key in page]
        parents = self._asking.parents
        found = await self._client.lineage_of(keys, parents=parents)
        put = partial(lineage_store.put_asked, asked=keys, found=found, now_us=at, parents=parents)
        await self._lane.run(put, keep=True)
        untold = sum(key not in found for key in keys)
        old = self.state
        self.state = replace(old, asked=old.asked + len(keys), untold=old.untold + untold)
        if self._asking.closure:
            await self._take(await self._children([number for number, _ in page]))

    async def _take(self, found: list[_Found]) -> None:
        """Queue those that need a question; look below those whose answer is known."""
        while found:
            fresh = [row for row in found if row[0] not in self._seen]
            self._seen |= {row[0] for row in fresh}
            self._queue([(number, key) for number, key, needs in fresh if needs])
            known = [number for number, _, needs in fresh if not needs]
            found = await self._children(known) if self._asking.closure else []

    def _queue(self, wanted: list[tuple[int, str]]) -> None:
        """Queue versions, as many as may be asked about."""
        room = self._asking.most - self.state.total
        self.waiting += wanted[:room]
        self.state = replace(
            self.state,
            total=self.state.total + min(len(wanted), room),
            capped=self.state.capped or len(wanted) > room,
        )

    async def _children(self, ids: list[int]) -> list[_Found]:
        """What was made from these, directly."""
        look = partial(_look, query=_CHILDREN, asked=ids, again=self._asking.again)
        return await self._lane.run(look)


def _look(
    conn: sqlite3.Connection,
    query: str,
    asked: Sequence[str] | Sequence[int],
    *,
    parents: bool = False,
    again: bool = False,
) -> list[_Found]:
    """Id, key and whether a question is needed, of the versions that a query finds."""
    found: list[_Found] = []
    for start in range(0, len(asked), _CHUNK):
        chunk = json.dumps(asked[start : start + _CHUNK])
        flags = {"parents": parents, "again": again}
        found += conn.execute(query, {"asked": chunk, **flags}).fetchall()
    return found
