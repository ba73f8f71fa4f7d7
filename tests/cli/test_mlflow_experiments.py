"""MLflow's experiments, logged models in its trash, and the datasets that runs used."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.mlflow import KIND
from artifact_tui.model import CollectionDeletion, Result
from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

WHOLE = "POST /api/2.0/mlflow/experiments/delete"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MlflowRegistry:
    """Two runs of `vision`, of which the first logged `net` and used `iris`; `old` has nothing."""
    found = fresh_mlflow()
    first, _ = (found.run("vision", name=name) for name in ("train", "eval"))
    found.logged(first, "net", {"w.bin": b"w" * 50})
    found.dataset(first, "iris", "9f2c")
    found.experiment("old")
    found.forget()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found.url)
    return found


def logged_of(server: MlflowRegistry) -> str:
    """The id of the only logged model."""
    with server.database() as rows:
        ((model,),) = rows("SELECT model_id FROM logged_models")
    return str(model)


def delete_whole(server: MlflowRegistry, deletion: CollectionDeletion) -> Result:
    """What a client says that is asked to delete a collection."""

    async def work() -> Result:
        client = KIND.open(server.address, read_only=False)
        try:
            return (await client.delete_collection(deletion)).result
        finally:
            await client.aclose()

    return asyncio.run(work())


def names_in_trash(cli: Cli) -> set[str]:
    """The collections of what `trash` lists."""
    return {one["name"] for one in cli("trash", "mlflow:", "--json").records}


def test_a_deleted_logged_model_is_in_the_trash_and_stays_there(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "mlflow:", "type:logged", "-o", plan).out
    assert "no way back" in said
    cli("apply", plan, "--yes", "--expect", "1")
    (one,) = cli("trash", "mlflow:", "--json").records
    assert one["name"] == "vision/net"
    assert "not known when" not in cli("trash", "mlflow:").out
    back = cli("restore", "mlflow:", f"vision/net:{one['version']}", code=1)
    assert "MLflow cannot restore a logged model" in back.out
    assert server.stages("logged_models") == ["deleted"]
    assert "models/m-" in cli("orphans", "mlflow:", "--json", code=None).out


def test_a_version_names_the_logged_model_in_the_trash_that_it_is_of(
    cli: Cli, server: MlflowRegistry
) -> None:
    """Its run does not name it, as one of another client may not."""
    model = logged_of(server)
    server.version("net", f"models:/{model}")
    server.call("DELETE", f"logged-models/{model}")
    with server.database() as rows:
        rows("DELETE FROM inputs WHERE destination_type = 'MODEL_OUTPUT'")
    (one,) = cli("trash", "mlflow:", "--json").records
    assert one["dependents"] == 1


def test_an_experiment_stays_while_something_lives_in_it(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "mlflow:", "type:experiment", "-o", plan).out
    assert "are in it, and would go with it (1)" in said
    assert "--orphan-dependents" not in said
    assert "can be restored" in said
    cli("apply", plan, "--yes", "--expect", "1")
    assert names_in_trash(cli) == {"experiments"}
    assert server.experiments() == {"Default": "active", "vision": "active", "old": "deleted"}


def test_no_consent_deletes_an_experiment_without_what_stays_in_it(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """MLflow would delete its runs with it: none of them only loses a parent."""
    plan, both = tmp_path / "deletion.plan", tmp_path / "both.plan"
    cli("plan", "mlflow:", "type:experiment", "-o", plan, "--orphan-dependents")
    home = server.experiment("vision")
    server.call("POST", "runs/create", experiment_id=home, start_time=1_799_000_000_000)
    asked = ("--with-dependents", "--orphan-dependents")
    said = cli("plan", "mlflow:", "type:experiment version:vision", "-o", both, *asked, code=1).out
    assert "are in it, and would go with it (1)" in said
    cli("apply", plan, "--yes", "--expect", "1")
    assert server.experiments()["vision"] == "active"


def test_an_experiment_goes_after_all_that_is_in_it_and_comes_back_with_its_runs(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    server.call("POST", "runs/delete", run_id=server.run("vision").removeprefix("runs:/"))
    cli("plan", "mlflow:", "type:experiment version:vision", "-o", plan, "--with-dependents")
    assert "4 deleted" in cli("apply", plan, "--yes", "--expect", "4").out
    assert server.experiments()["vision"] == "deleted"
    assert server.stages("runs") == ["deleted"] * 3
    said = cli("restore", "mlflow:", "experiments:vision").out
    assert "what was deleted in it, runs: 3" in said
    assert server.stages("runs") == ["active"] * 3
    assert server.stages("logged_models") == ["deleted"]


def test_all_runs_go_with_their_experiment_in_one_request_and_come_back_in_one(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    asked = ("--with-dependents", "--whole-collections")
    cli("plan", "mlflow:", "type:run name:vision", "-o", plan, *asked)
    cli("apply", plan, "--yes", "--expect", "4")
    assert server.requests().count(WHOLE) == 1
    assert not any(line.endswith("runs/delete") for line in server.requests())
    assert server.experiments()["vision"] == "deleted"
    one = next(one for one in cli("trash", "mlflow:", "--json").records if one["name"] == "vision")
    said = cli("restore", "mlflow:", f"vision:{one['version']}", code=1).out
    assert "only with its experiment" in said
    cli("restore", "mlflow:", "--plan", plan, code=1)  # all but the logged model
    assert server.requests().count(WHOLE.replace("delete", "restore")) == 1
    assert server.experiments()["vision"] == "active"
    assert server.stages("runs") == ["active", "active"]


def test_a_review_says_that_an_experiment_goes_with_all_of_its_runs(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """The experiment is a version of its own, and was not asked for."""
    plan, one_by_one = tmp_path / "deletion.plan", tmp_path / "runs.plan"
    asked = ("type:run name:vision", "--with-dependents")
    offer = "one request deletes the collection too, and experiments:vision"
    assert offer in cli("plan", "mlflow:", *asked, "-o", one_by_one).out
    assert "go along" not in cli("review", one_by_one).out
    goes = "go along            1  experiments:vision: deleted by the same requests"
    planned = cli("plan", "mlflow:", *asked, "--whole-collections", "-o", plan).out
    assert goes in planned
    assert offer not in planned
    assert goes in cli("review", plan).out
    reviewed = cli("review", plan, "--json").records
    assert [one["along"] for one in reviewed] == ["experiments:vision", None, None, None]
    went = "With whole collections went: experiments:vision."
    assert went not in cli("report", plan).out
    assert went in cli("apply", plan, "--yes", "--expect", "4").out
    assert went in cli("report", plan).out
    assert server.experiments()["vision"] == "deleted"


def test_an_experiment_that_the_plan_lists_is_not_said_to_go_along(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    asked = ("type:experiment version:vision", "--with-dependents", "--whole-collections")
    said = cli("plan", "mlflow:", *asked, "-o", plan).out
    assert "whole collections" in said
    assert "go along" not in said


def test_runs_that_go_one_by_one_take_no_experiment_along(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """A run that came after the review keeps the experiment."""
    plan = tmp_path / "deletion.plan"
    asked = ("type:run name:vision", "--with-dependents", "--whole-collections")
    assert "go along" in cli("plan", "mlflow:", *asked, "-o", plan).out
    server.run("vision", name="late")
    said = cli("apply", plan, "--yes", "--expect", "4", code=1).out
    assert "went:" not in said
    assert server.experiments()["vision"] == "active"


def test_the_way_back_of_a_run_can_be_typed_whatever_its_experiment_is_called(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    name = "it's * [sic] $HOME"
    for run in ("one", "two"):
        server.run(name, name=run)
    asked = ("type:run -name:vision", "--whole-collections")
    cli("plan", "mlflow:", *asked, "-o", plan)
    cli("apply", plan, "--yes", "--expect", "3")
    trash = cli("trash", "mlflow:", "type:run", "--json").records
    label = next(one["version"] for one in trash if one["version"].startswith("one-"))
    said = cli("restore", "mlflow:", f"{name}:{label}", code=1).out
    program, *hint = shlex.split(said.split("`")[1])
    assert program == "artifact-tui"
    cli(*hint)
    assert server.experiments()[name] == "active"


def test_an_experiment_that_went_with_all_of_its_runs_was_deleted_by_the_plan(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    server.call("POST", "runs/delete", run_id=server.run("vision").removeprefix("runs:/"))
    asked = ("--with-dependents", "--whole-collections")
    cli("plan", "mlflow:", "type:experiment version:vision", "-o", plan, *asked)
    said = cli("apply", plan, "--yes", "--expect", "5").out
    assert "already gone" not in said
    assert server.requests().count(WHOLE) == 1
    said = cli("restore", "mlflow:", "--plan", plan, code=1).out  # all but the logged model
    assert "what was deleted in it, runs: 1" in said
    assert server.experiments()["vision"] == "active"


def test_what_came_into_a_collection_right_before_its_deletion_is_not_lost(
    server: MlflowRegistry,
) -> None:
    """The plan's own look is over by then."""
    runs = {key: server.run("nlp", name=key) for key in ("reviewed", "late")}
    for number in (1, 2):
        server.version("net", f"s3://bucket/net/{number}")
    home = f"runs:/{server.experiment('nlp')}/"
    for key, first, every in (
        (home, runs["reviewed"], set(runs.values())),
        ("models:/net", "models:/net/1", {"models:/net/1", "models:/net/2"}),
    ):
        less, all_of_it = (
            CollectionDeletion(key, versions=frozenset(one)) for one in ({first}, every)
        )
        assert delete_whole(server, less) is Result.REFUSED
        assert delete_whole(server, all_of_it) is Result.DONE
    assert server.experiments()["nlp"] == "deleted"
    assert not server.versions()


