"""A real MLflow server from the command line: listed, planned, deleted, and what is left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MlflowRegistry:
    """Three versions of `churn`, `v3` with `champion`; a copy of `v2` in `churn-prod`; a prompt."""
    found = fresh_mlflow()
    for number in range(3):
        found.version("churn", f"s3://bucket/{number}", tags={"team": "growth"})
    found.call("POST", "registered-models/alias", name="churn", alias="champion", version="3")
    found.version("churn-prod", "models:/churn/2")
    found.prompt("greeting", "Hello {{name}}")
    found.forget()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found.url)
    return found


def test_it_is_found_where_mlflow_looks_for_it(cli: Cli, server: MlflowRegistry) -> None:
    listed = cli("ls", "mlflow:", "--versions", "--json").records
    assert {(one["name"], one["version"], one["type"]) for one in listed} == {
        ("churn", "v1", "model"), ("churn", "v2", "model"), ("churn", "v3", "model"),
        ("churn-prod", "v1", "model"), ("greeting", "v1", "prompt"),
    }  # fmt: skip
    shown = cli("show", "mlflow:", "churn:v2").out
    assert "churn-prod" in shown
    assert "team=growth" in shown
    tested = cli("registries", "test", server.address).out
    assert "MLflow 3." in tested


def test_plain_versions_go_and_no_others(cli: Cli, server: MlflowRegistry, tmp_path: Path) -> None:
    plan = tmp_path / "deletion.plan"
    said = cli("plan", server.address, "name:churn", "-o", plan).out
    assert "champion" in said
    assert "made from it" in said
    assert "1 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "1").out
    assert server.versions() == {"churn/2", "churn/3", "churn-prod/1", "greeting/1"}
    assert server.aliases() == {("churn", "3", "champion")}


def test_consent_takes_the_alias_and_the_copies_first(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "name:churn", "-o", plan, "--delete-aliases", "--with-dependents")
    assert "4 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "4").out
    assert server.versions() == {"greeting/1"}
    deleted = [line for line in server.requests() if line.startswith("DELETE")]
    assert len(deleted) <= 4


def test_an_alias_set_after_the_review_keeps_the_version(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "version:v1 name:churn", "-o", plan)
    server.call("POST", "registered-models/alias", name="churn", alias="challenger", version="1")
    cli("apply", plan, "--yes", "--expect", "1", code=None)
    assert "churn/1" in server.versions()


def test_a_model_made_anew_is_not_the_reviewed_one(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """Numbers begin again: the first version of the new model has the key of the old."""
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "version:v1 name:churn", "-o", plan)
    server.call("DELETE", "registered-models/delete", name="churn")
    server.version("churn", "s3://bucket/another")
    cli("apply", plan, "--yes", "--expect", "1", code=None)
    assert "churn/1" in server.versions()


def test_an_address_of_no_server_is_explained(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "MLFLOW_TRACKING_URI is not set" in cli("ls", "mlflow:", code=2).err
    assert "user name or password" in cli("ls", "mlflow+http://me:secret@x", code=2).err


@pytest.fixture
def experiment(server: MlflowRegistry) -> MlflowRegistry:
    """Two runs of `vision`; the first logged the model of `net:v1`, which `best` is a copy of."""
    first, _ = (server.run("vision", name=f"run-{number}") for number in range(2))
    model = server.logged(first, "net", {"weights.bin": b"w" * 4000, "sub/MLmodel": b"m" * 96})
    server.version("net", model, run_id=first.removeprefix("runs:/"))
    server.version("best", "models:/net/1", run_id=first.removeprefix("runs:/"))
    server.forget()
    return server


def test_runs_and_logged_models_are_listed_with_what_they_keep_alive(
    cli: Cli, experiment: MlflowRegistry
) -> None:
    listed = cli("ls", "mlflow:", "-type:model", "-type:prompt", "--versions", "--json").records
    found = {(one["name"], one["type"]) for one in listed}
    assert found == {("vision", "run"), ("vision/net", "logged"), ("experiments", "experiment")}
    (used,) = cli("ls", "mlflow:", "type:run", "dependents>0", "--versions", "--json").records
    assert used["version"].startswith("run-0-")
    shown = cli("show", "mlflow:", f"vision:{used['version']}").out
    assert "3 in all" in shown


def test_what_is_behind_a_live_version_is_blocked(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "mlflow:", "type:run", "-o", plan).out
    assert "live versions outside this plan were made from it (1)" in said
    assert "can be restored" in said
    assert "1 deleted" in cli("apply", plan, "--yes", "--expect", "1").out
    assert sorted(experiment.stages("runs")) == ["active", "deleted"]
    assert experiment.stages("logged_models") == ["active"]


def test_with_all_that_was_made_from_it_the_last_goes_first(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "mlflow:", "type:run", "-o", plan, "--with-dependents").out
    assert "no way back" in said
    assert "5 deleted" in cli("apply", plan, "--yes", "--expect", "5").out
    assert experiment.stages("runs") == ["deleted", "deleted"]
    assert experiment.stages("logged_models") == ["deleted"]
    assert not {"net/1", "best/1"} & experiment.versions()
    writes = [
        line.removeprefix("DELETE /api/2.0/mlflow/").removeprefix("POST /api/2.0/mlflow/")
        for line in experiment.requests()
        if line.startswith("DELETE") or line.endswith("runs/delete")
    ]
    assert writes[-1] == "runs/delete"
    logged = next(place for place, line in enumerate(writes) if line.startswith("logged-models/"))
    assert [line for line in writes[:logged] if line != "runs/delete"] == [
        "model-versions/delete", "model-versions/delete"
    ]  # fmt: skip


def test_a_copy_keeps_the_logged_model_when_its_original_is_gone(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    experiment.call("DELETE", "model-versions/delete", name="net", version="1")
    said = cli("plan", "mlflow:", "type:logged", "-o", plan, code=1).out
    assert "best:v1" in said


def test_a_version_registered_after_the_review_keeps_its_logged_model(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    run = experiment.run("vision", name="late")
    model = experiment.logged(run, "late")
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "type:logged name:vision/late", "-o", plan)
    experiment.version("late", model, run_id=run.removeprefix("runs:/"))
    cli("apply", plan, "--yes", "--expect", "1", code=None)
    assert experiment.stages("logged_models") == ["active", "active"]


def test_runs_come_back(cli: Cli, experiment: MlflowRegistry, tmp_path: Path) -> None:
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "type:run dependents:0", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "1")
    trash = cli("trash", "mlflow:", "--json").records
    assert [one["name"] for one in trash] == ["vision"]
    said = cli("trash", "mlflow:").out
    assert "MLflow keeps the bytes" in said
    assert "artifact-tui purge" not in said
    cli("restore", "mlflow:", "--plan", plan)
    assert experiment.stages("runs") == ["active", "active"]


def test_sizes_and_files_are_told_when_asked(cli: Cli, experiment: MlflowRegistry) -> None:
    plan = cli("plan", "mlflow:", "name:best", "--json").out
    assert "4096" in plan
    shown = cli("show", "mlflow:", "best:v1").out
    assert "weights.bin" in shown
    assert "sub/MLmodel" in shown


def test_without_storage_nothing_is_freed_and_the_review_says_so(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    plan, before = tmp_path / "deletion.plan", experiment.files()
    said = cli(
        "plan", "mlflow:", "type:logged", "-o", plan, "--with-dependents", "--delete-aliases"
    ).out
    assert "0 B freed" in said
    assert "MLflow keeps the bytes" in said
    assert "4.1 KB stay in MLflow's artifact store" in said
    cli("apply", plan, "--yes", "--expect", "3")
    assert experiment.files() == before
    left = cli("orphans", "mlflow:", "--json", code=None).out
    assert "models/m-" in left


def test_with_storage_the_folder_goes_after_what_needs_it(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    kept = experiment.run("vision", name="kept")
    other = experiment.logged(kept, "kept", {"w.bin": b"k" * 50})
    experiment.version("kept", other, run_id=kept.removeprefix("runs:/"))
    said = cli(
        "plan", "mlflow:", "name:vision/net", "-o", plan, "--with-dependents", "--storage"
    ).out
    assert "4.1 KB freed" in said
    cli("apply", plan, "--yes", "--expect", "4")
    assert list(experiment.files().values()) == [50]


def test_a_copy_made_while_it_is_deleted_keeps_the_bytes(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    """The copy of a version that is gone has its bytes where the original had them."""
    plan = tmp_path / "deletion.plan"
    run = experiment.run("vision", name="late")
    model = experiment.logged(run, "late", {"w.bin": b"k" * 50})
    cli("plan", "mlflow:", "name:vision/late", "-o", plan, "--storage")
    experiment.version("late", model, run_id=run.removeprefix("runs:/"))
    experiment.version("late", "models:/late/1", run_id=run.removeprefix("runs:/"))
    experiment.call("DELETE", "model-versions/delete", name="late", version="1")
    experiment.call("DELETE", f"logged-models/{model.removeprefix('models:/')}")
    cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert 50 in experiment.files().values()


def test_orphans_are_emptied_and_what_lives_is_not(
    cli: Cli, experiment: MlflowRegistry, tmp_path: Path
) -> None:
    """A logged model that is deleted is behind `net:v1`, and another one is behind nothing."""
    run = experiment.run("vision", name="late")
    model = experiment.logged(run, "late", {"w.bin": b"k" * 50})
    experiment.put(f"1/{'ab' * 16}/artifacts/left.bin", b"l" * 7)
    experiment.call("DELETE", f"logged-models/{model.removeprefix('models:/')}")
    with experiment.database() as rows:
        ((needed,),) = rows("SELECT model_id FROM logged_models WHERE name = 'net'")
    experiment.call("DELETE", f"logged-models/{needed}")
    plan = tmp_path / "orphans.plan"
    cli("orphans", "mlflow:", "--plan", plan)
    cli("apply", plan, "--yes", "--expect", "2")
    assert sorted(experiment.files().values()) == [96, 4000]


def test_a_run_goes_with_its_files(cli: Cli, experiment: MlflowRegistry, tmp_path: Path) -> None:
    run = experiment.run("vision", name="plots").removeprefix("runs:/")
    experiment.put(f"1/{run}/artifacts/plots/a.png", b"p" * 11)
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "type:run dependents:0", "-o", plan, "--storage")
    cli("apply", plan, "--yes", "--expect", "3")
    assert sorted(experiment.files().values()) == [96, 4000]


def test_aliases_and_tags_are_changed_where_people_ask_for_it(
    cli: Cli, server: MlflowRegistry
) -> None:
    said = cli(
        "alias", "mlflow:", "churn:v2", "--add", "champion", "--yes", "--expect", "1", code=None
    )
    assert said.code == 0, said
    tags = ("--add", "owner=ada", "--remove", "team=growth")
    cli("tag", "mlflow:", "churn:v2", *tags, "--yes", "--expect", "1")
    assert server.aliases() == {("churn", "2", "champion")}
    with server.database() as rows:
        assert rows("SELECT key, value FROM model_version_tags WHERE version = 2") == [
            ("owner", "ada")
        ]


def test_the_server_that_mlflow_itself_would_use_is_one_of_the_stores(
    cli: Cli, server: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = cli("stores", "--json").records
    assert (one["registry"], one["why"]) == (server.address, "$MLFLOW_TRACKING_URI")
    for nowhere in ("", "databricks", "postgresql://db/mlflow", "http://me:secret@127.0.0.1:1/"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", nowhere)
        assert cli("stores", "--json").records == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////nowhere/mlflow.db")
    (one,) = cli("stores", "--json").records
    assert (one["registry"], one["state"]) == ("mlflow:/nowhere/mlflow.db", "absent")
