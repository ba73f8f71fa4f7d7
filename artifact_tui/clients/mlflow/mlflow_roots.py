"""Where the artifacts of an MLflow server lie, and how they are reached there.

MLflow hands them out itself, which takes a request for each folder. Where a person says which
bucket or folder they are in, they are listed there, and deleted, without it. What the server says
of places is only taken for what lies below the place that the person named: a server that lies
could name any folder of this machine, and any bucket that our credentials open.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import stat
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from artifact_tui.clients.disk import system_words
from artifact_tui.clients.mlflow.mlflow_deleting import MlflowChanges
from artifact_tui.clients.mlflow.mlflow_entries import run_key
from artifact_tui.clients.mlflow.mlflow_requests import NoStoreError
from artifact_tui.clients.s3 import S3Bucket, current_page, objects_below, version_page
from artifact_tui.clients.s3_layout import ObjectRef
from artifact_tui.clients.servers import read_only_error
from artifact_tui.clients.transport import FailedAnswerError, together
from artifact_tui.errors import NotFoundError, RegistryError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.clients.mlflow.mlflow_settings import BucketPrefix
    from artifact_tui.clients.s3 import S3, ListedObject
    from artifact_tui.clients.transport import HttpAnswer

T = TypeVar("T")

PROXIED = "mlflow-artifacts:/"
"""How places begin that the server itself keeps, or hands on to a bucket."""

MODELS = "models"
"""The folder of an experiment that holds those of its logged models."""

_OWN = re.compile(
    r"(?P<home>(?:[^/]+/)*?)(?:models/(?P<logged>m-[0-9a-f]{32})|(?P<run>[0-9a-f]{32}))/artifacts",
    re.ASCII,
)
RECORD = "meta.yaml"
"""The file of a store without a database that says what a run or logged model is, in its folder."""
_ID = re.compile(r"(?:m-)?[0-9a-f]{32}", re.ASCII)
_DOTS = frozenset({"", ".", ".."})
_BY_PATH = attrgetter("path")

COMPARED = 20
"""So many folders are looked at to see whether two roots are one."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file in a folder, or one stored version of it."""

    path: str
    """Below the folder."""
    size: int
    version: str = ""
    current: bool = True
    """False for an older version, and for a delete marker."""
    marker: bool = False
    shared: bool = False
    """It has another name elsewhere, and keeps its bytes there."""


def folder_owner(path: str) -> str | None:
    """The key of the logged model or run whose own folder is at a path; None for any other."""
    fit = _OWN.fullmatch(path)
    if fit is None or _DOTS & set(path.split("/")):
        return None
    return f"models:/{fit['logged']}" if fit["logged"] else run_key(fit["run"])


def home_of(path: str) -> str:
    """The path of the experiment's folder in which the folder of a logged model or run is."""
    fit = _OWN.fullmatch(path)
    return fit["home"].rstrip("/") if fit else ""


def fingerprint(files: Sequence[StoredFile]) -> str:
    """What changes with the paths or sizes of the files in a folder."""
    rows = [(one.path, one.size, *([one.version] if one.version else [])) for one in files]
    return hashlib.sha256(repr(rows).encode(errors="surrogateescape")).hexdigest()[:32]


@dataclass(slots=True)
class Reading:
    """What is in some folders."""

    files: dict[str, list[StoredFile]] = field(default_factory=dict)
    """By folder, each by path; of a folder that is not there, none."""
    unread: dict[str, str] = field(default_factory=dict)
    """Why a folder could not be read, in words."""


class Root:
    """A place that holds the folders of experiments; paths are relative to it, with slashes."""

    place: str
    """What people call it."""

    def path(self, uri: str) -> str | None:
        """The path of what MLflow calls so; None where that is not below this root."""
        raise NotImplementedError

    def uri(self, path: str) -> str:
        """What MLflow calls a path."""
        raise NotImplementedError

    async def versioned(self) -> bool:
        """Whether deleting a file leaves its bytes behind a delete marker."""
        return False

    async def names(self, path: str, *, versions: bool = False) -> list[str]:
        """The names of the folders that are directly in one; with `versions` hidden ones too.

        Raises:
            RegistryError: they cannot be listed.
        """
        raise NotImplementedError

    async def read(self, paths: Sequence[str], *, versions: bool = False) -> Reading:
        """All files in these folders; with `versions` every stored version of them.

        Raises:
            RegistryError: nothing can be read.
        """
        raise NotImplementedError

    async def recorded(self, paths: Sequence[str]) -> set[str]:
        """Those of these folders beside which a store without a database says whose they are.

        Raises:
            RegistryError: nobody can look.
        """
        del paths
        return set()

    async def empty(self, folders: Mapping[str, Sequence[StoredFile]]) -> dict[str, Outcome]:
        """Delete these files, which are all in their folders; an outcome for each folder, by path.

        Files that came since stay, unless the server itself empties the folder.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close what is open."""


