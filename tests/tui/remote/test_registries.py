"""Somebody keeps registries: adds one, tests it, goes there, comes back, removes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.config import load
from tests.servers.folders import folders
from tests.servers.rest.traps import Fault
from tests.tui.remote.conftest import configured
from tests.tui.review.world import says_yes
from tests.tui.support import goes_to_row

if TYPE_CHECKING:
    import pytest

    from tests.servers.rest.process import Server
    from tests.tui.remote.conftest import Opened
    from tests.tui.support import User

NOTED = """\
# mine, not to be lost
theme = "textual-dark"  # nor this

[registries.attic]
address = "local:{home}/attic"
production = true
"""


def text() -> str:
    return (config.config_dir() / "config.toml").read_text(encoding="utf-8")


async def fills_in(user: User, *fields: str) -> None:
    """Type into the fields of the dialog, one after the other."""
    await user.sees("Add a registry")
    for number, field in enumerate(fields):
        if number:
            await user.presses("tab")
        await user.types(field)


async def test_adds_tests_switches_and_removes(
    server: Server, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_TOKEN", server.traps.token)
    server.become(auth="bearer")
    server.fill(12, names=3)
    configured(NOTED.format(home=config.embedded_registry().parent))
    async with opened("local:") as user:
        await user.presses("R")
        await user.sees("Home", "attic", "nothing there", "your own registry")
        await user.presses("a")
        await fills_in(user, "zoo", server.address, "", "", "$ZOO_TOKEN", "", "bearer")
        await user.presses("enter")
        await user.sees("zoo was added: t tests it.", "token_env ZOO_TOKEN, auth bearer")
        assert text().startswith(NOTED.format(home=config.embedded_registry().parent))

        await user.presses("t")
        await user.sees("works", "It lists 12 artifacts on 1 page.")
        await user.presses("enter")
        await user.sees("3 collections · 12 versions", "synced just now")
        assert user.line("artifact-tui").split()[1] == "zoo"

        await user.presses("R")
        await user.sees("open now")
        await user.presses("x")
        await user.sees("open another one first")
        await goes_to_row(user, "attic")
        await user.presses("x")
        await says_yes(user, "Take attic out of the configuration?")
        await user.sees("attic was removed.")
        assert list(load().registries) == ["zoo"]
        assert "# mine, not to be lost" in text()
        assert server.traps.token not in text() + user.screen


async def test_a_kind_of_others_is_asked_for_its_own_settings(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = str(Path(folders.__file__).parent)
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("PYTHONPATH", installed)  # for the process that measures it
    (tmp_path / "shelf/model/net/v0").mkdir(parents=True)
    address = f"folders:{tmp_path}/shelf"
    async with opened("local:") as user:
        await user.presses("R")
        await user.sees("Home")
        await user.presses("a")
        await fills_in(user, "shelf", "https://zoo.example")
        await user.sees("the variable that holds its token", "[ ] netrc: the token is")
        await user.presses("ctrl+u", *address)
        await user.sees("the folder that takes what is deleted (.trash)", "[ ] frozen: nothing")
        await user.sees_no("token")
        await user.presses(*(["tab"] * 3), *".bin", "tab", *"few", "tab", "space", "enter")
        await user.sees("“batch”: Expected a number")
        assert not (config.config_dir() / "config.toml").exists()
        await user.presses("shift+tab", "ctrl+u", "5", "enter")
        await user.sees("shelf was added: t tests it.", "trash .bin, batch 5, frozen true")
        assert load().registries["shelf"].settings == {"trash": ".bin", "batch": 5, "frozen": True}
        await user.presses("enter")
        await user.sees("1 collection · 1 version", "read-only")


async def test_settings_typed_in_one_burst_are_those_of_the_address(opened: Opened) -> None:
    async with opened("local:") as user:
        await user.presses("R")
        await user.sees("Home")
        for key in ("a", *"zoo", "tab", *"http://h/api", *(["tab"] * 3), *"$ZOO", "enter"):
            user.app.simulate_key(key)
        await user.sees("zoo was added: t tests it.", "token_env ZOO")


async def test_a_mistake_is_said_before_anything_is_written(opened: Opened) -> None:
    configured('[registries.one]\naddress = "local:"\n')
    async with opened("one") as user:
        await user.presses("R")
        await user.sees("1 configured registry")
        await user.presses("a")
        await fills_in(user, "one", "ftp://h")
        await user.presses("enter")
        await user.sees("No client here can open")
        await user.presses("ctrl+u", *"https://h/api", "enter")
        await user.sees("There is a registry “one” already.")
        await user.presses("shift+tab", "ctrl+u", *"a:b", "enter")
        await user.sees("cannot be the name of a registry")
        await user.presses("escape")
        assert text() == '[registries.one]\naddress = "local:"\n'


async def test_a_registry_that_cannot_be_opened_is_not_switched_to(opened: Opened) -> None:
    gone = f"local:{config.embedded_registry().parent}/gone"
    configured(f'[registries.one]\naddress = "local:"\n[registries.gone]\naddress = "{gone}"\n')
    async with opened("one") as user:
        await user.presses("R")
        await user.sees("gone")
        await goes_to_row(user, "gone")
        await user.presses("enter")
        await user.sees("no registry")
        await user.presses("T")
        await user.sees("unusable", "works")
        await user.presses("escape")
        assert user.line("artifact-tui").split()[1] == "one"


async def test_a_session_that_only_reads_stays_so(server: Server, opened: Opened) -> None:
    server.fill(2)
    configured(
        f'[registries.one]\naddress = "local:"\n[registries.zoo]\naddress = "{server.address}"'
    )
    async with opened("one") as user:
        user.app.locked = True
        await user.presses("R")
        await goes_to_row(user, "zoo")
        await user.presses("enter")
        await user.sees("2 versions", "read-only")
        assert user.app.services.client.read_only


async def test_an_address_with_a_secret_is_not_taken(opened: Opened) -> None:
    canary = "canary-4711-secret"
    async with opened("local:") as user:
        await user.presses("R")
        await user.sees("Home")
        await user.presses("a")
        await fills_in(user, "zoo", f"http://h/api?token={canary}")
        await user.presses("enter")
        await user.sees("Only a place may stand in an address")
        assert not (config.config_dir() / "config.toml").exists()


async def test_no_secret_reaches_the_screen_when_it_is_refused(
    server: Server, opened: Opened
) -> None:
    canary = "canary-4711-secret"
    said = Fault("401", methods=("GET", "POST"))
    server.become(said, auth="x-authorization")
    configured(f'[registries.zoo]\naddress = "{server.address}"\ntoken = "{canary}"\n')
    async with opened("zoo") as user:
        await user.sees("no link")
        assert canary not in user.screen
        await user.presses("R", "t")
        await user.sees("token ***", "unusable")
        assert canary not in user.screen
        assert any(canary in str(line.headers) for line in server.log())
