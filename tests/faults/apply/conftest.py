"""Fixtures for the tests of deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A registry of its own."""
    found = World(tmp_path / "registry")
    yield found
    found.close()
