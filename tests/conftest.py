"""What every test gets: places of its own, one time zone and locale, hypothesis without a clock.

Processes that apply plans are forked from one that has its imports done: `own_interpreter` is for
tests of their start.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zlib
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from artifact_tui.deletion import worker
from tests.support import forked
from tests.support.forked_terminal import SCREEN

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile(
    "shared",
    deadline=None,  # two shared cores: a slow run says nothing about the code
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("shared")

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
FOLDER = Path(__file__).parent
SERVERS = (
    "ministack.app",
    "moto.s3.responses",
    "moto.server",
    "tests.servers.rest.app",
    "tests.servers.wandb.app",
)
"""What is imported by processes of their own, beside what is forked."""
ROOM = 4 * 1024**3
"""Bytes that a run may leave there at most; what passed is removed at once."""


def _in_memory() -> None:
    """Keep the tests' files in memory where there is room: they sync hundreds of databases."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)  # for the servers and workers that are started
        tempfile.tempdir = None


def _keep_bytecode() -> None:
    """Compile each module once, not again in each of the hundreds of processes that are started."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


gc.set_threshold(50_000, 20, 20)  # a screen makes and drops so much that a fifth went into this

_spawn = worker._spawn
worker._spawn = forked.worker  # type: ignore[assignment] # it answers what is asked of it

_in_memory()
_keep_bytecode()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three workers a core for `-n auto`: tests often wait for a server or a screen."""
    return 3 * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Compile what the tests import, where it never was, before all workers would do so at once.

    Of files of tests it makes no tests, and what has imported what it forks stays to fork it.
    """
    if Path(cache_from_source(str(FOLDER.parent / "artifact_tui/tui/app.py"))).exists():
        return
    none = ["-o", "python_functions=none", "-o", "python_classes=none", "-p", "no:cacheprovider"]
    collecting = ["-m", "pytest", "--collect-only", "-qq", *none, str(FOLDER)]
    importing = ["-c", f"import {', '.join(SERVERS)}"]
    programs = [
        subprocess.Popen(
            [sys.executable, *words],
            cwd=FOLDER.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # the workers will say what is wrong
        )
        for words in (collecting, importing)
    ]
    for imports in (forked.OURS, forked.SDK, forked.MLFLOW, SCREEN):
        with contextlib.suppress(OSError, ValueError):  # none was started: the tests will say why
            forked.start(["-c", ""], imports=imports).wait()
    for program in programs:
        program.wait()


def pytest_configure(config: pytest.Config) -> None:
    """Hand tests out one at a time, so that no worker is left alone with many in the end.

    The name of the run is known before its workers are: they share what is started here.
    """
    config.option.testrunuid = os.environ.setdefault("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    if getattr(config.option, "maxschedchunk", 1) is None:
        config.option.maxschedchunk = 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take long, and end with those that take next to nothing.

    Between them they are mixed: those of a file often wait, or compute, all together.
    """
    items.sort(key=_haste)


def _haste(item: pytest.Item) -> tuple[int, int]:
    if item.get_closest_marker("slow"):
        return 0, 0
    if item.nodeid.startswith("tests/unit/"):
        return 2, 0
    return 1, zlib.crc32(item.nodeid.encode())


def pytest_collection_finish() -> None:
    """Let no later garbage collection walk through the thousands of tests and their modules."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that holds this test's configuration, catalogs, plans and embedded registry."""
    path = tmp_path / "home"
    for name in ("CONFIG", "CACHE", "STATE", "DATA", "TOKEN"):
        monkeypatch.delenv(f"ARTIFACT_TUI_{name}", raising=False)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARTIFACT_TUI_HOME", str(path))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    time.tzset()
    yield path
    time.tzset()


@pytest.fixture
def own_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that applies a plan is started as for a user, not forked."""
    monkeypatch.setattr(worker, "_spawn", _spawn)


@pytest.fixture(autouse=True)
def closes_its_catalogs() -> Iterator[None]:
    """A catalog that is left open fails the test that opened it."""
    before = _catalog_threads()
    yield
    left = _catalog_threads() - before
    assert not left, f"left open: {left}"


def _catalog_threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("catalog-")}
