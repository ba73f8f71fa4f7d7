"""The kinds of registry that the contract suite is run against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from artifact_tui.testing.world import skip_unfitting
from tests.contract.folder_world import folder_world, shy_folder_world
from tests.contract.hf_world import hf_datasets_world, hf_world
from tests.contract.http_world import http_world
from tests.contract.local_world import local_world
from tests.contract.mlflow_world import mlflow_run_world, mlflow_world
from tests.contract.tag_world import oci_world, ollama_world
from tests.contract.wandb_cache_world import wandb_cache_world
from tests.contract.wandb_world import wandb_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import pytest

    from artifact_tui.testing.world import World

WORLDS: dict[str, Callable[[Path], AbstractAsyncContextManager[World]]] = {
    "folders": folder_world,
    "hf": hf_world,
    "hf-datasets": hf_datasets_world,
    "http": http_world,
    "local": local_world,
    "mlflow": mlflow_world,
    "mlflow-runs": mlflow_run_world,
    "oci": oci_world,
    "ollama": ollama_world,
    "shyfolders": shy_folder_world,
    "wandb": wandb_world,
    "wandb-cache": wandb_cache_world,
}
"""A new kind of registry adds one line here, and passes the whole suite."""


_made: dict[str, World] = {}
"""A world of each kind that was made in this process: the next one will have and lack the same."""


@pytest_asyncio.fixture(params=sorted(WORLDS))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A fresh, empty registry of each kind; none is made for a test that is not about the kind."""
    if request.param in _made:
        skip_unfitting(request.function, _made[request.param])
    async with WORLDS[request.param](tmp_path) as opened:
        _made[request.param] = opened
        yield opened
