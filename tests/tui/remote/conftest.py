"""A stand-in registry for these stories, and the screen on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import pytest

from artifact_tui import config
from artifact_tui.config import load, resolve
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from tests.servers.rest.process import fresh
from tests.tui.support import WIDE, User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from tests.servers.rest.process import Server


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def server(process: Server) -> Server:
    """An empty registry that behaves like the reference server."""
    process.become()
    process.seed([])
    process.clear()
    return process


def configured(text: str) -> None:
    """Write the configuration file."""
    path = config.config_dir() / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


class Opened(Protocol):
    """Opens the screen on a registry by its name or address."""

    def __call__(
        self, name: str, size: tuple[int, int] = WIDE
    ) -> AbstractAsyncContextManager[User]: ...


@pytest.fixture
def opened() -> Opened:
    @asynccontextmanager
    async def screen(name: str, size: tuple[int, int] = WIDE) -> AsyncIterator[User]:
        config = load()
        services = await open_services(resolve(config, name), config)
        app = ArtifactApp(config, services)
        try:
            async with at(app, size) as user:
                yield user
        finally:
            await app.services.aclose()

    return screen
