"""Random histories of a real MLflow server, compared with what our plans say of them.

    python -m benchmarks.mlflow_histories [--operations 1000] [--seed 1] [--seeds 1] [--postgres]
        [--direct]

See `tests.support.mlflow_history`. It prints what was counted and what was wrong, and ends with 1
when anything was.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path

from artifact_tui.cli import main as command_line
from artifact_tui.deletion import worker
from tests.cli.conftest import Ran
from tests.servers.mlflow.mlflow_postgres import fresh_on_postgres
from tests.servers.mlflow.mlflow_registry import fresh_mlflow
from tests.support import forked
from tests.support.mlflow_history import MlflowHistory


def run(*args: str | Path, code: int | None = 0) -> Ran:
    """Run one command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        returned = command_line([str(arg) for arg in args])
    ran = Ran(returned, out.getvalue(), err.getvalue())
    assert code is None or ran.code == code, ran
    return ran


def main() -> int:
    """Play the histories."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL and S3")
    parser.add_argument("--direct", action="store_true", help="reach the bytes where they are")
    options = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    fresh = fresh_on_postgres if options.postgres else fresh_mlflow
    worker._spawn = forked.worker  # type: ignore[assignment] # noqa: SLF001 - it answers what is asked of it
    wrong: list[str] = []
    for seed in range(options.seed, options.seed + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ARTIFACT_TUI_HOME"] = f"{folder}/home"
            began = time.perf_counter()
            history = MlflowHistory(fresh(), run, Path(folder), seed, direct=options.direct)
            history.play(options.operations)
            print(f"seed {seed}: {time.perf_counter() - began:.1f} s, {len(history.wrong)} wrong")
            print("  ", ", ".join(f"{what}: {n:,}" for what, n in sorted(history.counted.items())))
            print(*history.wrong, sep="\n")
            wrong += history.wrong
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
