"""Where the disk or the system says no: full, without locks, without a home, an old SQLite."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Ran
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry
from tests.support.disks import fill, other_disk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli, Local
    from tests.servers.rest.process import Server

MEGABYTE = 1_000_000


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def zoo(process: Server) -> Server:
    """Twelve artifacts."""
    process.seed([Entry(str(n), f"acme/net{n % 3}", "model") for n in range(12)])
    return process


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 16) as disk:
        monkeypatch.setenv("ARTIFACT_TUI_HOME", str(disk / "home"))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        yield disk


def at(*args: str | Path, code: int = 0, **env: str) -> Ran:
    """Run a command line in a process of its own, with these variables."""
    done = subprocess.run(
        [sys.executable, "-m", "artifact_tui", *map(str, args)],
        capture_output=True, text=True, check=False, env={**os.environ, **env},
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert ran.code == code, ran
    return ran


def free(disk: Path) -> int:
    told = os.statvfs(disk)
    return told.f_bavail * told.f_frsize


def nets(cli: Cli, tmp_path: Path, *, count: int = 3) -> None:
    """Put versions of a megabyte in the embedded registry."""
    for number in range(count):
        (tmp_path / "weights").write_bytes(os.urandom(MEGABYTE))
        cli("add", tmp_path / "weights", f"net{number}", "--type", "model")


@pytest.mark.parametrize("answer", ["ENOSPC", "EDQUOT"])
def test_a_disk_without_a_free_byte_is_freed(
    cli: Cli, full: Path, tmp_path: Path, answer: str
) -> None:
    nets(cli, tmp_path)
    fill(full)
    run = partial(at, DISK=answer, LD_PRELOAD=other_disk()) if answer == "EDQUOT" else cli
    plan = full / "home" / "two.plan"
    steps: list[tuple[str | Path, ...]] = [
        ("ls",),
        ("plan", "name:net0 | name:net1", "--delete-aliases", "-o", plan),
        ("apply", plan, "--yes", "--expect", "2"),
        ("purge", "--all", "--yes", "--expect", "2"),
    ]
    for step in steps:
        assert free(full) < MEGABYTE
        fill(full)  # somebody else takes what was given up
        run(*step)
    assert "2 MB freed (2 stored objects)" in run("gc").out
    assert free(full) > 1.9 * MEGABYTE
    assert "nothing is wrong" in cli("fsck").out
    (full / "ballast").unlink()
    nets(cli, tmp_path, count=1)
    reserve = full / "home" / "data" / "registry" / "reserve"
    assert len(list(reserve.iterdir())) == 8, "it is made again"


@pytest.mark.slow
def test_a_full_disk_without_a_reserve_says_which_folder_it_is_and_what_helps(
    cli: Cli, full: Path, tmp_path: Path
) -> None:
    nets(cli, tmp_path)
    for one in full.glob("home/**/reserve/*"):
        one.unlink()
    cli("plan", "name:net0", "--delete-aliases", "-o", tmp_path / "a.plan")
    for one in full.glob("home/**/reserve/*"):
        one.unlink()
    ballast = fill(full)
    assert "3 versions" in cli("ls").out
    said = cli("plan", "name:net0", "--delete-aliases", "-o", full / "b.plan", code=1).err
    assert f"There is no room left in {full}" in said
    assert "ARTIFACT_TUI_STATE" in said
    assert not (full / "b.plan").exists()
    ran = cli("apply", tmp_path / "a.plan", "--yes", "--expect", "1", code=1)
    assert f"no room left on the disk that holds {full}" in ran.out + ran.err
    assert "0 B freed" in cli("gc").out
    assert "net0:v0" in cli("ls", "--versions").out
    os.truncate(ballast, ballast.stat().st_size - MEGABYTE)  # as the hint says
    cli("resume", tmp_path / "a.plan", "--retry-failed")
    assert "net0:v0" not in cli("ls", "--versions").out


def test_the_catalog_of_a_remote_registry_does_without_a_full_disk(
    cli: Cli, full: Path, zoo: Server
) -> None:
    cli("ls", zoo.address)
    fill(full)
    plan = full / "twelve.plan"
    assert "12 versions" in cli("ls", zoo.address).out
    cli("plan", zoo.address, "net", "--unknown-lineage", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "12")
    assert zoo.entries() == []


@pytest.mark.parametrize("answer", ["ENOLCK", "ENOSYS"])
def test_without_locks_remote_registries_work_and_local_ones_are_read(
    cli: Cli, tmp_path: Path, zoo: Server, registry: Local, answer: str
) -> None:
    elsewhere = Path(other_disk()).parent
    run = partial(
        at, DISK=answer, DISK_ROOT=str(tmp_path), LD_PRELOAD=other_disk(), TMPDIR=str(elsewhere)
    )
    plan = tmp_path / "p.plan"
    assert "2 collections · 6 versions" in run("ls", registry.address).out
    said = run("gc", registry.address, code=1).err
    assert "has no locks" in said
    assert "ARTIFACT_TUI_DATA" in said
    run("plan", zoo.address, "net", "--unknown-lineage", "-o", plan)
    run("apply", plan, "--yes", "--expect", "12")
    assert zoo.entries() == []
    assert "12 of 12 settled" in run("tasks").out
    assert not list(tmp_path.glob("p.plan.*lock*")), "no lock is left"


def test_changes_left_in_a_log_are_read_without_locks(tmp_path: Path, registry: Local) -> None:
    with closing(sqlite3.connect(registry.path / "registry.db")) as conn:
        conn.execute("UPDATE collection SET name = 'renamed' WHERE name = 'net'")
        conn.commit()
        copy = tmp_path / "copy"
        subprocess.run(["cp", "-r", str(registry.path), str(copy)], check=True)
    (copy / "registry.db-shm").unlink()
    ran = at("ls", f"local:{copy}", DISK="ENOLCK", DISK_ROOT=str(copy), LD_PRELOAD=other_disk())
    assert "renamed" in ran.out


def test_files_can_be_exchanged_with_an_older_sqlite(
    cli: Cli, tmp_path: Path, zoo: Server, registry: Local, home: Path
) -> None:
    cli("ls", zoo.address)
    cli("plan", registry.address, "net", "-o", tmp_path / "p.plan", code=None)
    found = [tmp_path / "p.plan", registry.path / "registry.db", *home.rglob("*.db")]
    assert len(found) > 2
    for path in found:
        with closing(sqlite3.connect(path)) as conn:
            made = conn.execute("SELECT group_concat(sql) FROM sqlite_schema").fetchone()[0]
        assert not re.search(r"\bSTRICT\b", made), path


@pytest.mark.parametrize("words", [("ls",), ("tasks",), ("ls", "http://127.0.0.1:9"), ()])
def test_an_sqlite_that_is_too_old_is_refused_at_once(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.31.1")
    said = cli(*words, code=1).err
    assert "SQLite 3.31.1, which is too old" in said
    assert "SQLite 3.34 or newer" in said


NO_HOME = """
import pwd, sys
def nobody(uid): raise KeyError(uid)
pwd.getpwuid = nobody
from artifact_tui.cli import main
sys.exit(main(sys.argv[1:]))
"""


def homeless(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command line as a user without a name and a home."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), **env}  # noqa: PTH109 - where the package is
    return subprocess.run(
        [sys.executable, "-c", NO_HOME, *map(str, args)],
        capture_output=True, text=True, check=False, env=bare,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, ("ls",)),
        ({"HOME": ""}, ("tasks",)),
        ({"HOME": "rel"}, ("add", "/etc/hostname", "n", "--type", "m")),
        ({"XDG_DATA_HOME": "rel"}, ("gc",)),
    ],
)
def test_without_a_home_one_line_says_what_to_set(
    env: dict[str, str], words: tuple[str, ...]
) -> None:
    ran = homeless(*words, **env)
    assert ran.returncode == 1, ran
    assert "There is no home folder" in ran.stderr
    assert "ARTIFACT_TUI_HOME" in ran.stderr
    assert len(ran.stderr.splitlines()) == 2, ran.stderr


def test_without_a_home_what_needs_none_works(tmp_path: Path, registry: Local, zoo: Server) -> None:
    assert "6 versions" in homeless("ls", registry.address).stdout
    assert "12 versions" in homeless("ls", zoo.address, TMPDIR=str(tmp_path)).stdout
    (tmp_path / "own").mkdir()
    ran = homeless("ls", ARTIFACT_TUI_HOME=str(tmp_path / "own"))
    assert "Traceback" not in ran.stderr
    (tmp_path / "file").touch()
    ran = homeless("add", "/etc/hostname", "n", "--type", "m", HOME=str(tmp_path / "file"))
    assert str(tmp_path / "file") in ran.stderr
    assert len(ran.stderr.splitlines()) == 2, ran.stderr
