"""What MLflow answers, and what that is in our words.

Keys are MLflow's own URIs: `models:/NAME/3` is a version of a registered model or prompt,
`models:/m-ID` a logged model, `runs:/ID` a run. Collections are registered models and prompts, the
logged models of one name in an experiment, and the runs of an experiment.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from artifact_tui.model import Alias, Collection, Edge, Facts, Version, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL, PROMPT = "model", "prompt"
LIVE_STAGES = frozenset({"Production", "Staging"})
"""Stages that somebody relies on; they are shown as aliases, which no alias of MLflow can equal."""

OWN_TAGS = "mlflow."
"""What begins the names of tags that MLflow sets for itself."""


class ErrorEntry(msgspec.Struct):
    """The body of an error."""

    error_code: str = ""
    message: str = ""


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
        """The keys of what it was made from: another version, a logged model, or else its run."""
        if (ref := parse_source(self.source)) is not None:
            return (ref,)
        return (run_key(self.run_id),) if self.run_id else ()


class Models(msgspec.Struct):
    """A page of registered models."""

    registered_models: list[ModelEntry] = []
    next_page_token: str = ""


class Versions(msgspec.Struct):
    """A page of versions."""

    model_versions: list[VersionEntry] = []
    next_page_token: str = ""


class VersionRef(NamedTuple):
    """A version of a registered model, as MLflow is asked for it."""

    name: str
    version: str


def version_key(name: str, version: str) -> str:
    """The key of a version of a registered model."""
    return f"models:/{quote(name, safe=' @+,()')}/{version}"


def run_key(run: str) -> str:
    """The key of a run."""
    return f"runs:/{run}"


def model_key(name: str) -> str:
    """The key of a registered model, as a collection."""
    return f"models:/{quote(name, safe=' @+,()')}"


_VERSION = re.compile(r"models:/([^/]+)/([1-9][0-9]*)", re.ASCII)


def parse_version(key: str) -> VersionRef | None:
    """The version that a key names; None where it names none, or is written in another way."""
    fit = _VERSION.fullmatch(key)
    if fit is None:
        return None
    found = VersionRef(unquote(fit[1]), fit[2])
    return found if version_key(*found) == key else None


def parse_model(key: str) -> str | None:
    """The name of the registered model that a collection's key names."""
    name = unquote(key.removeprefix("models:/"))
    return name if name and model_key(name) == key else None


_SOURCE = re.compile(r"models:/(?:([^/]+)/([0-9]+)|(m-[0-9a-f]+))/?", re.ASCII)


def parse_source(source: str) -> str | None:
    """The key of the version or logged model that a source is; None where it is a place."""
    fit = _SOURCE.fullmatch(source)
    if fit is None:
        return None
    return f"models:/{fit[3]}" if fit[3] else version_key(fit[1], fit[2])


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
        stage = [f"stage:{one.current_stage}"] if one.current_stage in LIVE_STAGES else []
        return tuple(sorted(Alias(name) for name in (*names, *stage)))


def shown_version(one: VersionEntry, aliases: AliasTable) -> Version:
    """A version of a registered model as a listing has it."""
    pending = one.status == "PENDING_REGISTRATION"
    return Version(
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


def shown_tags(tags: Iterable[TagEntry]) -> tuple[str, ...]:
    """The tags that people have set, sorted."""
    return tuple(sorted(one.text for one in tags if not one.key.startswith(OWN_TAGS)))


def edges_of(one: VersionEntry) -> list[Edge]:
    """What it was made from."""
    return [Edge(parent, one.key) for parent in one.parents]


def version_facts(
    one: VersionEntry, model: ModelEntry | None, aliases: AliasTable, dependents: Iterable[str]
) -> Facts:
    """What is true of a version now."""
    shown = shown_version(one, aliases)
    return Facts(
        key=shown.key,
        digest=shown.digest,
        state=shown.state,
        aliases=shown.aliases,
        dependents=tuple(sorted(dependents)),
        collection=one.name,
        label=shown.label,
        type=PROMPT if model is not None and model.prompt else MODEL,
    )
