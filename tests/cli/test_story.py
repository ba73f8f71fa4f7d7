"""The documented story, in its order, as one user on one machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def shell(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "artifact_tui", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_the_story(tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = shell(tmp_path, *words)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done.stdout

    assert "made 300 versions" in run("demo", "./sample", "--versions", "300", "--no-open")
    assert "already" in run("demo", "./sample", "--no-open")
    listed = [json.loads(line) for line in run("ls", "local:./sample", "--json").splitlines()]
    assert 10 < len(listed) <= 40
    planned = run("plan", "local:./sample", "type:model age>100d alias:none", "-o", "p.plan")
    found = re.search(r"artifact-tui apply p\.plan --yes --expect (\d+)\n", planned)
    assert found
    assert f"will be deleted: {found[1]} version" in run("review", "p.plan")
    run("apply", "p.plan", "--yes", "--expect", "1" + found[1], code=1)
    assert f"{found[1]} deleted, verified gone" in run(
        "apply", "p.plan", "--yes", "--expect", found[1]
    )
    assert f"finished: {found[1]} version" in run("report", "p.plan")
    trash = [json.loads(line) for line in run("trash", "local:./sample", "--json").splitlines()]
    assert len(trash) >= int(found[1])
    name = f"{trash[0]['name']}:{trash[0]['version']}"
    assert run("restore", "local:./sample", name).startswith("1 version restored.\n")
    rest = str(len(trash) - 1)
    purged = run("purge", "local:./sample", "--all", "--yes", "--expect", rest)
    promised = re.search(r"Purged: .* listed, (.*) freed after gc", purged)
    assert promised
    assert f"sample: {promised[1]} freed" in run("gc", "local:./sample")
    assert "nothing is wrong" in run("fsck", "local:./sample", "--verify")
    assert run("tasks").count("finished") == 2


def test_a_sample_is_not_opened_without_a_terminal(cli: Cli, tmp_path: Path) -> None:
    ran = cli("demo", tmp_path / "s", "--versions", "5", code=2)
    assert "made 5 versions" in ran.out
    assert "needs a terminal" in ran.err


def test_a_sample_needs_an_empty_place(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "precious").write_text("x")
    assert "Nothing was changed" in cli("demo", tmp_path / "s", "--no-open", code=2).err
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["precious"]
