"""What MLflow answers, and what that is in our words.

Keys are MLflow's own URIs: `models:/NAME/3` is a version of a registered model or prompt,
`models:/m-ID` a logged model, `runs:/ID` a run; and like them `experiments:/ID` an experiment,
`datasets:/NAME/DIGEST` a dataset. Collections are registered models and prompts, the logged models
of one name in an experiment, the runs of an experiment, all experiments, and the digests of one
name of a dataset.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from artifact_tui.model import Alias, Collection, Edge, Facts, Version, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MODEL, PROMPT, LOGGED, RUN = "model", "prompt", "logged", "run"
EXPERIMENT, DATASET = "experiment", "dataset"
"""Types of collections."""

LIVE_STAGES = frozenset({"Production", "Staging"})
"""Stages that somebody relies on; they are shown as aliases, which no alias of MLflow can equal."""

STAGE = "stage:"
"""What begins the alias that stands for a stage."""

DEFAULT_EXPERIMENT = "0"
"""The experiment that every server has."""

DEFAULT_STAYS = "runs that name no experiment are made in it, and fail once it is deleted"
"""Why the default experiment is kept: MLflow itself would delete it."""

DATASET_STAYS = "MLflow keeps a dataset as long as a run that used it, and deletes none by itself"
"""Why no dataset can be deleted."""

DELETED = "deleted"
"""The stage of what is in the trash."""

OWN_TAGS = "mlflow."
"""What begins the names of tags that MLflow sets for itself."""


class ErrorEntry(msgspec.Struct):
    """The body of an error."""

    error_code: str = ""
    message: str = ""


class UserEntry(msgspec.Struct):
    """Somebody whom a server knows."""

    is_admin: bool = False


class CurrentUser(msgspec.Struct):
    """Who asks, by a server that has users."""

    user: UserEntry


class TagEntry(msgspec.Struct):
    """A tag."""

    key: str = ""
    value: str = ""

    @property
    def text(self) -> str:
        """`KEY=VALUE`, or the key alone."""
        return f"{self.key}={self.value}" if self.value else self.key


class AliasEntry(msgspec.Struct):
    """An alias of a registered model."""

    alias: str
    version: str


class ModelEntry(msgspec.Struct):
    """A registered model, or a prompt."""

    name: str
    creation_timestamp: int | None = None
    tags: list[TagEntry] = []
    aliases: list[AliasEntry] = []

    @property
    def prompt(self) -> bool:
        """Whether it is a prompt: a text without bytes."""
        return TagEntry("mlflow.prompt.is_prompt", "true") in self.tags


class VersionEntry(msgspec.Struct):
    """A version of a registered model."""

    name: str
    version: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    current_stage: str = "None"
    description: str = ""
    source: str = ""
    run_id: str = ""
    status: str = "READY"
    tags: list[TagEntry] = []
    user_id: str = ""
    place: str = ""
    """Where its bytes are, of a copy whose original is gone; MLflow tells it when asked."""

    @property
    def key(self) -> str:
        """Its key."""
        return version_key(self.name, self.version)

    @property
    def digest(self) -> str:
        """A fingerprint: numbers begin again when a model of the same name is made anew."""
        parts = (self.name, self.version, self.creation_timestamp, self.source, self.run_id)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    @property
    def parents(self) -> tuple[str, ...]:
        """The keys of what it was made from: a version, a logged model, or else a run."""
        found = parse_location(self.place) if self.place else parse_source(self.source)
        found = found or (run_key(self.run_id) if self.run_id else "")
        return (found,) if found else ()

    @property
    def original(self) -> str:
        """The key of the version that it was copied from; empty: it is no copy."""
        found = parse_source(self.source) or ""
        return found if parse_version(found) is not None else ""

    @property
    def by_name(self) -> str:
        """`runs:/RUN/NAME` where its bytes are found by a name in a run; else empty."""
        fit = _BY_NAME.match(self.place or self.source)
        return fit[0] if fit else ""


class ExperimentEntry(msgspec.Struct):
    """An experiment: runs and logged models are in one."""

    experiment_id: str
    name: str
    lifecycle_stage: str = ""
    creation_time: int | None = None
    last_update_time: int | None = None
    artifact_location: str = ""
    tags: list[TagEntry] = []

    @property
    def key(self) -> str:
        """Its key."""
        return experiment_key(self.experiment_id)

    @property
    def trashed(self) -> bool:
        """Whether it was deleted, and can be restored with all of its runs."""
        return self.lifecycle_stage == DELETED

    @property
    def digest(self) -> str:
        """A fingerprint: ids may be used again once `mlflow gc` has removed an experiment."""
        parts = (self.experiment_id, self.creation_time)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    @property
    def removable(self) -> bool:
        """Whether anything can be done with it: the default experiment must stay."""
        return self.trashed or self.experiment_id != DEFAULT_EXPERIMENT


class LoggedInfo(msgspec.Struct):
    """What a logged model is."""

    model_id: str
    experiment_id: str
    name: str = ""
    creation_timestamp_ms: int | None = None
    last_updated_timestamp_ms: int | None = None
    artifact_uri: str = ""
    status: str = ""
    source_run_id: str = ""
    tags: list[TagEntry] = []
    lifecycle_stage: str = ""
    """Not told by MLflow: whoever asked knows whether it was deleted."""

    @property
    def key(self) -> str:
        """Its key."""
        return f"models:/{self.model_id}"

    @property
    def by_name(self) -> str:
        """Its name in its run, as a version may name it for its bytes."""
        return f"runs:/{self.source_run_id}/{self.name}"


class LoggedEntry(msgspec.Struct):
    """A logged model: where the bytes of a model are since MLflow 3."""

    info: LoggedInfo


class LoggedAnswer(msgspec.Struct):
    """One logged model."""

    model: LoggedEntry


class RunInfo(msgspec.Struct):
    """What a run is."""

    run_id: str
    experiment_id: str
    run_name: str = ""
    user_id: str = ""
    status: str = ""
    start_time: int | None = None
    end_time: int | None = None
    artifact_uri: str = ""
    lifecycle_stage: str = "active"

    @property
    def key(self) -> str:
        """Its key."""
        return run_key(self.run_id)

    @property
    def trashed(self) -> bool:
        """Whether it was deleted, and can be restored."""
        return self.lifecycle_stage == DELETED


class RunData(msgspec.Struct):
    """What was logged to a run, as far as it is read."""

    tags: list[TagEntry] = []


class DatasetEntry(msgspec.Struct):
    """A dataset: MLflow has no id of it."""

    name: str
    digest: str

    @property
    def key(self) -> str:
        """Its key."""
        return f"{self.home}/{quote(self.digest, safe='')}"

    @property
    def home(self) -> str:
        """The key of its collection."""
        return f"datasets:/{quote(self.name, safe='')}"


class DatasetInput(msgspec.Struct):
    """That a run used a dataset."""

    dataset: DatasetEntry


class RunInputs(msgspec.Struct):
    """What a run was made from."""

    dataset_inputs: list[DatasetInput] = []


class ModelOutput(msgspec.Struct):
    """That a run logged a model."""

    model_id: str = ""


class RunOutputs(msgspec.Struct):
    """What a run made."""

    model_outputs: list[ModelOutput] = []


class RunEntry(msgspec.Struct):
    """A run."""

    info: RunInfo
    data: RunData = msgspec.field(default_factory=RunData)
    inputs: RunInputs = msgspec.field(default_factory=RunInputs)
    outputs: RunOutputs = msgspec.field(default_factory=RunOutputs)

    @property
    def datasets(self) -> dict[str, DatasetEntry]:
        """The datasets that it used, by key."""
        return {one.dataset.key: one.dataset for one in self.inputs.dataset_inputs}

    @property
    def logged(self) -> tuple[str, ...]:
        """The ids of the models that it logged, those too that are gone."""
        return tuple(one.model_id for one in self.outputs.model_outputs)


class Models(msgspec.Struct):
    """A page of registered models."""

    registered_models: list[ModelEntry] = []
    next_page_token: str = ""


class Versions(msgspec.Struct):
    """A page of versions."""

    model_versions: list[VersionEntry] = []
    next_page_token: str = ""


class Experiments(msgspec.Struct):
    """A page of experiments."""

    experiments: list[ExperimentEntry] = []
    next_page_token: str = ""


class LoggedModels(msgspec.Struct):
    """A page of logged models."""

    models: list[LoggedEntry] = []
    next_page_token: str = ""


class Runs(msgspec.Struct):
    """A page of runs."""

    runs: list[RunEntry] = []
    next_page_token: str = ""


class Traces(msgspec.Struct):
    """A page of traces, of which only is read whether there are any."""

    traces: list[msgspec.Raw] = []


class StoredEntry(msgspec.Struct):
    """A file or a folder, as MLflow lists it."""

    path: str
    is_dir: bool = False
    file_size: int | None = None


class StoredEntries(msgspec.Struct):
    """What is directly in a folder."""

    files: list[StoredEntry] = []
    next_page_token: str = ""


class Location(msgspec.Struct):
    """Where the bytes of a version are."""

    artifact_uri: str = ""


class ModelVersionName(NamedTuple):
    """A version of a registered model, as MLflow is asked for it."""

    name: str
    version: str


def version_key(name: str, version: str) -> str:
    """The key of a version of a registered model."""
    return f"models:/{quote(name, safe=' @+,()')}/{version}"


def run_key(run: str) -> str:
    """The key of a run."""
    return f"runs:/{run}"


def experiment_key(experiment: str) -> str:
    """The key of an experiment."""
    return f"{EXPERIMENTS}{experiment}"


def runs_home(experiment: str) -> str:
    """The key of the runs of an experiment, as a collection."""
    return f"runs:/{experiment}/"


def model_key(name: str) -> str:
    """The key of a registered model, as a collection."""
    return f"models:/{quote(name, safe=' @+,()')}"


EXPERIMENTS = "experiments:/"
"""The key of the collection of all experiments; it begins the key of each."""

_VERSION = re.compile(r"models:/([^/]+)/([1-9][0-9]*)", re.ASCII)


def parse_version(key: str) -> ModelVersionName | None:
    """The version that a key names; None where it names none, or is written in another way."""
    fit = _VERSION.fullmatch(key)
    if fit is None:
        return None
    found = ModelVersionName(unquote(fit[1]), fit[2])
    return found if version_key(*found) == key else None


def parse_model(key: str) -> str | None:
    """The name of the registered model that a collection's key names."""
    name = unquote(key.removeprefix("models:/"))
    return name if name and model_key(name) == key else None


