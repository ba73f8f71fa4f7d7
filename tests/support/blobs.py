"""Stores of tags and blobs, written as Ollama and OCI tools write them."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OLLAMA_LAYER = "application/vnd.ollama.image."


class Store:
    """A folder with blobs, and what puts them there."""

    def __init__(self, root: Path, blobs: Path) -> None:
        self.root = root
        self.blobs = blobs
        blobs.mkdir(parents=True)

    def file(self, digest: str) -> Path:
        """Where a blob lies."""
        raise NotImplementedError

    def blob(self, content: bytes) -> dict[str, Any]:
        """Put a blob there, long ago; gives its descriptor."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        path = self.file(digest)
        if not path.exists():
            path.write_bytes(content)
        return {"digest": digest, "size": len(content)}

    def manifest(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """What names blobs."""
        layers = [
            {"mediaType": OLLAMA_LAYER + name.replace(".", "-"), **self.blob(content)}
            for name, content in files.items()
        ]
        config = {"mediaType": "application/vnd.docker.container.image.v1+json"}
        return {"schemaVersion": 2, "config": {**config, **self.blob(b"{}")}, "layers": layers}

    def bytes(self) -> int:
        """What the blobs take."""
        return sum(path.stat().st_size for path in self.blobs.iterdir())


class Ollama(Store):
    """Ollama's `models`."""

    def __init__(self, root: Path, *, second: bool = False) -> None:
        super().__init__(root, root / "blobs")
        self.second = second
        (root / "manifests").mkdir()

    def file(self, digest: str) -> Path:
        return self.blobs / digest.replace(":", "-")

    def tag(self, name: str, label: str, files: Mapping[str, bytes]) -> str:
        """Create a model; gives the digest of its manifest."""
        body = json.dumps(self.manifest(files) | {"of": f"{name}:{label}"}).encode()
        where = f"registry.ollama.ai/library/{name}/{label}"
        path = self.root / ("manifests-v2" if self.second else "manifests") / where
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.second:
            digest: str = self.blob(body)["digest"]
            path.symlink_to(os.path.relpath(self.file(digest), path.parent))
            return digest
        path.write_bytes(body)
        return f"sha256:{hashlib.sha256(body).hexdigest()}"


class Oci(Store):
    """An OCI image layout."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, root / "blobs" / "sha256")
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._write([])

    def file(self, digest: str) -> Path:
        return self.blobs / digest.removeprefix("sha256:")

    def _write(self, manifests: list[dict[str, Any]]) -> None:
        index = {"schemaVersion": 2, "manifests": manifests, "annotations": {"kept": "as it is"}}
        (self.root / "index.json").write_text(json.dumps(index))

    def tag(self, name: str, label: str, files: Mapping[str, bytes]) -> str:
        """Put an artifact there; gives the digest of its manifest."""
        body = json.dumps(self.manifest(files) | {"annotations": {"of": f"{name}:{label}"}})
        notes = {"org.opencontainers.image.ref.name": f"{name}:{label}"}
        one = {**self.blob(body.encode()), "annotations": notes}
        self._write([*json.loads((self.root / "index.json").read_text())["manifests"], one])
        digest: str = one["digest"]
        return digest
