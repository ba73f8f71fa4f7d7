"""Every command of the README's two tours does what it says there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import load

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

ENDS = {
    "run:1jx2ud12": {"mnist:v3"},
    "run:1jx2ud12 --delete-aliases --break-links": {"mnist:v3", "mnist:v4", "net:v0"},
    "run:1jx2ud12 (version:v3 | version:v4) --delete-aliases --break-links": {
        "mnist:v3", "mnist:v4",
    },
    "alias:candidate --delete-aliases --break-links": {"net:v0"},
    "name:net* -latest:3": {"netlet:v0", "netlet:v1"},
    "name:mnist alias:none": {"mnist:v0", "mnist:v3"},
    "--collection mnist --whole-collections --delete-aliases --break-links": {
        "mnist:v0", "mnist:v2", "mnist:v3", "mnist:v4",
    },
    "name:Prod version:v0 --delete-aliases": set(),
}  # fmt: skip
"""What each plan of the table deletes; `net:v1` was made from `mnist:v1`, which stays."""


def section(heading: str) -> str:
    """What stands below a heading, up to the next one."""
    return re.split(r"^#+ ", README.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def commands(text: str) -> list[list[str]]:
    """Each command in backticks that begins with our name, as words."""
    found = re.findall(r"`artifact-tui ([^`]+)`", text)
    return [shlex.split(words.replace(r"\|", "|")) for words in found]


WANDB = commands(section("### Weights & Biases, line by line"))
PLANS = [words for words in WANDB if words[0] == "plan"]
EDITS = [words for words in WANDB if words[0] in {"ttl", "alias", "tag"}]


def test_every_plan_of_the_table_is_checked() -> None:
    assert [" ".join(words[2:-2]) for words in PLANS] == list(ENDS)


@pytest.mark.parametrize("words", PLANS, ids=lambda words: " ".join(words[2:-2]))
def test_a_documented_program_in_one_line(
    cli: Cli, vision: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vision.add(series=[{"path": "acme/vision/netlet", "versions": [{}, {}, {}, {}, {}]}])
    before = vision.alive()
    count = cli(*words).out.rpartition("--expect ")[2].split()[0]
    assert vision.alive() == before
    assert not vision.done()
    cli("apply", "p.plan", "--yes", "--expect", count)
    gone = {path.removeprefix("acme/vision/") for path in before - vision.alive()}
    assert gone == ENDS[" ".join(words[2:-2])]


@pytest.mark.parametrize("words", EDITS, ids=" ".join)
def test_a_documented_edit_in_one_line(cli: Cli, vision: Server, words: list[str]) -> None:
    words = [word for word in words if word != "--dry-run"]
    shown = cli(*words, "--dry-run").out
    assert not vision.done()
    (count,) = re.findall(r": (\d+) versions? of vision will change\n", shown)
    if count == "0":  # inherited as it is
        return
    said = cli(*words, "--yes", "--expect", count).out
    assert re.search(rf"^{count} versions? of vision changed$", said, re.MULTILINE)
    assert len(vision.done()) == int(count)


def test_a_registry_is_added_as_shown(cli: Cli) -> None:
    cli("registries", "add", "vision", "https://wandb.ai/acme/vision")
    assert "artifact-tui registries add vision https://wandb.ai/acme/vision\n" in README
    assert f'address = "{load().registries["vision"].address}"' in README


@pytest.mark.slow
def test_the_tour_of_the_command_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights").mkdir()
    Path("weights", "a.bin").write_bytes(b"a" * 100)
    cli("demo", "./sample", "--no-open")
    tour = section("## On the command line").partition("```sh\n")[2].partition("```")[0]
    lines = [line.partition("  #")[0] for line in tour.splitlines()]
    for part in (part for line in lines for part in line.split("&&")):
        _, *words = shlex.split(part)
        if words[0] in {"apply", "purge"}:
            asked = cli(*words, code=2)
            count = re.findall(r"--expect (\d+)", asked.out + asked.err)[-1]
            words += ["--yes", "--expect", count]
        cli(*words)
