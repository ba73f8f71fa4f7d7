"""The kinds of registry that the contract suite is run against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.contract.http_world import http_world
from tests.contract.local_world import local_world
from tests.contract.wandb_world import wandb_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.contract.world import World

WORLDS: dict[str, Callable[[Path], AbstractAsyncContextManager[World]]] = {
    "http": http_world,
    "local": local_world,
    "wandb": wandb_world,
}
"""A new kind of registry adds one line here, and passes the whole suite."""


@pytest_asyncio.fixture(params=sorted(WORLDS))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A fresh, empty registry of each kind; skipped where `needs` or `without` do not fit it."""
    async with WORLDS[request.param](tmp_path) as opened:
        for marker in request.node.iter_markers("needs"):
            for name in marker.args:
                lacks = name in getattr(opened, "lacks", ())
                if lacks or not getattr(opened.client.capabilities, name, True):
                    pytest.skip(f"{request.param} registries have no {name}")
        for marker in request.node.iter_markers("without"):
            for name in marker.args:
                if getattr(opened.client.capabilities, name):
                    pytest.skip(f"{request.param} registries have {name}")
        yield opened


def pytest_configure(config: pytest.Config) -> None:
    """Declare our marker."""
    config.addinivalue_line("markers", "needs(*names): capabilities that the test is about")
    config.addinivalue_line("markers", "without(*names): capabilities whose absence it is about")