def _path_below(start: str, uri: str) -> str | None:
    """What follows a start; None where that is no plain path."""
    rest = uri.removeprefix(start).rstrip("/")
    plain = uri.startswith(start) and not _DOTS & set(rest.split("/"))
    return rest if plain and not {"?", "#", "\0"} & set(rest) else None


class ProxyRoot(Root):
    """The artifact root of a server, as the server itself hands it out."""

    place = "MLflow's artifact store"

    def __init__(self, requests: MlflowRequests) -> None:
        self._requests = requests

    def path(self, uri: str) -> str | None:
        """The path of what the server hands out itself."""
        return _path_below(PROXIED, uri)

    def uri(self, path: str) -> str:
        """What MLflow calls a path."""
        return f"{PROXIED}{path}"

    async def names(self, path: str, *, versions: bool = False) -> list[str]:
        """The folders in one."""
        del versions
        return [name for name, inside, _ in await self._requests.kept(path) if inside]

    async def read(self, paths: Sequence[str], *, versions: bool = False) -> Reading:
        """All files in these folders, one request for each folder in them."""
        del versions
        found = Reading()

        async def read(path: str) -> None:
            try:
                found.files[path] = sorted(await self._walk(path, ""), key=_BY_PATH)
            except (NotFoundError, FailedAnswerError) as error:
                found.unread[path] = str(error)

        await together(*(read(path) for path in paths))
        return found

    async def _walk(self, top: str, below: str) -> list[StoredFile]:
        rows = await self._requests.kept(f"{top}/{below}".rstrip("/"))
        named = [(f"{below}/{name}".lstrip("/"), inside, size) for name, inside, size in rows]
        parts = await together(*(self._walk(top, path) for path, inside, _ in named if inside))
        here = [StoredFile(path, size) for path, inside, size in named if not inside]
        return [*here, *(one for part in parts for one in part)]

    async def empty(self, folders: Mapping[str, Sequence[StoredFile]]) -> dict[str, Outcome]:
        """Have the server empty these folders, whatever is in them."""
        paths = list(folders)
        return dict(zip(paths, await _Emptying(self._requests, paths).outcomes(), strict=True))


class _Emptying(MlflowChanges):
    """Has the server empty folders, one request for each."""

    async def send(self, key: str) -> HttpAnswer:
        """Empty a folder."""
        return await self._requests.empty(key)


