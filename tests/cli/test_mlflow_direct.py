"""Bytes of an MLflow server that lie in a bucket or a folder, which a person has named.

The server is real, and is asked for everything but bytes.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.mlflow import KIND
from artifact_tui.errors import RegistryError
from artifact_tui.model import Result
from tests.servers.mlflow.beside import (
    NamedBucket,
    NamedFolder,
    configure,
    folder_of,
    logged_with_files,
    run_with_files,
    write,
)
from tests.servers.mlflow.mlflow_registry import fresh_mlflow
from tests.servers.s3 import as_nobody, shared_moto
from tests.servers.s3_odd import odd_s3

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.mlflow.mlflow_registry import MlflowRegistry


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    as_nobody(monkeypatch)


@pytest.fixture
def server() -> MlflowRegistry:
    return fresh_mlflow()


@pytest.fixture
def folder(server: MlflowRegistry, tmp_path: Path) -> NamedFolder:
    """The experiment `vision` writes below a folder itself, and that is in the configuration."""
    found = NamedFolder(server, tmp_path / "mlruns")
    server.experiment("vision", f"{found.uri}/1")
    configure(server, **found.settings)
    return found


@pytest.fixture
def bucket(server: MlflowRegistry) -> NamedBucket:
    """The same with a place in a bucket, and deeper down in it."""
    found = NamedBucket(server, shared_moto())
    server.experiment("vision", f"{found.uri}/deep/1")
    configure(server, **found.settings)
    return found


@pytest.fixture
def served(server: MlflowRegistry) -> NamedFolder:
    """The folder that the server hands out itself is in the configuration too."""
    found = NamedFolder(server, server.folder / "artifacts")
    configure(server, **found.settings)
    return found


@pytest.fixture(params=["folder", "bucket", "served"])
def beside(request: pytest.FixtureRequest) -> NamedFolder:
    found: NamedFolder = request.getfixturevalue(request.param)
    return found


def apply(cli: Cli, plan: Path, count: int, code: int | None = 0) -> str:
    """What applying a plan says."""
    return cli("apply", plan, "--yes", "--expect", str(count), code=code).out


def test_copies_share_a_folder_until_the_last_is_gone(
    cli: Cli, beside: NamedFolder, tmp_path: Path
) -> None:
    """And what goes then is what the review said, to the byte; a folder of a like name stays."""
    run = run_with_files(beside, {"log.txt": b"l" * 7})
    model = logged_with_files(beside, run, {"w.bin": b"w" * 4000, "sub/MLmodel": b"m" * 96})
    beside.server.version("net", model)
    beside.server.version("best", "models:/net/1")
    beside.put(f"{folder_of(beside, model)}-old/w.bin", b"o" * 5)
    with beside.server.database() as rows:
        proxied = rows("SELECT 1 FROM runs WHERE artifact_uri LIKE 'mlflow-artifacts:%'")
    beside.server.forget()
    sizes = {
        (one["name"], one["size"])
        for one in cli("plan", "team", "*", "--json").records
        if one.get("kind") != "object"
    }
    assert sizes >= {("net", 4096), ("best", 4096), ("vision/net", 4096), ("vision", 7)}
    asked = [line for line in beside.server.requests() if "artifacts" in line]
    assert len(asked) <= (3 if proxied else 0), "it was not asked for bytes, but for where they are"
    first, second = tmp_path / "1.plan", tmp_path / "2.plan"
    cli("plan", "team", "name:net type:model", "-o", first, "--storage", "--orphan-dependents")
    apply(cli, first, 1)
    assert sum(beside.files().values()) == 4108, "the copy has its bytes there"
    said = cli("plan", "team", "type:logged", "-o", second, "--with-dependents", "--storage").out
    assert "4.1 KB freed" in said
    apply(cli, second, 3)
    assert sorted(beside.files().values()) == [5, 7]
    assert "DELETE /api/2.0/mlflow-artifacts" not in " ".join(beside.server.requests())


def test_what_earlier_deletions_left_is_found_and_goes(
    cli: Cli, beside: NamedFolder, tmp_path: Path
) -> None:
    """Folders without a row, as `mlflow gc` of an experiment leaves them, and deleted models."""
    run = run_with_files(beside, {"log.txt": b"l" * 7})
    kept = logged_with_files(beside, run, {"w.bin": b"k" * 11})
    gone = logged_with_files(beside, run, {"w.bin": b"g" * 13})
    used = logged_with_files(beside, run, {"w.bin": b"u" * 17})
    beside.server.version("net", used)
    for one in (gone, used):
        beside.server.call("DELETE", f"logged-models/{one.removeprefix('models:/')}")
    home = folder_of(beside, kept).partition("/models/")[0]
    beside.put(f"{home}/{'ab' * 16}/artifacts/left.bin", b"l" * 19)
    beside.put(f"{home}/models/m-{'cd' * 16}/artifacts/deep/left.bin", b"l" * 23)
    beside.put(f"{home}/traces/tr-{'cd' * 16}/artifacts/traces.json", b"t" * 29)
    plan = tmp_path / "orphans.plan"
    cli("orphans", "team", "--plan", plan)
    said = cli("review", plan).out
    assert "3 stored objects" in said
    apply(cli, plan, 3)
    assert sorted(beside.files().values()) == [7, 11, 17, 29]


def test_what_came_after_the_review_stays_and_keeps_the_folder(
    cli: Cli, folder: NamedFolder, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    run = run_with_files(folder, {"log.txt": b"l" * 7})
    cli("plan", "team", "type:run", "-o", plan, "--storage")
    write(folder, run, {"new.txt": b"n"})
    assert "changed" in apply(cli, plan, 2, code=1)
    assert sorted(folder.files().values()) == [1, 7]


def test_what_only_the_server_says_of_places_leads_nowhere(
    cli: Cli, folder: NamedFolder, tmp_path: Path
) -> None:
    """A hostile one names somebody's home, a way out of the folder, and a link in it."""
    outside = tmp_path / "home" / "1"
    runs = [run_with_files(folder, {"log.txt": b"l"}, name=f"r{number}") for number in range(3)]
    ids = [run.removeprefix("runs:/") for run in runs]
    for run in ids:
        (outside / run / "artifacts").mkdir(parents=True)
        (outside / run / "artifacts" / "thesis.tex").write_text("years")
    shutil.rmtree(folder.root / "1" / ids[2])
    (folder.root / "1" / ids[2]).symlink_to(outside / ids[2])
    places = [f"{outside}/{ids[0]}/artifacts", f"{folder.uri}/../home/1/{ids[1]}/artifacts"]
    with folder.server.database() as rows:
        for run, place in zip(ids, places, strict=False):
            rows("BEGIN")
            rows("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", place, run)
            rows("COMMIT")
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "team", "type:run", "-o", plan, "--storage", code=1).err
    assert "where only MLflow goes" in said
    assert "is a link" in cli("plan", "team", "version:r2-*", "-o", plan, "--storage", code=1).err
    cli("orphans", "team", "--plan", plan, code=None)
    assert not plan.exists()
    for run in ids:
        assert (outside / run / "artifacts" / "thesis.tex").exists()
    with folder.server.database() as rows:
        odd = f"{folder.uri}/a%00b/{ids[0]}/artifacts"
        rows("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", odd, ids[0])
    said = cli("plan", "team", "version:r0-*", "-o", plan, "--storage", code=1).err
    assert "where only MLflow goes" in said


