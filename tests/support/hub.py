"""Caches of the Hugging Face Hub, laid out as its library lays them out, without a network."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def commit_of(word: str) -> str:
    """A commit."""
    return hashlib.sha1(word.encode()).hexdigest()  # noqa: S324 - as git does


class Hub:
    """One cache, and what downloads do to it."""

    def __init__(self, root: Path, *, shared: bool = False) -> None:
        self.root = root
        self.shared = shared
        root.mkdir(parents=True, exist_ok=True)
        if shared:
            (root / "blobs").mkdir()
            (root / "blobs/.huggingface-shared-blobs").write_text("1\n")

    def download(
        self,
        folder: str,
        commit: str,
        files: Mapping[str, bytes],
        *,
        refs: tuple[str, ...] = (),
    ) -> Path:
        """A revision of `models--ORG--NAME`; what is over 100 bytes is shared where that is so."""
        top = self.root / folder
        snapshot = top / "snapshots" / commit
        snapshot.mkdir(parents=True, exist_ok=True)
        (top / "blobs").mkdir(exist_ok=True)
        for path, content in files.items():
            name = hashlib.sha256(content).hexdigest()
            blob = top / "blobs" / name
            if not os.path.lexists(blob):
                self._blob(blob, content)
            link = snapshot / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
            lock = self.root / ".locks" / folder / f"{name}.lock"
            lock.parent.mkdir(parents=True, exist_ok=True)
            lock.touch()
        for ref in refs:
            self.ref(folder, ref, commit)
        return snapshot

    def _blob(self, blob: Path, content: bytes) -> None:
        if not self.shared or len(content) <= 100:
            blob.write_bytes(content)
            return
        xet = hashlib.sha256(b"xet" + content).hexdigest()
        store = self.root / "blobs" / xet[:2] / xet
        store.parent.mkdir(exist_ok=True)
        if not store.exists():
            store.write_bytes(content)
            store.chmod(0o444)
        store.with_name(f"{xet}.lock").touch()
        with store.with_name(f"{xet}.refs").open("a", encoding="utf-8") as manifest:
            manifest.write(f"{blob.relative_to(self.root).as_posix()}\n")
        blob.symlink_to(os.path.relpath(store, blob.parent))

    def ref(self, folder: str, ref: str, commit: str) -> None:
        """Let a ref point to a commit."""
        path = self.root / folder / "refs" / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit, encoding="utf-8")

    def unfinished(self, folder: str, content: bytes) -> Path:
        """A download that was cut off."""
        name = f"{hashlib.sha256(content).hexdigest()}.{commit_of(folder)[:8]}.incomplete"
        path = self.root / folder / "blobs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def bytes(self) -> int:
        """What its files take."""
        found = (path for path in self.root.rglob("*") if not path.is_symlink())
        return sum(path.stat().st_size for path in found if path.is_file())

    def age(self, path: Path, *, days: int) -> None:
        """A file was last written so long ago."""
        then = path.stat().st_mtime - days * 86_400
        os.utime(path, (then, then))
