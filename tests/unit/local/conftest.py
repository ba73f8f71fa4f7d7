"""A registry of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.local.support import Clock, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sync_store import SyncStore


@pytest.fixture
def clock() -> Clock:
    """The registry's time."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SyncStore]:
    """An empty registry, open for writing."""
    with opened(tmp_path / "registry", clock) as one:
        yield one


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """A folder to add: two files, one of them deeper."""
    folder = tmp_path / "src"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights" * 1000)
    (folder / "deep" / "er" / "config.json").write_text("{}")
    return folder
