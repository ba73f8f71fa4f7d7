"""Somebody adds a W&B registry by what is in the browser's address line, and tests it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.config import load
from tests.tui.wandb.world import goes_to

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server
    from tests.tui.support import User
    from tests.tui.wandb.world import Project


async def adds(user: User, name: str, address: str) -> None:
    await user.presses("R")
    await user.sees("Home")
    await user.presses("a")
    await user.sees("Add a registry", "https://HOST/api")
    await user.types(name)
    await user.presses("tab")
    await user.types(address)
    await user.presses("enter")


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("wandb://acme/vision", "wandb://"),
        ("https://wandb.ai/acme/vision/artifacts/model/mnist/v3", "acme/vision"),
        ("https://forge.coreweave.com/wandb/acme/vision/runs/abc", "acme/vision"),
    ],
)
async def test_what_is_pasted_becomes_an_address(team: Project, pasted: str, kept: str) -> None:
    async with team.opened() as user:
        await adds(user, "mine", pasted)
        await user.sees("mine was added: t tests it.")
    (added,) = [one for name, one in load().registries.items() if name == "mine"]
    assert kept in added.address
    text = (config.config_dir() / "config.toml").read_text(encoding="utf-8")
    assert "api_key" not in text


async def test_the_test_says_what_it_found_and_no_secret(server: Server, team: Project) -> None:
    async with team.opened() as user:
        await adds(user, "team", server.address("acme"))
        await user.sees("team was added: t tests it.")
        await user.presses("t")
        await user.sees("works", "It has no")
        assert server.api_key not in user.screen
        await user.presses("enter")
        await user.sees("synced just now", "vision/mnist")
        await goes_to(user, "vision/mnist:v2")
        await user.sees("production↗")
        assert user.line("artifact-tui").split()[1] == "team"


async def test_a_key_that_is_refused_is_said_without_showing_it(
    server: Server, team: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "f" * 40
    async with team.opened() as user:
        await adds(user, "team", server.address("acme/other"))
        await user.sees("team was added")
        monkeypatch.setenv("WANDB_API_KEY", wrong)
        await user.presses("t")
        await user.sees("unusable")
        assert wrong not in user.screen
