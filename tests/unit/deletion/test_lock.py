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

from artifact_tui import places
from artifact_tui.deletion import lock
from artifact_tui.errors import BusyError, PlanError

if TYPE_CHECKING:
    from pathlib import Path


def test_one_holder_at_a_time_whatever_name_the_file_has(tmp_path: Path) -> None:
    plan, other = tmp_path / "p.plan", tmp_path / "q.plan"
    plan.touch()
    other.hardlink_to(plan)
    assert not lock.is_held(plan)
    with lock.held(plan):
        assert lock.is_held(plan)
        assert lock.is_held(other)
        with pytest.raises(BusyError), lock.held(other, patience=0):
            pass
        assert lock.is_held(plan)
    assert not lock.is_held(plan)
    with lock.held(other, patience=0):
        assert lock.is_held(plan)


def test_sqlite_keeps_its_own_locks_beside_ours(tmp_path: Path) -> None:
    plan = tmp_path / "p.plan"
    with (
        closing(sqlite3.connect(plan, timeout=0)) as conn,
        closing(sqlite3.connect(plan, timeout=0)) as second,
    ):
        conn.execute("CREATE TABLE t(a)")
        conn.execute("BEGIN IMMEDIATE")
        with lock.held(plan):
            assert lock.is_held(plan)
        assert not lock.is_held(plan)
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
    with lock.held(plan):
        assert lock.is_held(plan)
        with pytest.raises(BusyError, match=str(os.getpid())), lock.held(plan, patience=0):
            pass
    assert not lock.is_held(plan)
    assert list(tmp_path.iterdir()) == [plan]


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
