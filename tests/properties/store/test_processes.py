"""Several processes at once: every item has one history, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.faults.store.invariants import check, state_of
from tests.support.sync_store import SyncStore
from tests.unit.local.support import rows

ROOT = Path(__file__).parents[3]


def work(root: Path, seeds: range, steps: int) -> list[list[str]]:
    """What all processes were told."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.properties.store.worker", str(root), str(seed),
             str(steps)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        for seed in seeds
    ]  # fmt: skip
    outputs = [process.communicate(timeout=100)[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running)
    return [line.split() for output in outputs for line in output.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_processes_agree_on_the_history_of_every_version(tmp_path: Path, seed: int) -> None:
    store = SyncStore.create(tmp_path / "registry")
    store.close()
    told = work(store.layout.root, range(seed * 100, seed * 100 + 4), 60)
    done: dict[str, Counter[str]] = defaultdict(Counter)
    for what, key, result in told:
        if result == "done":
            done[key][what] += 1
    now = state_of(store.layout)
    for key, counts in done.items():
        assert counts["add"] == 1
        assert counts["purge"] <= 1
        in_trash = counts["delete"] - counts["restore"]
        assert in_trash in (0, 1)
        if counts["purge"]:
            assert in_trash == 1
            assert key not in now
        else:
            assert now[key][0] == ("trash" if in_trash else "live")
    assert set(now) <= set(done)
    assert {what for what, _, _ in told} >= {"add", "delete", "restore", "purge", "gc"}
    errors = {result for what, _, result in told if what == "error"}
    assert errors <= {"NotFoundError"}, "only a version that somebody else took first"
    doubled = "SELECT collection_id, name FROM alias_at GROUP BY 1, 2 HAVING count(*) > 1"
    assert rows(store.layout, doubled) == []
    assert rows(store.layout, "SELECT count(*) FROM alias") == rows(
        store.layout, "SELECT count(*) FROM alias_at"
    )
    check(store.layout)
