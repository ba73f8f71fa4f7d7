"""kill -9, at every kind of step and at random. For longer runs see `rounds` and `points`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROUNDS = os.environ.get("ARTIFACT_TUI_KILL_ROUNDS", "10")


def run(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this folder in a process of its own, as it forks."""
    return subprocess.run(
        [sys.executable, "-m", f"tests.faults.store.{module}", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_nothing_is_lost_in_random_rounds() -> None:
    done = run("rounds", ROUNDS)
    assert done.returncode == 0, done.stderr
    assert f"{ROUNDS} rounds" in done.stdout


@pytest.mark.slow
def test_nothing_is_lost_at_any_step(tmp_path: Path) -> None:
    done = run("points", str(tmp_path / "points"), "7")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 12


@pytest.mark.slow
def test_the_harness_notices_a_wrong_order(tmp_path: Path) -> None:
    done = run("sabotage", str(tmp_path / "points"))
    assert done.returncode != 0
    assert "AssertionError" in done.stderr
    assert "missing" in done.stderr
