"""What is stored for versions, logged models and runs: their files, each place read once.

The bytes of a logged model or a run are in a folder of its own. A version of a registered model has
no bytes: it points into such a folder, and so do its copies. Nothing in MLflow tells a size, so a
folder is listed; what was found of a logged model is remembered, since those are written once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from artifact_tui.clients.disk import spelled_out
from artifact_tui.clients.mlflow.mlflow_entries import (
    ModelVersionName,
    names_of,
    parse_logged,
    parse_run,
    run_key,
    version_key,
)
from artifact_tui.clients.mlflow.mlflow_requests import name_filters
from artifact_tui.clients.transport import FailedAnswerError, together
from artifact_tui.errors import NotFoundError
from artifact_tui.model import File

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.clients.mlflow.mlflow_roots import ArtifactRoots, Root

ONE_BY_ONE = 4
"""So many versions are asked for where their bytes are; of more the sources are read, at once."""

_IN_FOLDER = re.compile(
    r"(?P<folder>.*?/(?:models/(?P<logged>m-[0-9a-f]{32})|(?P<run>[0-9a-f]{32}))/artifacts)"
    r"(?:/(?P<below>.*))?",
    re.ASCII | re.DOTALL,
)
_IN_RUN = re.compile(r"runs:/(?P<run>[0-9a-f]{32})/(?P<below>.*)", re.ASCII | re.DOTALL)


class Spot(NamedTuple):
    """Where bytes are: in whose folder, and below which path of it."""

    folder: str
    """As MLflow writes it; empty where only the owner is known."""
    owner: str = ""
    """The key of a logged model or run; empty for a folder of no such thing."""
    below: str = ""


def spot_of(place: str) -> Spot:
    """Where a place is that MLflow tells."""
    if fit := _IN_FOLDER.fullmatch(place):
        owner = f"models:/{fit['logged']}" if fit["logged"] else run_key(fit["run"])
        return Spot(fit["folder"], owner, (fit["below"] or "").strip("/"))
    if fit := _IN_RUN.fullmatch(place):
        return Spot("", run_key(fit["run"]), fit["below"].strip("/"))
    if parse_logged(place) or parse_run(place):
        return Spot("", place)
    return Spot(place.rstrip("/"))


class MlflowBytes:
    """Reads what is stored for what one server holds."""

    def __init__(self, requests: MlflowRequests, facts: MlflowFacts, roots: ArtifactRoots) -> None:
        self._requests = requests
        self._facts = facts
        self._roots = roots
        self._written: dict[str, tuple[File, ...]] = {}
        """What is in the folders of logged models."""

    async def files(self, keys: Sequence[str]) -> dict[str, tuple[File, ...]]:
        """The files of versions, logged models and runs; what nobody tells about is left out.

        Raises:
            RegistryError: nothing can be read where they are.
        """
        spots = {key: one for key, one in (await self._spots(keys)).items() if one.folder}
        stored = await self._stored({one.folder: one.owner for one in spots.values()})
        found: dict[str, tuple[File, ...]] = {}
        for key, one in spots.items():
            if (files := stored.get(one.folder)) is not None:
                rows = _below(files, one.below)
                # What a name in a run leads to may be a logged model, in a folder of its own.
                found |= {key: rows} if rows or not one.below else {}
        return found

    async def _spots(self, keys: Sequence[str]) -> dict[str, Spot]:
        """Where the bytes of each are."""
        found = await self._of_versions(names_of(keys).versions)
        found |= {key: Spot("", key) for key in keys if parse_logged(key) or parse_run(key)}
        owners = {one.owner for one in found.values() if not one.folder}
        places = (await self._facts.things(owners)).locations
        return {
            key: one if one.folder else one._replace(folder=places.get(one.owner, ""))
            for key, one in found.items()
        }

    async def _of_versions(self, refs: Iterable[ModelVersionName]) -> dict[str, Spot]:
        """Where the bytes of versions are: of most their source tells, of others they are asked."""
        asked, found = set(refs), dict[str, Spot]()
        if len(asked) > ONE_BY_ONE:
            conditions = name_filters(sorted({ref.name for ref in asked}))
            pages = await together(*(self._requests.versions_page(one) for one in conditions))
            for row in (row for page in pages for row in page.model_versions):
                ref = ModelVersionName(row.name, row.version)
                if ref in asked and (parse_logged(row.source) or _is_place(row.source)):
                    found[row.key] = spot_of(row.source)
                    asked.discard(ref)
        several = sorted(asked)
        places = await together(*(self._requests.location(ref) for ref in several))
        named = zip(several, places, strict=True)
        return found | {version_key(*ref): spot_of(place) for ref, place in named if place}

    async def _stored(self, folders: Mapping[str, str]) -> dict[str, tuple[File, ...]]:
        """The files in folders, of which the owners are known; those that cannot be read left out.

        Where a folder may not be read directly the server tells of it, as far as it has an owner.
        """
        found = {place: self._written[place] for place in folders if place in self._written}
        by_root: dict[Root, dict[str, str]] = defaultdict(dict)
        told: list[str] = []
        for place, owner in folders.items():
            if place in found:
                continue
            at = await self._roots.at(place)
            if at is not None:
                root, path = at
                by_root[root][path] = place
            elif owner:
                told.append(place)
        for root, places in by_root.items():
            for path, rows in (await root.read(list(places))).files.items():
                if rows or folders[places[path]]:  # a folder of nobody may be no folder at all
                    files = (File(spelled_out(one.path), one.size, "") for one in rows)
                    found[places[path]] = tuple(files)
        walked = await together(*(self._told(folders[place]) for place in told))
        found |= {k: files for k, files in zip(told, walked, strict=True) if files is not None}
        kept = {place: files for place, files in found.items() if parse_logged(folders[place])}
        self._written |= {place: files for place, files in kept.items() if files}
        return found

    async def _told(self, owner: str) -> tuple[File, ...] | None:
        """The files of a logged model or run as the server tells them; None: it does not."""
        try:
            return tuple(sorted(await self._walk(owner, ""), key=attrgetter("path")))
        except (NotFoundError, FailedAnswerError):
            return None

    async def _walk(self, owner: str, below: str) -> list[File]:
        rows = await self._requests.stored(owner, below)
        parts = await together(*(self._walk(owner, path) for path, inside, _ in rows if inside))
        here = [File(path, size, "") for path, inside, size in rows if not inside]
        return [*here, *(one for part in parts for one in part)]


def _is_place(source: str) -> bool:
    """Whether a source is where the bytes are, and not a name of something that has them."""
    named = source.startswith(("models:/", "runs:/"))
    return not named and (":/" in source or source.startswith("/"))


def _below(files: tuple[File, ...], path: str) -> tuple[File, ...]:
    """Those files that are below a path, or are at it."""
    if not path:
        return files
    start = f"{path}/"
    return tuple(one for one in files if one.path.startswith(start) or one.path == path)
