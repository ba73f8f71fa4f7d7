"""A random history of one MLflow server: what people do there, and plans in between.

After each command of ours the server's own tables and files are compared with what they were right
before it, and with what the plan says became of its items: what it says to be gone is gone, nothing
else is, and every version that stays has the bytes that it had. From time to time MLflow's own
client loads every version.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.mlflow.mlflow_entries import model_key, version_key
from artifact_tui.text import size as in_words
from tests.servers.mlflow.beside import configure
from tests.support.mlflow_truth import DONE, PROXIED, AppliedPlan, MlflowState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.mlflow.mlflow_registry import MlflowRegistry

NAMES = ("net", "net 0", "tiny")
"""Of logged models, and of registered ones."""
EXPERIMENTS = ("vision", "speech")
FILTERS = (
    "type:logged", "type:model", "type:run", "name:net", "name:tiny", "type:run dependents:0",
    "type:logged dependents:0", "version:v1", "alias:none type:model", "type:model latest:1",
    "type:experiment", "state:trash", "type:run state:trash",
)  # fmt: skip
CONSENTS = ("--with-dependents", "--storage", "--delete-aliases", "--whole-collections")
FAULTS = ("kill", "kill-after", "drop", "fail", "fail-after", "busy")
MANY = 150
"""Versions, logged models and runs: with more of them, plans take all that they can."""

MLMODEL = b"""\
flavors:
  python_function:
    loader_module: tests.servers.mlflow.mlflow_judge
