"""How fast the catalog answers at a million versions, next to the obvious way of asking.

    python benchmarks/catalog.py [N] [FILE]

Makes a catalog of N versions (1,000,000) with half of them in one collection, in FILE (kept for
the next run) or in a temporary folder, and prints medians in milliseconds and their ratios. Both
ways run in the same process over the same file: trust the ratios, not the milliseconds.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.catalog import Sort, connect, marks
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.listing import (
    collection_outline,
    registry_totals,
    version_window,
)
from artifact_tui.model import schema_sql
from artifact_tui.query import Where, compile_query, parse

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_800_000_000_000_000
PICKED = 10_000
ROUNDS = 5
SMALL = 50
"""Versions of each collection but the first, which has half of all."""

FILL = """
PRAGMA synchronous = OFF;
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -262144;
BEGIN;
CREATE TEMP TABLE n AS
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
  SELECT i, (i * 2654435761) % 4294967296 AS h FROM n;
INSERT INTO collection(id, key, name, type)
  SELECT i, 'c' || i, substr('resnet bert   gpt    llama  whisp  ', 1 + 7 * (h % 5), 6) || '-' || i,
    substr('model  datasetcode   ', 1 + 7 * (h % 3), 7)
  FROM n WHERE i <= {count} / 2 / {small} + 1;
INSERT INTO version(id, key, collection_id, ordinal, label, digest, state, size, file_count,
    created_us, used_us, run, ttl_us)
  SELECT i, printf('%08x%08x', h, i), CASE WHEN i % 2 THEN 1 ELSE 2 + i / 2 / {small} END,
    i, 'v' || i, printf('sha256:%064x', h), CASE WHEN h % 97 = 0 THEN 'trash' ELSE 'live' END,
    (h % 9973) * 100003, 3, {now} - (h % 100000000) * 1000000,
    CASE WHEN h % 3 = 0 THEN {now} - (h % 7000000) * 1000000 END, 'run-' || (h % 1000),
    CASE WHEN h % 11 = 0 THEN 30 * 86400000000 END
  FROM n;
INSERT INTO alias(version_id, name, protected)
  SELECT i, 'a' || (h % 50), h % 2 FROM n WHERE h % 8 = 0;
INSERT OR IGNORE INTO edge SELECT 1 + (h % (i - 1)), i FROM n WHERE i > 1 AND h % 2 = 0;
INSERT OR IGNORE INTO edge SELECT 1, i FROM n WHERE i > 1 AND h % 20 = 1;
INSERT INTO blob(id, digest, size) SELECT i, printf('%064x', h), h % 1000003 FROM n;
INSERT INTO file(version_id, path, blob_id) SELECT i, 'a.bin', i FROM n;
INSERT INTO file(version_id, path, blob_id) SELECT i, 'b.bin', 1 + i / 4 FROM n;
INSERT INTO file(version_id, path, blob_id) SELECT i, 'c.bin', 1 + h % 1000 FROM n;
UPDATE blob SET refs = (SELECT count(*) FROM file f WHERE f.blob_id = blob.id);
COMMIT;
PRAGMA journal_mode = WAL;
"""


def build(path: Path, count: int) -> None:
    """Fill a new catalog file."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(schema_sql())
        conn.executescript(FILL.format(count=count, small=SMALL, now=NOW))


def median_ms(work: Callable[[], object]) -> float:
    """Milliseconds of the middle one of a few rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def show(name: str, ours: Callable[[], object], naive: Callable[[], object] | None = None) -> None:
    """Print one line: both ways, and how many times longer the obvious one takes."""
    own = median_ms(ours)
    if naive is None:
        print(f"{name:<52} {own:>10.2f}")
        return
    other = median_ms(naive)
    print(f"{name:<52} {own:>10.2f} {other:>10.2f} {other / own:>8.1f}x")


def first(conn: sqlite3.Connection, path: Path) -> None:
    """What a start has to wait for."""

    def opened() -> None:
        with closing(connect(path)) as cold:
            collection_outline(cold, where(""), Sort("size", descending=True))

    show("open, and the outline by size", opened)
    show("totals", lambda: registry_totals(conn))
    show(
        "outline by size",
        lambda: collection_outline(conn, where(""), Sort("size", descending=True)),
    )


def filters(conn: sqlite3.Connection) -> None:
    """A keystroke in the filter: the outline and the count it needs."""
    for text in (
        "bert",
        "type:model",
        "size>500MB",
        "alias:none age>30d",
        "-latest:3",
        "dependents:0",
        "dependents>2",
        "bert unique>900kB",
    ):
        found = where(text)
        show(f"filter {text}", partial(collection_outline, conn, found, Sort()))


def windows(conn: sqlite3.Connection) -> None:
    """100 rows of the large collection, against LIMIT and OFFSET."""
    live = next(row for row in collection_outline(conn, where(""), Sort()) if row.id == 1).versions
    for field in ("version", "size"):
        sort = Sort(field, descending=True)
        for name, start in (("start", 0), ("middle", live // 2), ("end", live - 100)):

            def ours(sort: Sort = sort, start: int = start) -> object:
                return version_window(conn, 1, where(""), sort, start, 100)

            def naive(sort: Sort = sort, start: int = start) -> object:
                return conn.execute(
                    "SELECT v.*, c.name FROM version v JOIN collection c ON c.id = v.collection_id"
                    f" WHERE c.id = 1 AND v.state <> 'trash' ORDER BY {sort.order()}"
                    " LIMIT 100 OFFSET ?",
                    (start,),
                ).fetchall()

            began = time.perf_counter()
            ours()
            took = (time.perf_counter() - began) * 1000
            show(f"100 rows by {field}, {name} (first time {took:.1f})", ours, naive)


def bytes_freed(conn: sqlite3.Connection) -> None:
    """Bytes that the deletion of many marked versions frees, against a plain join."""
    rows = conn.execute("SELECT key FROM version WHERE id % 97 = 5 LIMIT ?", (PICKED,))
    keys = [key for (key,) in rows]
    show(f"pick {len(keys):,}", lambda: marks.pick(conn, keys))

    def naive() -> object:
        return conn.execute(
            "SELECT coalesce(sum(b.size), 0) FROM blob b WHERE b.state <> 2"
            " AND b.id IN (SELECT f.blob_id FROM file f"
            "  JOIN picked p ON p.version_id = f.version_id)"
            " AND b.id NOT IN (SELECT f.blob_id FROM file f"
            "  WHERE f.version_id NOT IN (SELECT version_id FROM picked))"
        ).fetchone()

    if naive() != (marks.picked_bytes(conn).freed,):
        raise SystemExit("freed bytes differ")
    show(f"freed bytes of {len(keys):,}", lambda: marks.picked_bytes(conn), naive)
    marks.pick(conn, keys[:100])
    show("freed bytes of 100", lambda: marks.picked_bytes(conn), naive)
    show("detail of the version with most dependents", lambda: version_detail(conn, 1))


def where(text: str) -> Where:
    """A filter, compiled."""
    return compile_query(parse(text), NOW)


def main() -> None:
    """Build when needed, then measure."""
    count = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "catalog.db"  # noqa: PLR2004
        if not path.exists():
            build(path, count)
        print(f"{count:,} versions, {path.stat().st_size / 1e6:,.0f} MB")
        print(f"{'milliseconds':<52} {'ours':>10} {'plain':>10}")
        with closing(connect(path)) as conn:
            first(conn, path)
            filters(conn)
            windows(conn)
            bytes_freed(conn)


if __name__ == "__main__":
    main()
