"""What the configuration may say, and what comes of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.clients.servers import Origin
from artifact_tui.clients.wandb import KIND
from artifact_tui.clients.wandb.wandb_settings import options_of
from artifact_tui.config import Settings
from artifact_tui.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

HERE = Origin("https", "wandb.example", 443)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "the-last-resort")
    monkeypatch.chdir(tmp_path)


def test_without_settings_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    found = options_of({}, HERE)
    assert (found.key.reveal(), found.key_place) == ("the-last-resort", "ARTIFACT_TUI_TOKEN")
    assert (found.admin, found.registries, found.batch, found.concurrency) == (
        False,
        True,
        True,
        32,
    )
    monkeypatch.setenv("WANDB_API_KEY", "first")
    assert options_of({}, HERE).key.reveal() == "first"


def test_the_settings_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "first")
    monkeypatch.setenv("MINE", "before")
    found = options_of({"token_env": "MINE"}, HERE)
    assert (found.key.reveal(), found.key_place) == ("before", "MINE")
    command = f"{sys.executable} -c \"print('said')\""
    found = options_of({"token_command": command}, HERE)
    assert found.key.reveal() == "said"
    assert "said" not in found.key_place


def test_a_line_that_others_can_read_is_noticed() -> None:
    assert options_of({}, HERE).notices == ()
    assert options_of({}, Origin("http", "localhost", 80)).notices == ()
    (notice,) = options_of({}, Origin("http", "wandb.example", 80)).notices
    assert "not encrypted" in notice


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    found = options_of(
        {
            "admin": True, "registries": False, "concurrency": 64, "batch": False,
            "ca_file": str(authority), "connect_seconds": 1.0, "answer_seconds": 2,
            "request_seconds": 3.5, "bucket": "b", "endpoint": "http://s3", "region": "eu",
        },
        HERE,
    )  # fmt: skip
    assert (found.admin, found.registries, found.batch, found.concurrency) == (
        True,
        False,
        False,
        64,
    )
    assert (found.connect_s, found.answer_s, found.whole_s) == (1.0, 2, 3.5)
    assert found.ca_file == authority
    assert found.storage == StorageSettings("b", endpoint="http://s3", region="eu")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"token": "x"}, "unknown key “token”"),
        ({"concurency": 3}, "unknown key “concurency”"),
        ({"concurrency": 0}, "from 1 to 64"),
        ({"concurrency": 65}, "from 1 to 64"),
        ({"batch": "no"}, "“batch”"),
        ({"admin": 1}, "“admin”"),
        ({"answer_seconds": 0}, "more than 0"),
        ({"answer_seconds": -1.5}, "more than 0"),
        ({"ca_file": "/nowhere.pem"}, "is not there"),
        ({"endpoint": "http://s3"}, "needs a bucket"),
        ({"region": "eu"}, "needs a bucket"),
        ({"token_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"token_env": "A", "token_command": "b"}, "two places"),
        ({"token_command": "false"}, "ended with 1"),
        ({"token_command": "true"}, "printed nothing"),
        ({"token_command": "/no/such/program"}, "cannot be run"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    placed = Settings(settings, tmp_path / "config.toml", dict.fromkeys(settings, 7))
    with pytest.raises(ConfigError) as caught:
        options_of(placed, HERE)
    assert words in str(caught.value)
    assert "config.toml, line 7" in str(caught.value)


def test_nothing_is_looked_up_when_settings_are_only_checked() -> None:
    KIND.check({"token_env": "NOT_SET_ANYWHERE"})
    with pytest.raises(ConfigError) as caught:
        KIND.check({"registeries": True})
    assert "registries" in caught.value.hint


def test_opening_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    client = KIND.open("https://wandb.ai/acme/vision/artifacts", read_only=True)
    assert client.identity.kind == "wandb"
    assert client.identity.address == "wandb://api.wandb.ai/acme/vision"
    assert client.identity.uid == "wandb:api.wandb.ai/acme/vision"
    assert client.read_only
    monkeypatch.setenv("WANDB_BASE_URL", "https://elsewhere.example")
    again = KIND.open(client.identity.address, read_only=False)
    assert again.identity == client.identity
    monkeypatch.delenv("ARTIFACT_TUI_TOKEN")
    with pytest.raises(UsageError, match="no API key for elsewhere"):
        KIND.open("wandb://acme", read_only=True)
