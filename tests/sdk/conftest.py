"""One stand-in for all tests here; each begins with an empty one that behaves well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sdk import programs
from tests.servers.wandb.process import fresh

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.wandb.process import Server


@pytest.fixture
def server() -> Server:
    return fresh()


@pytest.fixture
def sdk(server: Server, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program of `scripts/` against the stand-in: `sdk("delete_run", "acme/vision/r1")`."""

    def run(program: str, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return programs.run(program, server, *args, home=tmp_path / "sdk", check=check)

    return run


@pytest.fixture
def logged_in(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own program finds the key in its environment."""
    monkeypatch.setenv("WANDB_API_KEY", server.api_key)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
