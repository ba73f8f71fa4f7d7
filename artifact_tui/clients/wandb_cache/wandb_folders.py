"""What W&B leaves on the disk of this machine: its artifact cache, its staging, its run folders.

Nothing in the first two has a name: they are told by size and age. Objects of the cache are
downloaded again when they are needed. What lies in staging waits to be uploaded, or was forgotten
by a run that is over: W&B itself never cleans it. A folder of a run goes only when it says that it
was synced: everything else may be the only copy.

Each version is a file or a folder; its key is the path from the folder of its sort. A deletion
moves it aside in one step and removes it there.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Kind, Place
from artifact_tui.clients.disk import (
    ASIDE,
    Contents,
    DiskClient,
    HardLinks,
    as_named,
    contents_of,
    remove_whole,
    system_words,
    with_users,
)
from artifact_tui.clients.open_files import holders_of
from artifact_tui.config import NO_SETTINGS, from_home
from artifact_tui.errors import NotFoundError, NotToldError
from artifact_tui.model import (
    Collection,
    Facts,
    File,
    Identity,
    Listed,
    Outcome,
    Result,
    Version,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

    from artifact_tui.model import Deletion, Holders

PREFIX = "wandb-cache:"
UPLOADING_S = 3600.0
"""Seconds after its last change in which what lies in staging may be on its way to W&B."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Area:
    """A folder whose contents are of one sort."""

    name: str
    """The collection."""
    type: str
    top: Path
    fits: re.Pattern[str]
    """The paths below it that are versions."""

    def holds(self, path: str) -> bool:
        """Whether a path may be of a version; not when its name is no text, or leads elsewhere."""
        return (
            self.fits.fullmatch(path) is not None
            and path.rpartition("/")[2] not in {".", "..", ASIDE}
            and path.isprintable()
        )


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder that is a version, and what is in it."""

    area: Area
    path: str
    """Below the area."""
    content: Contents
    kept: str

    @property
    def key(self) -> str:
        """The area and the path."""
        return f"{self.area.name}/{self.path}"

    @property
    def label(self) -> str:
        """A digest, a run, a file."""
        return "".join(self.path.split("/")[1:]) or self.path


def _real(path: str) -> Path:
    """A folder, without links on the way to it."""
    return Path(os.path.realpath(from_home(path)))


def areas_of(address: str, folder: Callable[[str], Path] = _real) -> list[Area]:
    """The folders of an address: those of this account, or the runs of one project."""
    if path := address.removeprefix(PREFIX):
        runs = folder(path if Path(path).name == "wandb" else f"{path}/wandb")
        return [Area("runs", "run", runs, re.compile(r"(offline-)?run-\d{8}_\d{6}-\w+"))]
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    cache = folder(os.environ.get("WANDB_CACHE_DIR") or f"{home}/wandb") / "artifacts"
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    data = folder(os.environ.get("WANDB_DATA_DIR") or f"{home}/wandb") / "artifacts"
    one = re.compile(r"[^/]+")
    return [
        Area("cache", "cache", cache / "obj", re.compile(r"\w+/[0-9a-f]{2}/[^/]+")),
        Area("unfinished", "cache", cache / "tmp", one),
        Area("staging", "staging", data / "staging", one),
    ]


def find(area: Area, path: str) -> Leftover | None:
    """What is at a path now; None when it is no version, or gone.

    Raises:
        OSError: it cannot be read.
    """
    place = area.top / path
    if not area.holds(path) or os.path.realpath(place.parent) != str(place.parent):
        return None
    content = contents_of(place)
    if content is None:
        return None
    return Leftover(area, path, content, _why_kept(area, place, content.changed_s))


def _why_kept(area: Area, place: Path, newest_s: float) -> str:
    """Why something is not deleted, whoever asks."""
    if area.type == "run" and not _is_synced(place):
        return "it does not say that it was synced"
    if area.type == "staging" and time.time() - newest_s < UPLOADING_S:
        return "it may be on its way to W&B"
    return ""


def _is_synced(run: Path) -> bool:
    """Whether all that a run wrote was synced after it was written."""
    logs = list(run.glob("*.wandb"))
    for log in logs:
        try:
            synced = log.with_name(f"{log.name}.synced").lstat().st_mtime_ns
            if synced < log.lstat().st_mtime_ns:
                return False
        except FileNotFoundError:
            return False
    return bool(logs)


def every(area: Area) -> list[str]:
    """The paths of an area that are versions, sorted."""
    pattern = "*/*/*" if area.name == "cache" else "*"
    found = (path.relative_to(area.top).as_posix() for path in area.top.glob(pattern))
    return sorted(path for path in found if area.holds(path))


def _read_some(area: Area, paths: Sequence[str]) -> tuple[list[Leftover], list[str]]:
    """What is at these paths; and which of it cannot be read, in words."""
    found, unreadable = [], []
    for path in paths:
        try:
            one = find(area, path)
        except (OSError, RecursionError) as error:
            unreadable.append(f"{area.name}/{path} cannot be read: {error}.")
        else:
            found += [one] if one is not None else []
    return found, unreadable


class WandbCacheClient(DiskClient):
    """W&B's folders on this machine."""

    batch_delete = 100

    def __init__(self, identity: Identity, areas: Sequence[Area], *, read_only: bool) -> None:
        super().__init__(identity, "What W&B left", read_only=read_only)
        self._areas = {area.name: area for area in areas}
        self._unreadable: list[str] = []

    @property
    def notices(self) -> tuple[str, ...]:
        """What cannot be read."""
        return tuple(self._unreadable)

    def _find(self, key: str) -> Leftover | None:
        name, _, path = key.partition("/")
        try:
            return find(self._areas[name], path) if name in self._areas else None
        except (OSError, RecursionError) as error:
            raise NotToldError(f"{key} cannot be read: {error}.") from error

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Some hundred versions at a time, area after area."""
        self._unreadable = []
        hard_links = HardLinks()
        for area in self._areas.values():
            paths = await self._run(partial(every, area))
            for start in range(0, len(paths), _AT_ONCE):
                part = paths[start : start + _AT_ONCE]
                there, unreadable = await self._run(partial(_read_some, area, part))
                self._unreadable += unreadable
                for one in there:
                    hard_links.add_contents(one.key, one.content)
                yield Listed(
                    (Collection(area.name, area.name, area.type),),
                    tuple(_version(one) for one in there),
                    files={one.key: one.content.files for one in there},
                    complete=not unreadable,
                )
        yield Listed(held=hard_links.elsewhere())

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version."""
        found = await self._run(lambda: self._find(version_key))
        if found is None:
            raise NotFoundError(f"There is no {version_key} any more.")
        return found.content.files

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now."""
        found = await self._find_all(keys)
        files = {one.key: one.content.ids for one in found}
        return await self._run(lambda: with_users(map(_facts, found), holders_of(files)))

    async def in_use(self, keys: Sequence[str]) -> Holders:
        """Which processes hold files of these versions open, such as a run that goes on."""
        files = {one.key: one.content.ids for one in await self._find_all(keys)}
        return await self._run(lambda: holders_of(files))

    async def _find_all(self, keys: Sequence[str]) -> list[Leftover]:
        """What is there of these versions."""
        found = await self._run(lambda: [self._find(key) for key in keys])
        return [one for one in found if one is not None]

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Remove files and folders."""
        self._refuse_read_only()
        return await self._run(lambda: [self._delete(one) for one in deletions])

    def _delete(self, deletion: Deletion) -> Outcome:
        key = deletion.key
        try:
            found = self._find(key)
            if found is None:
                return Outcome(key, Result.ABSENT)
            if found.kept:
                return Outcome(key, Result.REFUSED, found.kept)
            if deletion.token and deletion.token != found.content.digest:
                return Outcome(key, Result.CHANGED, "it is not what it was")
            remove_whole(found.area.top / found.path, found.area.top)
        except NotToldError as error:
            return Outcome(key, Result.FAILED, str(error))
        except OSError as error:
            return Outcome(key, Result.FAILED, system_words(error))
        return Outcome(key, Result.DONE)

    async def check(self) -> tuple[str, ...]:
        """What is at its address."""
        there = [str(area.top) for area in self._areas.values() if area.top.is_dir()]
        return (f"W&B keeps files in {', '.join(there) or 'none of its folders'}.",)


