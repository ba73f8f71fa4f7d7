"""The examples in each command's help do something, as they are printed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import config_dir
from tests.cli.test_readme import COMMANDS, USAGE, make_hub, rest_process
from tests.servers.rest.registry import Entry
from tests.servers.s3_odd import odd_s3

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.rest.process import Server as Rest

__all__ = ["rest_process"]

EXAMPLE = re.compile(r"^ {2,}artifact-tui (\S.+?)(?: {2,}.*)?$", re.MULTILINE)


def examples(cli: Cli, name: str) -> list[list[str]]:
    """The command lines that a command's help shows."""
    shown = cli(*name.split(), "--help").out
    return [shlex.split(one) for one in EXAMPLE.findall(shown)]


def carried_out(cli: Cli, words: list[str]) -> None:
    """Run an example, with the count that is asked for now."""
    if "--expect" in words:
        words = words[: words.index("--yes")]
    ran = cli(*words, code=None)
    if ran.code == USAGE:
        counts = re.findall(r"artifact-tui (.+ --expect \d+)", ran.err)
        assert counts, ran
        ran = cli(*shlex.split(counts[0]), code=None)
    of_a_team = "team" in words and "othing matches" in ran.err  # theirs has other versions
    assert ran.code == 0 or of_a_team, (words, ran)


@pytest.mark.slow
def test_every_example_runs(
    cli: Cli, rest_process: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ZOO_TOKEN", "sesame")
    for folder in ("weights", "out"):
        Path(folder).mkdir()
        Path(folder, "a.bin").write_bytes(b"a")
    Path("data.csv").write_text("1,2\n")
    Path("ids.txt").write_text("resnet50:v3\n")
    make_hub(tmp_path / "hub", monkeypatch)
    cli("demo", "./made", "--versions", "400", "--no-open")
    rest_process.become()
    made = [Entry(str(n), "acme/bert", "model", url="https://x.example") for n in range(40, 43)]
    config = config_dir() / "config.toml"
    with odd_s3("fine", {f"artifacts/model/{n}.zip": n for n in range(41, 45)}) as s3:
        for name in COMMANDS:
            rest_process.seed(made)
            for folder in ("sample", "team", "mine"):
                make_again(folder)
            for plan in Path().glob("*.plan"):
                plan.unlink()
            config.write_text("" if name.startswith("registries") else (
                'default_registry = "mine"\n'
                f'[registries.mine]\naddress = "local:{tmp_path}/mine"\n'
                f'[registries.team]\naddress = "local:{tmp_path}/team"\n'
                f'[registries.zoo]\naddress = "{rest_process.address}"\nbucket = "b"\n'
                f'endpoint = "{s3.endpoint}"\n'
            ))  # fmt: skip
            for words in examples(cli, name):
                if "--marked" in words:  # what is marked, only a screen says
                    continue
                prepare(cli, words)
                carried_out(cli, [word.replace("https://zoo.example/api", rest_process.address)
                                  for word in words])  # fmt: skip


def make_again(folder: str) -> None:
    """The registry as it was made, its stored files linked; nothing where it is so still."""
    if databases(folder) == databases("made"):
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("made", folder, copy_function=copy_or_link)


def databases(folder: str) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in Path(folder).glob("registry.db*")}


def copy_or_link(source: str, target: str) -> None:
    if Path(source).name.startswith("registry.db"):
        shutil.copy2(source, target)
    else:
        os.link(source, target)


ALL = ("--orphan-dependents", "--delete-aliases")


def prepare(cli: Cli, words: list[str]) -> None:
    """What an example takes for granted: that something was planned, deleted, or found."""
    if words[0] in {"apply", "restore", "purge"}:
        make_again("sample")
        Path("old.plan").unlink(missing_ok=True)
    if words[0] == "export":
        shutil.rmtree(words[-1])
    if words[0] == "apply" and words[1] == "old.plan":
        cli("plan", "local:./sample", "name:sweep* -latest:3", *ALL, "-o", "old.plan")
    if words[0] in {"restore", "purge"}:
        Path("old.plan").unlink(missing_ok=True)
        rule = (
            "name:resnet50 (version:v3 | version:v4)" if "resnet50:v3" in words else "name:sweep*"
        )
        options = (*ALL, "-o", "old.plan")
        cli("plan", "local:./sample", f"{rule} age>31d" if words[0] == "purge" else rule, *options)
        carried_out(cli, ["apply", "old.plan"])
