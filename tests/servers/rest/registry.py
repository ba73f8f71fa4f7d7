"""The registry behind the stand-in: one list in a "bucket", and memories that may be old.

As in the reference server, a deletion loads the whole list, takes entries out, and saves the whole
list, without a lock; a failed load looks like an empty registry, a failed save like a good one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from tests.servers.rest.traps import Traps


class Entry(msgspec.Struct, frozen=True):
    """One artifact."""

    id: str
    name: str
    type: str = "model"
    url: str = "https://example.org/source"
    parents: tuple[str, ...] = ()
    """Ids, or names that start with `name:`."""
    failed: bool = False
    """Its ingestion failed: a GET is answered 424."""


class Bucket:
    """The truth: what is saved."""

    def __init__(self) -> None:
        self.entries: tuple[Entry, ...] = ()
        self.counter = 0
        self.removed: list[str] = []
        """Ids in the order in which saves made them disappear."""

    def replace(self, entries: Iterable[Entry]) -> None:
        """Save another list."""
        before = {entry.id for entry in self.entries}
        self.entries = tuple(entries)
        self.removed += sorted(before - {entry.id for entry in self.entries})


class Instance:
    """One server process: its memory of the bucket."""

    def __init__(self, bucket: Bucket, rng: random.Random) -> None:
        self._bucket = bucket
        self._rng = rng
        self._lock = asyncio.Lock()
        self.memory: tuple[Entry, ...] = bucket.entries

    async def load(self, traps: Traps) -> tuple[Entry, ...]:
        """Read the bucket again; a failure looks like an empty one."""
        await asyncio.sleep(traps.load_s)
        failed = traps.outage or self._rng.random() < traps.load_fault
        self.memory = () if failed else self._bucket.entries
        return self.memory

    async def save(self, traps: Traps, entries: Iterable[Entry]) -> None:
        """Write the bucket; a failure is not noticed."""
        self.memory = saved = tuple(entries)
        await asyncio.sleep(traps.save_s)
        if not traps.outage and self._rng.random() >= traps.save_fault:
            self._bucket.replace(saved)

    async def delete(self, traps: Traps, identifier: str, kind: str) -> list[str]:
        """Delete by id: the ids that were found; `kind` counts only where types are told apart."""
        if traps.safe:
            async with self._lock:
                await asyncio.sleep(traps.load_s + traps.save_s)
                self.memory = self._bucket.entries
                return self._take(traps, identifier, kind)
        entries = await self.load(traps)
        rest = [one for one in entries if not matches(traps, one, identifier, kind)]
        if len(rest) == len(entries):
            return []
        await self.save(traps, rest)
        return [identifier]

    def _take(self, traps: Traps, identifier: str, kind: str) -> list[str]:
        rest = tuple(one for one in self.memory if not matches(traps, one, identifier, kind))
        found = len(rest) < len(self.memory)
        if found:
            self.memory = rest
            self._bucket.replace(rest)
        return [identifier] if found else []


def matches(traps: Traps, entry: Entry, identifier: str, kind: str) -> bool:
    """Whether a path of this type and id means this entry."""
    return entry.id == identifier and (traps.types == "ignored" or entry.type == kind)
