"""Progress: now and then a line, or one line in place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from artifact_tui.cli.output import Progress

if TYPE_CHECKING:
    import pytest


def test_elsewhere_lines_are_rare(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        for number in range(1000):
            progress.show(f"step {number}")
        progress.show("the last \x1b[2J", now=True)
    assert capsys.readouterr().err == "the last \\x1b[2J\n"


def test_on_a_terminal_one_line_is_written_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    with Progress() as progress:
        progress.show("reading a file for a very long time", now=True)
        progress.show("done", now=True)
    said = capsys.readouterr().err
    assert said == "\rreading a…long time\rdone" + " " * 15 + "\r" + " " * 4 + "\r"
    assert "\n" not in said


def test_a_dumb_terminal_gets_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    with Progress() as progress:
        progress.show("a", now=True)
    assert capsys.readouterr().err == "a\n"
