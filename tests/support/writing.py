"""Changes a catalog file behind its readers' backs, as another process would."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def change(path: Path, *statements: str) -> None:
    """Run statements on a connection of their own, in one transaction."""
    with closing(sqlite3.connect(path)) as conn, conn:
        for statement in statements:
            conn.execute(statement)
