"""How fast, and in how much memory, many versions are listed and marked.

    python -m benchmarks.listing [N] [FOLDER]

Makes a local registry of N versions (1,000,000) in FOLDER (kept for the next run) or in a temporary
folder. `artifact-tui ls --versions --json` runs as a process of its own, and so does the plain SQL
for the same rows and columns, whose rows are read and thrown away. On the screen the largest
collection is marked with one key, and a small one, each in a process of its own, next to the plain
INSERT of the same keys. Seconds of processor time and the largest memory in MB: trust the ratios,
not the seconds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from artifact_tui.catalog import connect
from artifact_tui.catalog.catalog_rows import ROW_QUERY, UNIQUE_QUERY
from artifact_tui.clients.local import create
from artifact_tui.query import compile_query, parse
from benchmarks.catalog import FILL, NOW, SMALL

FILTERS = ("alias:none size>940MB", "alias:none -latest:3 dependents:0 size>900MB")
"""Each matches about 50,000 of a million versions."""

FEW = 10
REST = 3
"""Seconds that a screen is watched after it has counted."""
ITSELF = (sys.executable, "-m", "benchmarks.listing")


class Run(NamedTuple):
    """What one process took."""

    lines: int
    first: float
    """Seconds on the clock to the first line."""
    cpu: float
    """Seconds of processor time, of the program and of the system for it."""
    megabytes: float


def build(root: Path, count: int) -> None:
    """Make a local registry whose database says that it holds so many versions.

    To be called in a process of its own: its memory would count as that of its children.
    """
    create(root).store.close()
    with closing(sqlite3.connect(root / "registry.db")) as conn:
        conn.executescript(FILL.format(count=count, small=SMALL, now=NOW))


def run(*command: object) -> Run:
    """Run a program to its end and read what it prints."""
    began = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    lines, first = 0, 0.0
    for _ in process.stdout:
        first = first or time.perf_counter() - began
        lines += 1
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {command}")
    return Run(lines, first, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def read_plainly(path: Path, text: str, limit: int) -> None:
    """Read what `ls` prints of each version, in the same order, without making anything of it.

    The ids go in their order into a table, and every query is joined with it.
    """
    where = compile_query(parse(text), NOW)
    with closing(connect(path, mapped=False)) as conn:
        conn.execute("CREATE TEMP TABLE listed(key INTEGER PRIMARY KEY, value INTEGER)")
        conn.execute(
            "INSERT INTO listed(value) SELECT v.id FROM version v"
            f" CROSS JOIN collection c ON c.id = v.collection_id WHERE {where.sql}"
            " ORDER BY c.name COLLATE NOCASE, v.id LIMIT :page_limit",
            {**where.params, "page_limit": limit},
        )
        for query in (
            *(one.replace("json_each(:ids)", "listed") for one in (ROW_QUERY, UNIQUE_QUERY)),
            "SELECT a.* FROM listed l CROSS JOIN alias a ON a.version_id = l.value",
            "SELECT t.* FROM listed l CROSS JOIN tag t ON t.version_id = l.value",
            "SELECT k.* FROM listed l CROSS JOIN link k ON k.version_id = l.value",
        ):
            for _ in conn.execute(query):
                pass
        print(conn.execute("SELECT count(*) FROM listed").fetchone()[0])


def compare(root: Path, text: str) -> None:
    """Print what the program and plain SQL take for one filter, all of it and ten rows."""
    print(f"\n{text}\n{'':<28}{'rows':>8}{'first':>8}{'cpu':>8}{'MB':>8}")
    program = (sys.executable, "-m", "artifact_tui", "ls", f"local:{root}", text)
    words = (*program, "--versions", "--json", "--limit")
    whole = {}
    for limit, what in ((FEW, "ten"), (-1, "all")):
        ours = run(*(words if limit > 0 else words[:-1]), *([limit] if limit > 0 else []))
        plain = run(
            sys.executable, "-m", "benchmarks.listing", "--plain", root / "registry.db", text, limit
        )
        for name, took in ((f"ls, {what}", ours), (f"plain SQL, {what}", plain)):
            print(
                f"{name:<28}{took.lines:>8}{took.first:>8.2f}{took.cpu:>8.2f}{took.megabytes:>8.0f}"
            )
        whole = {"ours": ours, "plain": plain}
    print(f"ls takes {whole['ours'].cpu / whole['plain'].cpu:.1f} times plain SQL")


def insert_plainly(path: Path, marks: Path) -> float:
    """Seconds of processor time to write the keys of the largest collection into another file."""
    with closing(connect(path, marks=marks)) as conn:
        began = time.process_time()
        conn.execute(
            "INSERT INTO marks.mark SELECT key, 1 FROM version"
            " WHERE collection_id = 1 AND state <> 'trash' ORDER BY key"
        )
        return time.process_time() - began


async def mark_on_screen(root: Path, moves: str) -> None:
    """Mark the collection under the cursor after some moves, and print what that takes."""
    # here, so that what plain SQL takes does not hold what it takes to import a screen
    from textual.events import Key  # noqa: PLC0415

    from artifact_tui.config import load, resolve  # noqa: PLC0415
    from artifact_tui.tui.app import ArtifactApp  # noqa: PLC0415
    from artifact_tui.tui.services import open_services  # noqa: PLC0415
    from tests.tui.support import screen_text  # noqa: PLC0415

    config = load()
    services = await open_services(resolve(config, f"local:{root}"), config)
    app = ArtifactApp(config, services)

    async def until(words: str, every: float = 0.005) -> None:
        while words not in screen_text(app):  # noqa: ASYNC110 - a screen has no event for this
            await asyncio.sleep(every)

    async with app.run_test(size=(120, 40)):
        await until(" of 9")
        for key in moves:
            app.post_message(Key(key, key))
        await asyncio.sleep(1)
        began, cpu = time.perf_counter(), time.process_time()
        app.post_message(Key("space", " "))
        await until("●")
        drawn = time.perf_counter() - began
        await until(" marked")
        counted = time.perf_counter() - began
        await until("would be freed", every=0.2)  # to look costs more than the screen does
        done = time.process_time() - cpu
        cpu = time.process_time()
        await asyncio.sleep(REST)
        after = time.process_time() - cpu
        number = await services.catalog.marked_count()
    await services.aclose()
    print(
        f"{number:>8}{drawn:>9.2f}{counted:>9.2f}{done:>8.2f}{after:>8.2f}{_own_megabytes():>8.0f}"
    )


def _own_megabytes() -> float:
    """Memory of this process without what is mapped from files."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def compare_marks(root: Path, folder: Path) -> None:
    """Print what it takes to mark a small collection, and half of the registry."""
    print(f"\nmarking on the screen; cpu until all is counted, and in {REST} s afterwards")
    print(f"{'marks':>8}{'drawn':>9}{'counted':>9}{'cpu':>8}{'after':>8}{'MB':>8}", flush=True)
    for moves in ("j", ""):
        subprocess.run([*ITSELF, "--marks", str(root), moves], check=True)
        shutil.rmtree(folder / "STATE")
    took = insert_plainly(root / "registry.db", folder / "plain.db")
    print(f"plain INSERT of the same keys: {took:.2f}")


def main() -> None:
    """Build when needed, then measure."""
    if sys.argv[1:2] == ["--build"]:
        build(Path(sys.argv[2]), int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--plain"]:
        read_plainly(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
        return
    if sys.argv[1:2] == ["--marks"]:
        asyncio.run(mark_on_screen(Path(sys.argv[2]), sys.argv[3]))
        return
    count = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "registry"  # noqa: PLR2004
        for name in ("CONFIG", "CACHE", "STATE", "DATA"):
            os.environ[f"XDG_{name}_HOME"] = f"{folder}/{name}"
        if not root.exists():
            run(*ITSELF, "--build", root, count)
        print(f"{count:,} versions, {(root / 'registry.db').stat().st_size / 1e6:,.0f} MB")
        for text in FILTERS:
            compare(root, text)
        compare_marks(root, Path(folder))


if __name__ == "__main__":
    main()
