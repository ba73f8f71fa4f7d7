"""Who we are at an MLflow server: found where MLflow's own client looks, and sent nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

PASSWORD = "correct-horse"  # noqa: S105 - of a server on loopback
VARIABLES = ("URI", "USERNAME", "PASSWORD", "TOKEN", "SERVER_CERT_PATH", "INSECURE_TLS")


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MlflowRegistry]:
    """A server with five versions of `net` that wants to know who asks, as `ada` may."""
    for name in VARIABLES:
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    server = fresh_mlflow()
    for number in range(5):
        server.version("net", f"s3://bucket/{number}")
    server.guard("ada", PASSWORD)
    yield server
    server.guard("", "")


def test_the_environment_tells_who_we_are(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert "5 versions" in cli("ls", guarded.address).out


def test_the_file_of_mlflow_does_too(cli: Cli, guarded: MlflowRegistry, tmp_path: Path) -> None:
    file = tmp_path / ".mlflow" / "credentials"
    file.parent.mkdir()
    file.write_text(
        f"[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = {PASSWORD}\n"
    )
    assert "5 versions" in cli("ls", guarded.address).out


def test_a_configured_login_comes_first(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "of-somewhere-else")
    monkeypatch.setenv("TEAM_PASSWORD", PASSWORD)
    login = ("--set", "username=ada", "--set", "password_env=TEAM_PASSWORD")
    cli("registries", "add", "team", guarded.address, *login)
    assert "5 versions" in cli("ls", "team").out


def test_a_refusal_says_where_the_login_came_from_and_not_what_it_is(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is a web page, as MLflow's own is."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong-token")
    refused = cli("ls", guarded.address, code=1)
    assert "refused our credentials (401" in refused.err
    assert "MLFLOW_TRACKING_TOKEN" in refused.err
    assert "wrong-token" not in refused.out + refused.err
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    assert "Set MLFLOW_TRACKING_USERNAME" in cli("ls", guarded.address, code=1).err


def test_a_login_for_another_server_is_not_sent(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert "refused our credentials" in cli("ls", guarded.address, code=1).err


def test_each_deletion_costs_less_than_two_requests(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With authentication a server needs most of a second for each."""
    guarded.guard("", "")
    for number in range(55):
        guarded.version("net", f"s3://bucket/{number}")
    guarded.guard("ada", PASSWORD)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    plan = tmp_path / "deletion.plan"
    cli("plan", guarded.address, "name:net", "-o", plan)
    guarded.forget()
    cli("apply", plan, "--yes", "--expect", "60")
    assert guarded.versions() == set()
    assert len(guarded.requests()) <= 2 * 60
