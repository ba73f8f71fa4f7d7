"""Ollama's models and an OCI image layout as worlds."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from artifact_tui.clients.oci.oci_client import TagClient
from artifact_tui.clients.oci.oci_layout import OciLayout, OllamaLayout
from artifact_tui.testing.world import PlainWorld, Thing, Truth
from tests.support.blobs import Oci, Ollama

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


class TagWorld(PlainWorld):
    """One store."""

    lacks = frozenset(
        {"dependents", "guarded_dependents", "edges", "deleter", "protection", "told_protection"}
        | {"types", "bytes", "aliases", "lineage"}
    )
    nobody = "nobody:v7"

    def __init__(self, store: Ollama | Oci) -> None:
        self._store = store
        self._made: Counter[str] = Counter()
        self.client = self._open(read_only=False)

    def _open(self, *, read_only: bool) -> TagClient:
        if isinstance(self._store, Oci):
            return TagClient("oci", OciLayout(self._store.root), read_only=read_only)
        return TagClient("ollama", OllamaLayout(self._store.root), read_only=read_only)

    async def reopen(self, *, read_only: bool) -> TagClient:
        return self._open(read_only=read_only)

    async def make(
        self, collection: str, *, files: Mapping[str, bytes] | None = None, **_: object
    ) -> str:
        label = f"v{self._made[collection]:03d}"
        self._made[collection] += 1
        self._store.tag(collection, label, files or {"model": collection.encode()})
        return f"{collection}:{label}"

    def file(self, key: str) -> Path:
        """The blob of its weights."""
        content = key.partition(":")[0].encode()
        return self._store.file(f"sha256:{hashlib.sha256(content).hexdigest()}")

    async def truth(self) -> Truth:
        root = self._store.root
        if isinstance(self._store, Oci):
            index = json.loads((root / "index.json").read_text())
            assert index["annotations"] == {"kept": "as it is"}
            keys = [
                one["annotations"]["org.opencontainers.image.ref.name"]
                for one in index["manifests"]
            ]
        else:
            found = [path for path in root.glob("manifests*/*/*/*/*") if path.exists()]
            keys = [f"{path.parent.name}:{path.name}" for path in found]
        homes = frozenset(key.partition(":")[0] for key in keys)
        things = {key: Thing("live") for key in keys}
        return Truth(things, frozenset(), homes, self._store.bytes())


@contextlib.asynccontextmanager
async def ollama_world(path: Path) -> AsyncIterator[TagWorld]:
    """Ollama without a model."""
    yield TagWorld(Ollama(path / "models", second=True))


@contextlib.asynccontextmanager
async def oci_world(path: Path) -> AsyncIterator[TagWorld]:
    """An empty layout."""
    yield TagWorld(Oci(path / "layout"))
