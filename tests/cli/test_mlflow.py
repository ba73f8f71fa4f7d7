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
