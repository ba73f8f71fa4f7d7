"""A third party's kind of registry: a folder of files, with a trash, aliases and lineage.

`folders:ROOT` is a folder in which each version is a folder `TYPE/NAME/vN`. In it `.made-from` has
the keys (`TYPE/NAME/vN`) of the versions that it was made from, one a line; beside it
`.aliases.json` says where the aliases of the collection are. What is deleted moves to `.trash`,
with `.deleted.json`: who did it and when, and its aliases.

It is written against what is installed and documented, as somebody elsewhere would write it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import structs

from artifact_tui.clients.base import Client, Kind
from artifact_tui.config import read_settings
from artifact_tui.errors import NotFoundError, ReadOnlyError
from artifact_tui.model import (
    Alias,
    Collection,
    Edge,
    Facts,
    File,
    Identity,
    Listed,
    Outcome,
    Result,
    Version,
    VersionState,
    now_us,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

    from artifact_tui.model import Deletion

T = TypeVar("T")


class Folders:
    """What lies in the folder, and what can be done to it; nothing here is asynchronous."""

    def __init__(self, root: Path, trash: str = ".trash") -> None:
        self.root = root
        self.trash = root / trash

    def keys(self) -> list[str]:
        """Every version, live and in the trash, in the order of their collections and numbers."""
        found = {
            path.relative_to(base).as_posix()
            for base in (self.root, self.trash)
            for path in base.glob("[!.]*/*/v*")
        }
        return sorted(found, key=lambda key: (key.rpartition("/")[0], number(key)))

    def place(self, key: str) -> tuple[Path, VersionState] | None:
        """Where a version lies, and whether it is in the trash; None when there is none."""
        parts = key.split("/")
        if len(parts) != 3 or any(part.startswith(".") or not part for part in parts):
            return None
        for base, state in ((self.root, VersionState.LIVE), (self.trash, VersionState.TRASH)):
            if (base / key).is_dir():
                return base / key, state
        return None

    def aliases(self, key: str) -> tuple[Alias, ...]:
        """The aliases of a live version, sorted."""
        held = self.held(key)
        label = key.rpartition("/")[2]
        mine = (name for name, (at, _) in held.items() if at == label)
        return tuple(sorted(Alias(name, protected=held[name][1]) for name in mine))

    def held(self, key: str) -> dict[str, tuple[str, bool]]:
        """All aliases of a version's collection: label, and whether it is protected, by name."""
        path = self.root / Path(key).parent / ".aliases.json"
        read = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return {name: (at, protected) for name, (at, protected) in read.items()}

    def hold(self, key: str, held: Mapping[str, tuple[str, bool]]) -> None:
        """Write down the aliases of a version's collection."""
        path = self.root / Path(key).parent / ".aliases.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(held), encoding="utf-8")

    def parents(self, key: str) -> list[str]:
        """What a version was made from."""
        found = self.place(key)
        path = found[0] / ".made-from" if found else None
        return path.read_text(encoding="utf-8").split() if path and path.exists() else []

    def dependents(self, key: str) -> tuple[str, ...]:
        """The nearest live versions made from this one, looking through the trash; sorted."""
        children: dict[str, list[str]] = {}
        for child in self.keys():
            for parent in self.parents(child):
                children.setdefault(parent, []).append(child)
        live, queue = set(), [key]
        seen = {key}
        while queue:
            for child in children.get(queue.pop(), ()):
                found = self.place(child)
                if found and found[1] is VersionState.LIVE and child != key:
                    live.add(child)
                elif child not in seen:
                    queue.append(child)
                seen.add(child)
        return tuple(sorted(live))

    def files(self, key: str) -> tuple[File, ...]:
        """The files of a version, by path."""
        found = self.place(key)
        if found is None:
            raise NotFoundError(f"There is no version {key}.")
        return tuple(
            File(
                path.relative_to(found[0]).as_posix(),
                path.stat().st_size,
                "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in content(found[0])
        )

    def version(self, key: str) -> Version | None:
        """A version as it is listed."""
        found = self.place(key)
        if found is None:
            return None
        path, state = found
        sizes = [file.stat().st_size for file in content(path)]
        deleted = record(path)
        return Version(
            key=key,
            collection_key=key.rpartition("/")[0],
            ordinal=number(key),
            label=path.name,
            digest=fingerprint(path),
            state=state,
            size=sum(sizes),
            file_count=len(sizes),
            created_us=path.stat().st_mtime_ns // 1000,
            deleted_us=deleted.get("at"),
            deleted_by=deleted.get("by", ""),
            aliases=self.aliases(key) if state is VersionState.LIVE else (),
        )

    def facts(self, key: str) -> Facts | None:
        """What is true of a version now, with a token of it all."""
        found = self.place(key)
        if found is None:
            return None
        path, state = found
        kind, name, label = key.split("/")
        aliases = self.aliases(key) if state is VersionState.LIVE else ()
        told = (fingerprint(path), state, aliases, self.dependents(key))
        token = hashlib.sha256(repr(told).encode()).hexdigest()
        deleted = record(path).get("at")
        return Facts(key, *told, token, collection=name, label=label, type=kind, deleted_us=deleted)

    def delete(self, deletions: Sequence[Deletion], by: str, at_us: int) -> list[Outcome]:
        """Move versions to the trash, in order; what changed since its facts were read stays."""
        found = {one.key: self.facts(one.key) for one in deletions}
        tokens = {key: now.token for key, now in found.items() if now is not None}
        return [self._delete(one, tokens.get(one.key, ""), by, at_us) for one in deletions]

    def _delete(self, deletion: Deletion, token: str, by: str, at_us: int) -> Outcome:
        key, now = deletion.key, self.facts(deletion.key)
        if now is None or now.state is VersionState.TRASH:
            return Outcome(key, Result.ABSENT)
        guards = [alias.name for alias in now.aliases if alias.protected]
        if not guards and deletion.token and deletion.token != token:
            return Outcome(key, Result.CHANGED, "it is not what it was")
        if guards or (now.aliases and not deletion.delete_aliases):
            return Outcome(key, Result.REFUSED, f"it is {(guards or [now.aliases[0].name])[0]}")
        if now.dependents and not deletion.orphan_dependents:
            return Outcome(key, Result.REFUSED, f"{now.dependents[0]} was made from it")
        held = self.held(key)
        self.hold(key, {name: at for name, at in held.items() if at[0] != now.label})
        left = [alias.name for alias in now.aliases]
        said = json.dumps({"by": by, "at": at_us, "aliases": left})
        (self.root / key / ".deleted.json").write_text(said, encoding="utf-8")
        (self.trash / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).rename(self.trash / key)
        return Outcome(key, Result.DONE)

    def restore(self, key: str) -> Outcome:
        """Bring a version back, with those of its aliases that are still free."""
        found = self.place(key)
        if found is None or found[1] is VersionState.LIVE:
            return Outcome(key, Result.ABSENT)
        had, held = record(found[0]).get("aliases", []), self.held(key)
        free = {name: (found[0].name, False) for name in had if name not in held}
        self.hold(key, held | free)
        (found[0] / ".deleted.json").unlink()
        found[0].rename(self.root / key)
        taken = [name for name in had if name in held]
        return Outcome(key, Result.DONE, f"{', '.join(taken)} is elsewhere now" if taken else "")

    def purge(self, key: str) -> Outcome:
        """Remove a version in the trash for good; of an emptied collection nothing stays."""
        found = self.place(key)
        if found is None:
            return Outcome(key, Result.ABSENT)
        if found[1] is VersionState.LIVE:
            return Outcome(key, Result.REFUSED, "it is not in the trash")
        shutil.rmtree(found[0])
        home = key.rpartition("/")[0]
        if not any(other.rpartition("/")[0] == home for other in self.keys()):
            shutil.rmtree(self.root / home, ignore_errors=True)
        return Outcome(key, Result.DONE)


def number(key: str) -> int:
    """The number of a version."""
    label = key.rpartition("/v")[2]
    return int(label) if label.isdecimal() else 0


def content(folder: Path) -> Iterator[Path]:
    """The files of a version; those that begin with a dot say something about it."""
    own = (".made-from", ".deleted.json")
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in own)
    yield from sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def fingerprint(folder: Path) -> str:
    """Changes when a file of a version does."""
    said = [(p.relative_to(folder).as_posix(), p.stat().st_size, p.stat().st_mtime_ns)
            for p in content(folder)]  # fmt: skip
    return "stat:" + hashlib.sha256(repr(said).encode()).hexdigest()