class BucketRoot(Root):
    """A place in a bucket, used directly."""

    def __init__(self, where: BucketPrefix, *, read_only: bool) -> None:
        self._prefix = where.prefix
        self._bucket = S3Bucket(where.bucket, read_only=read_only)
        self.place = self._start = f"s3://{where.bucket.bucket}/{where.prefix}"

    def path(self, uri: str) -> str | None:
        """The path of what is in this bucket, and there below the prefix."""
        return _path_below(self._start, uri)

    def uri(self, path: str) -> str:
        """What MLflow calls a path."""
        return f"{self._start}{path}"

    async def versioned(self) -> bool:
        """Whether the bucket keeps versions."""
        return await self._bucket.versioned()

    async def names(self, path: str, *, versions: bool = False) -> list[str]:
        """What names there have in common up to a slash; a listing tells them so."""
        start = f"{self._prefix}{path}/" if path else self._prefix

        def look(s3: S3) -> list[str]:
            pages = s3.get_paginator("list_object_versions" if versions else "list_objects_v2")
            listed = pages.paginate(Bucket=self._bucket.name, Prefix=start, Delimiter="/")
            rows = (row["Prefix"] for page in listed for row in page.get("CommonPrefixes", ()))
            return [row.removeprefix(start).rstrip("/") for row in rows]

        return [name for name in await self._bucket.run(look) if name not in _DOTS]

    async def read(self, paths: Sequence[str], *, versions: bool = False) -> Reading:
        """All objects whose names begin with these paths and a slash, in few listings."""
        folders = {f"{self._prefix}{path}": path for path in paths}
        found: dict[str, list[StoredFile]] = {path: [] for path in paths}

        def above(name: str) -> Iterator[str]:
            """Those of the folders that an object is in."""
            ends = (place for place, letter in enumerate(name) if letter == "/")
            return (name[:end] for end in ends if name[:end] in folders)

        def look(s3: S3) -> None:
            page = version_page if versions else current_page
            starts = [f"{one}/" for one in folders]
            rows = objects_below(page, s3, self._bucket.name, starts, lambda name: any(above(name)))
            for row in rows:
                for folder in above(row.name):
                    found[folders[folder]].append(_stored(row, folder, versions=versions))

        if folders:
            await self._bucket.run(look)
        return Reading({path: sorted(rows, key=_BY_PATH) for path, rows in found.items()})

    async def empty(self, folders: Mapping[str, Sequence[StoredFile]]) -> dict[str, Outcome]:
        """Delete these objects in batches; of a name its delete markers after all of its bytes.

        A marker that went before them would bring back what could not be deleted.
        """
        places = {
            ObjectRef(self._bucket.name, f"{self._prefix}{path}/{one.path}", one.version): (
                path,
                one,
            )
            for path, files in folders.items()
            for one in files
        }
        found = await self._bucket.delete(
            [ref for ref, (_, one) in places.items() if not one.marker]
        )
        stuck = {ref.name for ref in places if ref.key in found and not _went(found[ref.key])}
        markers = [ref for ref, (_, one) in places.items() if one.marker and ref.name not in stuck]
        found |= await self._bucket.delete(markers) if markers else {}
        by_folder: dict[str, list[Outcome]] = {path: [] for path in folders}
        for ref, (path, _) in places.items():
            if ref.key in found:
                by_folder[path].append(found[ref.key])
        return {path: _sum(path, several) for path, several in by_folder.items()}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._bucket.aclose()


def _stored(row: ListedObject, folder: str, *, versions: bool) -> StoredFile:
    return StoredFile(
        row.name[len(folder) + 1 :],
        row.size,
        row.version if versions else "",
        current=row.current,
        marker=row.marker,
    )


def _went(outcome: Outcome) -> bool:
    return outcome.result in {Result.DONE, Result.ABSENT}


def _sum(path: str, outcomes: Sequence[Outcome]) -> Outcome:
    """What became of a folder, by what became of the files in it."""
    left = [one for one in outcomes if not _went(one)]
    if not left:
        words = next((one.message for one in outcomes if one.message), "")
        return Outcome(path, Result.DONE, words)
    worst = (Result.UNKNOWN, Result.FAILED, Result.REFUSED)
    result = min((one.result for one in left), key=worst.index)
    why, _ = Counter(one.message for one in left).most_common(1)[0]
    words = f"{len(left):,} of its {len(outcomes):,} files are left: {why}"
    return Outcome(path, result, words)


