"""Random MLflow servers and plans: what is kept is whole, and what was promised is freed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

FILTERS = (
    "type:logged", "type:model", "type:run", "name:net0", "type:run dependents:0",
    "type:logged dependents:0",
)  # fmt: skip


def grow(server: MlflowRegistry, chance: random.Random) -> None:
    """Runs, models that they logged, versions of these, copies; and what other people deleted."""
    for number in range(chance.randint(2, 4)):
        run = server.run("vision", name=f"r{number}", files={"log.txt": b"l" * (number + 1)})
        for _ in range(chance.randint(0, 2)):
            model = server.logged(run, "net", {"w.bin": b"w" * chance.randint(1, 900)})
            for _ in range(chance.randint(0, 2)):
                name = f"net{chance.randint(0, 1)}"
                server.version(name, model, run_id=run.removeprefix("runs:/"))
    for number in range(chance.randint(0, 4)):
        source = chance.choice(sorted(server.versions()) or [""])
        if source:
            server.version(f"copy{number % 2}", f"models:/{source}")
    copied = server.sources()
    for key in sorted(server.versions()):
        if chance.random() < (0.7 if f"models:/{key}" in copied else 0.1):
            name, _, version = key.partition("/")
            server.call("DELETE", "model-versions/delete", name=name, version=version)
    with server.database() as rows:
        logged = [model for (model,) in rows("SELECT model_id FROM logged_models")]
    make_anew(server, chance, sorted(logged))
    for model in sorted(logged):
        if chance.random() < 0.15:
            server.call("DELETE", f"logged-models/{model}")


def make_anew(server: MlflowRegistry, chance: random.Random, logged: list[str]) -> None:
    """Somebody deletes registered models, and makes others of the same names."""
    for name in sorted({key.partition("/")[0] for key in server.versions()}):
        if chance.random() < 0.3:
            server.call("DELETE", "registered-models/delete", name=name)
            server.version(name, f"models:/{chance.choice(logged)}")


def places(server: MlflowRegistry) -> dict[str, dict[str, int]]:
    """The files at the location of every version that is there."""
    found = {}
    for key in server.versions():
        name, _, version = key.partition("/")
        uri = server.call("GET", "model-versions/get-download-uri", name=name, version=version)
        start = uri["artifact_uri"].removeprefix("mlflow-artifacts:/")
        found[key] = {
            path: size for path, size in server.files().items() if path.startswith(f"{start}/")
        }
    return found


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_is_whole_and_what_was_promised_is_freed(
    cli: Cli, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same each time
    server = fresh_mlflow()
    grow(server, chance)
    whole = places(server)
    assert all(whole.values())
    for step in range(4):
        plan, before = tmp_path / f"{step}.plan", sum(server.files().values())
        wish = chance.choice((*FILTERS, ""))
        consents = [one for one in ("--with-dependents", "--storage") if chance.random() < 0.7]
        if wish:
            cli("plan", server.address, wish, "-o", plan, *consents, code=None)
        else:
            cli("orphans", server.address, "--plan", plan, code=None)
        if not plan.exists():
            continue
        lines = cli("review", plan, "--json", code=None).records
        objects = [one for one in lines if one.get("kind") == "object"]
        going = [one for one in lines if one.get("verdict") == "delete"]
        if not going:
            continue
        cli("apply", plan, "--yes", "--expect", str(len(going)), code=None)
        left = places(server)
        assert {key: whole[key] for key in left} == left
        assert before - sum(server.files().values()) == sum(one["size"] for one in objects)
