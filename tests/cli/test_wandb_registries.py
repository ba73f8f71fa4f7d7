"""W&B in the configuration: pasted addresses, settings, where keys come from and never go."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.config import load
from tests.servers.wandb.traps import Fault

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

CANARY = "canary4711" * 4
YES = ("--yes", "--expect")


def configured() -> str:
    return config.config_file().read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://wandb.ai/acme/vision", "wandb://api.wandb.ai/acme/vision"),
        ("https://wandb.ai/acme/vision/artifacts/model/net/v3", "wandb://api.wandb.ai/acme/vision"),
        ("https://wandb.ai/acme", "wandb://api.wandb.ai/acme"),
        ("https://forge.coreweave.com/wandb/acme/vision/runs/1jx2ud12",
         "wandb://api.forge.coreweave.com/acme/vision"),
        ("wandb://wandb.example.org/acme/vision/", "wandb://wandb.example.org/acme/vision"),
    ],
)  # fmt: skip
def test_a_pasted_page_is_kept_with_its_host(cli: Cli, typed: str, kept: str) -> None:
    said = cli("registries", "add", "team", typed).out
    assert f"team · {kept}\n" in said
    assert f'address = "{kept}"' in configured()


def test_without_a_host_it_is_where_the_sdk_would_look(cli: Cli, vision: Server) -> None:
    cli("registries", "add", "team", "wandb://acme/vision", "--set", "concurrency=4", "--default")
    assert load().registries["team"].address == vision.address()
    assert load().registries["team"].settings == {"concurrency": 4}
    assert "team · 2 collections" in cli("ls").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("wandb://acme/vision", "--set", "concurency=4"), "Did you mean “concurrency”?"),
        (("wandb://acme/vision", "--set", "batch=3"), "“batch”"),
        (("wandb://acme/vision", "--set", f"token={CANARY}"), "Did you mean “token_env”?"),
        ((f"wandb://api:{CANARY}@wandb.example.org/acme",), "user name or password"),
        (("wandb://",), "is not the address of a W&B registry"),
        (("https://wandb.ai/acme/vision/x", "--set", "auth=bearer"), "Unknown key “auth”"),
    ],
)
def test_what_cannot_be_added(cli: Cli, words: tuple[str, ...], said: str) -> None:
    ran = cli("registries", "add", "team", *words, code=2)
    assert said in ran.err
    assert CANARY not in ran.out + ran.err
    assert not config.config_file().exists()


def test_the_test_names_no_trash_from_which_nothing_comes_back(cli: Cli, vision: Server) -> None:
    said = cli("registries", "test", "vision").out
    assert "  It has aliases, lineage, TTL.\n" in said
    assert "  It has no trash, purge," in said
    assert vision.done() == []


def test_the_key_of_the_configuration_reaches_the_worker(
    cli: Cli, vision: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("ACME_KEY", vision.api_key)
    config.config_file().write_text(
        '[registries.vision]\naddress = "wandb://acme/vision"\ntoken_env = "ACME_KEY"\n', "utf-8"
    )
    plan = tmp_path / "p.plan"
    cli("plan", "vision", "name:mnist version:v3", "-o", plan)
    cli("apply", plan, *YES, "1")
    assert vision.done() == ["deleteArtifact acme/vision/mnist:v3"]


def test_netrc_is_enough(
    cli: Cli, vision: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    assert "wandb login" in cli("ls", "vision", code=2).err
    path = tmp_path / "netrc"
    path.write_text(f"machine {vision.host}\n  login user\n  password {vision.api_key}\n")
    path.chmod(0o600)
    assert "7 versions" in cli("ls", "vision").out


def test_a_registry_is_tested_in_sentences(cli: Cli, vision: Server) -> None:
    ran = cli("registries", "test", "vision")
    assert ran.out.startswith(f"vision works · {vision.address()}\n")
    vision.become(api_key=CANARY)
    ran = cli("registries", "test", "vision", code=1)
    assert "vision cannot be used" in ran.out
    assert "The API key from WANDB_API_KEY may be wrong or revoked." in ran.out
    assert vision.api_key not in ran.out + ran.err


FAULTS = ("401", "html_before", "garbage")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_no_failure_shows_the_key(
    cli: Cli, vision: Server, tmp_path: Path, home: Path, kind: str
) -> None:
    plan = tmp_path / "p.plan"
    cli("plan", "vision", "name:mnist alias:none", "-o", plan)
    vision.become(Fault(kind, fields=("deleteArtifact", "updateArtifact", "addAliases")))
    said = [
        cli("apply", plan, *YES, "2", code=None),
        cli("report", plan, "--json"),
        cli("tasks", "--json"),
        cli("ttl", "vision", "mnist:v0", "900d", *YES, "1", code=None),
        cli("alias", "vision", "mnist:v0", "--add", "x", *YES, "1", "--json", code=None),
    ]
    texts = [ran.out + ran.err for ran in said]
    files = [path for root in (home, tmp_path) for path in root.rglob("*") if path.is_file()]
    held = [path.read_bytes() for path in files if path.name != "netrc"]
    assert not [text for text in texts if vision.api_key in text]
    assert not [one for one in held if vision.api_key.encode() in one]


def test_the_key_is_in_no_process_list(
    vision: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = secrets.token_hex(20)  # nobody else on this machine has it
    vision.change(latency_ms=300.0, api_key=key)
    monkeypatch.setenv("WANDB_API_KEY", key)
    command = [sys.executable, "-c", "from artifact_tui.cli import main; raise SystemExit(main())"]
    plan = str(tmp_path / "p.plan")
    run = [*command, "plan", "vision", "version:v3", "-o", plan]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, env=dict(os.environ)) as process:
        seen = set()
        while process.poll() is None:
            seen |= set(_arguments())
    assert process.returncode == 0
    assert any(plan in one for one in seen)
    assert not [one for one in seen if key in one]


def _arguments() -> list[str]:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return found
