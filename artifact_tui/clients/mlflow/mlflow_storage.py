"""The folders of logged models and runs that MLflow keeps although it deleted what they belong to.

MLflow's artifact proxy deletes a folder at once, whatever still points to it, and so would we. So a
folder is emptied only when what it belongs to is gone, and no version anywhere is found, right
before, whose bytes are in it: copies of a version share its folder, and outlive it. Directly only
those files go that were there when the folder was looked at last.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from artifact_tui.clients.mlflow.mlflow_entries import parse_logged, parse_run
from artifact_tui.clients.mlflow.mlflow_requests import IS_PROMPT
from artifact_tui.clients.mlflow.mlflow_roots import (
    MODELS,
    PROXIED,
    fingerprint,
    folder_owner,
    home_of,
)
from artifact_tui.clients.mlflow.mlflow_settings import REGISTRY_VARIABLE
from artifact_tui.clients.servers import read_only_error
from artifact_tui.clients.transport import together
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts, Outcome, Page, Result, StoredObject, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.clients.mlflow.mlflow_roots import ArtifactRoots, Root, StoredFile

_ID = re.compile("[0-9a-f]{32}")

PARTLY = (
    "MLflow tells this user only of what they may read, so who else needs these bytes is not known"
)
"""Why nothing is emptied for somebody who is no admin of a server with users."""

EVERY = "?versions"
"""How the key of a folder ends of which every stored version goes, where a bucket keeps them."""

HOMES = 50
"""Folders of experiments on a page."""

_OTHERS = (
    "MLflow does not know it, and no experiment has its artifacts there, or another store says that"
    " it is its own"
)

_NOWHERE = "it is no folder of a logged model or a run that can be reached"


class Folder(NamedTuple):
    """A folder of a logged model or a run."""

    root: Root
    path: str
    owner: str
    versions: bool = False
    """It is about every stored version of the files in it."""


class MlflowStorage:
    """The folders that one server keeps; each is one object."""

    grace_us = 0
    """MLflow knows of a run or logged model before it takes bytes for it: none is still to come."""

    def __init__(
        self,
        requests: MlflowRequests,
        facts: MlflowFacts,
        roots: ArtifactRoots,
        *,
        read_only: bool,
        beside: Sequence[Path],
        registers_elsewhere: bool,
    ) -> None:
        self._requests = requests
        self._facts = facts
        self._roots = roots
        self._read_only = read_only
        self._beside = beside
        """Other stores, where nobody has named the place: they may keep their files in it too."""
        self._registers_elsewhere = registers_elsewhere
        self._left: dict[str, str] = {}
        """Where the folders are of owners that are gone, as far as they were listed."""
        self._seen: dict[str, Sequence[StoredFile]] = {}
        """What was in a folder when its facts were read."""
        self._begun: dict[str, tuple[str, frozenset[tuple[str, str]]]] = {}
        """Folders of which only a part went: their digest before that, and what was in them."""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self._roots.place

    async def versioned(self) -> bool:
        """Whether bytes stay behind a delete marker: what is behind the proxy is not told."""
        return await self._roots.versioned()

    async def elsewhere(self) -> tuple[int, bool]:
        """What lies elsewhere is not counted."""
        return 0, True

    def owner(self, version_key: str) -> str:
        """A logged model or a run itself; a version of a registered model has no folder."""
        return version_key if parse_logged(version_key) or parse_run(version_key) else ""

    def expects(self, version_key: str) -> bool:
        """Whether something is wrong without a folder: a run may have logged no file."""
        return parse_logged(version_key) is not None

    # listing

    async def objects(
        self, after: str | None = None, *, versions: bool = False
    ) -> Page[StoredObject]:
        """The folders in some of those that an artifact root has for each experiment.

        Raises:
            RegistryError: MLflow does not tell of all that may need them.
        """
        self._check_registry()
        if not await self._requests.tells_all():
            raise RegistryError(f"{PARTLY}.", hint="Ask an admin of the server to look for them.")
        if self._beside:
            raise RegistryError(
                f"{self._beside[0]} is a store of MLflow too, and may keep its files in the same"
                " place: what is left over there cannot be told.",
                hint="If it does not, name the place of this one with the setting “artifact_root”.",
            )
        roots = await self._roots.every()
        number, _, home = (after or "0").partition(" ")
        root, names = roots[int(number)]
        homes = sorted(one for one in await self._homes(root, versions=versions) if one >= home)
        here, rest = homes[:HOMES], homes[HOMES:]
        parts = await together(*(self._folders_in(root, one, versions=versions) for one in here))
        folders = {owner: path for part in parts for owner, path in part.items()}
        rows = await self._objects(root, names, folders, versions=versions)
        more = int(number) + 1
        following = f"{number} {rest[0]}" if rest else f"{more} " if more < len(roots) else None
        return Page(tuple(rows), after=following)

    def _check_registry(self) -> None:
        """Refuse to tell what nobody needs while versions are where we do not look."""
        if self._registers_elsewhere:
            raise RegistryError(
                f"{REGISTRY_VARIABLE} names another place: versions there may have their bytes"
                " here, and are not seen.",
                hint=f"If none has, unset {REGISTRY_VARIABLE}; else leave the bytes out.",
            )

    async def _homes(self, root: Root, *, versions: bool) -> set[str]:
        """The folders that hold those of runs: the root, what is in it, what experiments name."""
        places = (await self._requests.experiments()).values()
        at = [await self._roots.at(one.artifact_location) for one in places]
        named = {path for one, path in filter(None, at) if one is root}
        return {"", *named, *await root.names("", versions=versions)}

    async def _folders_in(self, root: Root, home: str, *, versions: bool) -> dict[str, str]:
        """The paths of the folders of logged models and runs in a folder, by owner."""
        names = await root.names(home, versions=versions)
        top = f"{home}/" if home else ""
        paths = [f"{top}{name}/artifacts" for name in names]
        if MODELS in names:
            logged = await root.names(f"{top}{MODELS}", versions=versions)
            paths += [f"{top}{MODELS}/{name}/artifacts" for name in logged]
        return {owner: path for path in paths if (owner := folder_owner(path)) is not None}

    async def _objects(
        self, root: Root, names: Root, folders: Mapping[str, str], *, versions: bool
    ) -> list[StoredObject]:
        """Folders as objects: only those whose owner is gone are read."""
        places = {owner: names.uri(path) for owner, path in folders.items()}
        spelled = {owner: {names.uri(path), root.uri(path)} for owner, path in folders.items()}
        things, needed = await together(self._facts.things(folders), self._needed(spelled))
        keeping = things.keeping
        unknown = {key: Folder(root, folders[key], key) for key in folders.keys() - things.states}
        others = await self._others({places[key]: one for key, one in unknown.items()})
        strange = {key for key in unknown if places[key] in others}
        alone = [key for key in folders if key not in keeping and key not in strange]
        found = await root.read([folders[key] for key in alone], versions=versions)
        objects: list[StoredObject] = []
        for key, path in folders.items():
            self._left |= {key: places[key]} if key in alone else {}
            if key in keeping or key in strange or path in found.unread:
                # Of nobody, when nobody can look at it, or it may be another store's.
                owner = key if key in keeping else ""
                objects.append(_object(places[key], path, owner, ()))
            elif rows := found.files.get(path, ()):
                owner = needed.get(key, key)
                current = [one for one in rows if one.current and not one.marker]
                hidden = [one for one in rows if one not in current]
                objects += [_object(places[key], path, owner, current)] if current else []
                older = _object(places[key], path, owner, hidden)
                objects += [replace(older, current=False)] if hidden else []
        return objects

    async def _others(self, folders: Mapping[str, Folder]) -> set[str]:
        """Which of these folders, of owners that are not known here, may be another store's.

        What the server hands out is its own. In a place that a person named others may keep theirs
        too: there a folder is ours where an experiment has its artifacts, and unless a store
        without a database says beside it whose it is.
        """
        places = (await self._requests.experiments()).values()
        homes = {await self._roots.at(one.artifact_location) for one in places}
        found = {
            key
            for key, one in folders.items()
            if self._beside
            or (not key.startswith(PROXIED) and (one.root, home_of(one.path)) not in homes)
        }
        for root in {one.root for one in folders.values()}:
            keys = {one.path: key for key, one in folders.items() if one.root is root}
            found |= {keys[path] for path in await root.recorded(list(keys))}
        return found

    async def _needed(self, places: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """Which owners' folders hold the bytes of a version, and of which one.

        However a source is written, and whatever the version says of its run: the id is in it. Or
        it is a folder above one of the places that the owner's has. An experiment may have been put
        into such a folder too, with all that is in it.
        """
        ids = {key.rpartition("/")[2].removeprefix("m-"): key for key in places}
        pages, experiments = await together(
            together(*(self._requests.versions(kind) for kind in ("", IS_PROMPT))),
            self._requests.experiments(),
        )
        rows = [one for page in pages for one in page]
        await self._facts.locate(rows, rows)
        found: dict[str, str] = {}
        above: dict[str, str] = {}
        for one in rows:
            for text in (one.source, one.place, *one.parents):
                above |= dict.fromkeys(await self._spellings(text), one.key)
                found |= {ids[part]: one.key for part in _ID.findall(text) if part in ids}
        for key, several in places.items():
            for outer in (outer for place in several for outer in _above(_plain(place))):
                if outer in above:
                    found[key] = above[outer]
        homes = {
            spelling: one.key
            for one in experiments.values()
            for spelling in await self._spellings(one.artifact_location)
        }
        for home, experiment in homes.items():
            around = set(_above(home))
            for key, several in places.items():
                if not around.isdisjoint(map(_plain, several)):
                    found[key] = experiment
        return found

    async def _spellings(self, place: str) -> set[str]:
        """A place as MLflow tells it, and as its root calls it: by a link it has two names."""
        at = await self._roots.at(place) if place.startswith(("/", "file:")) else None
        return {_plain(place), *([_plain(at[0].uri(at[1]))] if at is not None else [])}

    async def objects_of(
        self, version_keys: Sequence[str], *, versions: bool = False
    ) -> Sequence[StoredObject]:
        """The folders of these logged models and runs, where there is something in them.

        Raises:
            RegistryError: the bytes of some are where nobody said that we may go, or who needs
                them is told elsewhere.
        """
        self._check_registry()
        owners = [key for key in version_keys if self.owner(key)]
        left = {key: self._left[key] for key in owners if key in self._left}
        places = left | (await self._facts.things(owners)).locations
        folders, strange = dict[str, Folder](), list[str]()
        for key, place in places.items():
            at = await self._roots.at(place)
            if at is None:
                strange.append(place)
            elif folder_owner(at[1]) == key:
                folders[place] = Folder(*at, key, versions)
        if strange:
            raise _unreachable(strange)
        rows = await self._read(folders)
        end = EVERY if versions else ""
        return [
            _object(f"{place}{end}", folders[place].path, folders[place].owner, files)
            for place, files in rows.items()
            if files
        ]

    async def _read(self, folders: Mapping[str, Folder]) -> dict[str, Sequence[StoredFile]]:
        """What is in these folders now, by what they are called here.

        Raises:
            NotToldError: one of them cannot be read.
        """
        found: dict[str, Sequence[StoredFile]] = {}
        for (root, versions), keys in _by_root(folders).items():
            read = await root.read(list(keys), versions=versions)
            for why in read.unread.values():
                raise NotToldError(f"{why.rstrip('.')}.")
            found |= {keys[path]: rows for path, rows in read.files.items()}
        return found

    async def _folder(self, key: str) -> Folder | None:
        """The folder that a key names; None: it names none, or one that may not be reached."""
        place = key.removesuffix(EVERY)
        at = await self._roots.at(place)
        owner = folder_owner(at[1]) if at is not None else None
        return None if at is None or owner is None else Folder(*at, owner, place != key)

    # deleting

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is in these folders now; those that are empty are left out.

        Raises:
            NotToldError: one of them cannot be read, or may not be reached.
        """
        folders: dict[str, Folder] = {}
        for key in keys:
            folder = await self._folder(key)
            if folder is None:
                raise NotToldError(f"{key}: {_NOWHERE}.")
            folders[key] = folder
        rows = {key: files for key, files in (await self._read(folders)).items() if files}
        self._seen |= rows
        return {
            key: Facts(
                key=key,
                digest=self._digest(key, files),
                state=VersionState.LIVE,
                collection=folders[key].owner,
                label=folders[key].path,
            )
            for key, files in rows.items()
        }

    def _digest(self, key: str, files: Sequence[StoredFile]) -> str:
        """Of a folder of which we deleted a part, that of the whole: the rest is not new."""
        before, whole = self._begun.get(key, ("", frozenset()))
        rest = {(one.path, one.version) for one in files}
        return before if before and rest <= whole else fingerprint(files)

    async def delete_objects(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Empty these folders, unless something that lives has its bytes there."""
        if self._read_only:
            raise read_only_error(f"The storage {self.place}")
        try:
            folders = {key: one for key in keys if (one := await self._folder(key)) is not None}
            found = await self._refusals(folders)
            going = {key: one for key, one in folders.items() if key not in found}
            unseen = {key: one for key, one in going.items() if key not in self._seen}
            self._seen |= await self._read(unseen)
        except RegistryError as error:
            return [Outcome(key, Result.FAILED, f"not sent: {error}") for key in keys]
        for (root, _), named in _by_root(going).items():
            files = {path: self._seen.pop(key) for path, key in named.items()}
            for path, outcome in (await root.empty(files)).items():
                key = named[path]
                found[key] = Outcome(key, outcome.result, outcome.message)
                whole = frozenset((one.path, one.version) for one in files[path])
                if outcome.result is not Result.DONE:
                    self._begun.setdefault(key, (fingerprint(files[path]), whole))
        strange = f"{_NOWHERE}. Nothing was sent"
        return [found.get(key) or Outcome(key, Result.REFUSED, strange) for key in keys]

    async def _refusals(self, folders: Mapping[str, Folder]) -> dict[str, Outcome]:
        """Which of these folders must stay, and why: by what is true right now."""
        self._check_registry()
        places = {
            one.owner: {key.removesuffix(EVERY), one.root.uri(one.path)}
            for key, one in folders.items()
        }
        if not await self._requests.tells_all():
            words = f"{PARTLY}; an admin of the server can empty it"
            return {key: Outcome(key, Result.REFUSED, words) for key in folders}
        states = (await self._facts.things(places)).states
        needed = await self._needed(places)
        unknown = {key: one for key, one in folders.items() if one.owner not in states}
        others = await self._others(unknown)
        found = {}
        for key, one in folders.items():
            if states.get(one.owner, VersionState.TRASH) is not VersionState.TRASH:
                found[key] = Outcome(key, Result.REFUSED, f"{one.owner} is not deleted")
            elif one.owner in needed:
                words = f"{needed[one.owner]} has its bytes there"
                found[key] = Outcome(key, Result.REFUSED, words)
            elif key in others:
                found[key] = Outcome(key, Result.REFUSED, _OTHERS)
        return found

    async def aclose(self) -> None:
        """What is open is closed with the client."""


def _by_root(folders: Mapping[str, Folder]) -> dict[tuple[Root, bool], dict[str, str]]:
    """The keys of folders by path, for each root, and for every stored version apart."""
    found: dict[tuple[Root, bool], dict[str, str]] = defaultdict(dict)
    for key, one in folders.items():
        found[one.root, one.versions][one.path] = key
    return found


def _unreachable(places: Sequence[str]) -> RegistryError:
    """Nobody said that we may go to these places; what to say so that we may."""
    first, count = places[0], len(places)
    above = first.rpartition("/")[0]
    home = above.rpartition("/")[0].removesuffix(f"/{MODELS}")
    near = first.startswith(("s3://", "file:/", "/"))
    root = _plain(home.rpartition("/")[0])
    setting = f"artifact_root = {json.dumps(root, ensure_ascii=False)}"
    hint = f"Add {setting} to its table in the configuration, if that is so."
    other = "Only s3:// and folders of this machine can be reached so: leave the bytes out."
    return RegistryError(
        f"The bytes of {count:,} of these are where only MLflow goes, such as {first}.",
        hint=hint if near else other,
    )


def _plain(place: str) -> str:
    """A place without what may be written or not: the scheme of a file, a slash at the end."""
    if place.startswith("file:"):
        place = unquote(urlsplit(place).path)
    return place.rstrip("/")


def _above(place: str) -> Iterator[str]:
    """A place, and the places of the folders above it."""
    while place:
        yield place
        place = place.rpartition("/")[0]


def _object(key: str, path: str, owner: str, files: Sequence[StoredFile]) -> StoredObject:
    """A folder as one object."""
    return StoredObject(
        key=key,
        name=path,
        size=sum(one.size for one in files if not one.shared),
        modified_us=None,
        etag=fingerprint(files),
        version_key=owner,
    )
