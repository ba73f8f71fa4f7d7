"""A program `mlflow` that starts at once: its Python is forked from one with MLflow imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.support import forked

if TYPE_CHECKING:
    from pathlib import Path

_PYTHON = """#!{python}
import os, sys
os.environ.setdefault("PYTEST_XDIST_TESTRUNUID", {run!r})
sys.path.insert(0, {root!r})
from tests.support import forked
process = forked.start(sys.argv[1:], imports=forked.MLFLOW, stdin=0, stdout=1, stderr=2)
sys.exit(process.wait())
"""


def mlflow_program(folder: Path) -> Path:
    """Such a program, in a folder; it only tells which Python it belongs to."""
    python, program = folder / "python-forked", folder / "mlflow"
    told = {"python": sys.executable, "run": forked.run_id(), "root": str(forked.ROOT)}
    python.write_text(_PYTHON.format(**told))
    program.write_text(f"#!{python}\n")
    for one in (python, program):
        one.chmod(0o700)
    return program
