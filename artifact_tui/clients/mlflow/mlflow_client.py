"""The client of MLflow servers: the protocol of `clients.base`."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Client
from artifact_tui.clients.mlflow import NAME
from artifact_tui.clients.mlflow.mlflow_bytes import MlflowBytes
from artifact_tui.clients.mlflow.mlflow_deleting import (
    MlflowDeletions,
    MlflowRestoring,
    delete_whole,
)
from artifact_tui.clients.mlflow.mlflow_editing import MlflowEdits
from artifact_tui.clients.mlflow.mlflow_entries import (
    DATASET,
    DEFAULT_EXPERIMENT,
    EXPERIMENT,
    LOGGED,
    MODEL,
    PROMPT,
    RUN,
    AliasTable,
    DatasetEntry,
    RunEntry,
    Shown,
    collection_of,
    experiment_key,
    parse_logged,
    parse_model,
    parse_runs_home,
    runs_home,
    shown_dataset,
    shown_experiment,
    shown_logged,
    shown_run,
    shown_version,
)
from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts, by_name
from artifact_tui.clients.mlflow.mlflow_local import kept_at, stores_beside, untold
from artifact_tui.clients.mlflow.mlflow_requests import IS_PROMPT, MlflowRequests
from artifact_tui.clients.mlflow.mlflow_roots import ArtifactRoots
from artifact_tui.clients.mlflow.mlflow_storage import MlflowStorage
from artifact_tui.clients.servers import read_only_error
from artifact_tui.clients.transport import together
from artifact_tui.errors import NotFoundError
from artifact_tui.model import Edge, Identity, Listed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_entries import LoggedInfo
    from artifact_tui.clients.mlflow.mlflow_settings import MlflowAddress, MlflowOptions
    from artifact_tui.clients.transport import HttpTransport
    from artifact_tui.model import CollectionDeletion, Deletion, Edit, Facts, File, Outcome

AT_A_TIME = 500
"""Versions in one part of a listing."""

MOST_DELETED = 500
"""Logged models that are asked for one by one: those that a run or a version names, and no list."""


class MlflowClient(Client):
    """One connection to one MLflow server."""

    tells = frozenset({"aliases", "tags", "lineage", "trash"})
    edits = frozenset({"aliases", "tags"})
    holding_types = frozenset({EXPERIMENT})
    never_whole = frozenset({runs_home(DEFAULT_EXPERIMENT)})
    batch_delete = 100
    frees = False
    freeing = "MLflow keeps the bytes of what is deleted"

    def __init__(self, address: MlflowAddress, options: MlflowOptions, *, read_only: bool) -> None:
        self._address = address
        self._insecure = options.insecure
        self._untold: tuple[str, ...] = ()
        if address.store is not None and isinstance(options.kept, Path):
            self._untold = untold(address.store, options.kept)
        self.identity = Identity(NAME, address.text, address.text)
        self.read_only = read_only
        self._requests = MlflowRequests(address, options, read_only=read_only)
        self.transport: HttpTransport = self._requests.transport
        self._facts = MlflowFacts(self._requests)
        self._roots = ArtifactRoots(self._requests, options.artifact_root, read_only=read_only)
        self._bytes = MlflowBytes(self._requests, self._facts, self._roots)
        beside: list[Path] = []
        if address.store is not None and options.kept == kept_at(address.store):
            beside = stores_beside(address.store)
        self._storage = MlflowStorage(
            self._requests,
            self._facts,
            self._roots,
            read_only=read_only,
            beside=beside,
            registers_elsewhere=address.registers_elsewhere,
        )
        self._deleting = asyncio.Lock()
        self._unasked = 0
        """Logged models of the last listing that may be in the trash: nobody asked."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Whether others can read along, and what is not shown."""
        found = []
        place = self._address.origin
        if place.scheme == "http" and not place.loopback:
            found.append("The connection is not encrypted: others may read along.")
        if place.scheme == "https" and self._insecure:
            found.append(
                f"The server's certificate is not checked ({self._insecure}): others may read"
                " along, and answer in its place."
            )
        if self._unasked:
            found.append(
                f"{self._unasked:,} more logged models may be in the trash: MLflow tells of each"
                f" only when it is asked for it, and {MOST_DELETED} were asked for."
            )
        return (*found, *self._untold)

    def cannot(self, what: str, of_type: str = "") -> str:
        """What MLflow does for some types only, and what it never does."""
        if of_type and of_type not in _TYPES_OF.get(what, {of_type}):
            return f"MLflow {_VERBS[what]} no {_NAMES.get(of_type, of_type)}"
        return PURGES if what == "purge" else ""

    # reading

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Registered models and prompts with their versions, experiments, and what is in these.

        The default experiment stays, so it is listed only where somebody has deleted it. Logged
        models that were deleted are in no list: those are asked for that a run logged, or that a
        version names. Datasets are told by the runs that used them.

        Runs come before logged models: one that is logged meanwhile would be in no list either.

        Versions come in one answer: with offsets for cursors, what is deleted between two pages
        hides others. Models whose page was skipped so are asked for by name.
        """
        kinds = ("", IS_PROMPT)
        (models, pages), places = await together(
            together(
                together(*(self._requests.models(kind) for kind in kinds)),
                together(*(self._requests.versions_page(kind) for kind in kinds)),
            ),
            self._requests.experiments(),
        )
        found = {one.name: one for part in models for one in part}
        versions = [one for page in pages for one in page.model_versions]
        found |= await self._facts.models({one.name for one in versions} - found.keys())
        await self._facts.locate(versions, versions)
        yield Listed(tuple(collection_of(one) for one in found.values()))
        aliases, named = AliasTable(found.values()), by_name(versions)
        for start in range(0, len(versions), AT_A_TIME):
            yield _listed(
                shown_version(one, found[one.name], aliases)
                for one in versions[start : start + AT_A_TIME]
                if one.name in found
            )
        yield _listed(shown_experiment(one) for one in places.values() if one.removable)
        outputs = dict.fromkeys(parse_logged(key) for one in versions for key in one.parents)
        uses = DatasetUses()
        async with aclosing(self._requests.runs(places)) as runs:
            async for entries in runs:
                yield _listed(shown_run(one, places) for one in entries)
                outputs |= dict.fromkeys(id_ for one in entries for id_ in one.logged)
                uses.note(entries)
        there = set[str]()
        async with aclosing(self._requests.logged(places)) as logged:
            async for rows in logged:
                there |= {one.model_id for one in rows}
                part = _listed(shown_logged(one, places) for one in rows)
                yield replace(part, edges=(*part.edges, *_edges_by_name(rows, named)))
        missing = [one for one in outputs if one is not None and one not in there]
        self._unasked = max(len(missing) - MOST_DELETED, 0)
        trashed = await self._facts.trashed_logged(missing[-MOST_DELETED:], places)
        yield _listed(shown_logged(one, places) for one in trashed)
        yield _listed(uses.shown())
        yield Listed(complete=not any(page.next_page_token for page in pages))

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true now, with what was made from each."""
        return await self._facts.facts(keys)

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of a version, a logged model or a run; none where nobody tells them.

        Raises:
            NotFoundError: there is no such thing.
        """
        found = await self._bytes.files([version_key])
        if version_key not in found and not await self._facts.facts([version_key]):
            raise NotFoundError(f"MLflow has nothing with the key {version_key}.")
        return found.get(version_key, ())

    async def sizes(self, keys: Sequence[str]) -> Mapping[str, int]:
        """The bytes of these, each place read once."""
        found = await self._bytes.files(keys)
        return {key: sum(one.size for one in files) for key, files in found.items()}

    async def check(self) -> tuple[str, ...]:
        """What was found at the address, in whole sentences.

        Raises:
            RegistryError: it cannot be reached, or it is no MLflow server.
        """
        began = time.perf_counter()
        version = await self._requests.text("/version")
        took = (time.perf_counter() - began) * 1000
        models = await self._requests.models()
        writing = "nothing can be changed" if self.read_only else "versions can be deleted"
        return (
            f"MLflow {version[:20]} answers at {self._address.text} in {took:.0f} ms.",
            f"It lists {len(models):,} registered {'model' if len(models) == 1 else 'models'}.",
            f"The connection is {'read-only' if self.read_only else 'armed'}: {writing}.",
            *await self._roots.check(),
            *self.notices,
        )

    def storage(self) -> MlflowStorage:
        """The folders that MLflow keeps of what was deleted."""
        return self._storage

    # deleting

    def _check_writable(self) -> None:
        if self.read_only:
            raise read_only_error(f"The server {self._address.text}")

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Delete these: versions of registered models for good, and all else into the trash."""
        self._check_writable()
        async with self._deleting:  # MLflow says "done" for a run that is deleted already
            return await MlflowDeletions(self._requests, self._facts, deletions).outcomes()

    async def restore(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Bring runs and experiments back: MLflow restores nothing else."""
        self._check_writable()
        registry = self._address.text
        restoring = MlflowRestoring(self._requests, self._facts, keys, registry=registry)
        return await restoring.outcomes()

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true of every version of a registered model, or every run of an experiment."""
        if (experiment := parse_runs_home(collection_key)) is not None:
            return await self._facts.of_runs(experiment)
        name = parse_model(collection_key)
        return None if name is None else await self._facts.of_model(name)

    async def collection_name(self, collection_key: str) -> str:
        """The name of a registered model or an experiment; empty: there is none."""
        if (experiment := parse_runs_home(collection_key)) is not None:
            place = (await self._requests.experiments()).get(experiment)
            return "" if place is None or place.trashed else place.name
        name = parse_model(collection_key)
        return name if name is not None and await self._facts.models({name}) else ""

    def goes_along(self, collection_key: str) -> str:
        """The experiment, when all of its runs go in one request."""
        experiment = parse_runs_home(collection_key)
        return "" if experiment is None else experiment_key(experiment)

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        """Delete a registered model, or an experiment, with all in it, in one request."""
        self._check_writable()
        return await delete_whole(self._requests, self._facts, deletion)

    # changing

    async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
        """Set and take off aliases and tags."""
        self._check_writable()
        return await MlflowEdits(self._requests, self._facts, edits).outcomes()

    async def aclose(self) -> None:
        """Close every connection."""
        await self.transport.aclose()
        await self._roots.aclose()


_TYPES_OF = {"restore": {RUN, EXPERIMENT}, "delete_collection": {MODEL, PROMPT, RUN}}
"""What MLflow does for some types only, and for which."""

_VERBS = {"restore": "restores", "delete_collection": "deletes as a whole"}

_NAMES = {MODEL: "version of a registered model", LOGGED: "logged model", DATASET: "dataset"}

PURGES = "only `mlflow gc` on its server removes for good what MLflow has in its trash"
"""Why nothing is purged."""


class DatasetUses:
    """Which datasets runs used: how many runs each, and when the last of them began."""

    def __init__(self) -> None:
        self._datasets: dict[str, DatasetEntry] = {}
        self._uses: dict[str, tuple[int, int]] = {}

    def note(self, runs: Iterable[RunEntry]) -> None:
        """Count the datasets of some runs."""
        for run in runs:
            for key, one in run.datasets.items():
                self._datasets[key] = one
                used, last = self._uses.get(key, (0, 0))
                self._uses[key] = used + 1, max(last, run.info.start_time or 0)

    def shown(self) -> Iterator[Shown]:
        """Each as a version of its name."""
        for key, one in self._datasets.items():
            used, last = self._uses[key]
            yield shown_dataset(one, used, last or None)


def _edges_by_name(rows: Iterable[LoggedInfo], named: Mapping[str, set[str]]) -> Iterator[Edge]:
    """From logged models to the versions that name them by their run."""
    for one in rows:
        for key in sorted(named.get(one.by_name, ())):
            yield Edge(one.key, key)


def _listed(several: Iterable[Shown]) -> Listed:
    """A part of a listing."""
    shown = list(several)
    return Listed(
        tuple({one.collection.key: one.collection for one in shown}.values()),
        tuple(one.version for one in shown),
        tuple(edge for one in shown for edge in one.edges),
    )