mlflow_version: 3.17.2
model_uuid: %s
"""


@dataclass
class MlflowHistory:
    """Plays operations, and collects what was wrong."""

    server: MlflowRegistry
    cli: Cli
    folder: Path
    seed: int
    judge_every: int = 8
    """Plans between two looks of MLflow's own client."""
    direct: bool = False
    """Plans reach the bytes directly."""
    wrong: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - the same each time
        self.registry = self.server.address
        if self.direct:
            self.registry = configure(self.server, **self.server.root)
        self._plans: list[Path] = []
        self._number = 0

    def play(self, operations: int) -> None:
        """Some operations, of which the first third are people's, and MLflow's own judgement."""
        for number in range(operations):
            self.counted["operations"] += 1
            if number < operations / 3:
                self.grow()
            else:
                self.step()
        self.judge()

    def step(self) -> None:
        """One operation of anybody."""
        ours = {self.plan: 18, self.orphans: 6, self.restore: 2, self.change: 2, self.people: 73}
        self._one_of(ours)()

    def _one_of(self, weights: Mapping[Callable[[], None], int]) -> Callable[[], None]:
        (found,) = self.chance.choices(list(weights), list(weights.values()))
        return found

    # what people do

    def people(self) -> None:
        """Somebody does something at the server."""
        changes = {self.alias: 6, self.rename: 2, self.tag: 3, self.prompt: 1, self.add_file: 2}
        removes = {
            self.delete_version: 6, self.delete_model: 1, self.delete_logged: 5,
            self.delete_run: 3, self.restore_run: 2, self.delete_experiment: 1,
        }  # fmt: skip
        self._one_of({self.grow: 54} | changes | removes)()

    def grow(self) -> None:
        """Somebody makes something."""
        self._one_of({self.log_run: 12, self.log_model: 14, self.register: 16, self.copy: 12})()

    def log_run(self) -> None:
        """A run with a model of the old kind in its own folder, or only a log, or nothing."""
        files = {f"log {self._next()}.txt": self._bytes()}
        if self.chance.random() < 0.5:
            files |= {"model/MLmodel": self._mlmodel(), "model/data/w.bin": self._bytes()}
        files = files if self.chance.random() < 0.9 else {}
        experiment = self.server.experiment(self.chance.choice(EXPERIMENTS))
        if self.look().stages[f"experiments:/{experiment}"] == "deleted":
            self.server.call("POST", "experiments/restore", experiment_id=experiment)
        with self.server.database() as rows:
            ((name,),) = rows(
                "SELECT name FROM experiments WHERE experiment_id = ?", int(experiment)
            )
        self.server.run(str(name), name=f"r{self._next()}", files=files)

    def log_model(self) -> None:
        """A run logs a model."""
        run, state = self._any("runs:/"), self.look()
        if run and state.stages[f"experiments:/{state.home(run)}"] == "active":
            files = {"MLmodel": self._mlmodel(), "w.bin": self._bytes()}
            if self.chance.random() < 0.3:
                files["code/ä b/x.py"] = self._bytes()
            self.server.logged(run, self.chance.choice(NAMES), files)

    def register(self) -> None:
        """A version of a logged model, of the model in a run's own folder, or by a name there."""
        state, name = self.look(), self.chance.choice(NAMES)
        logged = self._any("models:/m-")
        run = self._any("runs:/")
        way = self.chance.random()
        if way < 0.5 and logged:
            self.server.version(name, logged)
        elif way < 0.6 and logged:
            owner = self._run_of(logged)
            with self.server.database() as rows:
                ((named,),) = rows("SELECT name FROM logged_models WHERE model_id = ?", logged[8:])
            self.server.version(name, f"runs:/{owner}/{named}", run_id=owner)
        elif way < 0.7 and run:
            self.server.version(name, f"{run}/model", run_id=run[6:])
        elif way < 0.95 and run and state.below(f"{state.places[run]}/model"):
            self.server.version(name, f"{state.places[run]}/model", run_id=run[6:])
        else:
            self.server.version(name, f"s3://elsewhere/{self._next()}")

    def copy(self) -> None:
        """A copy of a version."""
        if source := self._any_version():
            _, model, number = source.split("/")
            self.server.version(self.chance.choice((*NAMES, "prod")), f"models:/{model}/{number}")

    def alias(self) -> None:
        """An alias is set or moved, or taken off."""
        if key := self._any_version():
            _, name, number = key.split("/")
            alias = self.chance.choice(("champion", "candidate"))
            if self.chance.random() < 0.7:
                self.server.call(
                    "POST", "registered-models/alias", name=name, alias=alias, version=number
                )
            else:
                self.server.call("DELETE", "registered-models/alias", name=name, alias=alias)

    def rename(self) -> None:
        """A registered model gets a name that another one had, or has none yet."""
        if key := self._any_version():
            name = key.split("/")[1]
            new = self.chance.choice((*NAMES, "prod", "old"))
            with self.server.database() as rows:
                taken = rows("SELECT 1 FROM registered_models WHERE name = ?", new)
            if not taken:
                self.server.call("POST", "registered-models/rename", name=name, new_name=new)

    def tag(self) -> None:
        """A tag is set on a version."""
        if key := self._any_version():
            _, name, number = key.split("/")
            more = {"key": "team", "value": str(self._next())}
            self.server.call("POST", "model-versions/set-tag", name=name, version=number, **more)

    def prompt(self) -> None:
        """A prompt is made."""
        self.server.prompt(f"prompt-{self._next()}", "Hello")

    def add_file(self) -> None:
        """A run gets one more file."""
        if run := self._any("runs:/"):
            place = self.look().places[run].removeprefix(PROXIED)
            self.server.put(f"{place}/late/{self._next()}.txt", self._bytes())

    def delete_version(self) -> None:
        """As the official client does, whatever was copied from it."""
        if key := self._any_version():
            _, name, number = key.split("/")
            self.server.call("DELETE", "model-versions/delete", name=name, version=number)

    def delete_model(self) -> None:
        """A registered model goes with its versions; its numbers begin again."""
        if key := self._any_version():
            self.server.call("DELETE", "registered-models/delete", name=key.split("/")[1])

    def delete_logged(self) -> None:
        """A logged model goes, whatever its versions need."""
        if key := self._any("models:/m-"):
            self.server.call("DELETE", f"logged-models/{key[8:]}")

    def delete_run(self) -> None:
        """A run goes into the trash."""
        if run := self._any("runs:/"):
            self.server.call("POST", "runs/delete", run_id=run[6:])

    def restore_run(self) -> None:
        """A run comes back."""
        if run := self._any("runs:/", "deleted"):
            self.server.call("POST", "runs/restore", run_id=run[6:])

    def delete_experiment(self) -> None:
        """An experiment goes into the trash with its runs; its logged models stay."""
        if key := self._any("experiments:/"):
            self.server.call("POST", "experiments/delete", experiment_id=key.partition("/")[2])

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _bytes(self) -> bytes:
        return b"%d " % self._next() * self.chance.randint(1, 200)

    def _mlmodel(self) -> bytes:
        return MLMODEL % f"{self._next():032x}".encode()

    def _any_version(self) -> str:
        found = [key for key in self.look().versions if "prompt" not in key]
        return self.chance.choice(sorted(found) or [""])

    def _any(self, start: str, stage: str = "active") -> str:
        found = [key for key, one in self.look().stages.items() if one == stage]
        return self.chance.choice(sorted(key for key in found if key.startswith(start)) or [""])

    def _run_of(self, logged: str) -> str:
        (run,) = {run for (run, _), every in self.look().named.items() if logged in every}
        return run

    def look(self) -> MlflowState:
        """The server's own tables and files, now."""
        with self.server.database() as rows:
            versions = rows(
                "SELECT name, version, creation_time, storage_location, source, status"
                " FROM model_versions WHERE current_stage <> 'Deleted_Internal'"
            )
            aliases = rows("SELECT name, version, alias FROM registered_model_aliases")
            runs = rows("SELECT run_uuid, lifecycle_stage, artifact_uri FROM runs")
            logged = rows(
                "SELECT model_id, lifecycle_stage, artifact_location, source_run_id, name"
                " FROM logged_models"
            )
            models = rows("SELECT name FROM registered_models")
            homes = rows("SELECT experiment_id, lifecycle_stage FROM experiments")
        named: dict[tuple[str, str], list[str]] = {}
        for model, stage, _, run, name in logged:
            if stage == "active":
                named.setdefault((run, name), []).append(f"models:/{model}")
        return MlflowState(
            frozenset(model_key(name) for (name,) in models),
            {
                version_key(one[0], str(one[1])): (one[2], one[3] or one[4], one[5])
                for one in versions
            },
            frozenset((version_key(name, str(number)), alias) for name, number, alias in aliases),
            {f"runs:/{one[0]}": one[1] for one in runs}
            | {f"models:/{one[0]}": one[1] for one in logged}
            | {f"experiments:/{one}": stage for one, stage in homes if int(one)},
            {f"runs:/{one[0]}": one[2] for one in runs}
            | {f"models:/{one[0]}": one[2] for one in logged},
            named,
            self.server.files(),
        )

    # what we do

    def plan(self) -> None:
        """A plan is made, reviewed, and applied after somebody else did something."""
        plan = self.folder / f"{self._next()}.plan"
        consents = [one for one in CONSENTS if self.chance.random() < 0.5]
        state, way = self.look(), self.chance.random()
        wish = [self.chance.choice(FILTERS)]
        if len(state.versions) + len(state.stages) > MANY:
            wish, consents = ["*"], [*CONSENTS]
            self.counted["clearances"] += 1
        elif way < 0.2 and (key := self._any_version()):
            wish = ["--collection", key.split("/")[1]]
        elif way < 0.7 and (keys := sorted({*state.versions, *state.places})):
            listed = self.folder / "keys"
            listed.write_text("\n".join(self.chance.choices(keys, k=3)))
            wish = ["--from", str(listed)]
        said = self._run("plan", self.registry, *wish, "-o", plan, *consents)
        if "--storage" in consents and plan.exists():
            self._check_promise(plan, said.out)
        self._apply(plan)

    def orphans(self) -> None:
        """What was left behind goes."""
        plan = self.folder / f"{self._next()}.plan"
        said = self._run("orphans", self.registry, "--plan", plan)
        if plan.exists():
            self._check_promise(plan, said.out)
        self._apply(plan)

    def _check_promise(self, plan: Path, said: str) -> None:
        items = self._run("review", plan, "--json").records
        promised = sum(one["size"] for one in items if one["kind"] == "object")
        if promised and f"{in_words(promised)} freed" not in said:
            self._note(f"{plan.name}: {in_words(promised)} are in it, and the review says: {said}")

    def _apply(self, plan: Path) -> None:
        if not plan.exists():
            self.counted["plans refused"] += 1
            return
        items = self._run("review", plan, "--json").records
        going = [one for one in items if one["verdict"] == "delete"]
        for _ in range(self.chance.choice((0, 0, 1, 3))):
            self.people()
        fault = ""
        if self.chance.random() < 0.25:
            fault = self.chance.choice(FAULTS)
            self.server.fault(self.chance.randint(1, max(1, len(going))), fault, plan)
        before = self.look()
        self._run("apply", plan, "--yes", "--expect", str(len(going)))
        for _ in range(3):
            items = self._run("report", plan, "--json").records
            if not any(
                one["result"] in {"planned", "sent"} for one in items if one in self._going(items)
            ):
                break
            self._run("resume", plan)
            self.counted["resumed"] += 1
        self.server.no_fault()
        after = self.look()
        self._plans.append(plan)
        self.counted["plans"] += 1
        self.counted[f"fault {fault}"] += 1
        self._weigh(plan, AppliedPlan(self._going(items), before, after, disturbed=bool(fault)))
        if self.counted["plans"] % self.judge_every == 0:
            self.judge()

    @staticmethod
    def _going(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in items if one["verdict"] == "delete"]

    def _weigh(self, plan: Path, applied: AppliedPlan) -> None:
        for one in applied.items:
            self.counted[f"{one['kind']} {one['result']}"] += 1
        self.counted["bytes freed"] += applied.freed
        for words in applied.lies():
            self._note(f"{plan.name}: {words}")

    def restore(self) -> None:
        """Undo a plan: runs come back, and nothing else changes."""
        if not self._plans:
            return
        plan, before = self.chance.choice(self._plans), self.look()
        self._run("restore", self.registry, "--plan", plan)
        after = self.look()
        items = {
            one["key"]
            for one in self._run("report", plan, "--json").records
            if one["result"] in DONE
        }
        for key, stage in after.stages.items():
            if before.stages[key] != stage:
                self.counted["restored"] += 1
                home = f"experiments:/{after.home(key)}" if key in after.places else key
                with_it = before.stages.get(home) != after.stages.get(home)
                if stage != "active" or not (key in items or with_it or key == home):
                    self._note(f"undo of {plan.name}: {key} is {stage}")
        if (before.versions, before.aliases, before.files) != (
            after.versions,
            after.aliases,
            after.files,
        ):
            self._note(f"undo of {plan.name} changed versions or files")

    def change(self) -> None:
        """We move an alias."""
        if key := self._any_version():
            _, name, number = key.split("/")
            before = self.look()
            words = ("--add", "ours") if self.chance.random() < 0.7 else ("--remove", "ours")
            args = ("alias", self.registry, f"{name}:v{number}", *words)
            self._run(*args, "--yes", "--expect", "1")
            after = self.look()
            rest = {one for one in before.aliases if one[1] != "ours"}
            if {one for one in after.aliases if one[1] != "ours"} != rest or (
                (key, "ours") in after.aliases
            ) != (words[0] == "--add"):
                self._note(f"{words} on {key}: {before.aliases} became {after.aliases}")

    def judge(self) -> None:
        """MLflow's own client loads every version that has bytes, and gets what is stored."""
        state = self.look()
        wanted = {key: paths for key in state.versions if (paths := state.behind(key))}
        found = self.server.judged(wanted) if wanted else {}
        for key, paths in wanted.items():
            contents = map(self.server.content, paths.values())
            stored = sorted(hashlib.sha256(one).hexdigest() for one in contents)
            if found[key] != stored:
                self._note(f"MLflow loads {found[key]} of {key}, and {stored} is stored")
        self.counted["loaded by MLflow"] += len(wanted)

    def _run(self, *args: str | Path) -> Any:
        ran = self.cli(*args, code=None)
        self.counted[f"{args[0]} {ran.code}"] += 1
        most = 0 if args[0] in {"report", "review"} else 1
        if "Traceback" in ran.err or not 0 <= ran.code <= most:
            self._note(f"{args}: {ran}")
        return ran

    def _note(self, words: str) -> None:
        self.wrong.append(f"seed {self.seed}, operation {self.counted['operations']}: {words}")
