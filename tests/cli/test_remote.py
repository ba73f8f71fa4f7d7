"""A remote registry on the command line: synced before it is read, or as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.deletion.tasks import list_tasks
from tests.servers.rest.process import fresh
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.rest.process import Server

CANARY = "canary-4711-of-nobody"


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def server(process: Server) -> Server:
    """Twelve artifacts of three names."""
    process.fill(12, names=3)
    process.clear()
    return process


def configured(text: str) -> Path:
    path = config.config_dir() / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_it_is_synced_first_and_read_again_without_a_request(cli: Cli, server: Server) -> None:
    assert "3 collections · 12 versions" in cli("ls", server.address).out
    server.clear()
    ran = cli("ls", server.address, "--versions", "--cached", "name:acme/model-0001")
    assert "acme/model-0001:5" in ran.out
    assert not server.log()
    server.fill(13, names=3)
    records = cli("ls", server.address, "--versions", "--json").records
    assert {one["version"] for one in records} == {str(n + 1) for n in range(13)}


def test_the_catalog_is_the_owners_alone(cli: Cli, server: Server) -> None:
    cli("ls", server.address)
    (path,) = config.catalog_file("").parent.glob("*.db")
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_link_the_error_says_what_is_known(cli: Cli, server: Server) -> None:
    assert "never synced" in cli("ls", server.address, "--cached", code=1).err
    cli("ls", server.address)
    server.become(Fault("500", methods=("GET", "POST")))
    ran = cli("ls", server.address, code=1)
    assert "--cached shows what was known at" in ran.err
    assert "12 versions" in cli("ls", server.address, "--cached").out


def test_one_version_and_a_plan(cli: Cli, server: Server, tmp_path: Path) -> None:
    assert "model/5" in cli("show", server.address, "acme/model-0001:5").out
    server.clear()
    plan = tmp_path / "old.plan"
    cli("plan", server.address, "acme/model-0001", "--cached", "-o", plan, code=None)
    assert not server.log()


@pytest.mark.parametrize("auth", ["x-authorization", "bearer"])
def test_the_worker_finds_the_token_that_is_configured_for_the_plans_registry(
    cli: Cli, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    server.become(auth=auth, token=CANARY)
    server.fill(12, names=3)
    monkeypatch.setenv("ZOO_TOKEN", CANARY)
    address = server.address.replace("http", "HTTP") + "/"
    configured(
        f'[registries.zoo]\naddress = "{address}"\nauth = "{auth}"\ntoken_env = "ZOO_TOKEN"\n'
    )
    plan = tmp_path / "old.plan"
    cli("plan", "zoo", "acme/model-0001", "-o", plan, "--unknown-lineage")
    ran = cli("apply", plan, "--yes", "--expect", "4")
    assert "4" in ran.out
    assert len(server.ids()) == 8
    (task,) = list_tasks()
    assert task.registry == "zoo"
    assert not found(tmp_path, CANARY)
    assert CANARY not in ran.out + ran.err


@pytest.mark.usefixtures("own_interpreter")
def test_no_process_carries_the_token_in_its_arguments(
    cli: Cli, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.become(auth="bearer", token=CANARY, request_s=0.05)
    server.fill(12, names=3)
    script = tmp_path / "token"
    script.write_text(f"#!/bin/sh\necho {CANARY}\n", encoding="utf-8")
    script.chmod(0o700)
    configured(
        f'[registries.zoo]\naddress = "{server.address}"\nauth = "bearer"\n'
        f'token_command = "{script}"\n'
    )
    plan = tmp_path / "old.plan"
    cli("plan", "zoo", "acme/model-0001", "-o", plan, "--unknown-lineage")
    seen: list[bytes] = []
    monkeypatch.setattr("artifact_tui.cli.applying.time.sleep", lambda _s: seen.extend(arguments()))
    cli("apply", plan, "--yes", "--expect", "4", code=None)
    script.unlink()
    assert len(server.ids()) == 8
    assert any(b"deletion.worker" in one for one in seen)
    assert not any(CANARY.encode() in one for one in seen)
    assert not found(tmp_path, CANARY)


def arguments() -> list[bytes]:
    """The command line of every process of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


def found(folder: Path, text: str) -> list[Path]:
    """The files below a folder that hold a text."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if text.encode() in path.read_bytes()]


def test_what_a_registry_without_a_trash_can_do_instead(cli: Cli, server: Server) -> None:
    cli("registries", "add", "zoo", server.address)
    out = cli("trash", "zoo").out
    assert "can be made again: artifact-tui restore zoo --plan PLAN" in out
    assert "stays deleted" not in out
    assert "artifact-tui orphans zoo" in cli("gc", "zoo", code=1).err


def test_a_size_that_is_not_told_is_no_zero(cli: Cli, server: Server, tmp_path: Path) -> None:
    plan = str(tmp_path / "p.plan")
    cli("plan", server.address, "version:1", "-o", plan)
    out = cli("apply", plan, "--yes", "--expect", "1").out
    assert "1 deleted, verified gone, size not known" in out
    assert [one["size"] for one in cli("tasks", "--json").records] == [None]
