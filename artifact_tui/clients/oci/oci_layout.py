"""Names and tags over one folder of blobs, as Ollama, OCI image layouts and KitOps keep them.

A tag names a manifest, JSON that names its blobs by digest; tags share them. A deletion takes the
tag away first, and then the blobs that no other manifest names: whenever it is cut off, every tag
that is left is whole, and bytes that stay behind are listed. While one manifest cannot be read,
nobody knows what it needs, and no blob is removed.

Sources: the OCI image layout specification 1.1, and Ollama's folder of models as measured.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from artifact_tui.clients.oci.ollama_daemon import delete_through_daemon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SETTLED_S = 3600.0
"""Seconds after which a blob that no manifest names is not about to get one.

Ollama keeps younger ones too, and touches those that it is downloading.
"""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DEEPEST = 10
"""How deep an index may hold another one."""

TAG = "org.opencontainers.image.ref.name"
_IMAGE = "io.containerd.image.name"
_CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for a manifest."""

    name: str
    label: str
    digest: str
    """Of the manifest."""
    place: Path
    """The file that holds the tag."""
    made_us: int
    manifest: object = None
    """The manifest itself, where the tag is one; else it is a blob."""


class UnreadableError(Exception):
    """A manifest that cannot be read, so that nobody knows what it needs."""


class Layout(Protocol):
    """How one tool keeps its tags and blobs."""

    root: Path
    blobs: Path

    def blob_name(self, digest: str) -> str:
        """The file of a blob."""

    def digest_of(self, blob: str) -> str:
        """The digest that a blob's file is named after; empty for other files."""

    def tags(self) -> list[Tag]:
        """All of them.

        Raises:
            UnreadableError: a file of tags is no such thing.
        """

    def untag(self, tag: Tag) -> None:
        """Take a tag away."""


@dataclass(slots=True)
class Contents:
    """What is in a store: its tags, the blobs that each needs, and all the files of blobs."""

    tags: dict[str, Tag] = field(default_factory=dict)
    """By key."""
    needs: dict[str, dict[str, str]] = field(default_factory=dict)
    """By key: the digests, and what each is."""
    blobs: dict[str, os.stat_result] = field(default_factory=dict)
    """The files of blobs, by name."""
    broken: list[str] = field(default_factory=list)
    """What cannot be read."""

    def needed(self) -> set[str]:
        """The digests that some tag needs."""
        return {digest for needs in self.needs.values() for digest in needs}


class BlobStore:
    """A folder of tags and blobs; nothing here is asynchronous."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def read(self) -> Contents:
        """Everything that is there now.

        Raises:
            OSError: the folder cannot be read.
        """
        found = Contents()
        with os.scandir(self.layout.blobs) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        found.blobs[entry.name] = entry.stat(follow_symlinks=False)
        try:
            tags = self.layout.tags()
        except UnreadableError as error:
            tags, found.broken = [], [str(error)]
        for tag in tags:
            key = f"{tag.name}:{tag.label}"
            found.tags[key] = tag
            try:
                found.needs[key] = dict(self._needs(tag))
            except UnreadableError as error:
                found.broken.append(str(error))
                found.needs[key] = {}
        return found

    def _needs(self, tag: Tag) -> Iterator[tuple[str, str]]:
        if tag.manifest is None:
            yield tag.digest, "manifest"
            yield from self._named_in(self._manifest(tag.digest), 0)
        else:
            yield from self._named_in(tag.manifest, 0)

    def _named_in(self, manifest: object, depth: int) -> Iterator[tuple[str, str]]:
        """The blobs that a manifest, or an index of manifests, names."""
        if not isinstance(manifest, dict) or depth > _DEEPEST:
            raise UnreadableError("a manifest that is none")
        for kind in ("config", "layers", "manifests", "subject", "blobs"):
            part: object = manifest.get(kind)
            for one in part if isinstance(part, list) else [part]:
                if not isinstance(one, dict) or "digest" not in one:
                    continue
                digest = one["digest"]
                if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                    raise UnreadableError(f"a manifest that names {digest!r}")
                yield digest, str(one.get("mediaType") or kind)
                nested = kind in {"manifests", "subject"}
                if nested and (self.layout.blobs / self.layout.blob_name(digest)).exists():
                    yield from self._named_in(self._manifest(digest), depth + 1)

    def _manifest(self, digest: str) -> object:
        path = self.layout.blobs / self.layout.blob_name(digest)
        return read_json(path)

    def unused(self, contents: Contents, *, now_s: float | None = None) -> dict[str, int]:
        """The files that no tag needs and that nothing touched for long, with their sizes.

        While something cannot be read, there are none.
        """
        if contents.broken:
            return {}
        needed = {self.layout.blob_name(digest) for digest in contents.needed()}
        until = (time.time() if now_s is None else now_s) - SETTLED_S
        return {
            name: found.st_size
            for name, found in sorted(contents.blobs.items())
            if name not in needed and self.layout.digest_of(name) and found.st_mtime < until
        }

    def untag(self, tag: Tag) -> None:
        """Take a tag away, and then the blobs that only it needed.

        Raises:
            OSError: it cannot be done; the tag may be gone, and some of its blobs.
        """
        before = self.read()
        own = before.needs.get(f"{tag.name}:{tag.label}", {})
        self.layout.untag(tag)
        after = self.read()
        if not after.broken:
            self.remove(self.layout.blob_name(digest) for digest in own.keys() - after.needed())

    def remove(self, names: Iterable[str]) -> None:
        """Remove files of blobs."""
        for name in names:
            (self.layout.blobs / name).unlink(missing_ok=True)


class OllamaLayout:
    """Ollama's `models`: a file, or a link to a blob, for each tag; and `blobs/sha256-HEX`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"

    def blob_name(self, digest: str) -> str:
        """`sha256-HEX`."""
        return digest.replace(":", "-")

    def digest_of(self, blob: str) -> str:
        """Also of one that is not complete: `sha256-HEX-partial`, `sha256-HEX-partial-0`."""
        digest = blob[:71].replace("-", ":", 1)
        rest = blob[71:]
        whole = _DIGEST.fullmatch(digest) and (not rest or rest.startswith("-partial"))
        return digest if whole else ""

    def tags(self) -> list[Tag]:
        """Those of both generations; a tag that both have is one."""
        found: dict[str, Tag] = {}
        for folder in ("manifests-v2", "manifests"):
            top = self.root / folder
            for path in sorted(top.glob("*/*/*/*")):
                host, space, model, label = path.relative_to(top).parts
                name = _short_name(host, space, model)
                if path.is_dir() or f"{name}:{label}" in found:
                    continue
                made_us = path.lstat().st_mtime_ns // 1000
                if path.is_symlink():
                    digest = self.digest_of(path.readlink().name)
                    if not digest:
                        raise UnreadableError(f"{path} points to no manifest")
                    found[f"{name}:{label}"] = Tag(name, label, digest, path, made_us)
                else:
                    body = path.read_bytes()
                    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
                    manifest = read_json(path)
                    found[f"{name}:{label}"] = Tag(name, label, digest, path, made_us, manifest)
        return list(found.values())

    def untag(self, tag: Tag) -> None:
        """Have Ollama delete it where it runs; else remove its file in each generation."""
        if delete_through_daemon(tag):
            return
        below = tag.place.relative_to(self.root).parts[1:]
        for folder in ("manifests-v2", "manifests"):
            path = self.root.joinpath(folder, *below)
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == self.root / folder:
                    break
                try:
                    parent.rmdir()
                except OSError:
                    break


