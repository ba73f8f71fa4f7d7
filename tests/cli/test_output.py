"""Numbered lines for people, JSON for programs, control characters for nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from artifact_tui.cli.output import Output, command

if TYPE_CHECKING:
    import pytest


def test_rows_are_numbered_and_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.rows([("resnet50", "1.2 TB", "x"), ("漢字", "312 MB", "")], right="1")
    assert capsys.readouterr().out == ("    1  resnet50  1.2 TB  x\n    2  漢字      312 MB\n")
    out.rows([("a",), ("b",)], numbers=[17, 100_000])
    out.rows([])
    assert capsys.readouterr().out == "   17  a\n100000  b\n"


def test_a_long_text_only_pushes_its_own_row(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([("x" * 60, "1"), ("y", "2")])
    assert capsys.readouterr().out.splitlines()[1] == "    2  y" + " " * 47 + "  2"


def test_json_is_ascii_and_words_go_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(json=True)
    out.record({"name": "\x1b漢\u202e", "size": None})
    out.words("2 versions")
    printed = capsys.readouterr()
    assert printed.out.isascii()
    assert "\x1b" not in printed.out
    assert json.loads(printed.out) == {"name": "\x1b漢\u202e", "size": None}
    assert printed.err == "2 versions\n"


def test_what_nobody_made_safe_is_caught_at_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    Output().words("a\x1b[2Jb")
    assert capsys.readouterr().out == "a\\x1b[2Jb\n"


def test_a_command_can_be_copied() -> None:
    assert command("apply", "my plan", 3) == "artifact-tui apply 'my plan' 3"
    assert command("review", "x\x1b") == "artifact-tui review 'x\\x1b'"
