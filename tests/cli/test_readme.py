"""Every command of the README does what it says there: those of each section are run by a test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.config import load
from tests.pty.terminal import Terminal
from tests.servers.rest.process import fresh as rest_fresh
from tests.servers.rest.registry import Entry
from tests.servers.s3_odd import odd_s3
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Local
    from tests.servers.rest.process import Server as Rest
    from tests.servers.wandb.process import Server

USAGE = 2
"""The exit code of what makes no sense, or needs somebody at a terminal."""

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


def programs(text: str) -> list[str]:
    """Every command line in a text: of its shell blocks, and in backticks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))
    known = [one for one in inline if one.partition(" ")[0] in PROGRAMS and " " in one]
    return [part.strip() for line in [*lines, *known] for part in line.split("&&")]


PROGRAMS = {"artifact-tui", "aws", "bash", "curl", "pip", "pytest", "python", "python3", "ssh"}
ELSEWHERE = {
    "python3 -m venv .venv": "what CI begins with",
    ".venv/bin/pip install -q .": "pip",
    ".venv/bin/pip install -q -e '.[test]'": "pip",
    ".venv/bin/pytest -n auto": "what CI runs",
    "bash .ci/run": "CI",
    "pytest -m 'not slow'": "another choice of what CI runs",
    "pytest --snapshot-update": "writes what CI compares",
    "python screenshots/make.py": "writes pictures, for people",
    "aws s3 rm …": "what people use today",
    "ssh -C": "not ours",
}
"""Command lines that no test below runs, and why."""


def commands(text: str) -> list[list[str]]:
    """Each command line of ours in a text, as words without the name of the program."""
    ours = [re.sub(r"^(\.venv/bin/)?artifact-tui ?", "", one.replace(r"\|", "|"))
            for one in programs(text) if one not in ELSEWHERE]  # fmt: skip
    return [shlex.split(words) for words in ours]


HEADINGS = {
    heading: commands(section(heading)) for heading in re.findall("^#+ .*", README, re.MULTILINE)
}
TESTED = {"# artifact-tui", "## On the command line", "### Weights & Biases, line by line",
          "### A REST registry, line by line", "## Configuration"}  # fmt: skip
"""The sections whose commands are all run below."""

WANDB = HEADINGS["### Weights & Biases, line by line"]
PLANS = [words for words in WANDB if words[0] == "plan"]
EDITS = [words for words in WANDB if words[0] in {"ttl", "alias", "tag"}]


OPENED = ["--read-only", "https://wandb.ai/acme/vision"]
ADDED = ["registries", "add", "vision", "https://wandb.ai/acme/vision"]


def test_every_command_stands_where_it_is_run() -> None:
    assert {heading for heading, words in HEADINGS.items() if words} == TESTED
    assert [" ".join(words[2:-2]) for words in PLANS] == list(ENDS)
    rest = [words for words in WANDB if words not in PLANS and words not in EDITS]
    assert rest == [OPENED, ADDED, ["apply", "p.plan"], ["report", "p.plan"]]


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
    assert "verified gone" in cli("report", "p.plan").out or not ENDS[" ".join(words[2:-2])]
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
    assert re.search(rf"^{count} of {count} changed\.$", said, re.MULTILINE)
    assert len(vision.done()) == int(count)


def test_a_registry_is_added_as_shown(cli: Cli) -> None:
    cli(*ADDED)
    assert f'address = "{load().registries["vision"].address}"' in README


def test_a_page_that_is_pasted_is_opened(vision: Server) -> None:
    terminal = Terminal(OPENED[0], OPENED[1].replace("https://wandb.ai", vision.base_url))
    try:
        terminal.until(lambda: "mnist" in terminal.text, "the list of the project")
        assert "read-only" in terminal.text
    finally:
        terminal.close()


COMMANDS = [
    "open", "demo", "add", "stores", "ls", "show", "export", "plan", "review", "apply", "resume",
    "tasks", "report", "trash", "restore", "purge", "gc", "orphans", "reingest", "reset",
    "registries",
    "registries add", "registries default", "registries list", "registries remove",
    "registries test", "fsck", "alias", "tag", "ttl",
]  # fmt: skip


