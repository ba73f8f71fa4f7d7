"""MLflow's stores on this machine: read and emptied through a server that is started for them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.mlflow import KIND
from artifact_tui.config import load, resolve
from tests.servers.mlflow.local_mlflow import mlflow_program
from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow
from tests.support import forked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home folder of somebody who has nothing yet, and no variable of MLflow set."""
    path = tmp_path / "account"
    path.mkdir()
    for name in list(os.environ):
        if name.startswith("MLFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.chdir(path)
    with tempfile.TemporaryDirectory() as runtime:  # sockets have short paths
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        yield path


def sockets() -> list[Path]:
    """The folders with the sockets of this test's servers."""
    return list(Path(os.environ["XDG_RUNTIME_DIR"]).iterdir())


@pytest.fixture
def server() -> MlflowRegistry:
    """What somebody's server has written: three versions of `net`, and a run with a file."""
    found = fresh_mlflow()
    for number in range(3):
        found.version("net", f"s3://bucket/{number}")
    found.call("POST", "registered-models/alias", name="net", alias="champion", version="3")
    found.run("training", name="first", files={"weights.bin": b"w" * 3000})
    return found


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """MLflow, that starts at once."""
    return mlflow_program(tmp_path)


def left(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, with what is in it."""
    return {
        str(one.relative_to(folder)): one.read_bytes() if one.is_file() else b""
        for one in folder.rglob("*")
    }


def test_a_database_is_read_and_emptied_through_a_server_of_its_own(
    cli: Cli, server: MlflowRegistry, program: Path, tmp_path: Path
) -> None:
    before = (server.folder / "mlflow.db").read_bytes()
    cli(
        "registries", "add", "mine", f"mlflow:{server.folder}",
        "--set", f"program={program}", "--set", f"artifact_root={server.folder}/artifacts",
    )  # fmt: skip
    listed = cli("ls", "mine", "--versions", "--json").records
    assert [one["version"] for one in listed if one["name"] == "net"] == ["v3", "v2", "v1"]
    assert [one["size"] for one in listed if one["name"] == "training"] == [3000]
    assert sockets() == []
    assert (server.folder / "mlflow.db").read_bytes() == before, "who only reads, writes nothing"
    plan = tmp_path / "deletion.plan"
    assert "champion" in cli("plan", "mine", "name:net", "-o", plan).out
    assert "2 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "2").out
    assert server.versions() == {"net/3"}


def test_what_another_database_beside_it_keeps_is_no_orphan(
    cli: Cli, server: MlflowRegistry, program: Path, account: Path, tmp_path: Path
) -> None:
    """Such as an older copy of it, which does not know of the latest run."""
    plan, kept = tmp_path / "orphans.plan", account / "mlartifacts"
    shutil.copyfile(server.folder / "mlflow.db", account / "before.db")
    server.run("training", name="second", files={"weights.bin": b"w" * 5000})
    shutil.copyfile(server.folder / "mlflow.db", account / "mlflow.db")
    shutil.copytree(server.folder / "artifacts", kept)
    cli("registries", "add", "old", "mlflow:before.db", "--set", f"program={program}")
    said = cli("orphans", "old", "--plan", plan, code=1).err
    assert "mlflow.db is a store of MLflow too" in said
    assert "artifact_root" in said
    assert not plan.exists()
    (account / "mlflow.db").unlink()
    cli("orphans", "old", "--plan", plan)
    shutil.copyfile(server.folder / "mlflow.db", account / "later.db")
    cli("apply", plan, "--yes", "--expect", "1", code=1)
    assert sorted(one.stat().st_size for one in kept.rglob("weights.bin")) == [3000, 5000]


def test_a_folder_of_files_is_read_and_emptied_too(
    cli: Cli, program: Path, account: Path, tmp_path: Path
) -> None:
    folder = account / "mlruns"
    made = forked.run(
        ["-c", FILES, str(folder)],
        imports=forked.MLFLOW,
        env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"},
    )
    assert made.returncode == 0, made.stderr
    shutil.rmtree(folder / ".trash")  # as in what was taken out of version control
    shutil.rmtree(folder / "models")
    before = left(folder)
    cli("registries", "add", "mine", "mlflow:.", "--set", f"program={program}")
    assert "training" in {one["name"] for one in cli("ls", "mine", "--json").records}
    assert left(folder) == before, "who only reads, makes nothing"
    plan = tmp_path / "deletion.plan"
    cli("plan", "mine", "name:training", "--storage", "-o", plan)
    assert "2 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "2").out
    assert not list(folder.rglob("weights.bin")), "without a server, MLflow keeps it in the folder"
    assert {one["name"] for one in cli("trash", "mine", "--json").records} == {"training"}


FILES = """
import sys
from pathlib import Path
from urllib.parse import urlsplit
from mlflow.entities import RunStatus
from mlflow.store.model_registry.file_store import FileStore as Models
from mlflow.store.tracking.file_store import FileStore
Models(sys.argv[1])
store = FileStore(sys.argv[1])
made = store.create_experiment("training")
run = store.create_run(made, "ada", 1_790_000_000_000, [], "first").info
kept = Path(urlsplit(run.artifact_uri).path)
kept.mkdir(parents=True, exist_ok=True)
(kept / "weights.bin").write_bytes(b"w" * 3000)
store.update_run_info(run.run_id, RunStatus.FINISHED, 1_795_000_000_000, "first")
"""


@pytest.mark.parametrize(
    ("revision", "words"),
    [("451aebb31d03", "mlflow db upgrade sqlite:///"), ("0123456789ab", "pip install --upgrade")],
)
def test_a_database_of_another_mlflow_is_left_alone(
    cli: Cli, server: MlflowRegistry, program: Path, account: Path, *, revision: str, words: str
) -> None:
    """MLflow itself would bring an older one that lacks a table up to date, and say nothing."""
    database = account / "mlflow.db"
    shutil.copyfile(server.folder / "mlflow.db", database)
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute("UPDATE alembic_version SET version_num = ?", [revision])
        conn.execute("DROP TABLE logged_model_tags")
    before = left(account)
    cli("registries", "add", "mine", "mlflow:mlflow.db", "--set", f"program={program}")
    refused = cli("ls", "mine", code=1)
    assert words in refused.err
    assert "was left as it is" in refused.err
    assert left(account) == before


def test_what_is_no_store_is_refused_and_nothing_is_made(cli: Cli, account: Path) -> None:
    (account / "empty.db").touch()
    (account / "notes.txt").write_text("hello")
    with closing(sqlite3.connect(account / "other.db")) as conn:
        conn.execute("CREATE TABLE a(b)")
    before = left(account)
    for nothing in ("nowhere", "sqlite:///nowhere.db", "file:nowhere", "nowhere/mlflow.db"):
        assert "There is no MLflow store at" in cli("ls", f"mlflow:{nothing}", code=1).err
    for other in (".", "empty.db", "other.db"):
        assert "is no MLflow store" in cli("ls", f"mlflow:{other}", code=1).err
    assert "cannot be read" in cli("ls", "mlflow:notes.txt", code=1).err
    for wrong in ("postgresql://db/mlflow", "databricks", "file://host/x"):
        assert "mlflow server --backend-store-uri" in cli("ls", f"mlflow:{wrong}", code=2).err
    assert left(account) == before


def test_without_mlflow_it_says_how_to_get_it(
    cli: Cli, server: MlflowRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = cli("ls", f"mlflow:{server.folder}", code=1)
    assert "pip install mlflow" in refused.err
    (tmp_path / "mlflow").write_text("#!/bin/bash\n")
    (tmp_path / "mlflow").chmod(0o700)
    assert "--set program=" in cli("ls", f"mlflow:{server.folder}", code=1).err


def test_two_spellings_are_one_store(cli: Cli, server: MlflowRegistry, account: Path) -> None:
    """What is protected under one name is so under every other."""
    (account / "link").symlink_to(server.folder)
    cli("registries", "add", "mine", "mlflow:link", "--production")
    path = f"{server.folder}/mlflow.db"
    spellings = ("mlflow:link/mlflow.db", f"mlflow:{path}", f"mlflow+sqlite:///{path}",
                 f"mlflow:{server.folder}/../{server.folder.name}/")  # fmt: skip
    for one in spellings:
        assert resolve(load(), one).name == "mine"
        assert resolve(load(), one).production


def test_stores_tell_its_bytes_without_a_server(
    cli: Cli, server: MlflowRegistry, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = {"name": "digits", "digest": "d1", "source_type": "local", "source": "x"}
    used = [{"dataset": dataset}]
    run = server.run("training").removeprefix("runs:/")
    server.call("POST", "runs/log-inputs", run_id=run, datasets=used)
    shutil.copyfile(server.folder / "mlflow.db", account / "mlflow.db")
    shutil.copytree(server.folder / "artifacts", account / "mlartifacts")
    size = (account / "mlflow.db").stat().st_size + 3000
    (one,) = cli("stores", "--json").records
    assert one["registry"] == f"mlflow:{account}/mlflow.db"
    assert (one["state"], one["size"]) == ("measured", size)
    listed = cli("ls", server.address, "--versions", "--json").records
    assert {"model", "run", "experiment", "dataset"} == {each["type"] for each in listed}
    assert one["versions"] == len(listed)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    (one,) = cli("stores", "--json").records
    assert one["why"] == "$MLFLOW_TRACKING_URI"


async def test_it_is_private_and_said_while_it_starts(
    server: MlflowRegistry, tmp_path: Path
) -> None:
    never = tmp_path / "python-never"
    never.write_text("#!/bin/sh\nexec cat\n")
    (tmp_path / "mlflow").write_text(f"#!{never}\n")
    never.chmod(0o700)
    client = KIND.open(
        f"mlflow:{server.folder}", read_only=True, settings={"program": str(tmp_path / "mlflow")}
    )
    checking = asyncio.create_task(client.check())
    while client.transport.pace() != "starting mlflow server for mlflow.db":
        await asyncio.sleep(0)
        assert not checking.done()
    (home,) = sockets()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    checking.cancel()
    with suppress(asyncio.CancelledError):
        await checking
    await client.aclose()
    assert sockets() == []


OPENS = """
import asyncio, sys
from artifact_tui.clients.mlflow import KIND

async def main():
    client = KIND.open(f"mlflow:{sys.argv[1]}", read_only=True)
    print(await client.check(), flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


@pytest.mark.slow
def test_the_server_of_somebody_who_is_killed_ends(server: MlflowRegistry) -> None:
    """With the program `mlflow` that is installed here, as for a user."""
    opener = subprocess.Popen(
        [sys.executable, "-c", OPENS, str(server.folder)], stdout=subprocess.PIPE, text=True
    )
    with opener:
        try:
            assert opener.stdout is not None
            assert "MLflow 3." in opener.stdout.readline()
            tasks = Path(f"/proc/{opener.pid}/task").glob("*/children")
            children = [child for task in tasks for child in task.read_text().split()]
        finally:
            opener.kill()
    assert children
    while any(is_running(child) for child in children):
        time.sleep(0.05)
    assert sockets() == []


def is_running(process: str) -> bool:
    """Whether a process is there that is not only waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False
