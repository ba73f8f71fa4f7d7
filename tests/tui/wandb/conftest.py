"""A stand-in W&B server, and the screen on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.wandb.process import fresh
from tests.tui.wandb.world import Project, project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.wandb.process import Server


@pytest.fixture
def wandb_process() -> Server:
    return fresh()


@pytest.fixture
def server(wandb_process: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """A project as users have it, and nobody's credentials but those of this test."""
    for name in ("WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_API_KEY", wandb_process.api_key)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wandb_process.become()
    wandb_process.seed(project())
    wandb_process.clear()
    return wandb_process


@pytest.fixture
def team(server: Server) -> Project:
    """The project on the screen."""
    return Project(server)