_LOGGED = re.compile(r"models:/(m-[0-9A-Za-z]+)", re.ASCII)
_RUN = re.compile(r"runs:/([0-9A-Za-z_-]+)", re.ASCII)
_HOME_OF_RUNS = re.compile(r"runs:/([0-9]+)/", re.ASCII)
_EXPERIMENT = re.compile(rf"{EXPERIMENTS}([0-9]+)", re.ASCII)
_DATASET = re.compile(r"datasets:/([^/]*)/([^/]*)")


def parse_logged(key: str) -> str | None:
    """The logged model that a key names."""
    fit = _LOGGED.fullmatch(key)
    return fit[1] if fit else None


def parse_run(key: str) -> str | None:
    """The run that a key names."""
    fit = _RUN.fullmatch(key)
    return fit[1] if fit else None


def parse_experiment(key: str) -> str | None:
    """The experiment that a key names."""
    fit = _EXPERIMENT.fullmatch(key)
    return fit[1] if fit else None


def parse_runs_home(key: str) -> str | None:
    """The experiment of which a collection's key names the runs."""
    fit = _HOME_OF_RUNS.fullmatch(key)
    return fit[1] if fit else None


def parse_dataset(key: str) -> DatasetEntry | None:
    """The dataset that a key names."""
    fit = _DATASET.fullmatch(key)
    found = DatasetEntry(unquote(fit[1]), unquote(fit[2])) if fit else None
    return found if found is not None and found.key == key else None


