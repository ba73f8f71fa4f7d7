"""What a start loads: nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_by(program: str) -> set[str]:
    """The modules that are there after a program ran in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines())


HELP = "from artifact_tui.cli import main\nassert main(['--help']) == 0"


def test_help_is_lean() -> None:
    modules = loaded_by(HELP)
    for unwanted in ("textual", "httpx", "boto3", "asyncio", "sqlite3", "msgspec", "platformdirs"):
        assert unwanted not in modules, unwanted
    ours = {name for name in modules if name.startswith("artifact_tui.")}
    assert not {name for name in ours if name.split(".")[1] in {"catalog", "clients", "deletion"}}


@pytest.mark.parametrize("module", ["browse"])
def test_the_screen_of_a_local_registry_needs_no_network(module: str) -> None:
    modules = loaded_by(
        f"import artifact_tui.tui.app, artifact_tui.tui.screens.{module}\n"
        "import artifact_tui.clients.local"
    )
    assert "textual" in modules
    for unwanted in ("httpx", "boto3", "requests", "aiohttp"):
        assert unwanted not in modules, unwanted
