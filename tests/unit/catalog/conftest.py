from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.catalogs import Maker


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Maker], sqlite3.Connection]]:
    """Writes what a maker holds to `catalog.db` and opens it, with marks in `marks.db`."""
    with ExitStack() as stack:

        def write_and_open(maker: Maker) -> sqlite3.Connection:
            path = maker.write(tmp_path / "catalog.db")
            conn = connect(path, marks=tmp_path / "marks.db")
            stack.callback(conn.close)
            return conn

        yield write_and_open
