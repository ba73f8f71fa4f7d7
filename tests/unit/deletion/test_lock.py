from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.deletion import plan_file
from artifact_tui.errors import BusyError, PlanError

if TYPE_CHECKING:
    from pathlib import Path


def test_one_holder_at_a_time_whatever_name_the_file_has(tmp_path: Path) -> None:
    plan, other = tmp_path / "p.plan", tmp_path / "q.plan"
    plan.touch()
    other.hardlink_to(plan)
    assert not plan_file.is_locked(plan)
    with plan_file.hold_lock(plan):
        assert plan_file.is_locked(plan)
        assert plan_file.is_locked(other)
        with pytest.raises(BusyError), plan_file.hold_lock(other, patience=0):
            pass
        assert plan_file.is_locked(plan)
    assert not plan_file.is_locked(plan)
    with plan_file.hold_lock(other, patience=0):
        assert plan_file.is_locked(plan)


def test_sqlite_keeps_its_own_locks_beside_ours(tmp_path: Path) -> None:
    plan = tmp_path / "p.plan"
    with (
        closing(sqlite3.connect(plan, timeout=0)) as conn,
        closing(sqlite3.connect(plan, timeout=0)) as second,
    ):
        conn.execute("CREATE TABLE t(a)")
        conn.execute("BEGIN IMMEDIATE")
        with plan_file.hold_lock(plan):
            assert plan_file.is_locked(plan)
        assert not plan_file.is_locked(plan)
        code = (
            "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('DELETE FROM t')"
        )
        other = subprocess.run(
            [sys.executable, "-c", code, str(plan)], capture_output=True, check=False
        )
        assert b"locked" in other.stderr
        conn.execute("COMMIT")
        second.execute("DELETE FROM t")


def test_a_folder_without_locks_has_a_file_that_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "p.plan"
    plan.touch()

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    for name in ("fcntl", "flock", "lockf"):
        monkeypatch.setattr(fcntl, name, no_locks)
    with plan_file.hold_lock(plan):
        assert plan_file.is_locked(plan)
        with (
            pytest.raises(BusyError, match=str(os.getpid())),
            plan_file.hold_lock(plan, patience=0),
        ):
            pass
    assert not plan_file.is_locked(plan)
    assert list(tmp_path.iterdir()) == [plan]


def test_a_plan_id_belongs_to_one_file_for_ever(tmp_path: Path) -> None:
    first, copy = tmp_path / "a.plan", tmp_path / "b.plan"
    first.touch()
    copy.touch()
    plan_file.claim(first, "id", begun=False)
    plan_file.claim(first, "id", begun=True)
    for begun in (False, True):
        with pytest.raises(PlanError, match="is a copy"):
            plan_file.claim(copy, "id", begun=begun)
    first.unlink()
    with pytest.raises(PlanError, match="is a copy"):
        plan_file.claim(copy, "id", begun=False)
    plan_file.claim(copy, "id", begun=True)
    assert (config.tasks_dir() / "id").readlink() == copy
