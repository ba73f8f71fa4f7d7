"""What a start loads: nothing that it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pexpect

from artifact_tui.clients.local.sample import make_sample

SCREENS = Path(str(files("artifact_tui.tui.screens")))


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


UNWANTED = ("httpx", "boto3", "botocore", "requests", "aiohttp")


def test_no_screen_needs_the_network() -> None:
    screens = [path.stem for path in SCREENS.glob("*.py")]
    assert len(screens) > 1
    modules = loaded_by(
        "import artifact_tui.tui.app, artifact_tui.clients.local\n"
        f"import importlib\nfor name in {screens}:\n"
        "    importlib.import_module('artifact_tui.tui.screens.' + name)"
    )
    assert "textual" in modules
    assert not modules & set(UNWANTED)


def test_opening_a_local_registry_loads_no_network(tmp_path: Path) -> None:
    make_sample(tmp_path / "sample", versions=40)
    program = (
        "import sys\nfrom artifact_tui.cli import main\n"
        f"code = main(['local:{tmp_path}/sample'])\n"
        f"open('{tmp_path}/modules', 'w').write('\\n'.join(sys.modules))\n"
        "sys.exit(code)"
    )
    with pexpect.spawn(
        sys.executable,
        ["-c", program],
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=100,
    ) as screen:
        screen.expect_exact("bert-base")
        screen.send("q")
        screen.expect(pexpect.EOF)
    assert screen.exitstatus == 0
    modules = set((tmp_path / "modules").read_text().splitlines())
    assert "textual" in modules
    assert not modules & set(UNWANTED)
