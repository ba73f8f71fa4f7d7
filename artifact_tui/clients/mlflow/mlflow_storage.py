"""The folders of logged models and runs that MLflow keeps although it deleted what they belong to.

MLflow's artifact proxy deletes a folder at once, whatever still points to it. So a folder is
emptied only when what it belongs to is gone, and no version anywhere is found, right before, whose
bytes are in it: copies of a version share its folder, and outlive it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow.mlflow_bytes import PROXIED, fingerprint, folder_owner
from artifact_tui.clients.mlflow.mlflow_deleting import MlflowChanges
from artifact_tui.clients.mlflow.mlflow_entries import parse_logged, parse_run
from artifact_tui.clients.mlflow.mlflow_requests import IS_PROMPT
from artifact_tui.clients.servers import read_only_error
from artifact_tui.clients.transport import together
from artifact_tui.errors import RegistryError
from artifact_tui.model import Facts, Outcome, Page, Result, StoredObject, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_bytes import MlflowBytes
    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.clients.transport import HttpAnswer
    from artifact_tui.model import File

_ID = re.compile("[0-9a-f]{32}")

PARTLY = (
    "MLflow tells this user only of what they may read, so who else needs these bytes is not known"
)
"""Why nothing is emptied for somebody who is no admin of a server with users."""

MODELS = "models"
"""The folder of an experiment that holds those of its logged models."""


class MlflowStorage:
    """The folders that one server keeps; each is one object."""

    grace_us = 0
    """MLflow knows of a run or logged model before it takes bytes for it: none is still to come."""

    def __init__(
        self, requests: MlflowRequests, facts: MlflowFacts, stored: MlflowBytes, *, read_only: bool
    ) -> None:
        self._requests = requests
        self._facts = facts
        self._bytes = stored
        self._read_only = read_only

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return "MLflow's artifact store"

    async def versioned(self) -> bool:
        """Whether bytes stay behind a delete marker: what is behind the proxy is not told."""
        return False

    async def elsewhere(self) -> tuple[int, bool]:
        """What lies elsewhere is not counted: the proxy shows nothing else."""
        return 0, True

    def owner(self, version_key: str) -> str:
        """A logged model or a run itself; a version of a registered model has no folder."""
        return version_key if parse_logged(version_key) or parse_run(version_key) else ""

    def expects(self, version_key: str) -> bool:
        """Whether something is wrong without a folder: a run may have logged no file."""
        return parse_logged(version_key) is not None

    async def objects(
        self, after: str | None = None, *, versions: bool = False
    ) -> Page[StoredObject]:
        """The folders in one folder of the artifact root: in an experiment, mostly.

        Raises:
            RegistryError: MLflow does not tell of all that may need them.
        """
        del versions
        if not await self._requests.tells_all():
            raise RegistryError(f"{PARTLY}.", hint="Ask an admin of the server to look for them.")
        homes = sorted(name for name, inside, _ in await self._requests.kept("") if inside)
        left = [name for name in homes if after is None or name >= after]
        if not left:
            return Page(())
        folders = await self._folders_in(left[0])
        return Page(tuple(await self._objects(folders)), after=left[1] if len(left) > 1 else None)

    async def _folders_in(self, home: str) -> dict[str, str]:
        """The places of the folders of logged models and runs in a folder, by owner."""
        names = [name for name, inside, _ in await self._requests.kept(home) if inside]
        paths = [f"{home}/{name}/artifacts" for name in names]
        if MODELS in names:
            logged = await self._requests.kept(f"{home}/{MODELS}")
            paths += [f"{home}/{MODELS}/{name}/artifacts" for name, inside, _ in logged if inside]
        places = (f"{PROXIED}{path}" for path in paths)
        return {owner: place for place in places if (owner := folder_owner(place)) is not None}

    async def _objects(self, folders: Mapping[str, str]) -> list[StoredObject]:
        """Folders as objects: only those whose owner is gone are walked."""
        things, needed = await together(self._facts.things(folders), self.needed(folders))
        states = things.keeping
        alone = [key for key in folders if key not in states]
        files = await together(*(self._bytes.walk(key, folders[key]) for key in alone))
        found = dict(zip(alone, files, strict=True))
        objects = []
        for key, place in folders.items():
            rows = found.get(key, ())
            if rows or key in states:
                needing = needed.get(key, key) if key not in states else key
                objects.append(_object(place, needing, rows))
        return objects

    async def needed(self, owners: Iterable[str]) -> dict[str, str]:
        """Which of these owners' folders hold the bytes of a version, and of which one.

        However a source is written, and whatever the version says of its run: the id is in it.
        """
        ids = {key.rpartition("/")[2].removeprefix("m-"): key for key in owners}
        pages = await together(*(self._requests.versions(kind) for kind in ("", IS_PROMPT)))
        rows = [one for page in pages for one in page]
        await self._facts.locate(rows, rows)
        found: dict[str, str] = {}
        for one in rows:
            for text in (one.source, one.place, *one.parents):
                found |= {ids[part]: one.key for part in _ID.findall(text) if part in ids}
        return found

    async def objects_of(
        self, version_keys: Sequence[str], *, versions: bool = False
    ) -> Sequence[StoredObject]:
        """The folders of these logged models and runs, where there is something in them."""
        del versions
        things = await self._facts.things([key for key in version_keys if self.owner(key)])
        places = things.locations.items()
        ours = {key: place for key, place in places if folder_owner(place) == key}
        files = await together(*(self._bytes.walk(key, place) for key, place in ours.items()))
        pairs = zip(ours.items(), files, strict=True)
        return [_object(place, key, rows) for (key, place), rows in pairs if rows]

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is in these folders now; those that are empty are left out."""
        owners = {key: owner for key in keys if (owner := folder_owner(key)) is not None}
        files = await together(*(self._bytes.walk(own, key) for key, own in owners.items()))
        return {
            key: Facts(
                key=key,
                digest=fingerprint(rows),
                state=VersionState.LIVE,
                collection=owners[key],
                label=key.removeprefix(PROXIED),
            )
            for key, rows in zip(owners, files, strict=True)
            if rows
        }

    async def delete_objects(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Empty these folders, unless something that lives has its bytes there."""
        if self._read_only:
            raise read_only_error(f"The storage {self.place}")
        return await MlflowEmptying(self._requests, self, self._facts, keys).outcomes()

    async def aclose(self) -> None:
        """Nothing is open but the connection to the server."""


class MlflowEmptying(MlflowChanges):
    """Empties folders, each once, after a look at what may need them."""

    def __init__(
        self,
        requests: MlflowRequests,
        storage: MlflowStorage,
        facts: MlflowFacts,
        keys: Sequence[str],
    ) -> None:
        super().__init__(requests, keys)
        self._storage = storage
        self._facts = facts
        self._owners = {key: one for key in keys if (one := folder_owner(key)) is not None}
        self._partly = False
        self._needed: Mapping[str, str] = {}
        self._states: Mapping[str, VersionState] = {}

    async def look(self) -> None:
        """Which of their owners are there, and which versions have their bytes in them."""
        folders = {owner: key for key, owner in self._owners.items()}
        self._partly = not await self._requests.tells_all()
        self._states = (await self._facts.things(folders)).states
        self._needed = await self._storage.needed(folders)

    def refusal(self, key: str) -> Outcome | None:
        """Why a folder must stay."""
        owner = self._owners.get(key)
        if owner is None:
            words = "it is no folder of a logged model or a run. Nothing was sent"
        elif self._partly:
            words = f"{PARTLY}; an admin of the server can empty it"
        elif self._states.get(owner, VersionState.TRASH) is not VersionState.TRASH:
            words = f"{owner} is not deleted"
        elif owner in self._needed:
            words = f"{self._needed[owner]} has its bytes there"
        else:
            return None
        return Outcome(key, Result.REFUSED, words)

    async def send(self, key: str) -> HttpAnswer:
        """Empty a folder."""
        return await self._requests.empty(key.removeprefix(PROXIED))


def _object(place: str, owner: str, files: Sequence[File]) -> StoredObject:
    """A folder as one object."""
    return StoredObject(
        key=place,
        name=place.removeprefix(PROXIED),
        size=sum(one.size for one in files),
        modified_us=None,
        etag=fingerprint(files),
        version_key=owner,
    )
