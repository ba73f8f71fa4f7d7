"""A machine with stores on it, and the screen that opens without a registry."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import pytest

from artifact_tui.config import load
from artifact_tui.tui.app import ArtifactApp
from tests.support.blobs import Ollama
from tests.support.hub import Hub, commit_of
from tests.tui.support import WIDE, User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


class AtHome(Protocol):
    """Opens home."""

    def __call__(
        self, size: tuple[int, int] = WIDE, *, locked: bool = False
    ) -> AbstractAsyncContextManager[User]: ...


@pytest.fixture
def at_home() -> AtHome:
    @asynccontextmanager
    async def screen(size: tuple[int, int] = WIDE, *, locked: bool = False) -> AsyncIterator[User]:
        app = ArtifactApp(load(), locked=locked)
        try:
            async with at(app, size) as user:
                yield user
        finally:
            if app.registry is not None:
                await app.registry.aclose()

    return screen


@pytest.fixture
def hub(bare_machine: Path) -> Hub:
    """A Hugging Face cache in its usual place: 40 KB, of which 25 KB lead nowhere."""
    hub = Hub(bare_machine / ".cache/huggingface/hub")
    for name, old, new in (("big", 20_000, 10_000), ("small", 5_000, 5_000)):
        folder = f"models--acme--{name}"
        hub.download(folder, commit_of(f"{name} old"), {"weights": name[:1].encode() * old})
        hub.download(folder, commit_of(name), {"weights": name[-1:].encode() * new}, refs=("main",))
    return hub


@pytest.fixture
def ollama(bare_machine: Path) -> Ollama:
    """A folder of Ollama in its usual place, with one model of 3 KB."""
    store = Ollama(bare_machine / ".ollama/models")
    store.tag("llama", "latest", {"model": b"w" * 3_000})
    return store
