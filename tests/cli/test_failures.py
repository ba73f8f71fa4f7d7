"""Every way to end: the exit code, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from artifact_tui import config
from artifact_tui.cli.output import run
from artifact_tui.errors import ArtifactTuiError, QueryError, UsageError


def ending(error: BaseException | None, value: object = None) -> click.Command:
    @click.command()
    def command() -> object:
        canary = "canary-4711"
        if error is not None:
            raise error
        return value if canary else None

    return command


def failing_query() -> QueryError:
    error = QueryError("That is no size.", position=9, expected="A size such as 1GB.")
    error.add_note("漢\x1b size>x")
    return error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ArtifactTuiError("It broke.", hint="Mend it."), 1, "error: It broke.\n  Mend it.\n"),
        (UsageError("What?"), 2, "error: What?\n"),
        (ArtifactTuiError("bad \x1b[31m"), 1, "error: bad \\x1b[31m\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
        (OSError(28, "No space left on device", "/x/y"), 1, "/x/y: No space left on device"),
        (failing_query(), 2, "  漢\\x1b size>x\n               ^\n  A size such as 1GB.\n"),
    ],
)
def test_known_ends(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    assert run(ending(error), []) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("value", "code"), [(None, 0), (0, 0), (3, 3), ("text", 0)])
def test_the_value_of_a_command_is_the_exit_code(value: object, code: int) -> None:
    assert run(ending(None, value), []) == code


def test_the_unexpected_goes_to_a_private_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ending(ValueError("oops")), []) == 1
    said = capsys.readouterr().err
    log = config.state_dir() / "log.txt"
    assert "something unexpected happened (ValueError)" in said
    assert str(log) in said
    assert "Traceback" not in said
    assert "oops" in log.read_text()
    assert "canary-4711" not in log.read_text().replace('canary = "canary-4711"', "")
    assert log.stat().st_mode & 0o077 == 0


def test_without_a_place_for_the_log_it_is_said_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_STATE", "/dev/null/state")
    assert run(ending(ValueError("oops\x1b")), []) == 1
    assert "It said: oops\\x1b" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = (
        "import click, sys\n"
        "from artifact_tui.cli.output import run\n"
        "@click.command()\n"
        "def many():\n"
        "    for n in range(100000): sys.stdout.write(f'{n}\\n')\n"
        "sys.exit(run(many, []))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_encoding_without_the_characters_is_no_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "artifact_tui", "漢字"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        cwd=Path.cwd(),
    )
    assert done.returncode == 2
    assert b"\\u6f22\\u5b57" in done.stderr
    assert b"Traceback" not in done.stderr
