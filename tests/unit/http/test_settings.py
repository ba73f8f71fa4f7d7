"""What the configuration says about a REST registry becomes its options, or an error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients import open_client
from artifact_tui.clients import servers as subject
from artifact_tui.clients.rest.rest_settings import Auth, options_of
from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.config import Settings, shown_settings
from artifact_tui.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.rest.rest_settings import RestOptions

CANARY = "canary-4711-of-nobody"


def made(**settings: Any) -> RestOptions:
    return options_of(settings, "https://zoo.example/api")


def refused(settings: Mapping[str, object]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        options_of(settings, "https://zoo.example/api")
    assert CANARY not in str(caught.value) + caught.value.hint
    return caught.value


def test_without_settings_the_environment_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made().auth is Auth.NONE
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", CANARY)
    assert made().auth is Auth.TOKEN
    assert made().token.reveal() == CANARY
    assert made(auth="bearer").auth is Auth.BEARER
    assert not made(auth="none").token


def test_a_token_of_its_own_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "of another")
    monkeypatch.setenv("ZOO", CANARY)
    found = made(token_env="ZOO", auth="Bearer")  # noqa: S106 - a name
    assert (found.auth, found.token.reveal(), found.token_place) == (Auth.BEARER, CANARY, "ZOO")
    assert made(token=CANARY).token.reveal() == CANARY


def test_a_command_prints_the_token(tmp_path: Path) -> None:
    script = tmp_path / "give me"
    script.write_text(f"#!/bin/sh\necho {CANARY}\necho more\n", encoding="utf-8")
    script.chmod(0o700)
    assert made(token_command=f"'{script}'").token.reveal() == CANARY


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"sh -c 'echo {CANARY} >&2; exit 3'", "ended with 3"),
        ("true", "printed nothing"),
        ("/nowhere/at-all", "cannot be run: No such file"),
        ("sh -c 'unclosed", "cannot be run"),
    ],
)
def test_a_command_that_fails_says_how_and_not_what(command: str, said: str) -> None:
    assert said in str(refused({"token_command": command}))


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "COMMAND_S", 0.05)
    assert "took more than" in str(refused({"token_command": "sleep 60"}))


def test_netrc_is_asked_only_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text(f"machine zoo.example login me password {CANARY}\n", encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    assert not made().token
    assert made(netrc=True).token.reveal() == CANARY
    path.write_text("machine other login me password x\n", encoding="utf-8")
    assert "no machine zoo.example" in str(refused({"netrc": True}))
    path.unlink()
    assert "cannot be read" in str(refused({"netrc": True}))


def test_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_PASSWORD", CANARY)
    found = made(login_name="ines", password_env="ZOO_PASSWORD")  # noqa: S106 - a name
    assert found.login is not None
    assert (found.login.name, found.login.password.reveal()) == ("ines", CANARY)
    assert found.auth is Auth.TOKEN
    assert "no password" in str(refused({"login_name": "ines"}))
    assert "needs a login_name" in str(refused({"password": CANARY}))


def test_limits_and_storage(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    found = made(
        concurrency=8, batch=5, ca_file=str(ca), connect_seconds=2, answer_seconds=0.5,
        request_seconds=9, create_seconds=300, patience_seconds=1, accept_empty=True,
        bucket="b", endpoint="http://127.0.0.1:9000", grace_hours=0,
    )  # fmt: skip
    assert (found.concurrency, found.batch, found.ca_file, found.connect_s) == (8, 5, ca, 2)
    assert (found.answer_s, found.whole_s, found.create_s, found.patience_s) == (0.5, 9, 300, 1)
    assert found.accept_empty
    assert found.storage == StorageSettings("b", endpoint="http://127.0.0.1:9000", grace_us=0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"concurency": 2}, "unknown key “concurency”"),
        ({"concurrency": "2"}, "Expected a number, got a text"),
        ({"concurrency": 0}, "from 1 to 64"),
        ({"answer_seconds": 0}, "must be more than 0"),
        ({"auth": "basic"}, "no way to log in"),
        ({"auth": "bearer"}, "needs a token"),
        ({"token": CANARY, "token_env": "X"}, "two places: token and token_env"),
        ({"token_env": "ZOO_IS_NOT_SET"}, "variable ZOO_IS_NOT_SET is not set"),
        ({"ca_file": "/nowhere/ca.pem"}, "is not there"),
        ({"pattern": "x/{id}"}, "needs a bucket"),
        ({"bucket": "b", "pattern": "all/of/it"}, "cannot be used"),
        ({"bucket": "b", "grace_hours": -1}, "cannot be negative"),
    ],
)
def test_a_mistake_points_at_its_line(settings: dict[str, object], said: str) -> None:
    lines = dict.fromkeys(settings, 7)
    error = refused(Settings(settings, Path("/etc/c.toml"), lines))
    assert str(error).startswith("/etc/c.toml, line 7: ")
    assert said.lower() in str(error).lower()


def test_only_local_registries_have_no_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="concurrency"):
        open_client(f"local:{tmp_path}", settings={"concurrency": 2})


def test_what_is_shown_holds_no_secret() -> None:
    known = {"token": CANARY, "password": CANARY, "token_command": f"echo {CANARY}", "netrc": True}
    assert shown_settings(known) == "token ***, password ***, token_command ***, netrc true"
    assert CANARY not in repr(Settings(known))
