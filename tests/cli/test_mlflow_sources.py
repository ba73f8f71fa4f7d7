"""Who needs the bytes of a logged model or a run, however a version came by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MlflowRegistry:
    """A run of `vision` that logged `net`, with one file of 50 bytes, and nothing else."""
    found = fresh_mlflow()
    run = found.run("vision", name="train")
    found.logged(run, "net", {"w.bin": b"k" * 50})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", found.url)
    return found


def run_of(server: MlflowRegistry) -> str:
    """The id of its run."""
    with server.database() as rows:
        return str(rows("SELECT run_uuid FROM runs")[0][0])


def model_of(server: MlflowRegistry) -> str:
    """The key of the logged model `net`."""
    with server.database() as rows:
        ((model,),) = rows("SELECT model_id FROM logged_models WHERE name = 'net'")
    return f"models:/{model}"


def test_a_copy_of_a_model_that_was_made_anew_keeps_the_old_bytes(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """`prod:v1` says that it is of `churn:v1`, which is another one by now."""
    plan = tmp_path / "deletion.plan"
    server.version("churn", model_of(server))
    server.version("prod", "models:/churn/1")
    server.call("DELETE", "registered-models/delete", name="churn")
    server.version("churn", "s3://bucket/another")
    said = cli("plan", "mlflow:", "type:logged", "-o", plan, "--storage", code=1).out
    assert "prod:v1" in said
    server.call("DELETE", f"logged-models/{model_of(server).removeprefix('models:/')}")
    assert "models/m-" not in cli("orphans", "mlflow:", "--json", code=None).out
    cli("plan", "mlflow:", "name:churn", "-o", plan)
    assert "1 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "1").out
    assert list(server.files().values()) == [50]


def test_a_version_made_anew_after_the_review_leaves_the_copy_its_bytes(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "type:logged", "-o", plan, "--storage")
    server.version("churn", model_of(server))
    server.version("prod", "models:/churn/1")
    server.call("DELETE", "registered-models/delete", name="churn")
    server.version("churn", "s3://bucket/another")
    server.call("DELETE", f"logged-models/{model_of(server).removeprefix('models:/')}")
    cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert list(server.files().values()) == [50]


def test_a_version_that_names_a_run_and_a_logged_model_of_it_needs_both(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """MLflow looks for `runs:/RUN/net` in the run, and then for a logged model of that name."""
    plan, run = tmp_path / "deletion.plan", run_of(server)
    server.version("churn", f"runs:/{run}/net", run_id=run)
    for kind in ("logged", "run"):
        assert "churn:v1" in cli("plan", "mlflow:", f"type:{kind}", "-o", plan, code=1).out
    used = cli("ls", "mlflow:", "type:logged", "dependents:1", "--versions", "--json").records
    assert len(used) == 1


def test_a_version_that_names_the_run_of_a_logged_model_after_the_review_keeps_it(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan, run = tmp_path / "deletion.plan", run_of(server)
    cli("plan", "mlflow:", "type:logged", "-o", plan, "--storage")
    server.version("churn", f"runs:/{run}/net", run_id=run)
    cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert server.stages("logged_models") == ["active"]
    assert list(server.files().values()) == [50]


def test_a_server_that_does_not_tell_all_versions_loses_no_bytes(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """It tells the newest only, and the older one has the bytes."""
    plan = tmp_path / "orphans.plan"
    server.version("churn", model_of(server))
    server.version("other", "s3://bucket/other")
    server.call("DELETE", f"logged-models/{model_of(server).removeprefix('models:/')}")
    server.at_most("1")
    said = cli("orphans", "mlflow:", "--plan", plan, code=1)
    assert "tells only 1 versions at once" in said.err
    assert not plan.exists()


def test_logged_models_that_come_on_several_pages_are_not_in_the_trash(
    cli: Cli, server: MlflowRegistry
) -> None:
    """A server may tell fewer at once than it is asked for; those left out would lose bytes."""
    for number in range(3):
        server.logged(run_of(server), f"more-{number}")
    server.at_most("2")
    listed = cli("ls", "mlflow:", "type:logged", "--versions", "--json").records
    assert len(listed) == 4
    assert "more" not in cli("trash", "mlflow:", "--json", code=None).out


def test_a_server_with_another_database_has_no_orphans(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """It lists nothing, and all of its folders are there."""
    plan = tmp_path / "orphans.plan"
    run = server.run("vision", name="late", files={"log.txt": b"l"})
    server.call("POST", "runs/delete", run_id=run.removeprefix("runs:/"))
    (kept,) = {path for path in server.files() if path.endswith("log.txt")}
    left = server.files()
    server.clear()
    for path, size in left.items():
        server.put(path, b"k" * size)
    said = cli("orphans", "mlflow:", "--plan", plan, code=1)
    assert "lists nothing at all" in said.err
    assert not plan.exists()
    assert kept in server.files()


def test_names_over_two_lines_are_looked_up_too(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    server.version("two\nlines", "s3://bucket/two")
    server.version("one", "s3://bucket/one")
    cli("plan", "mlflow:", "type:model", "-o", plan)
    assert "2 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "2").out
    assert server.versions() == set()


def test_only_an_admin_empties_what_others_may_need_unseen(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """A server with users hides the versions, and the sources, that somebody may not read."""
    plan = tmp_path / "deletion.plan"
    cli("plan", "mlflow:", "type:logged", "-o", plan, "--storage")
    server.user(admin=False)
    assert "only of what they may read" in cli("orphans", "mlflow:", code=1).err
    said = cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert "only of what they may read" in said.out + said.err
    assert list(server.files().values()) == [50]
    server.user(admin=True)
    cli("orphans", "mlflow:", "--plan", tmp_path / "orphans.plan")
    cli("apply", tmp_path / "orphans.plan", "--yes", "--expect", "1")
    assert not server.files()


def test_bytes_stay_while_the_registered_models_are_on_another_server(
    cli: Cli, server: MlflowRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions there may have them, and nobody here is told."""
    plan, orphans = tmp_path / "deletion.plan", tmp_path / "orphans.plan"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"{server.url}/")
    cli("plan", "mlflow:", "type:logged", "-o", plan, "--storage")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "https://registry.example")
    for command in (("plan", "mlflow:", "type:logged", "--storage"), ("orphans", "mlflow:")):
        assert "MLFLOW_REGISTRY_URI names another place" in cli(*command, code=1).err
    said = cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert "MLFLOW_REGISTRY_URI names another place" in said.out + said.err
    assert list(server.files().values()) == [50]
    server.call("DELETE", f"logged-models/{model_of(server).removeprefix('models:/')}")
    cli("orphans", "mlflow:", "--plan", orphans, code=1)
    assert not orphans.exists()