def _version(found: Leftover) -> Version:
    """A version as it is listed."""
    return Version(
        found.key,
        found.area.name,
        None,
        found.label,
        found.content.digest,
        size=sum(one.size for one in found.content.files),
        file_count=len(found.content.files),
        created_us=int(found.content.made_s * 1e6),
        used_us=int(found.content.used_s * 1e6),
        kept=found.kept,
    )


def _facts(found: Leftover) -> Facts:
    """What is true of a version now."""
    return Facts(
        found.key,
        found.content.digest,
        VersionState.LIVE,
        token=found.content.digest,
        kept=found.kept,
        collection=found.area.name,
        label=found.label,
        type=found.area.type,
    )


class WandbCacheKind(Kind):
    """Opens W&B's folders."""

    name = "wandb-cache"
    forms = "wandb-cache:[PATH]"
    about = """\
Without PATH it is what W&B keeps for your account, in $WANDB_CACHE_DIR and $WANDB_DATA_DIR; with it
the folders of the runs in PATH/wandb.
"""

    reclaimable = "type:run | type:staging | name:unfinished"

    def folders(self, address: str) -> Sequence[Path]:
        """The folders of this account, or with a path the folder of runs in it."""
        return [area.top for area in areas_of(address, as_named)]

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """What the account's variables name, and runs of the folder where this was started."""
        named = [name for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR") if environ.get(name)]
        why = ", ".join(f"${name}" for name in named)
        yield Place(PREFIX, why or "usual place", usual=not named)
        if path := environ.get("WANDB_DIR"):
            yield Place(f"{PREFIX}{as_named(path)}", "$WANDB_DIR")
        with suppress(OSError):
            yield Place(f"{PREFIX}{Path.cwd()}", "runs of this folder", usual=True)

    def canonical(self, address: str) -> str:
        """With the path in full."""
        path = address.removeprefix(PREFIX)
        return f"{PREFIX}{_real(path)}" if path else PREFIX

    def place(self, address: str) -> str:
        """Its folders."""
        return PREFIX + ":".join(str(area.top) for area in areas_of(address))

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> WandbCacheClient:
        """Open them; who deletes from them is recorded nowhere.

        Raises:
            ConfigError: there are settings: this kind has none.
            NotFoundError: there is none of these folders.
        """
        del actor
        self.check(settings)
        areas = areas_of(address)
        if not any(area.top.is_dir() for area in areas):
            raise NotFoundError(
                "W&B has left nothing on this machine, as far as can be seen.",
                hint="Set WANDB_CACHE_DIR and WANDB_DATA_DIR, or name the folder of a project.",
            )
        identity = Identity(self.name, self.canonical(address), self.place(address))
        return WandbCacheClient(identity, areas, read_only=read_only)


KIND = WandbCacheKind()