def _short_name(host: str, space: str, model: str) -> str:
    """What people type: without Ollama's own registry and its library."""
    name = model if space == "library" else f"{space}/{model}"
    return name if host == "registry.ollama.ai" else f"{host}/{space}/{model}"


class OciLayout:
    """An OCI image layout, or KitOps' store: `index.json`, others like it, `blobs/sha256/HEX`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"

    def blob_name(self, digest: str) -> str:
        """`HEX`."""
        return digest.removeprefix("sha256:")

    def digest_of(self, blob: str) -> str:
        """Of a whole blob: others are somebody's work."""
        digest = f"sha256:{blob}"
        return digest if _DIGEST.fullmatch(digest) else ""

    def tags(self) -> list[Tag]:
        """Every manifest that an index names; without a tag its label is the digest's beginning."""
        found: dict[str, Tag] = {}
        for path in sorted(self.root.glob("*index.json")):
            for one in _index(path)["manifests"]:
                notes = one.get("annotations")
                notes = notes if isinstance(notes, dict) else {}
                digest = one.get("digest")
                if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                    raise UnreadableError(f"{path} names {digest!r}")
                name, label = self._named(path, notes, digest)
                made_us = path.stat().st_mtime_ns // 1000
                found.setdefault(f"{name}:{label}", Tag(name, label, digest, path, made_us))
        return list(found.values())

    def _named(self, index: Path, notes: Mapping[str, object], digest: str) -> tuple[str, str]:
        full, tag = str(notes.get(_IMAGE) or ""), str(notes.get(TAG) or "")
        name, colon, label = (full or tag).rpartition(":")
        if not colon or "/" in label:
            name, label = "", tag or digest[7:19]
        return name or _kitops_name(index) or self.root.name, label

    def untag(self, tag: Tag) -> None:
        """Write its index without it, in one step."""
        body, kept = _index(tag.place), []
        for one in body["manifests"]:
            notes = one.get("annotations")
            named = self._named(tag.place, notes if isinstance(notes, dict) else {}, tag.digest)
            if one.get("digest") != tag.digest or named != (tag.name, tag.label):
                kept.append(one)
        new = tag.place.with_name(f".{tag.place.name}.new")
        new.write_text(json.dumps({**body, "manifests": kept}), encoding="utf-8")
        new.chmod(tag.place.stat().st_mode & 0o777)
        new.replace(tag.place)


def _kitops_name(index: Path) -> str:
    """The repository of KitOps' `BASE64-index.json`; empty for another index."""
    import base64  # noqa: PLC0415 - seldom needed

    code = index.name.removesuffix("-index.json")
    if code == index.name:
        return ""
    try:
        return base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode()
    except ValueError:
        return ""


def _index(path: Path) -> dict[str, Any]:
    """An index, with its `manifests`."""
    body = read_json(path)
    found = body.get("manifests") if isinstance(body, dict) else None
    if (
        not isinstance(body, dict)
        or not isinstance(found, list)
        or not all(isinstance(one, dict) for one in found)
    ):
        raise UnreadableError(f"{path} is no index")
    return body


def read_json(path: Path) -> object:
    """A file of JSON.

    Raises:
        UnreadableError: it is none, or too large, or not there.
    """
    try:
        with path.open("rb") as file:
            body = file.read(10_000_000)
        return json.loads(body)
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{path}: {error}") from error
