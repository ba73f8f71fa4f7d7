"""The documented programs, each in a process of its own with the real SDK, against a stand-in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import forked

if TYPE_CHECKING:
    import subprocess

    from tests.servers.wandb.process import Server

SCRIPTS = Path(__file__).with_name("scripts")
LIMIT_S = 100


def run(
    program: str, server: Server, *args: str, home: Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run `scripts/PROGRAM.py ARGS`; `home` is where the SDK may write.

    With `check` the program must end well.
    """
    return _run([str(SCRIPTS / f"{program}.py"), *args], server, home, check=check)


def wandb(server: Server, *args: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the SDK's own command line: `wandb ARGS`."""
    return _run(["-m", "wandb", *args], server, home, check=True)


def _run(
    command: list[str], server: Server, home: Path, *, check: bool
) -> subprocess.CompletedProcess[str]:
    ended = forked.run(
        command,
        imports=forked.SDK,
        env=_environment(server, home),
        cwd=_folder(home),
        timeout=LIMIT_S,
    )
    assert not check or ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def _folder(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    return home


def _environment(server: Server, home: Path) -> dict[str, str]:
    """Nothing of the user's, and no way out: only the stand-in."""
    places = ("HOME", "WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR")
    return {
        "PATH": os.environ["PATH"],
        **dict.fromkeys(places, str(home)),
        "TMPDIR": str(_folder(home / "tmp")),
        "NETRC": str(home / "netrc"),
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "WANDB_BASE_URL": server.base_url,
        "WANDB_API_KEY": server.api_key,
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_DISABLE_GIT": "true",
    }
