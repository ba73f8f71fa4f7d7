"""What an MLflow server has, and whether what a plan says of its items is what happened there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROXIED = "mlflow-artifacts:/"

DONE = frozenset({"deleted", "verified", "gone"})
"""Results that say that something is not there any more."""


@dataclass(frozen=True)
class MlflowState:
    """What a server has: its own tables, and the files below its artifact root."""

    models: frozenset[str]
    """The keys of registered models and prompts, those without versions too."""
    versions: dict[str, tuple[int, str, str]]
    """When each was made, where its bytes are, and its status."""
    aliases: frozenset[tuple[str, str]]
    """Keys of versions, each with an alias of it."""
    stages: dict[str, str]
    """`active` or `deleted`, of runs, logged models and experiments."""
    places: dict[str, str]
    """Where the bytes of runs and logged models are."""
    named: dict[tuple[str, str], list[str]]
    """The logged models that are there, by their run and name."""
    files: dict[str, int]

    def home(self, key: str) -> str:
        """The experiment of a run or logged model."""
        return self.places[key].removeprefix(PROXIED).partition("/")[0]

    def below(self, place: str) -> dict[str, str]:
        """The paths of the files in a place, by how they are named there."""
        if not place.startswith(PROXIED):
            return {}
        start = f"{place.removeprefix(PROXIED)}/"
        return {path.removeprefix(start): path for path in self.files if path.startswith(start)}

    def behind(self, key: str) -> dict[str, str]:
        """The paths of the files that MLflow finds for a version, by how they are named in it."""
        place = self.versions[key][1]
        if not place.startswith("runs:/"):
            return self.below(place)
        _, run, name = place.split("/", 2)
        found = self.below(f"{self.places[f'runs:/{run}']}/{name}")
        for model in self.named.get((run, name), []):
            found |= self.below(self.places[model])
        return found


def _experiment(runs: str) -> str:
    """The key of the experiment that all of its runs are the collection of."""
    return f"experiments:/{runs.removeprefix('runs:/').rstrip('/')}"


@dataclass(frozen=True)
class AppliedPlan:
    """The items that were to go, and the server right before the apply and after its end."""

    items: Sequence[dict[str, Any]]
    before: MlflowState
    after: MlflowState
    disturbed: bool
    """Answers were lost, or the process was killed: what was sent may be told as gone."""

    @cached_property
    def done(self) -> frozenset[str]:
        """The keys of what is told to be gone."""
        return frozenset(one["key"] for one in self.items if one["result"] in DONE)

    @cached_property
    def _with_runs(self) -> frozenset[str]:
        """The experiments that went because all of their runs did, in one request."""
        return frozenset(_experiment(one) for one in self.done if one.startswith("runs:/"))

    @property
    def freed(self) -> int:
        """Bytes that went."""
        return sum(self.before.files.values()) - sum(self.after.files.values())

    def lies(self) -> Iterator[str]:
        """Where plan and server differ, in words."""
        for one in self.items:
            yield from self._of_item(one)
        yield from self._of_tables()
        yield from self._of_bytes()

    def _of_item(self, one: dict[str, Any]) -> Iterator[str]:
        key, result = one["key"], one["result"]
        was, now = (self._there(state, one) for state in (self.before, self.after))
        if result in DONE:
            if now:
                yield f"{key} is {result}, and there"
            if result != "gone" and not was:
                yield f"{key} is {result}, and was not there"
            if result == "gone" and was and not self.disturbed and key not in self._with_runs:
                yield f"{key} is gone already, and was there"
        elif result in {"planned", "sent"}:
            yield f"{key} is {result} in the end"
        elif was and not now:
            yield f"{key} is {result}, and gone"

    @staticmethod
    def _there(state: MlflowState, one: dict[str, Any]) -> bool:
        if one["kind"] == "object":
            return bool(state.below(one["key"]))
        if one["kind"] == "collection" and not one["key"].startswith("runs:/"):
            return one["key"] in state.models
        if one["kind"] == "collection":
            return state.stages.get(_experiment(one["key"])) == "active"
        return one["key"] in state.versions or state.stages.get(one["key"]) == "active"

    def _of_tables(self) -> Iterator[str]:
        """What went or changed without being in the plan."""
        before, after = self.before, self.after
        for key, was in before.versions.items():
            whole = key.rpartition("/")[0] in self.done
            if after.versions.get(key) != was and not whole and key not in self.done:
                yield f"the version {key} went or changed, and is not in the plan"
        explained = self.done | self._with_runs
        for key, stage in before.stages.items():
            if after.stages.get(key) != stage and key not in explained:
                yield f"{key} is {after.stages.get(key)}, and is not in the plan"
        for key in before.models - after.models - self.done:
            yield f"the model {key} went, and is not in the plan"
        for key in after.versions.keys() - before.versions.keys():
            yield f"the version {key} came"
        for key, alias in before.aliases - after.aliases:
            if key in after.versions:
                yield f"{key} lost its alias {alias}"

    def _of_bytes(self) -> Iterator[str]:
        """What went beside the folders that were promised, and what versions that stay lost."""
        objects = [one for one in self.items if one["kind"] == "object" and one["key"] in self.done]
        starts = tuple(f"{one['key'].removeprefix(PROXIED)}/" for one in objects)
        for path, size in self.before.files.items():
            if self.after.files.get(path) != size and not path.startswith(starts):
                yield f"the file {path} went, and is not in the plan"
        promised = sum(one["size"] for one in objects if one["result"] != "gone")
        if self.freed != promised:
            yield f"{self.freed} bytes went, and {promised} were promised"
        for key in self.after.versions.keys() & self.before.versions.keys():
            had, has = self.before.behind(key), self.after.behind(key)
            if had != has:
                yield f"{key} had {sorted(had)}, and has {sorted(has)}"