def test_each_command_tells_the_rest(cli: Cli) -> None:
    listed = re.findall(r"^  ([a-z]+) {2,}[A-Z]", cli("--help").out, re.MULTILINE)
    assert {name for name in COMMANDS if " " not in name} == set(listed)
    assert ["COMMAND", "--help"] in HEADINGS["## On the command line"]
    for name in COMMANDS:
        assert "Usage: artifact-tui" in cli(*name.split(), "--help").out


def carried_out(cli: Cli, words: list[str]) -> str:
    """Run a command line; what it wants to be told instead of asked is told, as it is printed."""
    ran = cli(*words, code=None)
    if ran.code == USAGE:
        (instead,) = re.findall(r"artifact-tui (.+ --expect \d+)", ran.err)
        ran = cli(*shlex.split(instead))
    assert ran.code == 0, ran
    return ran.out


def make_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hugging Face cache with the model of the examples, as that of this account."""
    hub = Hub(folder)
    hub.download("models--acme--base", commit_of("new"), {"w.bin": b"w" * 900}, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))


@pytest.mark.slow
def test_the_tour_of_the_command_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_hub(tmp_path / "hub", monkeypatch)
    Path("weights").mkdir()
    Path("weights", "a.bin").write_bytes(b"a" * 100)
    demo, made = HEADINGS["# artifact-tui"]
    assert "made 2,000 versions" in cli(*made).out
    assert "needs a terminal" in cli(*demo, code=USAGE).err
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()].count("sample") == 1
    assert "in the folder `./sample`" in " ".join(README.split())
    (example,) = re.findall(r"A filter such as\n? *`([^`]+)`", README)
    assert "match" in cli("ls", "local:./sample", example, "--versions").out
    for words in HEADINGS["## On the command line"]:
        if words != ["COMMAND", "--help"]:
            assert "nothing in sample matches" not in carried_out(cli, words)


def test_which_commands_take_json(cli: Cli) -> None:
    without = {name for name in COMMANDS if "--json" not in cli(*name.split(), "--help").out}
    (told,) = re.findall(
        r"takes `--json` \(one object a line\), except ([^.]+)\.", README.replace("\n", " ")
    )
    assert set(re.findall("`([^`]+)`", told)) | {"open"} == without


@pytest.fixture
def rest_process() -> Rest:
    return rest_fresh()


def test_the_lines_of_a_rest_registry(
    cli: Cli, rest_process: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    rest_process.become()
    made = [Entry(str(n), "acme/bert", "model", url="https://x.example") for n in range(40, 46)]
    objects = {f"artifacts/model/{n}.zip": n for n in range(45, 48)}
    Path("ids.txt").write_text("model/41\nacme/bert:42\n", encoding="utf-8")
    with odd_s3("fine", objects) as s3:
        (config.config_dir() / "config.toml").write_text(
            f'[registries.zoo]\naddress = "{rest_process.address}"\nbucket = "b"\n'
            f'endpoint = "{s3.endpoint}"\n'
        )
        for words in HEADINGS["### A REST registry, line by line"]:
            if words[0] not in {"apply", "restore"}:
                rest_process.seed(made)
            if words[0] == "plan":
                Path("p.plan").unlink(missing_ok=True)
            out = carried_out(cli, [word.replace("…", "example.org/new") for word in words])
            if words[0] == "orphans":
                assert re.search(r"^ *orphans +2 ", out, re.MULTILINE)
    assert not rest_process.entries(), "the last line deletes everything"


def test_the_configuration_that_is_shown_is_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    path = config.config_dir() / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(shown, encoding="utf-8")
    monkeypatch.setenv("ZOO_TOKEN", "sesame")
    (words,) = HEADINGS["## Configuration"]
    out = cli(*words).out
    assert all(name in out for name in re.findall(r"^\[registries\.(\w+)\]", shown, re.MULTILINE))


def test_the_filters_that_are_shown_can_be_asked(cli: Cli, registry: Local, vision: Server) -> None:
    rows = [row.split("|")[2] for row in section("## Filters").splitlines() if row[:1] == "|"]
    filters = [one for row in rows for one in re.findall(r"`([^`]*[:<>][^`]*)`", row)]
    assert len(filters) > 20
    for words in filters:
        ran = [cli("ls", where, words, code=None) for where in (registry.address, "vision")]
        asked = [one for one in ran if one.code != USAGE or "does not tell" in one.err]
        assert asked, f"{words}: {ran[0].err}"
