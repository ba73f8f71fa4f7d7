"""The registry of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.browse.shelf import Shelf, stocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Versions with times to live that have passed, will pass, or are not there."""
    shelf = Shelf(tmp_path)
    yield stocked(shelf)
    shelf.store.close()
