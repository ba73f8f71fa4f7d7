"""A small registry to sync, and looks into the catalog that comes of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from artifact_tui.catalog import Sort, connect
from artifact_tui.model import Alias, Edge
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, every_version
from tests.support.listing import Listing

if TYPE_CHECKING:
    from pathlib import Path

ALL = compile_query(parse("state:any"), NOW)


def keys(path: Path) -> list[str]:
    with closing(connect(path)) as conn:
        return sorted(row.key for row in every_version(conn, ALL, Sort()))


def one(path: Path, query: str) -> object:
    with closing(connect(path)) as conn:
        return conn.execute(query).fetchone()[0]


def one_raw(path: Path, query: str) -> object:
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute(query).fetchone()[0]


def listing() -> Listing:
    registry = Listing().collection("a", "b", "empty")
    for ordinal in (1, 2, 3):
        registry.version("a", ordinal, size=ordinal, aliases=(Alias(f"alias{ordinal}"),))
    registry.version("b", 1, tags=("t1", "t2"), run="r", note="n", ttl_us=5, used_us=7)
    registry.made_from = [Edge("a/1", "b/1"), Edge("a/2", "b/1"), Edge("a/1", "a/3")]
    return registry
