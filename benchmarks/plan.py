"""How long a review of very many versions takes, in how much memory, next to plain SQL and to ten.

    python -m benchmarks.plan [N] [FILE]

Makes a catalog of N versions (1,000,000) in FILE (kept for the next run) or in a temporary folder.
Each review is built in a process of its own: once for ten versions, once for all of the largest
collection, which has half of all. Plain SQL writes the same items into a file of its own without
any verdict: who has what aliases and live dependents, and nothing else. Seconds of processor time
and the largest memory in MB: trust the ratios, and the memory above that of ten, not the seconds.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.catalog import connect
from artifact_tui.deletion.items import Options
from artifact_tui.deletion.plan import Plan
from artifact_tui.deletion.tasks import read_report, read_task
from artifact_tui.model import Identity
from artifact_tui.query import Where
from benchmarks.catalog import NOW, build
from tests.support.reviewing import draft_of, with_options

if TYPE_CHECKING:
    from artifact_tui.deletion.review import BuildProgress

FEW = 10
SCREENFUL = 40
ITSELF = (sys.executable, "-m", "benchmarks.plan")

PLAIN = """
ATTACH '{file}' AS plan;
PRAGMA plan.synchronous = OFF;
CREATE TABLE plan.item AS
SELECT v.key, c.name, v.label, c.type, v.size, v.digest, v.state,
  (SELECT json_group_array(a.name) FROM alias a WHERE a.version_id = v.id) AS aliases,
  (SELECT json_group_array(x.key) FROM edge e CROSS JOIN version x ON x.id = e.child_id
   WHERE e.parent_id = v.id AND x.state <> 'trash') AS dependents
FROM collection c CROSS JOIN version v ON v.collection_id = c.id
WHERE c.id = 1 AND v.state <> 'trash' ORDER BY c.name, v.ordinal;
"""


class Watch:
    """Prints what each step took."""

    def __init__(self) -> None:
        self.clock, self.cpu = time.perf_counter(), time.process_time()

    def __call__(self, step: str) -> None:
        """Say what was done since the last call, and the largest memory so far."""
        clock, cpu = time.perf_counter(), time.process_time()
        print(
            f"  {step:<40} {cpu - self.cpu:8.2f} s CPU {clock - self.clock:8.2f} s"
            f" {largest_memory():8.0f} MB",
            flush=True,
        )
        self.clock, self.cpu = time.perf_counter(), time.process_time()


def largest_memory() -> float:
    """The most memory that this process has had at a time, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def review(path: Path, count: int) -> None:
    """Build a review, read its first page, agree to more, save it, and look at it as a task."""
    found = Where("v.state <> 'trash' AND v.collection_id = 1", {})
    with closing(connect(path, mapped=False)) as conn:
        if count:
            (first,) = conn.execute(
                f"SELECT v.id FROM version v WHERE {found.sql} ORDER BY v.id DESC LIMIT 1 OFFSET ?",
                (count - 1,),
            ).fetchone()
            found = Where(f"{found.sql} AND v.id >= :first", {"first": first})
        watch = Watch()
        steps: list[BuildProgress] = []

        def tell(progress: BuildProgress) -> None:
            if not steps:
                watch(f"first {len(progress.first)} to show")
            steps.append(progress)

        draft = draft_of(
            conn,
            identity=Identity("local", "u", "a"),
            name="bench",
            selection=found,
            options=Options(),
            now_us=NOW,
            tell=tell,
        )
        watch(f"built, {len(draft.items):,} items")
        draft.items[:SCREENFUL]
        watch("first page")
        agreed = Options(delete_aliases=True, orphan_dependents=True)
        draft = with_options(conn, draft, agreed, now_us=NOW + 1)
        watch("two consents given")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bench.plan"
            Plan.create(path, draft).close()
            watch("saved")
            read_task(path)
            watch("first look at its task")
            read_task(path)
            watch("another look at its task")
            with Plan.open(path) as plan:
                read_report(plan)
                watch("report")
                plan.check_hash()
                watch("checked before it is applied")


def plain(path: Path) -> None:
    """Write the same items by plain SQL."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(path)) as conn:
        watch = Watch()
        conn.executescript(PLAIN.format(file=Path(folder) / "plain.db"))
        watch("written")


def main() -> None:
    """Build the catalog when needed, then measure each way in a process of its own."""
    count = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "catalog.db"  # noqa: PLR2004
        if not path.exists():
            build(path, count)
        print(f"{count:,} versions, {path.stat().st_size / 1e6:,.0f} MB", flush=True)
        for title, *what in (
            ("a review of ten", "review", str(FEW)),
            ("a review of the largest collection", "review", "0"),
            ("plain SQL for its items", "plain"),
        ):
            print(title, flush=True)
            subprocess.run([*ITSELF, *what, path], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["review"]:
        review(Path(sys.argv[3]), int(sys.argv[2]))
    elif sys.argv[1:2] == ["plain"]:
        plain(Path(sys.argv[2]))
    else:
        main()