class Names(NamedTuple):
    """Keys by what they name, as MLflow is asked for it; keys of nothing are left out."""

    versions: frozenset[ModelVersionName]
    logged: frozenset[str]
    runs: frozenset[str]
    experiments: frozenset[str]
    datasets: Mapping[str, DatasetEntry]
    """By key."""

    @property
    def things(self) -> bool:
        """Whether any is a logged model, a run or an experiment."""
        return bool(self.logged or self.runs or self.experiments)


def names_of(keys: Iterable[str]) -> Names:
    """What some keys name."""
    every = list(keys)
    return Names(
        frozenset(ref for key in every if (ref := parse_version(key)) is not None),
        frozenset(one for key in every if (one := parse_logged(key)) is not None),
        frozenset(one for key in every if (one := parse_run(key)) is not None),
        frozenset(one for key in every if (one := parse_experiment(key)) is not None),
        {key: found for key in every if (found := parse_dataset(key)) is not None},
    )


_SOURCE = re.compile(r"models:/(?:([^/]+)/([0-9]+)|(m-[0-9A-Za-z]+))/?", re.ASCII)
_OF_LOGGED = re.compile(r"/models/(m-[0-9a-f]{32})/artifacts(?:/|\Z)", re.ASCII)
_OF_RUN = re.compile(r"(?:\Aruns:/|/)([0-9a-f]{32})(?:/|\Z)", re.ASCII)
_BY_NAME = re.compile("runs:/[^/]+/[^/]+")


