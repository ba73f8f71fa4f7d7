"""A machine that has nothing on it but what a story puts there, and screens that begin quickly.

Style sheets are read once for all apps of a run, and the process that measures stores is forked
from one that has its imports done: `own_measuring` is for stories of its start.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import pytest
from textual.css.stylesheet import Stylesheet

from artifact_tui import stores
from artifact_tui.clients.oci import oci_client
from tests.support import forked

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from textual.css.model import RuleSet

POINTERS = ("HF_", "HUGGINGFACE_", "OLLAMA_", "KITOPS_", "WANDB_", "MLFLOW_", "XDG_")
"""Beginnings of variables that tell where a store is."""

_MEASURE = """\
import sys
from pathlib import Path
from artifact_tui import measuring
from artifact_tui.clients import disk
disk.HOMES = (Path(sys.argv[1]),)
sys.exit(measuring.main(sys.argv[2:]))
"""

_parse = Stylesheet._parse_rules
_start = stores._start


@functools.cache
def _rules(
    names: tuple[str, ...], colours: tuple[str, ...], css: str, **about: Any
) -> list[RuleSet]:
    variables = dict(zip(names, colours, strict=True))
    return _parse(Stylesheet(variables=variables), css, **about)


def _parse_once(sheet: Stylesheet, css: str, **about: Any) -> list[RuleSet]:
    """What Textual reads in a style sheet with these colours: the same in every app."""
    variables = sheet._variables
    return _rules(tuple(variables), tuple(variables.values()), css, **about)


Stylesheet._parse_rules = _parse_once  # type: ignore[method-assign,assignment] # for all apps of this run


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user without any store, on a machine without others; gives it."""
    for name in os.environ:
        if name.startswith(POINTERS):
            monkeypatch.delenv(name)
    homes = tmp_path / "homes"
    user = homes / "user"
    user.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setattr(oci_client, "SERVICE", str(tmp_path / "service"))
    monkeypatch.setattr(stores, "_start", functools.partial(_start_forked, homes))
    return user


@pytest.fixture
def own_measuring(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that measures is started as for a user, not forked."""
    monkeypatch.setattr(stores, "_start", _start)


class _Measuring:
    """What `artifact_tui.stores` asks of the process that it started."""

    def __init__(self, homes: Path, at_once: int, patience_s: float) -> None:
        its_input, self_input = os.pipe()
        self_output, its_output = os.pipe()
        self.stdin = open(self_input, "wb", buffering=0)  # noqa: PTH123, SIM115 - a pipe
        self.stdout = open(self_output, "rb", buffering=0)  # noqa: PTH123, SIM115 - a pipe
        with open(its_input, "rb") as given, open(its_output, "wb") as told:  # noqa: PTH123 - pipes
            process = forked.start(
                ["-c", _MEASURE, str(homes), str(at_once), str(patience_s)],
                stdin=given,
                stdout=told,
            )
        self.pid = process.pid
        self.wait = process.wait


def _start_forked(homes: Path, at_once: int, patience_s: float) -> subprocess.Popen[bytes]:
    return _Measuring(homes, at_once, patience_s)  # type: ignore[return-value] # all it is asked
