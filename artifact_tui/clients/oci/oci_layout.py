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
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from artifact_tui.clients.oci.ollama_daemon import delete_through_daemon, loaded_manifests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SETTLED_S = 3600.0
"""Seconds after which a blob that no manifest names is not about to get one.

Ollama keeps younger ones too, and touches those that it is downloading.
"""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DIGESTS = re.compile(rb"sha256:[0-9a-f]{64}")
_DEEPEST = 10
"""How deep an index may hold another one."""
_LARGEST = 10_000_000
"""Bytes of a manifest or an index."""

TAG = "org.opencontainers.image.ref.name"
_IMAGE = "io.containerd.image.name"


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for a manifest."""

    name: str
    label: str
    made_us: int
    place: Path
    """The file that holds it."""
    manifests: dict[str, bytes | None]
    """By digest what it names: one, or some of different platforms; None where it is a blob."""

    @property
    def digest(self) -> str:
        """That of its manifest; one made of all of theirs where it has several."""
        first, *others = sorted(self.manifests)
        if not others:
            return first
        return f"sha256:{hashlib.sha256(repr([first, *others]).encode()).hexdigest()}"


class UnreadableError(Exception):
    """A manifest that cannot be read, so that nobody knows what it needs."""


class BlobLayout(Protocol):
    """How one tool keeps its tags and blobs."""

    root: Path
    blobs: Path

    def blob_name(self, digest: str) -> str:
        """The file of a blob."""

    def digest_of(self, blob: str) -> str:
        """The digest that a blob's file is named after; empty for other files."""

    def tags(self) -> tuple[dict[str, Tag], list[str]]:
        """All tags by key, `NAME:LABEL`; and why some may be missing, in words."""

    def loaded(self) -> frozenset[str]:
        """The digests of the manifests whose models a server of the tool has in its memory."""

    def untag(self, tag: Tag) -> None:
        """Take a tag away."""


@dataclass(slots=True)
class LayoutContents:
    """What is in a store: its tags, the blobs that each needs, and all the files of blobs."""

    tags: dict[str, Tag] = field(default_factory=dict)
    """By key."""
    needs: dict[str, dict[str, str]] = field(default_factory=dict)
    """By key: the digests, and what each is."""
    blobs: dict[str, os.stat_result] = field(default_factory=dict)
    """The files of blobs, by name."""
    broken: list[str] = field(default_factory=list)
    """Why nobody knows what else is needed, in words."""
    complete: bool = True
    """Whether no tag is missing."""

    def needed(self) -> set[str]:
        """The digests that some tag needs."""
        return {digest for needs in self.needs.values() for digest in needs}


class BlobStore:
    """A folder of tags and blobs; nothing here is asynchronous."""

    def __init__(self, layout: BlobLayout) -> None:
        self.layout = layout

    def read(self) -> LayoutContents:
        """Everything that is there now.

        Raises:
            OSError: the folder cannot be read.
        """
        found = LayoutContents()
        with os.scandir(self.layout.blobs) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        found.blobs[entry.name] = entry.stat(follow_symlinks=False)
        found.tags, found.broken = self.layout.tags()
        found.complete = not found.broken
        if os.path.realpath(self.layout.blobs) != str(self.layout.blobs):
            found.broken.append(f"{self.layout.blobs} is a link: another store may use it too")
        for key, tag in found.tags.items():
            try:
                found.needs[key] = dict(self._needs(tag))
            except UnreadableError as error:
                found.broken.append(str(error))
                found.needs[key] = {}
        return found

    def _needs(self, tag: Tag) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for digest, body in tag.manifests.items():
            if body is None:
                yield digest, "manifest"
                yield from self._named_in_blob(digest, 0, seen)
            else:
                yield from self._named_in(body, tag.place, 0, seen)

    def _named_in_blob(self, digest: str, depth: int, seen: set[str]) -> Iterator[tuple[str, str]]:
        if digest not in seen:
            seen.add(digest)
            path = self.layout.blobs / self.layout.blob_name(digest)
            yield from self._named_in(read_file(path), path, depth, seen)

    def _named_in(
        self, body: bytes, place: Path, depth: int, seen: set[str]
    ) -> Iterator[tuple[str, str]]:
        """The blobs that a manifest, or an index of manifests, names; `seen` are read already."""
        manifest = parsed(body, place)
        if not isinstance(manifest, dict) or depth > _DEEPEST:
            raise UnreadableError(f"{place} is no manifest")
        named = set()
        for kind in ("config", "layers", "manifests", "subject", "blobs"):
            part: object = manifest.get(kind)
            for one in part if isinstance(part, list) else [part]:
                if not isinstance(one, dict) or "digest" not in one:
                    continue
                digest = one["digest"]
                if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                    raise UnreadableError(f"{place} names {digest!r}")
                named.add(digest)
                yield digest, text_of(one.get("mediaType") or kind)
                if kind in {"manifests", "subject"} and self._is_here(digest):
                    yield from self._named_in_blob(digest, depth + 1, seen)
        # A blob may be named in a way that is not known here.
        for digest in {one.decode() for one in _DIGESTS.findall(body)} - named:
            if self._is_here(digest):
                yield digest, "other"

    def _is_here(self, digest: str) -> bool:
        return os.path.lexists(self.layout.blobs / self.layout.blob_name(digest))

    def untagged(self, contents: LayoutContents) -> dict[str, int]:
        """The files that no tag needs and that nothing touched for long, with their sizes.

        While something is `broken`, nobody knows who else may need them.
        """
        needed = {self.layout.blob_name(digest) for digest in contents.needed()}
        until = time.time() - SETTLED_S
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

    def tags(self) -> tuple[dict[str, Tag], list[str]]:
        """Those of both generations; a tag that both have is one."""
        found: dict[str, Tag] = {}
        broken: list[str] = []
        tops = [self.root / folder for folder in ("manifests-v2", "manifests")]
        if not any(top.is_dir() for top in tops):
            broken.append(f"{tops[-1]} is not there")
        for top in tops:
            for path in _tag_files(top, 3, broken):
                host, space, model, label = path.relative_to(top).parts
                name = _short_name(host, space, model)
                try:
                    manifests = self._manifest_of(path)
                    made_us = path.lstat().st_mtime_ns // 1000
                except (UnreadableError, OSError) as error:
                    broken.append(str(error))
                    continue
                tag = Tag(name, label, made_us, path, manifests)
                found.setdefault(f"{name}:{label}", tag).manifests.update(manifests)
        return found, broken

    def _manifest_of(self, path: Path) -> dict[str, bytes | None]:
        """The manifest of a tag's file, by digest."""
        if path.is_symlink():
            digest = self.digest_of(path.readlink().name)
            if len(digest) != len(path.readlink().name):
                raise UnreadableError(f"{path} points to no manifest")
            return {digest: None}
        body = read_file(path)
        return {f"sha256:{hashlib.sha256(body).hexdigest()}": body}

    def loaded(self) -> frozenset[str]:
        """What Ollama's server says, where it runs."""
        return loaded_manifests()

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


