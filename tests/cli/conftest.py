"""The command line, run in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from artifact_tui.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """What a command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


class Cli(Protocol):
    """Runs one command line."""

    def __call__(self, *args: str | Path, code: int | None = 0) -> Ran:
        """Run it, and check its exit code unless it is None."""


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run command lines as the console script would."""

    def run(*args: str | Path, code: int | None = 0) -> Ran:
        capsys.readouterr()
        returned = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        ran = Ran(returned, printed.out, printed.err)
        assert code is None or ran.code == code, ran
        return ran

    return run
