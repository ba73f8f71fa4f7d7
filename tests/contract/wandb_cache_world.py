"""W&B's folders on this machine as a world: what W&B's SDK puts there."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb_cache.wandb_folders import Area, WandbCacheClient
from artifact_tui.model import Identity
from artifact_tui.testing.world import PlainWorld, Thing, Truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

NAMES = ("a", "b", "c", "d", "m", "mm", "n", "n2", "other", "p", "series", "unrelated")
"""Its collections are folders that are known beforehand; the contract uses these names."""


class WandbCacheWorld(PlainWorld):
    """Some folders whose entries are versions."""

    lacks = frozenset(
        {"dependents", "guarded_dependents", "edges", "deleter", "protection", "told_protection"}
        | {"types", "aliases", "lineage"}
    )
    nobody = "m/nobody"

    def __init__(self, path: Path) -> None:
        self._top = path / "wandb"
        self._top.mkdir()
        self._made: Counter[str] = Counter()
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> WandbCacheClient:
        one = re.compile(r"[^/]+")
        areas = [
            Area(name, "cache", self._top / name, one)
            for name in (*NAMES, *(f"c{number}" for number in range(8)))
        ]
        identity = Identity("wandb-cache", "wandb-cache:", f"wandb-cache:{self._top}")
        return WandbCacheClient(identity, areas, read_only=read_only)

    async def reopen(self, *, read_only: bool) -> WandbCacheClient:
        return self._open(read_only=read_only)

    async def make(
        self, collection: str, *, files: Mapping[str, bytes] | None = None, **_: object
    ) -> str:
        key = f"{collection}/v{self._made[collection]:03d}"
        self._made[collection] += 1
        for name, content in (files or {"model": key.encode()}).items():
            path = self._top / key / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return key

    def file(self, key: str) -> Path:
        """The one file that it has."""
        (first,) = (self._top / key).iterdir()
        return first

    async def truth(self) -> Truth:
        keys = [path.relative_to(self._top).as_posix() for path in self._top.glob("*/*")]
        stored = sum(path.stat().st_size for path in self._top.rglob("*") if path.is_file())
        homes = frozenset(key.partition("/")[0] for key in keys)
        return Truth({key: Thing("live") for key in keys}, frozenset(), homes, stored)


@contextlib.asynccontextmanager
async def wandb_cache_world(path: Path) -> AsyncIterator[WandbCacheWorld]:
    """Folders with nothing in them."""
    yield WandbCacheWorld(path)
