"""Random histories of an MLflow server: what plans say of it is what happened, and all is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow.mlflow_postgres import fresh_on_postgres, programs
from tests.servers.mlflow.mlflow_registry import fresh_mlflow
from tests.support.mlflow_history import MlflowHistory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


OPERATIONS, SEED = 32, 2
"""Few, of a seed with which it is seen when bytes go that a version needs.

`python -m benchmarks.mlflow_histories` does more.
"""


def test_what_plans_say_is_what_happened_and_mlflow_loads_what_is_kept(
    cli: Cli, tmp_path: Path
) -> None:
    history = MlflowHistory(fresh_mlflow(), cli, tmp_path, SEED)
    history.play(OPERATIONS)
    assert not history.wrong
    assert history.counted["object verified"] > 0
    assert history.counted["loaded by MLflow"] > 0


def test_it_is_so_where_bytes_are_reached_directly(cli: Cli, tmp_path: Path) -> None:
    history = MlflowHistory(fresh_mlflow(), cli, tmp_path, SEED, direct=True)
    history.play(OPERATIONS)
    assert not history.wrong
    assert history.counted["object verified"] > 0
    assert not [one for one in history.server.requests() if one.startswith(_EMPTIES)]


_EMPTIES = "DELETE /api/2.0/mlflow-artifacts"


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL, or no psycopg2: the extra postgres")
def test_it_is_so_on_postgresql_with_a_bucket(cli: Cli, tmp_path: Path) -> None:
    history = MlflowHistory(fresh_on_postgres(), cli, tmp_path, SEED)
    history.play(OPERATIONS)
    assert not history.wrong
    assert history.counted["object verified"] > 0
