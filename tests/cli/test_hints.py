"""Every command that is printed as a hint can be typed as it stands."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local, Ran
    from tests.servers.wandb.process import Server

ASKS = ("alias", "apply", "purge", "reingest", "reset", "tag", "ttl")
"""Commands that ask before they do anything: without a terminal they say how to answer."""


TEMPLATES = frozenset({"ALIAS", "SOURCE"})
"""Words for what only the user can know."""


def hints(ran: Ran) -> list[list[str]]:
    """The commands that were printed, as words."""
    lines = re.findall(r"artifact-tui ([^`\n]+)", ran.out + ran.err)
    return [
        shlex.split(re.split(r"; | or artifact-tui|, then ", line)[0].rstrip(".")) for line in lines
    ]


def typed(cli: Cli, words: list[str]) -> None:
    """Type one: it is understood, and about a registry that is there."""
    if {*words} & TEMPLATES:
        return
    ran = cli(*words, code=None)
    assert "There is no" not in ran.err, (words, ran)
    if words[0] not in ASKS:
        assert ran.code != 2, (words, ran)


@pytest.fixture
def spaced(registry: Local, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registry in a folder with a space in its name, as a user in the folder above types it."""
    registry.path.rename(registry.path.parent / "my registry")
    monkeypatch.chdir(registry.path.parent)
    return "local:./my registry"


def test_hints_about_a_registry_in_a_folder(cli: Cli, spaced: str, tmp_path: Path) -> None:
    plan = tmp_path / "a plan"
    for words in (
        ("ls", spaced, "--versions"),
        ("plan", spaced, "name:net alias:none", "-o", plan),
        ("review", plan),
        ("apply", plan, "--yes", "--expect", "2"),
        ("apply", plan),
        ("tasks",),
        ("trash", spaced),
        ("restore", spaced),
        ("alias", spaced, "--filter", "*", "--protect", "x"),
        ("alias", spaced, "net:v3"),
        ("ttl", spaced, "net:v3", "1h"),
        ("tag", spaced, "net:v3", "--add", "x"),
        ("purge", spaced, "--all"),
        ("gc", spaced),
        ("fsck", spaced),
        ("show", spaced, "net:v99"),
        ("plan", spaced, "--collection", "nothing-like-it"),
        ("reingest", spaced, "net:v3"),
    ):
        for hint in hints(cli(*words, code=None)):
            typed(cli, hint)


def test_hints_about_an_address_that_is_not_configured(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    address = vision.address()
    cli("registries", "remove", "vision")
    plan = tmp_path / "p.plan"
    for words in (
        ("ls", address),
        ("plan", address, "name:mnist version:v0", "-o", plan),
        ("review", plan),
        ("apply", plan),
        ("alias", address, "mnist:v2", "--remove", "production"),
        ("alias", address, "mnist:v0", "--remove", "latest"),
        ("alias", address, "--filter", "*"),
        ("ttl", address, "--filter", "alias:none", "1h"),
        ("tag", address, "mnist:v0", "--add", "x"),
        ("trash", address),
        ("restore", address),
        ("plan", address, "--collection", "nothing-like-it"),
        ("ls", address, "--cached"),
    ):
        for hint in hints(cli(*words, code=None)):
            typed(cli, hint)


LAB = "ines's big lab"
"""A registry's name that a shell would take apart."""

NET = "it's a * [net] $HOME"


@pytest.fixture
def odd(cli: Cli, registry: Local) -> str:
    """A registry with such a name, and a collection with one."""
    cli("registries", "add", LAB, registry.address)
    cli("registries", "add", "other", f"local:{registry.path}-2")
    for number in range(3):
        registry.add(NET, content=bytes([number]) * 10)
    return LAB


def test_hints_about_names_that_a_shell_would_take_apart(
    cli: Cli, odd: str, tmp_path: Path
) -> None:
    plan = tmp_path / "it's a plan"
    for words in (
        ("ls", odd, "--versions"),
        ("plan", odd, "--collection", NET, "-o", plan),
        ("review", plan),
        ("alias", odd, f"{NET}:v2", "--remove", "x"),
        ("alias", odd, f"{NET}:v0", "--remove", "latest"),
        ("ttl", odd, f"{NET}:v0", "1h", "--yes"),
        ("apply", plan, "--yes", "--expect", "2"),
        ("apply", plan),
        ("trash", odd),
        ("restore", odd),
        ("plan", odd, "--collection", "nothing-like-it"),
        ("alias", odd, "--filter", "*", "--protect", "x"),
    ):
        for hint in hints(cli(*words, code=None)):
            typed(cli, hint)


def test_the_registries_that_may_be_named_are_quoted(cli: Cli, odd: str) -> None:
    said = cli("ls", code=2).err
    names = said.partition("Name one of them: ")[2].partition(";")[0]
    assert shlex.split(names.replace(", ", " ")) == [odd, "other"]


def test_a_registry_behind_a_filter_is_looked_for_as_the_hint_says(cli: Cli, odd: str) -> None:
    said = cli("ls", "type:model", odd, code=2).err
    (word,) = shlex.split(said.partition("in names, write ")[2].strip().rstrip("."))
    assert cli("ls", odd, "type:model", word).out.startswith("nothing in")


def test_what_a_plan_is_about_can_be_typed(cli: Cli, odd: str, tmp_path: Path) -> None:
    listed = tmp_path / "my keys"
    listed.write_text(f"{NET}:v0\n")
    for words in (("--collection", NET), ("--from", str(listed))):
        said = cli("plan", odd, *words, "-o", tmp_path / f"{words[0]}.plan").out
        line = said.partition("filter: ")[2].splitlines()[0]
        assert shlex.split(line) == [*words]


def test_a_registry_that_changes_nothing_names_its_test(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "my hub"
    folder.mkdir()
    (hint,) = hints(cli("tag", f"hf:{folder}", "a:b", "--add", "x", code=2))
    assert hint == ["registries", "test", f"hf:{folder}"]


def test_a_name_that_was_perhaps_meant_is_quoted(cli: Cli, odd: str) -> None:
    said = cli("show", odd, f"{NET[:-1]}:v0", code=1).err
    (meant,) = shlex.split(said.partition("Did you mean ")[2].strip().rstrip("?"))
    assert meant == NET


def test_a_name_of_two_versions_hints_at_their_registry(cli: Cli, tmp_path: Path) -> None:
    made, commit = Hub(tmp_path / "my hub"), commit_of("one")
    for folder in ("models--m", "datasets--m"):
        made.download(folder, commit, {"c.json": folder.encode()})
    (hint,) = hints(cli("show", f"hf:{made.root}", f"m:{commit[:12]}", code=2))
    assert hint == ["ls", f"hf:{made.root}", "--versions", "--json"]
    typed(cli, hint)
