"""What is true of versions, logged models and runs now, in as few requests as there can be.

A server with authentication needs most of a second for each. So a batch is looked up in a few
searches, whatever its size: the things themselves, the models that hold their aliases, and what
was made from them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.mlflow.mlflow_entries import (
    DEFAULT_EXPERIMENT,
    AliasTable,
    DatasetEntry,
    ExperimentEntry,
    LoggedInfo,
    ModelEntry,
    ModelVersionName,
    RunEntry,
    Shown,
    Things,
    VersionEntry,
    experiment_key,
    names_of,
    parse_version,
    run_key,
    shown_dataset,
    shown_version,
)
from artifact_tui.clients.mlflow.mlflow_requests import IS_PROMPT, id_filters, name_filters
from artifact_tui.clients.transport import together
from artifact_tui.errors import EmptyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.model import Facts

_Row = TypeVar("_Row")

COPIES = "source_path LIKE 'models:/%/%'"
"""Versions that were copied from another version."""

OF_LOGGED = "source_path LIKE '%/m-%'"
"""Versions whose bytes are those of a logged model."""

MOST_FILTERS = 4
"""More requests than this cost more than one for all versions."""

OF_RUNS = "source_path LIKE 'runs:/%/%'"
"""Versions whose bytes are found by a name in a run."""


class MlflowFacts:
    """Looks at what one server holds."""

    def __init__(self, requests: MlflowRequests) -> None:
        self._requests = requests

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these; those that are gone are left out.

        Raises:
            EmptyError: logged models, runs and experiments are gone, as everything is: so it may
                be, or the server was started with another database.
        """
        found = {key: one.facts(made) for key, (one, made) in (await self._look(keys)).items()}
        if not found and names_of(keys).things:
            await self._refuse_emptiness()
        return found

    async def _refuse_emptiness(self) -> None:
        places = await self._requests.experiments()
        if places.keys() - {DEFAULT_EXPERIMENT} or await self._requests.models():
            return
        runs, logged = await together(self.runs(places, [""]), self.logged(places, [""]))
        if not (runs or logged):
            raise EmptyError(
                "MLflow answers, and lists nothing at all: so does a server that was started with"
                " another database. Nothing is taken as gone.",
                hint="Look at its --backend-store-uri.",
            )

    async def shown(self, keys: Sequence[str]) -> Mapping[str, Shown]:
        """These as a listing has them; those that are gone are left out."""
        return {key: one for key, (one, _) in (await self._look(keys)).items()}

    async def _look(self, keys: Sequence[str]) -> dict[str, tuple[Shown, set[str]]]:
        """Each with the keys of what was made from it."""
        names = names_of(keys)
        parts = await together(
            self._of_versions(names.versions),
            self._of_things(keys),
            self._of_datasets(names.datasets),
        )
        found = {key: one for part in parts for key, one in part.items()}
        return {key: found[key] for key in keys if key in found}

    async def of_model(self, name: str) -> Mapping[str, Facts] | None:
        """What is true of every version of a registered model; None: there is no such model."""
        if not await self.models({name}):
            return None
        found = await self._around_versions(await self.versions_of(name))
        return {key: one.facts(made) for key, (one, made) in found.items()}

    async def versions_of(self, name: str) -> list[VersionEntry]:
        """Every version of a registered model."""
        rows = await self._search(name_filters([name]))
        return [one for one in rows if one.name == name]

    # versions of registered models

    async def _of_versions(
        self, refs: frozenset[ModelVersionName]
    ) -> dict[str, tuple[Shown, set[str]]]:
        return await self._around_versions(await self._versions(refs)) if refs else {}

    async def _around_versions(
        self, rows: Sequence[VersionEntry]
    ) -> dict[str, tuple[Shown, set[str]]]:
        """Versions with their copies."""
        models, copies = await together(
            self.models({one.name for one in rows}), self._search([COPIES])
        )
        originals = {one.key for one in rows}
        copies = [one for one in copies if one.original in originals]
        await self.locate(copies, rows)
        dependents = _children(copies)
        aliases = AliasTable(models.values())
        shown = [
            shown_version(one, models[one.name], aliases) for one in rows if one.name in models
        ]
        return {one.version.key: (one, dependents[one.version.key]) for one in shown}

    async def models(self, names: Iterable[str]) -> dict[str, ModelEntry]:
        """The registered models and prompts of these names; MLflow tells prompts only as such."""
        missing, found = set(names), dict[str, ModelEntry]()
        for kind in ("", IS_PROMPT):
            conditions = (
                " AND ".join(filter(None, (one, kind))) for one in name_filters(sorted(missing))
            )
            parts = await together(*(self._requests.models(one) for one in conditions))
            found |= {one.name: one for part in parts for one in part if one.name in missing}
            missing -= found.keys()
        return found

    async def _versions(self, refs: AbstractSet[ModelVersionName]) -> list[VersionEntry]:
        """Some versions: of one model only what lies between the first and the last of them."""
        filters = name_filters(sorted({ref.name for ref in refs}))
        if len({ref.name for ref in refs}) == 1 and filters != [""]:
            numbers = [int(ref.version) for ref in refs]
            span = f"version_number >= {min(numbers)} AND version_number <= {max(numbers)}"
            filters = [f"{filters[0]} AND {span}"]
        found = await self._search(filters)
        return [one for one in found if ModelVersionName(one.name, one.version) in refs]

    async def _search(self, filters: Iterable[str]) -> list[VersionEntry]:
        """The versions that fit any of these filters, those of prompts among them."""
        asked = [
            " AND ".join(filter(None, (one, kind))) for one in filters for kind in ("", IS_PROMPT)
        ]
        parts = await together(*(self._requests.versions(one) for one in asked))
        return list({one.key: one for part in parts for one in part}.values())

    # logged models, runs and experiments

    async def things(self, keys: Iterable[str]) -> Things:
        """The logged models, runs and experiments among these; those gone are left out."""
        names = names_of(keys)
        if not names.things:
            return Things({}, {}, {}, {})
        places = await self._requests.experiments()
        models, entries = await together(
            self.logged(places, id_filters("model_id", names.logged)),
            self.runs(places, id_filters("run_id", names.runs)),
        )
        missing = names.logged - {one.model_id for one in models}
        models += await self.trashed_logged(missing, places)
        there = (places[one] for one in names.experiments if one in places)
        return Things(
            places,
            {one.key: one for one in models},
            {one.info.key: one for one in entries},
            {one.key: one for one in there},
        )

    async def trashed_logged(
        self, ids: Iterable[str], places: Mapping[str, ExperimentEntry]
    ) -> list[LoggedInfo]:
        """Those of these logged models, which no search found, that were deleted.

        Of experiments that are not listed a search tells nothing.
        """
        found = await together(*(self._requests.deleted_logged(one) for one in sorted(ids)))
        return [one for one in found if one is not None and one.experiment_id in places]

    async def _of_things(self, keys: Sequence[str]) -> dict[str, tuple[Shown, set[str]]]:
        names = names_of(keys)
        if not names.things:
            return {}
        things, rows = await together(self.things(keys), self._made_from(names.logged, names.runs))
        children, inside = await together(
            self.logged(things.places, id_filters("source_run_id", names.runs)),
            self.inside(names.experiments),
        )
        dependents, by_names = _children(rows), by_name(rows)
        for key, one in things.logged.items():
            dependents[key] |= by_names.get(one.by_name, set())
        for one in children:
            dependents[run_key(one.source_run_id)].add(one.key)
        dependents |= inside
        return {key: (one, dependents[key]) for key, one in things.shown.items()}

    async def inside(self, experiments: AbstractSet[str]) -> dict[str, set[str]]:
        """The keys of what lives in experiments, or was made from runs of theirs in the trash."""
        if not experiments:
            return {}
        runs, models = await together(self.runs(experiments, [""]), self.logged(experiments, [""]))
        deleted = [one.info.run_id for one in runs if one.info.trashed]
        made = _children(await self._made_from((), deleted) if deleted else [])
        found = defaultdict[str, set[str]](set)
        for one in models:
            found[experiment_key(one.experiment_id)].add(one.key)
        for run in (entry.info for entry in runs):
            keys = made[run.key] if run.trashed else {run.key}
            found[experiment_key(run.experiment_id)] |= keys
        return found

    async def of_runs(self, experiment: str) -> Mapping[str, Facts] | None:
        """What is true of every live run of an experiment; None: it is gone, or in the trash."""
        place = (await self._requests.experiments()).get(experiment)
        if place is None or place.trashed:
            return None
        entries = await self.runs([experiment], [""])
        found = await self._look([one.info.key for one in entries if not one.info.trashed])
        return {key: one.facts(made) for key, (one, made) in found.items()}

    async def _of_datasets(
        self, datasets: Mapping[str, DatasetEntry]
    ) -> dict[str, tuple[Shown, set[str]]]:
        """Datasets that some run used; what was made from them is not asked for."""
        if not datasets:
            return {}
        places = await self._requests.experiments()
        digests = sorted({one.digest for one in datasets.values()})
        users = await self.runs(places, name_filters(digests, "dataset.digest"))
        used = {key: one for run in users for key, one in run.datasets.items() if key in datasets}
        return {key: (shown_dataset(one, None, None), set()) for key, one in used.items()}

    async def logged(self, places: Iterable[str], filters: Iterable[str]) -> list[LoggedInfo]:
        """The logged models of some experiments that fit any of these filters."""
        parts = await together(*(_all(self._requests.logged(places, one)) for one in filters))
        return [one for part in parts for one in part]

    async def runs(self, places: Iterable[str], filters: Iterable[str]) -> list[RunEntry]:
        """The runs of some experiments that fit any of these filters."""
        parts = await together(*(_all(self._requests.runs(places, one)) for one in filters))
        return [one for part in parts for one in part]

    async def _made_from(self, logged: Iterable[str], runs: Iterable[str]) -> list[VersionEntry]:
        """The versions that may have been made from these, and others."""
        by_runs = id_filters("run_id", runs)
        filters = [*by_runs, *([OF_LOGGED, OF_RUNS] if logged else []), COPIES]
        rows = await self._search([""] if len(by_runs) > MOST_FILTERS else filters)
        copied = {ref for one in rows if (ref := parse_version(one.original)) is not None}
        await self.locate(rows, await self._versions(copied) if copied else [])
        return rows

    async def locate(self, rows: Sequence[VersionEntry], there: Sequence[VersionEntry]) -> None:
        """Ask where the bytes of those copies are whose original is not among these any more.

        A copy outlives what it was copied from. Another version may have the name of the original
        by now: in a model made anew, where numbers begin again, or in one that was renamed.
        """
        originals = {one.key: one for one in there}
        copies = {one.key: one for one in rows if one.original}
        alone = {key for key, one in copies.items() if _younger(originals.get(one.original), one)}
        doubtful = {
            key
            for key, one in copies.items()
            if key not in alone and _changed_since(originals[one.original], one)
        }
        asked = [copies[key] for key in sorted(alone | doubtful)]
        asked += {
            key: originals[key] for key in (copies[one].original for one in doubtful)
        }.values()
        found = await together(
            *(self._requests.location(ModelVersionName(one.name, one.version)) for one in asked)
        )
        places = dict(zip((one.key for one in asked), found, strict=True))
        for key in alone | doubtful:
            if key in alone or places[key] != places[copies[key].original]:
                copies[key].place = places[key]


def _younger(original: VersionEntry | None, copy: VersionEntry) -> bool:
    """Whether what has the name of a copy's original now is gone, or was made after the copy."""
    if original is None:
        return True
    return (original.creation_timestamp or 0) > (copy.creation_timestamp or 0)


def _changed_since(original: VersionEntry, copy: VersionEntry) -> bool:
    """Whether something of a version changed after it was copied: it may have been its name."""
    return (original.last_updated_timestamp or 0) >= (copy.creation_timestamp or 0)


def by_name(rows: Iterable[VersionEntry]) -> dict[str, set[str]]:
    """The keys of versions whose bytes are found by a name in a run, by both.

    MLflow looks for a folder of the run, and for a logged model of that name.
    """
    found = defaultdict[str, set[str]](set)
    for one in rows:
        if name := one.by_name:
            found[name].add(one.key)
    return found


def _children(rows: Iterable[VersionEntry]) -> defaultdict[str, set[str]]:
    """The keys of the versions that were made from each thing."""
    found = defaultdict[str, set[str]](set)
    for one in rows:
        for parent in one.parents:
            found[parent].add(one.key)
    return found


async def _all(pages: AsyncIterator[list[_Row]]) -> list[_Row]:
    return [one async for page in pages for one in page]