def test_what_comes_into_an_experiment_while_others_go_keeps_it(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    for name in ("busy", "late", "last"):
        server.experiment(name)
    server.call("POST", "runs/delete", run_id=server.run("late").removeprefix("runs:/"))
    cli("registries", "add", "lab", server.address, "--set", "concurrency=1")
    with server.database() as rows:  # while one is deleted, somebody restores a run in the next
        rows(
            "CREATE TRIGGER back AFTER UPDATE ON experiments WHEN OLD.name = 'busy' BEGIN"
            " UPDATE runs SET lifecycle_stage = 'active' WHERE experiment_id ="
            " (SELECT experiment_id FROM experiments WHERE name = 'late'); END"
        )
    cli("plan", "lab", "type:experiment dependents:0", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "4", code=1)
    states = server.experiments()
    assert states["late"] == "active"
    assert list(states.values()).count("deleted") == 3


def test_a_model_that_is_logged_during_a_listing_is_not_in_the_trash(
    cli: Cli, server: MlflowRegistry
) -> None:
    """Its run would name it, and the list of models before that would not."""
    cli("ls", "mlflow:")
    searches = [line.removeprefix("POST ") for line in server.requests() if "search" in line]
    order = [line.split("/")[-2] for line in searches]
    assert order.index("runs") < order.index("logged-models")


def test_a_model_of_no_run_keeps_the_experiment_of_the_runs(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    server.run("other", name="alone")
    place = server.experiment("other")
    server.call("POST", "logged-models", experiment_id=place, name="lost")
    cli("plan", "mlflow:", "type:run name:other", "-o", plan, "--whole-collections")
    said = cli("apply", plan, "--yes", "--expect", "2", code=1).out
    assert "what is in it would go with it: models:/m-" in said
    assert server.experiments()["other"] == "active"


def test_what_came_into_an_experiment_after_the_review_keeps_it(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    for name in ("traced", "busy"):
        server.experiment(name)
    cli("plan", "mlflow:", "type:experiment dependents:0", "-o", plan)
    server.trace("traced")
    server.run("busy")
    said = cli("apply", plan, "--yes", "--expect", "3", code=1).out
    assert "it has traces" in said
    states = server.experiments()
    assert (states["traced"], states["busy"], states["old"]) == ("active", "active", "deleted")


def test_the_default_experiment_is_never_deleted(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """MLflow itself would: then every run that names no experiment fails."""
    plan = tmp_path / "deletion.plan"
    server.run("Default", name="quick")
    listed = cli("ls", "mlflow:", "type:experiment", "--versions", "--json").records
    assert {one["version"] for one in listed} == {"vision", "old"}
    said = cli("plan", "mlflow:", "type:run name:Default", "-o", plan, "--whole-collections").out
    assert "whole collections" not in said
    cli("apply", plan, "--yes", "--expect", "1")
    assert server.experiments()["Default"] == "active"
    assert delete_whole(server, CollectionDeletion("runs:/0/")) is Result.REFUSED


def test_who_used_a_dataset_is_told_and_it_is_kept(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    (one,) = cli("ls", "mlflow:", "type:dataset", "--versions", "--json").records
    assert (one["name"], one["version"], one["runs"], one["dependents"]) == ("iris", "9f2c", 1, 1)
    assert "train-" in cli("show", "mlflow:", "iris:9f2c").out
    run = next(
        one["version"]
        for one in cli("ls", "mlflow:", "type:run", "--versions", "--json").records
        if one["version"].startswith("train-")
    )
    assert "iris:9f2c" in cli("show", "mlflow:", f"vision:{run}").out
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "mlflow:", "type:dataset", "-o", plan, "--with-dependents", code=1).out
    assert "as long as a run that used it" in said
    assert not plan.exists() or "0 will be deleted" in said


def test_what_is_in_the_trash_loses_its_bytes_where_that_is_asked_for(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    gone = server.run("vision", name="gone", files={"log.txt": b"l" * 7})
    back = server.run("vision", name="back", files={"log.txt": b"b" * 9})
    for run in (gone, back):
        server.call("POST", "runs/delete", run_id=run.removeprefix("runs:/"))
    refused = cli("purge", "mlflow:", "--all", code=2).err
    assert "only `mlflow gc` on its server" in refused
    assert "plan mlflow: state:trash --storage" in refused
    assert "plan mlflow: state:trash --storage" in cli("trash", "mlflow:").out
    said = cli("plan", "mlflow:", "state:trash", "-o", tmp_path / "kept.plan", code=1).out
    assert "16 B stay in MLflow's artifact store" in said
    said = cli("plan", "mlflow:", "state:trash", "--storage", "-o", plan).out
    assert "comes back without" in said
    server.call("POST", "runs/restore", run_id=back.removeprefix("runs:/"))
    cli("apply", plan, "--yes", "--expect", "2", code=1)
    assert sorted(server.files().values()) == [9, 50]
    assert sorted(server.stages("runs")) == ["active", "active", "active", "deleted"]


def test_a_run_in_the_trash_keeps_what_a_version_has_its_bytes_in(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    run = server.run("vision", name="old", files={"model/w.bin": b"l" * 7}).removeprefix("runs:/")
    server.call("POST", "runs/delete", run_id=run)
    cli("plan", "mlflow:", "state:trash", "--storage", "-o", plan)
    server.version("churn", f"runs:/{run}/model", run_id=run)
    cli("apply", plan, "--yes", "--expect", "1", code=1)
    assert sorted(server.files().values()) == [7, 50]
    cli("plan", "mlflow:", "state:trash", "--storage", "-o", tmp_path / "late.plan", code=1)


def test_dependents_that_join_and_stay_keep_the_bytes_of_what_is_in_the_trash(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """They join for a logged model that is deleted already: it stays, so they do, and its bytes."""
    model = logged_of(server)
    server.version("net", f"models:/{model}")
    server.call("DELETE", f"logged-models/{model}")
    asked = ("--storage", "--with-dependents")
    said = cli("plan", "mlflow:", "state:trash", *asked, "-o", tmp_path / "p.plan", code=1).out
    assert "it joined because of a version that stays" in said
    assert "stored objects" not in said
