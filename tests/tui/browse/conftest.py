"""The registries of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.browse.shelf import Shelf, stocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Shelf]:
    """Nothing yet."""
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


@pytest.fixture
def shelf(empty: Shelf) -> Shelf:
    """A bit of everything."""
    return stocked(empty)