def record(folder: Path) -> dict[str, Any]:
    """Who deleted a version, and when; empty for one that is live."""
    path = folder / ".deleted.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


class FolderClient(Client):
    """A connection to such a registry: what `Client` says, in threads, one call at a time."""

    kind = "folders"
    tells = frozenset({"aliases", "lineage", "trash"})
    batch_delete = 100

    def __init__(
        self,
        root: Path,
        *,
        read_only: bool,
        actor: str,
        clock: Callable[[], int] = now_us,
        trash: str = ".trash",
    ) -> None:
        address = f"{self.kind}:{root}"
        self.identity = Identity(self.kind, address, address)
        self.read_only = read_only
        self._folders = Folders(root, trash)
        self._actor = actor
        self._clock = clock
        self._turn = asyncio.Lock()

    async def _read(self, work: Callable[[str], T | None], keys: Sequence[str]) -> dict[str, T]:
        """What some work finds for keys."""

        def all_of_them() -> dict[str, T]:
            found = {key: work(key) for key in keys}
            return {key: one for key, one in found.items() if one is not None}

        async with self._turn:
            return await asyncio.to_thread(all_of_them)

    async def _write(self, work: Callable[[], list[Outcome]]) -> list[Outcome]:
        """The outcomes of some work, unless the registry may only be read."""
        if self.read_only:
            raise ReadOnlyError(f"{self.identity.address} may only be read. Nothing was changed.")
        async with self._turn:
            return await asyncio.to_thread(work)

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """A collection after the other."""
        homes: dict[str, list[str]] = {}
        for key in await asyncio.to_thread(self._folders.keys):
            homes.setdefault(key.rpartition("/")[0], []).append(key)
        for home, keys in homes.items():
            kind, _, name = home.partition("/")
            versions = await self._read(self._folders.version, keys)
            parents = await self._read(self._folders.parents, keys)
            yield Listed(
                collections=(Collection(home, name, kind),),
                versions=tuple(versions.values()),
                edges=tuple(Edge(one, key) for key, found in parents.items() for one in found),
                files=await self._read(self._folders.files, list(versions)),
            )

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version, by path."""
        return (await self._read(self._folders.files, [version_key]))[version_key]

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now."""
        return await self._read(self._folders.facts, keys)

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Move versions to the trash."""
        by, now = self._actor, self._clock()
        return await self._write(lambda: self._folders.delete(deletions, by, now))

    async def restore(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Bring versions back."""
        return await self._write(lambda: [self._folders.restore(key) for key in keys])

    async def purge(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Remove versions in the trash for good."""
        return await self._write(lambda: [self._folders.purge(key) for key in keys])


class ShyFolderClient(FolderClient):
    """A connection that tells sizes only when it is asked for them.

    It tells none while there is a file `.no-size`, and appends what it was asked to `.asked`.
    """

    kind = "shyfolders"

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """A collection after the other; what is in the versions stays unsaid."""
        async for part in super().listing():
            plain = tuple(structs.replace(one, size=None, file_count=None) for one in part.versions)
            yield replace(part, versions=plain, files={})

    async def sizes(self, keys: Sequence[str]) -> Mapping[str, int]:
        """The bytes of versions."""
        root = self._folders.root
        with (root / ".asked").open("a", encoding="utf-8") as file:
            file.writelines(f"{key}\n" for key in keys)
        if (root / ".no-size").exists():
            return {}
        found = await self._read(self._folders.version, keys)
        return {key: one.size or 0 for key, one in found.items()}


class FolderSettings(msgspec.Struct):
    """What its table in the configuration may say."""

    trash: Annotated[str, "the folder that takes what is deleted"] = ".trash"
    batch: Annotated[int, "deletions in one call"] = 100
    frozen: Annotated[bool, "nothing in it may be deleted"] = False
    api_token: Annotated[str, "nothing: a folder needs none"] = ""


class FolderKind(Kind):
    """What the entry point gives."""

    name = "folders"
    forms = "folders:PATH"
    client: type[FolderClient] = FolderClient

    def settings(self) -> type[FolderSettings]:
        """Some, to be asked for."""
        return FolderSettings

    def canonical(self, address: str) -> str:
        """The address with the whole path, which means the same in every working folder."""
        return f"{self.name}:{Path(address.removeprefix(f'{self.name}:')).absolute()}"

    def place(self, address: str) -> str:
        """The address with the path that all links lead to."""
        return f"{self.name}:{Path(address.removeprefix(f'{self.name}:')).resolve()}"

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = MappingProxyType({}),
    ) -> FolderClient:
        """Open a folder that is there."""
        said = read_settings(settings, FolderSettings)
        root = Path(self.place(address).removeprefix(f"{self.name}:"))
        if not root.is_dir():
            raise NotFoundError(f"There is no folder {root}.")
        read_only = read_only or said.frozen
        client = self.client(root, read_only=read_only, actor=actor, trash=said.trash)
        client.batch_delete = said.batch
        return client


class ShyFolderKind(FolderKind):
    """The same folders, at registries that tell sizes only when asked."""

    name = "shyfolders"
    forms = "shyfolders:PATH"
    client = ShyFolderClient


KIND = FolderKind()
SHY_KIND = ShyFolderKind()