def parse_source(source: str) -> str | None:
    """The key of the version or logged model that a source is, or lies in; None: of neither."""
    fit = _SOURCE.fullmatch(source)
    if fit is not None:
        return f"models:/{fit[3]}" if fit[3] else version_key(fit[1], fit[2])
    fit = _OF_LOGGED.search(source)
    return f"models:/{fit[1]}" if fit else None


def parse_location(place: str) -> str | None:
    """The key of the logged model or run that a place of bytes belongs to."""
    fit = _OF_RUN.search(place)
    return parse_source(place) or (run_key(fit[1]) if fit else None)


def collection_of(one: ModelEntry) -> Collection:
    """A registered model or a prompt."""
    return Collection(
        model_key(one.name), one.name, PROMPT if one.prompt else MODEL, _us(one.creation_timestamp)
    )


def _us(ms: int | None) -> int | None:
    return None if ms is None else ms * 1000


class AliasTable:
    """The aliases of registered models, by version: MLflow tells them with the models only."""

    def __init__(self, models: Iterable[ModelEntry]) -> None:
        self._held: dict[str, list[str]] = {}
        for model in models:
            for one in model.aliases:
                key = version_key(model.name, one.version)
                self._held.setdefault(key, []).append(one.alias)

    def of(self, one: VersionEntry) -> tuple[Alias, ...]:
        """Those of a version, sorted, its stage among them."""
        names = self._held.get(one.key, [])
        stage = [f"{STAGE}{one.current_stage}"] if one.current_stage in LIVE_STAGES else []
        return tuple(sorted(Alias(name) for name in (*names, *stage)))


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing of MLflow as a version of a collection, with what it was made from."""

    collection: Collection
    version: Version
    parents: tuple[str, ...] = ()

    @property
    def edges(self) -> list[Edge]:
        """What it was made from."""
        return [Edge(parent, self.version.key) for parent in self.parents]

    def facts(self, dependents: Iterable[str]) -> Facts:
        """What is true of it now."""
        one = self.version
        experiment = parse_experiment(one.key)
        return Facts(
            key=one.key,
            digest=one.digest,
            state=one.state,
            aliases=one.aliases,
            dependents=tuple(sorted(dependents)),
            lineage_known=self.collection.type != DATASET,
            collection=self.collection.name,
            label=one.label,
            type=self.collection.type,
            kept=one.kept,
            deleted_us=one.deleted_us,
            goes_with="" if experiment is None else runs_home(experiment),
        )


def shown_version(one: VersionEntry, model: ModelEntry, aliases: AliasTable) -> Shown:
    """A version of a registered model."""
    pending = one.status == "PENDING_REGISTRATION"
    version = Version(
        key=one.key,
        collection_key=model_key(one.name),
        ordinal=int(one.version),
        label=f"v{one.version}",
        digest=one.digest,
        state=VersionState.PENDING if pending else VersionState.LIVE,
        created_us=_us(one.creation_timestamp),
        run=one.run_id or one.user_id,
        note=one.description,
        aliases=aliases.of(one),
        tags=shown_tags(one.tags),
    )
    return Shown(collection_of(model), version, one.parents)


def shown_logged(one: LoggedInfo, experiments: Mapping[str, ExperimentEntry]) -> Shown:
    """A logged model: a version of its name in its experiment.

    One in the trash keeps nothing alive: neither its run nor its experiment is its parent then.
    """
    name = f"{_name_of(one.experiment_id, experiments)}/{one.name}"
    home = f"logged:/{one.experiment_id}/{quote(one.name, safe='')}"
    pending = one.status == "LOGGED_MODEL_PENDING"
    trashed = one.lifecycle_stage == DELETED
    state = VersionState.PENDING if pending else VersionState.LIVE
    version = Version(
        key=one.key,
        collection_key=home,
        ordinal=None,
        label=one.model_id[:LABEL],
        digest=one.model_id,
        state=VersionState.TRASH if trashed else state,
        created_us=_us(one.creation_timestamp_ms),
        deleted_us=_us(one.last_updated_timestamp_ms) if trashed else None,
        run=one.source_run_id,
        tags=shown_tags(one.tags),
    )
    parents = [run_key(one.source_run_id)] if one.source_run_id else []
    parents.append(experiment_key(one.experiment_id))
    return Shown(Collection(home, name, LOGGED), version, () if trashed else tuple(parents))


def _name_of(experiment: str, experiments: Mapping[str, ExperimentEntry]) -> str:
    return experiments[experiment].name if experiment in experiments else experiment


def shown_run(one: RunEntry, experiments: Mapping[str, ExperimentEntry]) -> Shown:
    """A run: a version of its experiment; the registry tells no order of runs."""
    info = one.info
    home = runs_home(info.experiment_id)
    state = VersionState.PENDING if info.status in UNFINISHED else VersionState.LIVE
    version = Version(
        key=info.key,
        collection_key=home,
        ordinal=None,
        label="-".join(filter(None, (info.run_name, info.run_id[:RUN_LABEL]))),
        digest=info.run_id,
        state=VersionState.TRASH if info.trashed else state,
        created_us=_us(info.start_time),
        used_us=_us(info.end_time),
        run=info.user_id,
        tags=shown_tags(one.data.tags),
    )
    name = _name_of(info.experiment_id, experiments)
    parents = (experiment_key(info.experiment_id), *one.datasets)
    return Shown(Collection(home, name, RUN), version, parents)


def shown_experiment(one: ExperimentEntry) -> Shown:
    """An experiment: what its runs and logged models were made in."""
    version = Version(
        key=one.key,
        collection_key=EXPERIMENTS,
        ordinal=None,
        label=one.name,
        digest=one.digest,
        state=VersionState.TRASH if one.trashed else VersionState.LIVE,
        created_us=_us(one.creation_time),
        deleted_us=_us(one.last_update_time) if one.trashed else None,
        kept="" if one.removable else DEFAULT_STAYS,
        tags=shown_tags(one.tags),
    )
    return Shown(Collection(EXPERIMENTS, "experiments", EXPERIMENT), version)


def shown_dataset(one: DatasetEntry, used: int | None, used_ms: int | None) -> Shown:
    """A dataset, and how many runs used it, and when the last of them began."""
    version = Version(
        key=one.key,
        collection_key=one.home,
        ordinal=None,
        label=one.digest,
        digest=one.digest,
        used_us=_us(used_ms),
        used_count=used,
        kept=DATASET_STAYS,
    )
    return Shown(Collection(one.home, one.name, DATASET), version)


@dataclass(frozen=True, slots=True)
class Things:
    """Logged models, runs and experiments that are there, by key."""

    places: Mapping[str, ExperimentEntry]
    """All experiments, by id."""
    logged: Mapping[str, LoggedInfo]
    runs: Mapping[str, RunEntry]
    experiments: Mapping[str, ExperimentEntry]

    @property
    def shown(self) -> dict[str, Shown]:
        """Each as a listing has it."""
        found = {key: shown_logged(one, self.places) for key, one in self.logged.items()}
        found |= {key: shown_run(one, self.places) for key, one in self.runs.items()}
        return found | {key: shown_experiment(one) for key, one in self.experiments.items()}

    @property
    def states(self) -> dict[str, VersionState]:
        """Whether each lives, or is in the trash."""
        return {key: one.version.state for key, one in self.shown.items()}

    @property
    def keeping(self) -> frozenset[str]:
        """The keys of those that need their bytes: they live, or can be restored."""
        gone = {key for key, one in self.logged.items() if one.lifecycle_stage == DELETED}
        return frozenset({*self.logged, *self.runs, *self.experiments} - gone)

    @property
    def locations(self) -> dict[str, str]:
        """Where the bytes of each are; an experiment has none of its own."""
        found = {key: one.artifact_uri for key, one in self.logged.items()}
        return found | {key: one.info.artifact_uri for key, one in self.runs.items()}


LABEL = len("m-") + 12
"""Characters of the id of a logged model that are shown."""

RUN_LABEL = 8
"""Characters of the id of a run that are shown with its name."""

UNFINISHED = frozenset({"RUNNING", "SCHEDULED"})
"""States of runs that may still write."""


def shown_tags(tags: Iterable[TagEntry]) -> tuple[str, ...]:
    """The tags that people have set, sorted."""
    return tuple(sorted(one.text for one in tags if not one.key.startswith(OWN_TAGS)))
