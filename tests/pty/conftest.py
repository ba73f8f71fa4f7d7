"""Terminals that are gone when the test is, and registries to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pty.terminal import Terminal
from tests.tui.review.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    """Start the program in a terminal; it is taken away at the end."""
    opened: list[Terminal] = []

    def start(*args: str, **options: object) -> Terminal:
        terminal = Terminal(*args, **options)  # type: ignore[arg-type]
        opened.append(terminal)
        return terminal

    yield start
    for terminal in opened:
        terminal.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty registry."""
    world = World(tmp_path)
    yield world
    world.store.close()