class FolderRoot(Root):
    """A folder on this machine. No link in it is followed, on the way to a folder or below it."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self._folder = folder
        self._read_only = read_only
        self.place = str(folder)

    def path(self, uri: str) -> str | None:
        """The path of a file's address, or of a whole path, as MLflow writes either."""
        if uri.startswith("file:"):
            parts = urlsplit(uri)
            uri = parts.path if parts.netloc in {"", "localhost"} else ""
        path = unquote(uri)  # MLflow does so with a plain path too
        for top in (str(self._folder), os.path.realpath(self._folder)):
            if (found := _path_below(f"{top.rstrip('/')}/", path)) is not None:
                return found
        return None

    def uri(self, path: str) -> str:
        """A whole path."""
        return str(self._folder / path)

    async def names(self, path: str, *, versions: bool = False) -> list[str]:
        """The folders in one; links are none."""
        del versions

        def look() -> list[str]:
            found: list[str] = []
            with suppress(FileNotFoundError), self._opened(path) as folder:
                found += [name for name, one in _entries(folder) if stat.S_ISDIR(one.st_mode)]
            return found

        return await self._run(look)

    async def read(self, paths: Sequence[str], *, versions: bool = False) -> Reading:
        """All files in these folders."""
        del versions

        def look() -> Reading:
            found = Reading()
            for path in paths:
                try:
                    found.files[path] = self._files(path)
                except OSError as error:
                    found.unread[path] = f"{path} cannot be read: {system_words(error)}"
            return found

        return await self._run(look)

    async def recorded(self, paths: Sequence[str]) -> set[str]:
        """Those of these folders with a record beside them."""

        def look() -> set[str]:
            found = set[str]()
            for path in paths:
                with suppress(FileNotFoundError), self._opened(path.rpartition("/")[0]) as folder:
                    os.stat(RECORD, dir_fd=folder, follow_symlinks=False)
                    found.add(path)
            return found

        return await self._run(look)

    async def empty(self, folders: Mapping[str, Sequence[StoredFile]]) -> dict[str, Outcome]:
        """Remove these files, and the folders in it, and itself, that are empty then."""
        if self._read_only:
            raise read_only_error(f"The folder {self.place}")

        def work() -> dict[str, Outcome]:
            return {path: self._emptied(path, files) for path, files in folders.items()}

        return await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise RegistryError(
                f"{self.place} cannot be read: {system_words(error)}.",
                hint="Look whether its disk is there, and whether you may read it.",
            ) from error

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """A folder below the root, or the root itself, without a link on the way from the root.

        Raises:
            OSError: there is none, or a link is in the way.
            RegistryError: the root is empty, as the place of a disk that is not there is.
        """
        try:
            here = os.open(self._folder, _FOLDER)
        except FileNotFoundError:
            raise RegistryError(
                f"There is no folder {self.place}.",
                hint="Look whether its disk is there, and at artifact_root.",
            ) from None
        try:
            with os.scandir(here) as rows:
                if next(rows, None) is None:
                    raise RegistryError(
                        f"The folder {self.place} is empty. Nothing in it is taken as gone.",
                        hint="Look whether its disk is there, and at artifact_root.",
                    )
            for name in filter(None, path.split("/")):
                there = _folder_in(here, name)
                os.close(here)
                here = there
            yield here
        finally:
            os.close(here)

    def _files(self, path: str) -> list[StoredFile]:
        """The files in a folder; the bytes of several names that are all in it are told once."""
        found: list[tuple[str, os.stat_result]] = []
        with suppress(FileNotFoundError), self._opened(path) as folder:
            found += sorted(_files_in(folder, ""), key=lambda row: row[0])
        names = Counter((one.st_dev, one.st_ino) for _, one in found)
        rows, seen = [], set[tuple[int, int]]()
        for name, one in found:
            same = one.st_dev, one.st_ino
            shared = same in seen or one.st_nlink > names[same]
            rows.append(StoredFile(name, one.st_size, shared=shared))
            seen.add(same)
        return rows

    def _emptied(self, path: str, files: Sequence[StoredFile]) -> Outcome:
        """What became of one folder."""
        errors = dict[str, str]()
        above, _, name = path.rpartition("/")
        try:
            with self._opened(above) as outer:
                here = _folder_in(outer, name)
                try:
                    _remove(here, "", frozenset(one.path for one in files), errors)
                finally:
                    os.close(here)
                with suppress(OSError):
                    os.rmdir(name, dir_fd=outer)
        except FileNotFoundError:
            return Outcome(path, Result.ABSENT)
        except OSError as error:
            return Outcome(path, Result.REFUSED, system_words(error))
        except RegistryError as error:
            return Outcome(path, Result.FAILED, str(error))
        ends = [
            Outcome(one.path, Result.REFUSED, errors[one.path])
            if one.path in errors
            else Outcome(one.path, Result.DONE)
            for one in files
        ]
        return _sum(path, ends)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def _folder_in(here: int, name: str) -> int:
    """A folder in an open one, opened.

    Raises:
        OSError: there is none, or it is a link.
    """
    found = os.stat(name, dir_fd=here, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "it is a link, and links are not followed", name)
    if not stat.S_ISDIR(found.st_mode):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)


def _entries(here: int) -> list[tuple[str, os.stat_result]]:
    """What is in an open folder, with what each is itself, links too."""
    found = []
    with os.scandir(here) as rows:
        for row in rows:
            with suppress(FileNotFoundError):
                found.append((row.name, row.stat(follow_symlinks=False)))
    return found


def _files_in(here: int, below: str) -> Iterator[tuple[str, os.stat_result]]:
    """The files in an open folder and all below it, by path; links are files.

    Raises:
        OSError: a folder cannot be read.
    """
    for name, one in _entries(here):
        if not stat.S_ISDIR(one.st_mode):
            yield f"{below}{name}", one
            continue
        with suppress(FileNotFoundError):
            deeper = _folder_in(here, name)
            try:
                yield from _files_in(deeper, f"{below}{name}/")
            finally:
                os.close(deeper)