def _tag_files(folder: Path, above: int, broken: list[str]) -> Iterator[Path]:
    """The files so many folders below one; no link to a folder is followed."""
    if folder.is_symlink():
        broken.append(f"{folder} is a link: what is there may be of another store")
        return
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        broken.append(f"{folder} cannot be read: {error.strerror}")
        return
    for name in names:
        path = folder / name
        if text_of(name) != name:
            broken.append(f"{text_of(str(path))} is no text")
        elif above:
            yield from _tag_files(path, above - 1, broken)
        elif path.is_symlink() or not path.is_dir():
            yield path


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

    def tags(self) -> tuple[dict[str, Tag], list[str]]:
        """Every manifest that an index names; without a tag its label is the digest's beginning."""
        found: dict[str, Tag] = {}
        broken: list[str] = []
        indexes = self._indexes()
        if not indexes:
            broken.append(f"{self.root / 'index.json'} is not there")
        for path in indexes:
            try:
                body = _index(path)
                made_us = path.lstat().st_mtime_ns // 1000
            except (UnreadableError, OSError) as error:
                broken.append(str(error))
                continue
            for one in body["manifests"]:
                digest = one.get("digest")
                if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                    broken.append(f"{path} names {digest!r}")
                    continue
                name, label = self._named(path, one, digest)
                tag = Tag(name, label, made_us, path, {digest: None})
                found.setdefault(f"{name}:{label}", tag).manifests[digest] = None
        return found, broken

    def _indexes(self) -> list[Path]:
        return sorted(self.root.glob("*index.json"))

    def _named(self, index: Path, entry: Mapping[str, object], digest: str) -> tuple[str, str]:
        """What a manifest is called in an index."""
        said = entry.get("annotations")
        notes = said if isinstance(said, dict) else {}
        full, tag = text_of(notes.get(_IMAGE) or ""), text_of(notes.get(TAG) or "")
        name, colon, label = (full or tag).rpartition(":")
        if not colon or "/" in label:
            name, label = "", tag or digest[7:19]
        return name or _kitops_name(index) or text_of(self.root.name), label

    def loaded(self) -> frozenset[str]:
        """None: nothing serves a layout."""
        return frozenset()

    def untag(self, tag: Tag) -> None:
        """Write every index that has it without it, each in one step."""
        for path in self._indexes():
            try:
                body = _index(path)
            except UnreadableError:  # so it has no tags that are listed
                continue
            kept = [
                one
                for one in body["manifests"]
                if one.get("digest") not in tag.manifests
                or self._named(path, one, one["digest"]) != (tag.name, tag.label)
            ]
            if len(kept) < len(body["manifests"]):
                _replace(path, json.dumps({**body, "manifests": kept}))


def _replace(path: Path, text: str) -> None:
    """Write a file anew: after a power cut too it has all of its old text, or all of the new."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    new = type(path)(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(number, path.stat().st_mode & 0o777)
            os.fsync(number)
        new.replace(path)
    except BaseException:
        new.unlink()
        raise


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
    """An index, with its `manifests`.

    Raises:
        UnreadableError: it is none, or a link to one.
    """
    if path.is_symlink():
        raise UnreadableError(f"{path} is a link: what is there may be of another store")
    body = parsed(read_file(path), path)
    found = body.get("manifests") if isinstance(body, dict) else None
    if (
        not isinstance(body, dict)
        or not isinstance(found, list)
        or not all(isinstance(one, dict) for one in found)
    ):
        raise UnreadableError(f"{path} is no index")
    return body


def read_file(path: Path) -> bytes:
    """A small file; nobody is waited for who would write into a pipe.

    Raises:
        UnreadableError: it is too large, or no file.
    """
    try:
        with open(
            path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
        ) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError(f"{path} is no file")
            body = file.read(_LARGEST + 1)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > _LARGEST:
        raise UnreadableError(f"{path} is too large")
    return body


def parsed(body: bytes, place: Path) -> object:
    """What is in a file of JSON.

    Raises:
        UnreadableError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{place} cannot be read: {error}") from error


def text_of(value: object) -> str:
    """A value as text, with what is no text in it spelled out."""
    odd = (
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )
    return "".join(odd)
