"""Who holds a file open: by which way, under which name, and what nobody may know."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.open_files import file_id, holders_of
from artifact_tui.testing.steps import held_open

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a file")
WAYS = pytest.mark.parametrize("mapped", [False, True], ids=["open", "mapped"])


def holders(*paths: Path) -> dict[str, tuple[str, ...]]:
    files = {path.name: {file_id(path.stat())} for path in paths}
    return dict(holders_of(files).by)


@WAYS
def test_a_file_is_known_by_what_it_is_whatever_its_name(tmp_path: Path, *, mapped: bool) -> None:
    for number, name in enumerate(("plain", "new\nline", "octal\\012", "gone (deleted)", "\udcff")):
        path, other = tmp_path / name, tmp_path / f"other {number}"
        path.write_bytes(b"w" * 5000)
        other.hardlink_to(path)
        with held_open(path, mapped=mapped) as trainer:
            assert holders(path) == {name: (trainer,)}
            assert holders(other) == {other.name: (trainer,)}


@WAYS
def test_each_look_tells_what_is_so_then(tmp_path: Path, *, mapped: bool) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1" * 5000)
    two.write_bytes(b"2" * 5000)
    assert holders(one, two) == {}
    with held_open(one, mapped=mapped) as first:
        assert holders(one, two) == {"one": (first,)}
        assert holders(one, two) == {"one": (first,)}
        with held_open(one, mapped=mapped) as second:
            assert set(holders(one)["one"]) == {first, second}
        assert holders(one, two) == {"one": (first,)}
    assert holders(one, two) == {}


SWAP = """
import mmap, os, sys
one, two = sys.argv[1:]
def memory(path):
    file = os.open(path, os.O_RDONLY)
    held = mmap.mmap(file, 0, prot=mmap.PROT_READ)
    os.closerange(3, 256)
    return held
held = memory(one)
print("ready", flush=True)
sys.stdin.readline()
held.close()
held = memory(two)
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_process_that_goes_on_to_another_file_of_the_same_size_is_seen(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1" * 5000)
    two.write_bytes(b"2" * 5000)
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", SWAP, str(one), str(two)]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as trainer:
        assert trainer.stdin is not None
        assert trainer.stdout is not None
        trainer.stdout.readline()
        assert holders(one, two).keys() == {"one"}
        trainer.stdin.write(b"\n")
        trainer.stdin.flush()
        trainer.stdout.readline()
        assert holders(one, two).keys() == {"two"}


def test_what_this_process_holds_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with path.open("wb"):
        assert holders(path) == {}


LOOK = """
import os, sys
from artifact_tui.clients.open_files import holders_of
os.setuid(65534)
found = holders_of({"one": {(int(sys.argv[1]), int(sys.argv[2]))}})
print(dict(found.by), found.unseen)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two people")
def test_of_other_peoples_processes_it_is_said_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"1")
    found = path.stat()
    with held_open(path, mapped=True):
        words = [sys.executable, "-c", LOOK, str(found.st_dev), str(found.st_ino)]
        said = subprocess.run(words, capture_output=True, check=True, text=True)
    assert said.stdout == "{} True\n"