def test_a_server_that_keeps_no_artifacts_says_so(cli: Cli, server: MlflowRegistry) -> None:
    server.close_store()
    assert "does not keep artifacts" in cli("orphans", "mlflow:", code=1).err


def test_a_copy_of_a_version_that_named_a_run_keeps_the_logged_model(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """Its bytes are where the name in the run leads, when the original is gone."""
    plan, run = tmp_path / "deletion.plan", run_of(server)
    server.version("churn", f"runs:/{run}/net", run_id=run)
    server.version("prod", "models:/churn/1")
    server.call("DELETE", "model-versions/delete", name="churn", version="1")
    said = cli("plan", "mlflow:", "type:logged", "-o", plan, "--storage", code=1).out
    assert "prod:v1" in said
    used = cli("ls", "mlflow:", "type:logged", "dependents:1", "--versions", "--json").records
    assert len(used) == 1


def test_a_copy_keeps_its_bytes_when_another_model_has_the_name_of_its_original(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """Models are renamed: `churn:v1`, which `prod:v1` says that it is of, is older than it."""
    plan, run, net = tmp_path / "deletion.plan", run_of(server), model_of(server)
    other = server.logged(f"runs:/{run}", "other", {"w.bin": b"o" * 7})
    server.version("other", other)
    server.version("churn", net)
    server.version("prod", "models:/churn/1")
    server.call("POST", "registered-models/rename", name="churn", new_name="old")
    server.call("POST", "registered-models/rename", name="other", new_name="churn")
    server.call("DELETE", "model-versions/delete", name="old", version="1")
    said = cli("plan", "mlflow:", "name:vision/net", "-o", plan, "--storage", code=1).out
    assert "prod:v1" in said
    server.call("DELETE", f"logged-models/{net.removeprefix('models:/')}")
    assert "models/m-" not in cli("orphans", "mlflow:", "--json", code=None).out
    shown = cli("show", "mlflow:", "churn:v1").out
    assert "prod:v1" not in shown


def put_below(server: MlflowRegistry, name: str) -> None:
    """The log of another run is in a folder of this name, with 11 bytes."""
    run = server.run("vision", name="late").removeprefix("runs:/")
    folder = server.folder / "artifacts" / "1" / run / "artifacts" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.log").write_bytes(b"n" * 11)


def test_folders_of_odd_names_are_counted_and_emptied(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    for name in ("a b", "100%", "ä+ö&c=d;e", "q?r", "new:s", "back\\slash"):
        put_below(server, name)
    said = cli("plan", "mlflow:", "type:run dependents:0", "-o", plan, "--storage").out
    assert "66 B freed" in said
    cli("apply", plan, "--yes", "--expect", "12")
    assert list(server.files().values()) == [50]


@pytest.mark.parametrize("name", ["a%20b", "x#y", "end?", "bell\x07"])
def test_a_folder_that_mlflow_takes_for_another_is_not_emptied_uncounted(
    cli: Cli, server: MlflowRegistry, tmp_path: Path, name: str
) -> None:
    """It decodes a path before it looks: of `a%20b` it tells what is in `a b`."""
    plan = tmp_path / "deletion.plan"
    put_below(server, name)
    before = server.files()
    said = cli("plan", "mlflow:", "type:run dependents:0", "-o", plan, "--storage", code=1)
    assert "does not list the folder" in said.err
    assert "\x07" not in said.err
    cli("plan", "mlflow:", "type:run dependents:0", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "1")
    assert server.files() == before


def test_an_orphan_that_cannot_be_listed_stays_and_holds_up_no_other(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "orphans.plan"
    put_below(server, "a%20b")
    put_below(server, "plain")
    with server.database() as rows:
        rows("BEGIN")
        rows("DELETE FROM runs WHERE name = 'late'")
        rows("COMMIT")
    said = cli("orphans", "mlflow:", "--plan", plan)
    assert "no pattern" in said.out + said.err
    cli("apply", plan, "--yes", "--expect", "1")
    assert sorted(server.files().values()) == [11, 50]


def test_a_run_keeps_the_files_of_an_experiment_that_is_in_its_folder(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    outer = server.run("outer", files={"a.txt": b"a"}).removeprefix("runs:/")
    with server.database() as rows:
        ((place,),) = rows("SELECT artifact_uri FROM runs WHERE run_uuid = ?", outer)
    server.experiment("inner", f"{place}/sub")
    server.version("deep", server.logged(server.run("inner"), "deep", {"w.bin": b"d" * 9}))
    cli("plan", "mlflow:", "type:run name:outer", "-o", plan, "--storage")
    said = cli("apply", plan, "--yes", "--expect", "2", code=1).out
    assert "has its bytes there" in said
    assert "models/m-" not in cli("orphans", "mlflow:", "--json", code=None).out
    assert sorted(server.files().values()) == [1, 9, 50]


def test_a_size_that_a_name_in_a_run_does_not_tell_is_not_known(
    cli: Cli, server: MlflowRegistry
) -> None:
    """MLflow finds the logged model of that name, in a folder of its own."""
    server.version("churn", f"runs:/{run_of(server)}/net", run_id=run_of(server))
    (one,) = cli("plan", "mlflow:", "name:churn", "--json").records
    assert one["size"] is None
