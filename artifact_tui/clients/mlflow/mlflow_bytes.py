"""Where MLflow keeps bytes, and what is there: read through the server, folder by folder.

The bytes of a logged model or a run are in a folder of its own. A version of a registered model has
no bytes: it points into such a folder, and so do its copies. Nothing in MLflow tells a size, so a
folder is walked; what was found of a logged model is remembered, since those are written once.
"""

from __future__ import annotations

import hashlib
import re
from operator import attrgetter
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow.mlflow_entries import (
    parse_location,
    parse_logged,
    parse_version,
    run_key,
)
from artifact_tui.clients.transport import FailedAnswerError, together
from artifact_tui.errors import NotFoundError
from artifact_tui.model import File

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests

PROXIED = "mlflow-artifacts:/"
"""How places begin that the server itself keeps, or hands on to a bucket."""

_FOLDER = re.compile(
    r"mlflow-artifacts:/(?P<path>(?:[^/]+/)+?(?:models/(?P<logged>m-[0-9a-f]{32})"
    r"|(?P<run>[0-9a-f]{32}))/artifacts)",
    re.ASCII,
)


def folder_owner(place: str) -> str | None:
    """The key of the logged model or run whose own folder a place is; None for any other place."""
    fit = _FOLDER.fullmatch(place)
    if fit is None or {".", ".."} & set(fit["path"].split("/")):
        return None
    return f"models:/{fit['logged']}" if fit["logged"] else run_key(fit["run"])


def fingerprint(files: Sequence[File]) -> str:
    """What changes with the paths or sizes of the files in a folder."""
    return hashlib.sha256(repr([(one.path, one.size) for one in files]).encode()).hexdigest()[:32]


class MlflowBytes:
    """Reads what is stored for one server's runs and logged models."""

    def __init__(self, requests: MlflowRequests, facts: MlflowFacts) -> None:
        self._requests = requests
        self._facts = facts
        self._written: dict[str, tuple[File, ...]] = {}
        """What is in the folders of logged models, by key."""

    async def files(self, keys: Sequence[str]) -> dict[str, tuple[File, ...]]:
        """The files of versions, logged models and runs; what nobody tells about is left out."""
        owners = await self._owners(keys)
        folders = (await self._facts.things([owner for owner, _ in owners.values()])).locations
        there = {key: one for key, one in owners.items() if one[0] in folders}
        wanted = {owner: folders[owner] for owner, _ in there.values()}
        stored = await together(*(self._of(key, place) for key, place in wanted.items()))
        by_owner = dict(zip(wanted, stored, strict=True))
        found: dict[str, tuple[File, ...]] = {}
        for key, (owner, below) in there.items():
            files = by_owner[owner]
            if files is not None:
                found[key] = _below(files, below)
        return found

    async def _owners(self, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """In whose folder the bytes of each are, and below which path of it."""
        versions = {key: ref for key in keys if (ref := parse_version(key)) is not None}
        found = {key: (key, "") for key in keys if key not in versions}
        places = await together(*(self._requests.location(ref) for ref in versions.values()))
        for key, place in zip(versions, places, strict=True):
            if owner := parse_location(place):
                found[key] = owner, place.partition("/artifacts")[2].strip("/")
        return found

    async def _of(self, key: str, folder: str) -> tuple[File, ...] | None:
        """The files of a logged model or run; None where nobody tells them."""
        if key in self._written:
            return self._written[key]
        try:
            found = await self.walk(key, folder)
        except (NotFoundError, FailedAnswerError):
            return None
        if parse_logged(key):
            self._written[key] = found
        return found

    async def walk(self, key: str, folder: str, below: str = "") -> tuple[File, ...]:
        """All files in a folder, by path, read now."""
        if folder.startswith(PROXIED):
            place = f"{folder.removeprefix(PROXIED)}/{below}".rstrip("/")
            names = await self._requests.kept(place)
            rows = [(f"{below}/{name}".lstrip("/"), inside, size) for name, inside, size in names]
        else:
            rows = await self._requests.stored(key, below)
        deeper = (self.walk(key, folder, path) for path, inside, _ in rows if inside)
        parts = await together(*deeper)
        here = [File(path, size, "") for path, inside, size in rows if not inside]
        return tuple(
            sorted((*here, *(one for part in parts for one in part)), key=attrgetter("path"))
        )


def _below(files: tuple[File, ...], path: str) -> tuple[File, ...]:
    """Those files that are below a path, or are at it."""
    if not path:
        return files
    start = f"{path}/"
    return tuple(one for one in files if one.path.startswith(start) or one.path == path)
