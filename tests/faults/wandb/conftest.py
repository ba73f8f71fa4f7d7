"""The stand-in in a process of its own, empty and well-behaved at the start of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.wandb.scene import Scene
from tests.servers.wandb.process import fresh

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.wandb.process import Server


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def scene(process: Server, tmp_path: Path) -> Scene:
    return Scene(process, tmp_path)