def _remove(here: int, below: str, wanted: frozenset[str], errors: dict[str, str]) -> None:
    """Remove the wanted files that are in an open folder, and the folders that are empty then.

    Why one could not be removed goes to the errors, by path.
    """
    for name, one in _entries(here):
        path = f"{below}{name}"
        if stat.S_ISDIR(one.st_mode):
            with suppress(FileNotFoundError):
                deeper = _folder_in(here, name)
                try:
                    _remove(deeper, f"{path}/", wanted, errors)
                finally:
                    os.close(deeper)
            with suppress(OSError):  # what came since is in it
                os.rmdir(name, dir_fd=here)
        elif path in wanted:
            try:
                os.unlink(name, dir_fd=here)
            except FileNotFoundError:
                continue
            except OSError as error:
                errors[path] = error.strerror or str(error)


class ArtifactRoots:
    """The roots of one server: what it hands out itself, and the place that a person named."""

    def __init__(
        self,
        requests: MlflowRequests,
        where: BucketPrefix | Path | None,
        *,
        read_only: bool,
    ) -> None:
        self._proxy = ProxyRoot(requests)
        self._direct: Root | None = None
        if isinstance(where, Path):
            self._direct = FolderRoot(where, read_only=read_only)
        elif where is not None:
            self._direct = BucketRoot(where, read_only=read_only)
        self._comparing = asyncio.Lock()
        self._one: bool | None = None
        """Whether both roots are one place; None while nobody has looked."""
        self._serves = True
        """Whether the server hands out artifacts, as far as was looked."""

    async def at(self, uri: str) -> tuple[Root, str] | None:
        """In which root a place is, and its path there; None: in none that may be used.

        Raises:
            RegistryError: the server, or the place that was named, cannot be asked.
        """
        if self._direct is not None and (path := self._direct.path(uri)) is not None:
            return self._direct, path
        path = self._proxy.path(uri)
        if path is None:
            return None
        return (await self._behind_proxy() or self._proxy), path

    async def every(self) -> list[tuple[Root, Root]]:
        """The roots to look for what is left in, each with the one that names what is there."""
        if self._direct is None:
            return [(self._proxy, self._proxy)]
        if behind := await self._behind_proxy():
            return [(behind, self._proxy)]
        found: list[tuple[Root, Root]] = [(self._direct, self._direct)]
        return [*found, (self._proxy, self._proxy)] if self._serves else found

    async def _behind_proxy(self) -> Root | None:
        """The place that a person named, if it is what the server hands out itself; else None."""
        if self._direct is None:
            return None
        async with self._comparing:
            if self._one is None:
                self._one = await self._compare(self._direct)
        return self._direct if self._one else None

    async def _compare(self, direct: Root) -> bool:
        """Whether both roots are one: what the server shows in a folder is all in the other too.

        It is asked for the ids of runs and logged models: the numbers of experiments are the same
        everywhere. A place that cannot be listed is not the same, as far as anybody can tell.
        """
        try:
            homes = sorted(await self._proxy.names(""), reverse=True)
        except NoStoreError:
            self._serves = False
            return False
        for home in homes[:COMPARED]:
            for path in (home, f"{home}/{MODELS}"):
                ids = {name for name in await self._proxy.names(path) if _ID.fullmatch(name)}
                if ids:
                    with suppress(RegistryError):
                        return ids.issubset(await direct.names(path))
                    return False
        return False

    @property
    def place(self) -> str:
        """What people call the place, or both."""
        if self._direct is None:
            return self._proxy.place
        both = self._serves and self._one is False
        return f"{self._direct.place} and {self._proxy.place}" if both else self._direct.place

    async def versioned(self) -> bool:
        """Whether deleting a file leaves its bytes behind a delete marker, in the place named."""
        return self._direct is not None and await self._direct.versioned()

    async def check(self) -> tuple[str, ...]:
        """What there is to say of the place that a person named, in whole sentences.

        Raises:
            RegistryError: it cannot be used.
        """
        if self._direct is None:
            return ()
        await self._direct.names("")
        kept = "keeps" if await self._direct.versioned() else "keeps no"
        bucket = f"; the bucket {kept} versions" if isinstance(self._direct, BucketRoot) else ""
        said = f"Its artifacts in {self._direct.place} are reached directly{bucket}."
        if await self._behind_proxy() is None and self._serves:
            return said, f"MLflow hands out another place as {PROXIED}: that is asked for there."
        return (said,)

    async def aclose(self) -> None:
        """Close what is open."""
        if self._direct is not None:
            await self._direct.aclose()
