from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from artifact_tui import places
from artifact_tui.deletion import lock
from artifact_tui.errors import BusyError, PlanError

if TYPE_CHECKING:
    from pathlib import Path


def test_one_holder_at_a_time_and_nothing_left_behind(tmp_path: Path) -> None:
    plan = tmp_path / "p.plan"
    assert not lock.is_held(plan)
    with lock.held(plan):
        assert lock.is_held(plan)
        assert lock.holder(plan) == os.getpid()
        with pytest.raises(BusyError, match=str(os.getpid())), lock.held(plan, patience=0):
            pass
        assert lock.is_held(plan)
    assert not lock.is_held(plan)
    assert list(tmp_path.glob("p*")) == []


def test_the_lock_file_of_a_dead_process_does_not_hold(tmp_path: Path) -> None:
    plan = tmp_path / "p.plan"
    lock.lock_path(plan).write_text("1")
    assert not lock.is_held(plan)
    with lock.held(plan, patience=0):
        assert lock.holder(plan) == os.getpid()


def test_a_lock_file_that_its_last_holder_removed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "p.plan"
    lock_now = fcntl.flock
    calls: list[int] = []

    def flock(fd: int, operation: int) -> None:
        calls.append(fd)
        if len(calls) == 1:
            lock.lock_path(plan).unlink()
        lock_now(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock.held(plan):
        assert lock.is_held(plan)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    plan = tmp_path / "p.plan"
    target = tmp_path / "precious"
    target.write_text("kept")
    lock.lock_path(plan).symlink_to(target)
    with pytest.raises(PlanError, match="lock"), lock.held(plan):
        pass
    assert target.read_text() == "kept"


def test_a_plan_id_belongs_to_one_file_for_ever(tmp_path: Path) -> None:
    first, copy = tmp_path / "a.plan", tmp_path / "b.plan"
    first.touch()
    copy.touch()
    lock.claim(first, "id", begun=False)
    lock.claim(first, "id", begun=True)
    for begun in (False, True):
        with pytest.raises(PlanError, match="is a copy"):
            lock.claim(copy, "id", begun=begun)
    first.unlink()
    with pytest.raises(PlanError, match="is a copy"):
        lock.claim(copy, "id", begun=False)
    lock.claim(copy, "id", begun=True)
    assert (places.tasks_dir() / "id").readlink() == copy
