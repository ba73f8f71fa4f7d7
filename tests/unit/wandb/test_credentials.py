"""Where credentials and the server are found: as W&B's own SDK finds them, and what is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.servers import Origin
from artifact_tui.clients.wandb.wandb_login import default_origin, find_login
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Enter = Callable[["Case"], Path]

PROGRAM = Path(__file__).with_name("sdk_looks.py")
FORGE = "https://api.forge.coreweave.com"
OLD = "https://api.wandb.ai"
MINE = "https://wandb.example"


def key(letter: str) -> str:
    """A key of a length that the SDK accepts."""
    return letter * 40


def machine(host: str, letter: str) -> str:
    return f"machine {host}\n  login user\n  password {key(letter)}\n"


def ini(**values: str) -> str:
    return "[default]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


@dataclass(frozen=True)
class Case:
    """An environment: variables (`HOME/` and `CWD/` stand for folders) and files."""

    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def make(self, folder: Path) -> tuple[dict[str, str], Path]:
        """Its files in a folder; gives the variables and the working directory."""
        home, cwd = folder / "home", folder / "cwd"
        for path in (home, cwd):
            path.mkdir(parents=True)
        for name, text in self.files.items():
            path = Path(self._at(name, home, cwd))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o600)
        env = {name: self._at(value, home, cwd) for name, value in self.env.items()}
        return {"HOME": str(home), **env}, cwd

    @staticmethod
    def _at(text: str, home: Path, cwd: Path) -> str:
        return text.replace("HOME/", f"{home}/").replace("CWD/", f"{cwd}/")


GLOBAL, LOCAL = "HOME/.config/wandb/settings", "CWD/wandb/settings"

CASES = {
    "nothing": Case(),
    "key": Case({"WANDB_API_KEY": key("e")}, {"HOME/.netrc": machine(FORGE[8:], "n")}),
    "a prefixed key": Case({"WANDB_API_KEY": f"local-{key('e')}"}),
    "a long key": Case({"WANDB_API_KEY": f"wandb_v1_{key('e')}{key('f')}"}),
    "an empty key": Case({"WANDB_API_KEY": ""}, {"HOME/.netrc": machine(FORGE[8:], "n")}),
    "token file": Case({"WANDB_IDENTITY_TOKEN_FILE": "HOME/jwt"}, {"HOME/jwt": "a.b.c"}),
    "both": Case({"WANDB_API_KEY": key("e"), "WANDB_IDENTITY_TOKEN_FILE": "HOME/jwt"}),
    "netrc": Case(files={"HOME/.netrc": machine(FORGE[8:], "n")}),
    "netrc of the old name": Case(files={"HOME/.netrc": machine(OLD[8:], "n")}),
    "netrc of both names": Case(
        files={"HOME/.netrc": machine(OLD[8:], "o") + machine(FORGE[8:], "n")}
    ),
    "NETRC": Case(
        {"NETRC": "HOME/mine"},
        {"HOME/mine": machine(OLD[8:], "m"), "HOME/.netrc": machine(OLD[8:], "n")},
    ),
    "NETRC that is missing": Case({"NETRC": "HOME/no"}, {"HOME/.netrc": machine(OLD[8:], "n")}),
    "_netrc": Case(files={"HOME/_netrc": machine(OLD[8:], "n")}),
    ".netrc over _netrc": Case(
        files={"HOME/_netrc": machine(OLD[8:], "u"), "HOME/.netrc": machine(OLD[8:], "n")}
    ),
    "netrc with a port": Case(
        {"WANDB_BASE_URL": "http://localhost:8080"},
        {"HOME/.netrc": machine("localhost", "w") + machine("localhost:8080", "p")},
    ),
    "netrc without the port": Case(
        {"WANDB_BASE_URL": "http://localhost:8080"}, {"HOME/.netrc": machine("localhost", "w")}
    ),
    "netrc of another": Case(files={"HOME/.netrc": machine("elsewhere.example", "w")}),
    "netrc for all": Case(files={"HOME/.netrc": f"default login me password {key('d')}\n"}),
    "netrc quoted": Case(files={"HOME/.netrc": f'machine "{OLD[8:]}" password "{key("q")}"\n'}),
    "netrc broken": Case(files={"HOME/.netrc": f"machine {OLD[8:]} passwort {key('n')}\n"}),
    "netrc without password": Case(files={"HOME/.netrc": f"machine {OLD[8:]} login me\n"}),
    "settings": Case(files={GLOBAL: ini(api_key=key("g"))}),
    "settings under netrc": Case(
        files={GLOBAL: ini(api_key=key("g")), "HOME/.netrc": machine(OLD[8:], "n")}
    ),
    "settings here": Case(files={GLOBAL: ini(api_key=key("g")), LOCAL: ini(api_key=key("l"))}),
    "settings hidden": Case(
        files={LOCAL: ini(api_key=key("l")), "CWD/.wandb/settings": ini(api_key=key("h"))}
    ),
    "config folder": Case(
        {"WANDB_CONFIG_DIR": "HOME/elsewhere"},
        {"HOME/elsewhere/settings": ini(api_key=key("c")), GLOBAL: ini(api_key=key("g"))},
    ),
    "WANDB_DIR": Case(
        {"WANDB_DIR": "HOME/work"}, {"HOME/work/wandb/settings": ini(api_key=key("w"))}
    ),
    "settings of another server": Case(
        {"WANDB_BASE_URL": MINE}, {GLOBAL: ini(api_key=key("g"), base_url="https://other.example")}
    ),
    "another section": Case(files={GLOBAL: f"[other]\napi_key = {key('x')}\n"}),
    "settings broken": Case(files={GLOBAL: f"api_key = {key('x')}\n"}),
    "base from settings": Case(files={GLOBAL: ini(base_url=MINE, api_key=key("g"))}),
    "base from settings here": Case(files={GLOBAL: ini(base_url=MINE), LOCAL: ini(base_url=OLD)}),
    "base over settings": Case({"WANDB_BASE_URL": OLD}, {GLOBAL: ini(base_url=MINE)}),
    "base with a slash": Case({"WANDB_BASE_URL": f"{MINE}/"}),
    "base of the new proxy": Case({"WANDB_BASE_URL": "https://forge.coreweave.com/api/wandb/"}),
    "base of the new app": Case({"WANDB_BASE_URL": "https://forge.coreweave.com/wandb"}),
    "base without api": Case({"WANDB_BASE_URL": "https://wandb.ai"}),
    "base of the app": Case({"WANDB_BASE_URL": "https://app.wandb.ai"}),
    "base unencrypted": Case({"WANDB_BASE_URL": "http://api.wandb.ai"}),
    "base no url": Case({"WANDB_BASE_URL": "wandb.example"}),
}
"""What the SDK and this client must agree on."""


@pytest.fixture(scope="module")
def by_sdk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the real SDK finds for each case."""
    told = []
    for case in CASES.values():
        env, cwd = case.make(tmp_path_factory.mktemp("case"))
        told.append({"env": env, "cwd": str(cwd), "host": ""})
    ran = subprocess.run(
        [sys.executable, str(PROGRAM)], input=json.dumps(told), text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    return dict(zip(CASES, found, strict=True))


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Goes into the environment of a case."""

    def into(case: Case) -> Path:
        env, cwd = case.make(tmp_path)
        for name in [*os.environ]:
            if name.startswith("WANDB_") or name in {"NETRC", "ARTIFACT_TUI_TOKEN"}:
                monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(cwd)
        return tmp_path

    return into


def ours(server: str = "") -> dict[str, str]:
    """What this client finds, in the words of `sdk_looks`."""
    try:
        origin = default_origin()
    except UsageError:
        return {"refused": ""}
    try:
        found = find_login(origin if not server else Origin("https", server, 443))
    except UsageError as error:
        return {"refused": ""} if "Both" in str(error) else {"base": origin.text}
    file = str(found.token_file or "")
    return {"base": origin.text, "key": found.key.reveal(), "token_file": file}


@pytest.mark.parametrize("name", CASES)
def test_found_where_the_sdk_finds_it(
    name: str, by_sdk: dict[str, dict[str, str]], enter: Enter
) -> None:
    folder = enter(CASES[name])
    theirs, mine = dict(by_sdk[name]), ours()
    if theirs.get("token_file"):
        theirs["token_file"] = str(folder / "home" / Path(theirs["token_file"]).name)
    if "refused" in theirs:
        theirs["refused"] = ""
    assert mine == theirs


def test_the_cases_cover_every_place(by_sdk: dict[str, dict[str, str]]) -> None:
    keys = {found.get("key", "")[:1] for found in by_sdk.values()}
    assert keys >= set("enmpqdglhc")
    assert sum("refused" in found for found in by_sdk.values()) == 6


def test_what_this_program_adds(enter: Enter) -> None:
    enter(Case({"ARTIFACT_TUI_TOKEN": "short"}))
    assert ours()["key"] == "short"


def test_either_name_of_the_cloud_finds_the_key_of_the_other(enter: Enter) -> None:
    enter(Case(files={"HOME/.netrc": machine(FORGE[8:], "n")}))
    assert ours(OLD[8:])["key"] == key("n")
    assert "key" not in ours("api.qa.wandb.ai")


def test_no_key_names_every_place_and_no_value(enter: Enter) -> None:
    folder = enter(
        Case(
            files={
                "HOME/.netrc": f"machine x password y\n{key('n')}\n",
                GLOBAL: f"no section {key('s')}",
                LOCAL: ini(base_url=MINE, api_key=key("l")),
            }
        )
    )
    with pytest.raises(UsageError) as caught:
        find_login(Origin("https", "api.wandb.ai", 443))
    said = f"{caught.value} {caught.value.hint}"
    assert "There is no API key for api.wandb.ai." in said
    for place in (
        "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "ARTIFACT_TUI_TOKEN", "wandb login",
        f"{folder}/home/.netrc (has a mistake in line ",
        f"{folder}/home/.config/wandb/settings (cannot be read)",
        f"{folder}/cwd/wandb/settings", "is for wandb.example",
    ):  # fmt: skip
        assert place in said
    for letter in "nsl":
        assert key(letter) not in said


def test_a_key_for_a_server_that_cannot_be(enter: Enter) -> None:
    enter(Case({"WANDB_BASE_URL": "https://wandb.ai"}, {GLOBAL: ini(api_key=key("g"))}))
    with pytest.raises(UsageError, match="There is no API key") as caught:
        find_login(Origin("https", "api.wandb.ai", 443))
    assert "is for no server (WANDB_BASE_URL names wandb.ai" in caught.value.hint


@pytest.mark.parametrize(
    ("mode", "notices"), [(0o600, 0), (0o400, 0), (0o644, 1), (0o640, 1), (0o604, 1)]
)
def test_a_netrc_that_others_can_read_is_noticed(enter: Enter, mode: int, notices: int) -> None:
    folder = enter(Case(files={"HOME/.netrc": machine(OLD[8:], "n")}))
    (folder / "home" / ".netrc").chmod(mode)
    found = find_login(Origin("https", "api.wandb.ai", 443))
    assert found.place == str(folder / "home" / ".netrc")
    assert len(found.notices) == notices
    assert not any(key("n") in notice for notice in found.notices)


@pytest.mark.parametrize(("mode", "notices"), [(0o600, 0), (0o644, 1)])
def test_a_settings_file_with_a_key_that_others_can_read_is_noticed(
    enter: Enter, mode: int, notices: int
) -> None:
    folder = enter(Case(files={GLOBAL: ini(api_key=key("g"))}))
    (folder / "home/.config/wandb/settings").chmod(mode)
    found = find_login(Origin("https", FORGE[8:], 443))
    assert found.key.reveal() == key("g")
    assert len(found.notices) == notices


def test_a_base_url_with_a_password_is_refused_without_showing_it(enter: Enter) -> None:
    enter(Case({"WANDB_BASE_URL": "https://me:geheim@wandb.example"}))
    with pytest.raises(UsageError, match="user name or password") as caught:
        default_origin()
    assert "geheim" not in f"{caught.value} {caught.value.hint}"


def test_a_base_url_with_a_path_is_refused(enter: Enter) -> None:
    enter(Case({"WANDB_BASE_URL": "https://wandb.example/below"}))
    with pytest.raises(UsageError, match="WANDB_BASE_URL has more than a host"):
        default_origin()
