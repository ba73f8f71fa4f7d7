"""`artifact-tui registries`: what is configured, without a secret anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.config import load
from tests.servers.rest.process import fresh

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local
    from tests.servers.rest.process import Server

CANARY = "canary-4711-of-nobody"


@pytest.fixture
def server() -> Server:
    server = fresh()
    server.fill(7, names=2)
    server.clear()
    return server


def text() -> str:
    return config.config_file().read_text(encoding="utf-8")


def test_without_any_it_says_how_to_begin(cli: Cli) -> None:
    ran = cli("registries")
    assert "No registry is configured" in ran.out
    assert "artifact-tui registries add NAME https://HOST/api" in ran.out


def test_add_list_test_and_remove(cli: Cli, server: Server) -> None:
    cli("registries", "add", "zoo", server.address, "--set", "batch=5", "--default")
    assert config.config_file().stat().st_mode & 0o077 == 0
    assert load().registries["zoo"].settings == {"batch": 5}
    assert "zoo (default)" in cli("registries").out
    ran = cli("registries", "test")
    assert "zoo works" in ran.out
    assert "It lists 7 artifacts on 1 page." in ran.out
    assert "7 versions" in cli("ls").out
    cli("registries", "remove", "zoo")
    assert "zoo" not in text()


def test_a_local_one_and_one_that_is_gone(cli: Cli, registry: Local, tmp_path: Path) -> None:
    cli("registries", "add", "here", registry.address, "--production")
    cli("registries", "add", "gone", f"local:{tmp_path}/gone")
    ran = cli("registries", "test", code=1)
    assert "here works" in ran.out
    assert "Production: read-only" in ran.out
    assert "gone cannot be used" in ran.out
    records = cli("registries", "test", "--json", code=1).records
    assert [(one["registry"], one["works"]) for one in records] == [("here", True), ("gone", False)]


def test_other_lines_of_the_file_stay_as_they_are(cli: Cli) -> None:
    own = '# mine\ntheme = "textual-dark"   # dark\n\n[keys]\n"browse.sort" = [ "s" ]  # odd\n'
    (config.config_dir() / "config.toml").write_text(own, encoding="utf-8")
    cli("registries", "add", "zoo", "https://zoo.example/api")
    cli("registries", "default", "zoo")
    for line in own.splitlines():
        assert line in text()
    cli("registries", "remove", "zoo")
    assert text().strip() == own.strip()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("zoo", "https://h/api", "--set", f"token={CANARY}"), "secrets are not written"),
        (("zoo", "https://h/api", "--set", f"password={CANARY}"), "secrets are not written"),
        (("zoo", f"https://me:{CANARY}@h/api"), "user name or password"),
        (("zoo", "https://h/api", "--set", "tokn_env=X"), "Did you mean “token_env”?"),
        (("zoo", "https://h/api", "--set", "concurrency=many"), "Expected a number"),
        (("zoo", "local:/a", "--bucket", "b"), "unknown key “bucket”"),
        (("zoo", "https://h/api", "--bucket", "b", "--set", "pattern=x"), "Use {id} once"),
        (("zoo", "https://h/api", "--concurrency", "0"), "a number from 1 to"),
        (("zoo", "ftp://h"), "No client here"),
        (("a:b", "https://h/api"), "cannot be the name"),
        (("*", "https://h/api"), "cannot be the name"),
        (("size>1", "https://h/api"), "cannot be the name"),
        (("ls", "https://h/api"), "is a command"),
        (("zoo", "nothing"), "no registry named"),
        (("zoo", "https://h/api", "--set", "novalue"), "is no setting"),
    ],
)
def test_what_cannot_be_written(cli: Cli, args: tuple[str, ...], said: str) -> None:
    ran = cli("registries", "add", *args, code=2)
    assert said.lower() in ran.err.lower()
    assert CANARY not in ran.out + ran.err
    assert not config.config_file().exists()


@pytest.mark.parametrize(
    "address",
    [
        "http://h?token={0}",
        "http://h/api?a=b&api_key={0}",
        "http://h/api#{0}",
        "https://h/api;key={0}",
        "http://me:{0}@h/api",
        "HTTP://{0}@h",
        "http://h/%3Ftoken={0}",
        "http://h\\@{0}",
        "//me:{0}@h/api",
        "ftp://me:{0}@h",
        "wandb://me:{0}@h/acme",
        "wandb://acme/vision?apiKey={0}",
        "https://me:{0}@wandb.ai/acme",
    ],
)
def test_an_address_with_a_secret_is_refused_and_said_nowhere(cli: Cli, address: str) -> None:
    spelled = address.format(CANARY)
    for words in (
        ("registries", "add", "zoo", spelled),
        ("registries", "add", "zoo", "https://h/api", "--set", f"endpoint={spelled}"),
        ("registries", "test", spelled),
        ("ls", spelled),
        ("plan", spelled, "*"),
        ("gc", spelled),
    ):
        if "--set" in words and "://" not in spelled:
            continue
        ran = cli(*words, code=None)
        assert ran.code != 0
        assert CANARY not in ran.out + ran.err
        assert not config.config_file().exists()
    path = config.config_dir() / "config.toml"
    written = spelled.replace("\\", "\\\\")
    path.write_text(f'[registries.zoo]\n\naddress = "{written}"\n', encoding="utf-8")
    ran = cli("ls", "zoo", code=None)
    assert ran.code != 0
    assert CANARY not in ran.out + ran.err
    if "://" in spelled:
        assert "line 3" in ran.err


def test_what_a_page_has_behind_it_is_left_out(cli: Cli) -> None:
    ran = cli("registries", "add", "zoo", f"https://wandb.ai/acme/vision?key={CANARY}#x")
    assert CANARY not in ran.out + text()


def test_a_name_is_taken_once(cli: Cli) -> None:
    cli("registries", "add", "zoo", "https://h/api")
    before = text()
    assert "already" in cli("registries", "add", "zoo", "https://other/api", code=2).err
    assert "Did you mean “zoo”?" in cli("registries", "remove", "zo", code=2).err
    assert text() == before


def test_a_file_with_a_mistake_is_not_touched(cli: Cli) -> None:
    path = config.config_dir() / "config.toml"
    path.write_text("theem = 1\n", encoding="utf-8")
    assert "unknown key “theem”" in cli("registries", "add", "a", "https://h/api", code=2).err
    assert path.read_text(encoding="utf-8") == "theem = 1\n"


def test_secrets_in_the_file_are_not_listed(cli: Cli) -> None:
    path = config.config_dir() / "config.toml"
    path.write_text(
        f'[registries.a]\naddress = "https://h/api"\ntoken = "{CANARY}"\nbatch = 3\n', "utf-8"
    )
    path.chmod(0o600)
    for args in ((), ("--json",)):
        ran = cli("registries", *args)
        assert "token ***" in ran.out
        assert CANARY not in ran.out + ran.err