def test_a_link_goes_and_what_it_leads_to_stays(
    cli: Cli, folder: NamedFolder, tmp_path: Path
) -> None:
    plan, outside = tmp_path / "deletion.plan", tmp_path / "data"
    outside.mkdir()
    (outside / "photos.tar").write_bytes(b"p" * 100)
    run = run_with_files(folder, {"log.txt": b"l" * 7})
    (folder.root / folder_of(folder, run) / "data").symlink_to(outside)
    cli("plan", "team", "type:run", "-o", plan, "--storage")
    apply(cli, plan, 2)
    assert folder.files() == {}
    assert (outside / "photos.tar").exists()


def test_bytes_with_another_name_elsewhere_are_not_called_freed(
    cli: Cli, folder: NamedFolder, tmp_path: Path
) -> None:
    run = run_with_files(folder, {"w.bin": b"w" * 4000, "log.txt": b"l" * 96})
    (tmp_path / "copy.bin").hardlink_to(folder.root / folder_of(folder, run) / "w.bin")
    said = cli("plan", "team", "type:run", "--storage").out
    assert "96 B freed" in said


def test_another_place_than_the_server_hands_out_is_not_taken_for_it(
    cli: Cli, server: MlflowRegistry, tmp_path: Path
) -> None:
    """The numbers of experiments are the same in both; the server is asked for its own bytes."""
    other = NamedFolder(server, tmp_path / "other")
    configure(server, **other.settings)
    other.put(f"1/{'ab' * 16}/artifacts/log.txt", b"o" * 3)
    server.run("vision", files={"log.txt": b"l" * 7})
    plan = tmp_path / "deletion.plan"
    said = cli("plan", "team", "type:run", "-o", plan, "--storage").out
    assert "7 B freed" in said
    assert "another place" in cli("registries", "test", "team").out
    apply(cli, plan, 2)
    assert server.files() == {}
    assert other.files()


