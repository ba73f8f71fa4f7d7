from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.apply.rounds import one_round

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 10


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_at_any_moment_it_resumes_and_tells_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_HOME", "")  # each round has a home of its own
    total: Counter[str] = Counter()
    for seed in range(ROUNDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        wrong, counted = one_round(folder, seed)
        assert not wrong
        total += counted
    assert total["killed"] >= ROUNDS // 2
    assert total["uncertain"] > 0
