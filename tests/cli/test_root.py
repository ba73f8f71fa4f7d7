"""What a newcomer meets: help, version, the screen by default, and errors that say what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui import __version__
from artifact_tui.cli.root import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def test_help_shows_every_command_and_examples(cli: Cli) -> None:
    shown = cli("--help").out
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary[:30])}", shown, re.MULTILINE), name
    assert "artifact-tui demo ./sample" in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli: Cli, name: str) -> None:
    shown = cli(name, "--help").out
    assert shown.startswith(f"Usage: artifact-tui {name} ")
    assert COMMANDS[name].summary


def test_help_is_a_word_too(cli: Cli) -> None:
    assert cli("help").out == cli("--help").out == cli("-h").out
    assert cli("help", "plan").out == cli("plan", "--help").out


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"artifact-tui {__version__}\n"


@pytest.mark.parametrize("args", [[], ["local:./x"], ["open", "local:./x"], ["./x", "--read-only"]])
def test_the_screen_needs_a_terminal(cli: Cli, args: list[str]) -> None:
    said = cli(*args, code=2).err
    assert said.startswith("error: The screen needs a terminal, and this is none.\n")
    named = next((f"ls {arg}" for arg in args if arg.endswith("./x")), "stores")
    assert f"artifact-tui {named};" in said


def test_a_mistyped_command_is_guessed(cli: Cli) -> None:
    for words in (["reveiw"], ["reveiw", "x.plan"]):
        said = cli(*words, code=2).err
        assert "no command and no registry named “reveiw”" in said
        assert "artifact-tui review" in said


@pytest.mark.parametrize(
    ("typed", "instead"),
    [
        ("rm", "artifact-tui plan REGISTRY FILTER -o FILE"),
        ("delete", "artifact-tui apply FILE"),
        ("list", "artifact-tui ls REGISTRY FILTER"),
        ("search", "artifact-tui ls REGISTRY FILTER"),
        ("info", "artifact-tui show REGISTRY NAME:V"),
    ],
)
def test_a_command_of_other_programs_is_pointed_to_ours(cli: Cli, typed: str, instead: str) -> None:
    for words in ([typed], [typed, "vision", "mnist:v0"]):
        said = cli(*words, code=2).err
        assert f"There is no command “{typed}”" in said
        assert instead in said


def test_an_unknown_option_names_the_command(cli: Cli) -> None:
    said = cli("open", "--nope", code=2).err
    assert said.startswith("Usage: artifact-tui open ")
    assert "--nope" in said


def test_a_mistake_in_the_configuration_is_shown(cli: Cli, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("theem = 1\n")
    said = cli(code=2).err
    assert "config.toml, line 1: unknown key “theem”" in said
    assert "Did you mean “theme”?" in said


def test_hostile_words_are_shown_harmlessly(cli: Cli) -> None:
    said = cli("\x1b]0;x\x07\u202e", code=2).err
    assert "“\\x1b]0;x\\x07\\u{202e}”" in said
    assert said.replace("\n", "").isprintable()


def test_the_module_runs_too_and_returns_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "artifact_tui", "nope"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no registry named “nope”" in done.stderr
