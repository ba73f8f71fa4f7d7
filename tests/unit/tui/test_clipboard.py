"""What is written to the terminal to copy a text."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING

import pytest

from artifact_tui.tui import terminal

if TYPE_CHECKING:
    from pathlib import Path


async def test_osc_52_without_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    sequence = await terminal.sequence_for("resnet50:v5 é")
    assert sequence.startswith("\x1b]52;c;")
    assert sequence.endswith("\a")
    assert base64.b64decode(sequence[7:-1]).decode() == "resnet50:v5 é"


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for tmux that keeps what it was given."""
    program = tmp_path / "tmux"
    program.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "load-buffer -w -" ] && cat > {tmp_path}/got\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")  # noqa: S108 - a name, no file
    return program


def _does(tmux: Path, line: str) -> None:
    tmux.write_text(f"#!/bin/sh\n{line}\n")


async def test_tmux_takes_it_itself(tmux: Path) -> None:
    assert await terminal.sequence_for("a name") == ""
    assert (tmux.parent / "got").read_text() == "a name"


async def test_an_old_tmux_hands_it_through(tmux: Path) -> None:
    _does(tmux, "exit 1")
    sequence = await terminal.sequence_for("a")
    assert sequence == "\x1bPtmux;\x1b\x1b]52;c;YQ==\a\x1b\\"


async def test_a_tmux_that_hangs_is_given_up(tmux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_TMUX_PATIENCE", 0.05)
    _does(tmux, "exec sleep 60")
    assert (await terminal.sequence_for("a")).startswith("\x1bPtmux;")


async def test_no_tmux_to_be_found(tmux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmux.parent / "elsewhere"))
    assert (await terminal.sequence_for("a")).startswith("\x1bPtmux;")


@pytest.mark.parametrize("text", ["a\nb", "\x1b]0;x\a", "x\u202ey", "y" * 50_000, "\x9b31m"])
async def test_what_may_do_harm_when_pasted_is_not_copied(text: str) -> None:
    with pytest.raises(ValueError, match="control"):
        await terminal.sequence_for(text)
