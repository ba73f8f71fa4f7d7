"""How fast a plan of a local registry is applied, with both looks and the journal.

    python -m benchmarks.local_apply [--count 20000] [--runs 3] [--profile]

Against the store alone: as many versions moved into the trash without a plan, a look or a journal,
in turns with the other. What each takes of the processor, of memory and of the plan is said as
well, and how long a look at the task takes meanwhile: compare with `--count 10`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import os
import pstats
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.tasks import read_task
from artifact_tui.deletion.worker import GC_THRESHOLD
from artifact_tui.model import Deletion
from benchmarks.plan import largest_memory
from tests.support.world import World

if TYPE_CHECKING:
    from artifact_tui.deletion.plan import Plan


def applied(world: World, plan: Plan) -> tuple[float, list[float]]:
    """Seconds that an apply takes, and those of each look at its task meanwhile."""
    looks: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY):
            began = time.perf_counter()
            read_task(plan.path)
            looks.append(time.perf_counter() - began)

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.perf_counter()
    ending = asyncio.run(apply(plan, world.client))
    took = time.perf_counter() - began
    over.set()
    watcher.join()
    assert ending.status == "finished", ending
    return took, looks


LOOK_EVERY = 0.5
"""Seconds between two looks at the task, as the screen takes them."""


def store_alone(world: World, keys: list[str]) -> float:
    """Seconds that the deletions take without anything around them."""

    async def delete() -> None:
        size = world.client.batch_delete
        for start in range(0, len(keys), size):
            await world.client.delete([Deletion(key) for key in keys[start : start + size]])

    began = time.perf_counter()
    asyncio.run(delete())
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLD)  # as the process that applies plans does
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ARTIFACT_TUI_HOME"] = folder
        world = World(Path(folder) / "registry")
        for _ in range(args.runs):
            alone = store_alone(world, world.add_plain(args.count))
            with world.plan(world.add_plain(args.count)) as plan:
                if args.profile:
                    cpu = memory = 0.0
                    with cProfile.Profile() as profile:
                        took, looks = applied(world, plan)
                    pstats.Stats(profile).sort_stats("tottime").print_stats(35)
                else:
                    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
                    memory = largest_memory()  # of now: making the versions took more
                    cpu = time.process_time()
                    took, looks = applied(world, plan)
                    memory = largest_memory() - memory
                    cpu = time.process_time() - cpu
                size = plan.path.stat().st_size
            print(
                f"{args.count / took:,.0f} versions/s applied, {args.count / alone:,.0f}/s by the "
                f"store alone: {took / alone:.1f} times its time; {size / args.count:,.0f} B of "
                f"plan and {1e6 * cpu / args.count:.0f} µs of CPU a version; "
                f"{len(looks)} looks at the task, the longest {1000 * max(looks, default=0):.0f} "
                f"ms; it took {memory:.0f} MB more"
            )
        world.close()


if __name__ == "__main__":
    main()