def test_what_another_store_keeps_in_the_same_place_is_no_orphan(
    cli: Cli, folder: NamedFolder, tmp_path: Path
) -> None:
    """Another server has its experiments there; a store of files says itself whose a run is."""
    plan, others = tmp_path / "orphans.plan", [f"{two * 16}" for two in ("ab", "cd", "ef")]
    run_with_files(folder, {"log.txt": b"l" * 7})
    folder.put(f"77/{others[0]}/artifacts/log.txt", b"o" * 11)
    folder.put(f"1/{others[1]}/artifacts/log.txt", b"o" * 13)
    folder.put(f"1/{others[1]}/meta.yaml", b"m" * 17)
    assert "no pattern" in cli("orphans", "team", "--plan", plan, code=1).out
    assert not plan.exists()
    folder.put(f"1/{others[2]}/artifacts/log.txt", b"o" * 19)
    cli("orphans", "team", "--plan", plan)
    folder.put(f"1/{others[2]}/meta.yaml", b"m" * 23)
    assert "another store" in apply(cli, plan, 1, code=1)
    assert sorted(folder.files().values()) == [7, 11, 13, 17, 19, 23]


@pytest.mark.parametrize("needing", ["experiment", "version"])
def test_a_run_keeps_what_is_in_its_folder_and_spelled_otherwise(
    cli: Cli, server: MlflowRegistry, tmp_path: Path, needing: str
) -> None:
    """The folder that a person named is a link; the version has all of an experiment's bytes."""
    plan, real = tmp_path / "deletion.plan", tmp_path / "disk"
    real.mkdir()
    folder = NamedFolder(server, tmp_path / "mlruns")
    folder.root.symlink_to(real)
    configure(server, **folder.settings)
    server.experiment("vision", f"{folder.uri}/1")
    outer = run_with_files(folder, {"log.txt": b"l" * 7})
    home = f"{folder_of(folder, outer)}/sub"
    folder.put(f"{home}/{'ab' * 16}/artifacts/w.bin", b"w" * 9)
    if needing == "experiment":
        server.experiment("inner", f"{real}/{home}")
    else:
        server.version("net", "s3://bucket/elsewhere")
        with server.database() as rows:
            rows("UPDATE model_versions SET source = ?", f"{real}/1")
    cli("plan", "team", "type:run name:vision", "-o", plan, "--storage")
    assert "has its bytes there" in apply(cli, plan, 2, code=1)
    assert sorted(folder.files().values()) == [7, 9]


