"""Names that attack a terminal, a shell or a parser go through every command unharmed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifact_tui.query import parse
from artifact_tui.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local, Ran

NAMES = [
    "m[latest]",
    "bad [/nope]",
    "\x1b]52;c;aGVsbG8=\x07\x9b2J",
    "safe\u202egnp.exe",
    "a\nb\tc\r",
    "-rf *; $(reboot) `x` 'y' \"z\"",
    "back\\slash \\x1b",
    "x" * 5000,
    "zero\u200bwidth \u3164",
    "漢字 🎉",
    "a:b|c type:model (d)",
    "%s %d {name}",
]


def check(ran: Ran) -> Ran:
    for line in (*ran.out.split("\n"), *ran.err.split("\n")):
        assert line.isprintable(), repr(line)
    return ran


def quoted(name: str) -> str:
    """The name as one literal of the filter language; the beginning of a very long one."""
    if len(name) > 1000:
        return name[:1000] + "*"
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_goes_the_whole_way(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "bad \x1b[31m\u202e").write_text("x")
    for note in ("one", "two"):
        check(cli("add", "--type", name, "--tag", name, "--run", name, "--note", note + name,
                  "--", tmp_path / "f", name))  # fmt: skip
    assert safe(name) in check(cli("ls")).out
    check(cli("ls", "--versions", f"name:{quoted(name)}"))
    shown = check(cli("show", "--", f"{name}:v0")).out
    assert "bad \\x1b[31m\\u{202e}" in shown
    plan = tmp_path / "p.plan"
    check(cli("plan", f"name:{quoted(name)}", "-o", plan))
    assert f"{safe(name)}:v0" in check(cli("review", plan)).out
    check(cli("apply", plan, "--yes", "--expect", "1"))
    check(cli("report", plan, "--items"))
    check(cli("trash"))
    check(cli("restore", "--", f"{name}:v0"))
    check(cli("tag", "--remove", name, "--yes", "--expect", "1", "--", f"{name}:v0"))
    check(cli("alias", "--add", "a", "--filter", f"name:{quoted(name)} latest:1", "--dry-run"))
    raw = check(cli("ls", "--json", "--versions")).out
    assert raw.isascii()
    assert {json.loads(line)["name"] for line in raw.splitlines()} == {name}


def test_a_path_with_control_characters_is_shown_harmlessly(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    path = tmp_path / "p\x1b]0;x\x07.plan"
    assert "\\x1b]0;x\\x07.plan" in check(cli("plan", registry.address, "net", "-o", path)).out
    check(cli("review", path))
    check(cli("apply", path, "--yes", "--expect", "2"))
    check(cli("tasks"))
    check(cli("show", registry.address, "nope\x1b:v1", code=1))
    check(cli("ls", registry.address, "\x1b:x", code=None))
    check(cli("ls", "local:/nope\x1b[2J", code=1))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0"), max_size=40))
def test_no_filter_does_anything_but_list_or_explain(cli: Cli, registry: Local, text: str) -> None:
    ran = check(cli("ls", registry.address, "--versions", "--", text, code=None))
    assert ran.code in {0, 2}
    assert "unexpected" not in ran.err
    if ran.code == 0:
        parse(text)
