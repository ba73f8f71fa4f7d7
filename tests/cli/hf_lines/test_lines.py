"""Caches that each line of huggingface_hub made: it reads what a deletion here leaves of them.

The line of the test extra is always there; `.ci/hub-lines` installs the others, and where
`HUB_LINES` is set, as in CI, one that is missing is a failure.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.deletion.plan import Plan
from tests.servers.hub import commit_named, hub_server

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

pytestmark = pytest.mark.slow  # a process of the library for each download and each look

HERE = Path(__file__).parent
INSTALLED = HERE.parents[2] / ".venv" / "hub-lines"
OURS = version("huggingface_hub")
LINES = [
    line.partition("==")[2]
    for line in (HERE / "lines.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith("huggingface_hub==")
]

OLD, MID, NEW, TUNED, DATA, BROKEN, WHOLE, LOOSE = map(
    commit_named, ("old", "mid", "new", "tuned", "data", "broken", "whole", "loose")
)
WEIGHTS = b"w" * 50_000
CARD = b"---\nbase_model: acme/base\n---\n"
HUB = {
    "models/acme/base": {
        OLD: {"w.bin": WEIGHTS, "sub/old.bin": b"o" * 3_001, "config.json": b"{}"},
        MID: {"w.bin": WEIGHTS, "sub/mid.bin": b"m" * 2_002, "config.json": b"{}"},
        NEW: {"w.bin": WEIGHTS, "new.bin": b"n" * 703, "config.json": b"{ }"},
    },
    "models/me/lora": {TUNED: {"w.bin": WEIGHTS, "a.bin": b"a" * 4_005, "README.md": CARD}},
    "datasets/acme/squad": {DATA: {"data/train.json": b"[]" * 606}},
    "models/acme/loose": {LOOSE: {"loose.bin": b"L" * 1_213}},
    "models/acme/torn": {
        BROKEN: {"lost.bin": b"l" * 5_007, "kept.bin": b"k" * 1_009},
        WHOLE: {"kept.bin": b"k" * 1_009, "small.txt": b"s" * 11},
    },
}
NOBODY = "http://127.0.0.1:9"
"""Where no Hub is: nothing may be asked."""

DOWNLOADS = [
    ["model", "acme/base", OLD], ["model", "acme/base", MID], ["model", "acme/base", "main"],
    ["model", "me/lora", "main"], ["dataset", "acme/squad", "main"],
    ["model", "acme/loose", "main"],
    ["model", "acme/torn", BROKEN], ["model", "acme/torn", "main"],
]  # fmt: skip
NAMES = {
    commit: (repository.partition("/")[0].removesuffix("s"), repository.partition("/")[2])
    for repository, commits in HUB.items()
    for commit in commits
}


@dataclass(frozen=True)
class Line:
    """One version of the library, as programs that are run with it."""

    version: str

    @property
    def folder(self) -> Path:
        return INSTALLED / self.version

    def run(self, script: str, cache: Path, asked: object, hub: str) -> str:
        """What a script prints about a cache, or what lies beside it."""
        env = os.environ | {
            "HF_ENDPOINT": hub, "HF_HUB_CACHE": str(cache), "HF_HOME": str(cache.parent / "home"),
            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        if self.version != OURS:
            env |= {"PYTHONPATH": str(self.folder), "HF_HUB_DISABLE_XET": "1"}
        ran = subprocess.run(
            [sys.executable, HERE / script], input=json.dumps(asked), text=True, env=env,
            capture_output=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def look(self, caches: dict[Path, set[str]]) -> dict[Path, dict[str, Any]]:
        """What it finds in caches, and reads of the revisions that must be whole in each."""
        asked = {
            str(cache): [[*NAMES[commit], commit] for commit in sorted(whole)]
            for cache, whole in caches.items()
        }
        seen = json.loads(self.run("look.py", next(iter(caches)), asked, NOBODY))
        assert {one["version"] for one in seen.values()} == {self.version}
        return {Path(cache): found for cache, found in seen.items()}


@pytest.fixture(params=[*LINES, OURS])
def line(request: pytest.FixtureRequest) -> Line:
    """Each line in turn."""
    found = Line(request.param)
    if found.version != OURS and not found.folder.is_dir():
        why = f"huggingface_hub {found.version} is not installed: run .ci/hub-lines"
        assert not os.environ.get("HUB_LINES"), why
        pytest.skip(why)
    return found


@pytest.fixture
def made(line: Line, tmp_path: Path) -> Path:
    """A cache that the line downloaded, and what went wrong in it since."""
    cache = tmp_path / "hub"
    with hub_server(HUB) as hub:
        line.run("download.py", cache, DOWNLOADS, hub)
    base, torn = cache / "models--acme--base", cache / "models--acme--torn"
    (base / "refs/v1").write_text(OLD)
    (torn / f"snapshots/{BROKEN}/lost.bin").resolve().unlink()
    (cache / "models--acme--loose/refs/gone").write_text("0" * 40)
    part = hashlib.sha256(b"part").hexdigest()
    for name in (f"{part}.incomplete", f"{part[::-1]}.0a1b2c3d.incomplete"):
        path = base / "blobs" / name
        path.write_bytes(b"p" * 6_011)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return cache


def weigh(cache: Path) -> int:
    """The bytes of all blobs, as `du` counts them, each once.

    Neither the notes of the library beside them, nor those of its store about who needs a blob.
    """
    found = {
        (stat.st_dev, stat.st_ino): stat.st_size
        for path in cache.rglob("blobs/**/*")
        if not path.is_symlink() and path.is_file() and path.suffix not in {".refs", ".lock"}
        for stat in [path.stat()]
    }
    return sum(found.values())


def contents(commit: str) -> dict[str, str]:
    """The files of a revision, and what they hold."""
    (files,) = (commits[commit] for commits in HUB.values() if commit in commits)
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


EVERY = frozenset(NAMES)
DELETIONS: dict[str, tuple[list[str], set[str]]] = {
    "a revision": ([f"version:{OLD[:12]}", "--delete-aliases"], {OLD}),
    "two of three": (["name:acme/base alias:none"], {MID}),
    "the last of a repository": (["name:acme/squad", "--delete-aliases"], {DATA}),
    "what shares its weights": (["name:me/lora", "--delete-aliases"], {TUNED}),
    "a whole repository, and what was made from it": (
        ["name:acme/base", "--delete-aliases", "--with-dependents", "--unfinished"],
        {OLD, MID, NEW, TUNED},
    ),
    "a broken revision": ([f"version:{BROKEN[:12]}"], {BROKEN}),
    "partial files": (["version:partial", "--unfinished"], set()),
    "a ref to nowhere": (["name:acme/loose version:dangling"], set()),
    "all of a broken repository": (["name:acme/torn", "--delete-aliases"], {BROKEN, WHOLE}),
    "everything": (
        ["--delete-aliases", "--with-dependents", "--unfinished", "size>=0"], set(EVERY),
    ),
}  # fmt: skip

MENDED = {"a broken revision", "a ref to nowhere", "all of a broken repository", "everything"}
"""Deletions after which the library warns of less."""


def delete(cli: Cli, cache: Path, words: list[str]) -> int:
    """Review a deletion, carry it out; gives the bytes that the review promised to free."""
    plan = cache.with_suffix(".plan")
    cli("plan", f"hf:{cache}", *words, "-o", plan)
    with Plan.open(plan) as reviewed:
        promised = reviewed.summary
    cli("apply", plan, "--yes", "--expect", str(promised.deletes))
    return promised.freed


def test_the_line_reads_what_is_left(cli: Cli, line: Line, made: Path) -> None:
    left: dict[str, tuple[Path, set[str]]] = {}
    for number, (what, (words, gone)) in enumerate(DELETIONS.items()):
        cache = Path(shutil.copytree(made, made.with_name(f"hub{number}"), symlinks=True))
        assert weigh(made) - delete(cli, cache, words) == weigh(cache), what
        left[what] = cache, {one for one in EVERY - gone if one != BROKEN}

    seen = line.look({made: set(EVERY - {BROKEN}), **dict(left.values())})
    before = seen[made]
    assert len(before["warnings"]) == 2, "it drops what is broken"
    for what, (cache, kept) in left.items():
        after, gone = seen[cache], DELETIONS[what][1]
        assert set(after["warnings"]) <= set(before["warnings"]), what
        assert (set(after["warnings"]) != set(before["warnings"])) == (what in MENDED), what
        assert set(after["revisions"]) >= set(before["revisions"]) - gone, what
        assert not set(after["revisions"]) & gone, what
        assert after["whole"] == {commit: contents(commit) for commit in kept}, what