def test_without_a_named_place_it_is_said_where_the_bytes_are(
    cli: Cli, folder: NamedFolder, tmp_path: Path
) -> None:
    run_with_files(folder, {"log.txt": b"l" * 7})
    configure(folder.server)
    plan = tmp_path / "deletion.plan"
    assert "is not known" in cli("plan", "team", "type:run").err
    said = cli("plan", "team", "type:run", "-o", plan, "--storage", code=1).err
    assert f'artifact_root = "{folder.uri}"' in said
    assert not plan.exists()
    assert folder.files()


def test_a_bucket_that_keeps_versions_frees_only_for_good(
    cli: Cli, bucket: NamedBucket, tmp_path: Path
) -> None:
    bucket.keep_versions()
    first, second, third = (tmp_path / f"{number}.plan" for number in range(3))
    for name in ("a", "b"):
        run = run_with_files(bucket, {"log.txt": b"1" * 50}, name=name)
        write(bucket, run, {"log.txt": b"2" * 7})
    cli("plan", "team", "version:a-*", "-o", first, "--storage")
    assert "0 B freed" in cli("review", first).out
    apply(cli, first, 2)
    assert bucket.stored() == 114
    said = cli("plan", "team", "version:b-*", "-o", second, "--storage-versions").out
    assert "57 B in every stored version" in said
    apply(cli, second, 2)
    assert bucket.stored() == 57
    server = bucket.server
    with server.database() as rows:
        rows("BEGIN")
        rows("DELETE FROM runs")
        rows("COMMIT")
    server.experiment("another")  # else it lists nothing
    cli("orphans", "team", "--storage-versions", "--plan", third)
    apply(cli, third, 1)
    assert bucket.stored() == 0


@pytest.mark.parametrize("mode", ["fine", "denied"])
def test_a_folder_of_which_a_part_went_says_so(
    cli: Cli, server: MlflowRegistry, tmp_path: Path, mode: str
) -> None:
    server.experiment("vision", "s3://b/1")
    run = server.run("vision").removeprefix("runs:/")
    objects = {f"1/{run}/artifacts/{number}.bin": 100 for number in range(4)}
    odd = f"1/{run}/artifacts/2.bin"
    plan = tmp_path / "deletion.plan"
    with odd_s3(mode, objects, odd) as s3:
        configure(server, artifact_root="s3://b", endpoint=s3.endpoint)
        cli("plan", "team", "type:run", "-o", plan, "--storage")
        said = apply(cli, plan, 2, code=1 if mode == "denied" else 0)
        assert s3.calls["POST"] == 1, "one batch"
    assert s3.objects.keys() == ({odd} if mode == "denied" else set())
    if mode == "denied":
        assert "1 of its 4 files" in said
        assert "Access Denied" in said


@pytest.mark.parametrize("lost", ["folder", "bucket"])
async def test_a_place_that_is_not_there_is_not_taken_as_emptied(
    request: pytest.FixtureRequest, lost: str
) -> None:
    """A disk that is away leaves an empty folder where it was."""
    beside: NamedFolder = request.getfixturevalue(lost)
    run = run_with_files(beside, {"log.txt": b"l" * 7})
    client = KIND.open(beside.server.address, read_only=False, settings=beside.settings)
    try:
        (found,) = await client.storage().objects_of([run])
        assert found.size == 7
        assert set(await client.storage().facts([found.key])) == {found.key}
        beside.lose()
        with pytest.raises(RegistryError, match=r"is empty|no bucket"):
            await client.storage().facts([found.key])
        beside.server.call("POST", "runs/delete", run_id=run.removeprefix("runs:/"))
        (outcome,) = await client.storage().delete_objects([found.key])
        assert outcome.result in {Result.FAILED, Result.REFUSED}
    finally:
        await client.aclose()
