"""Pages of a W&B server of one's own, pasted: opened where something says whose it is."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

PAGES = (
    "acme/vision",
    "acme/vision/artifacts/dataset/mnist/v0",
    "acme/vision/runs/1jx2ud12/overview?nw=x#y",
    "registry/model?selectionPath=acme%2Fvision%2Fmnist&view=all",
)


@pytest.fixture
def stranger(vision: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, of which nothing says that it is W&B's."""
    (config.config_dir() / "config.toml").unlink()
    monkeypatch.delenv("WANDB_BASE_URL")
    return vision


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_server_in_the_environment_opens(cli: Cli, vision: Server, page: str) -> None:
    assert "2 collections" in cli("ls", f"{vision.base_url}/{page}").out


def test_a_page_opens_where_its_server_is_configured_or_signed_in(
    cli: Cli, stranger: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = f"{stranger.base_url}/{PAGES[1]}"
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {stranger.host} login user password {stranger.api_key}\n")
    netrc.chmod(0o600)
    assert "2 collections" in cli("ls", page).out
    netrc.unlink()
    settings = tmp_path / "wandb" / "settings"
    settings.parent.mkdir()
    settings.write_text(f"[default]\nbase_url = {stranger.base_url}\n")
    assert "2 collections" in cli("ls", page).out
    settings.unlink()
    cli("registries", "add", "own", stranger.address("acme"))
    assert "2 collections" in cli("ls", page).out
    cli("registries", "add", "pasted", page)
    assert load().registries["pasted"].address == stranger.address()
    monkeypatch.delenv("WANDB_API_KEY")
    assert "WANDB_API_KEY" in cli("ls", page, code=None).err


def test_a_page_of_an_unknown_server_says_what_to_type(cli: Cli, stranger: Server) -> None:
    page = f"{stranger.base_url}/{PAGES[1]}"
    err = cli("ls", page, code=2).err
    (words,) = re.findall(r"If it is a page of a W&B server, type (\S+);", err)
    assert "2 collections" in cli("ls", *shlex.split(words)).out
    assert not [line for line in stranger.log() if line.path != "/graphql"]


def test_other_addresses_of_web_servers_are_still_those_of_rest_registries(
    cli: Cli, vision: Server
) -> None:
    for path in ("api", "", "v1/models/artifacts/x"):
        err = cli("ls", f"{vision.base_url}/{path}", code=None).err
        assert "W&B" not in err, err
