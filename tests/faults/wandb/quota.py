"""Deletions under a quota, and the time they take against the time that the quota allows.

    python -m tests.faults.wandb.quota [--count 2000] [--most 300] [--window 30] [--no-batch]

The whole engine applies a plan to a stand-in that throttles in fixed windows. It prints how long
that took, how long it had to take, and what became of the deletions.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from artifact_tui.deletion.plan import Plan
from tests.faults.wandb.scene import Scene
from tests.servers.wandb.process import running
from tests.servers.wandb.traps import Quota

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.deletion.items import ItemState
    from tests.servers.wandb.process import Server


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a run under a quota; times in seconds."""

    took: float
    least: float
    """No program could be faster: the windows that so many requests need, less the last one."""
    states: Counter[ItemState]
    requests: int
    refused: int
    """Requests that were answered 429."""
    told: Sequence[str]
    """What the plan said of the pace, each once."""

    @property
    def lines(self) -> list[str]:
        """The figures for people."""
        states = ", ".join(f"{count:,} {state.words}" for state, count in self.states.items())
        waits = [words for words in self.told if "wait" in words or "quota" in words]
        return [
            f"took {self.took:,.1f} s; the quota allows {self.least:,.1f} s at best",
            f"{self.requests:,} requests were let through, {self.refused:,} were throttled",
            f"the end: {states}",
            f"told meanwhile: {' · '.join(waits[:3])}",
        ]


async def run(
    scene: Scene,
    count: int,
    quota: Quota,
    *,
    batch: bool,
) -> Figures:
    """Delete so many versions under a quota."""
    scene.fill(count)
    async with scene.client(batch=batch) as client:
        scene.save(await scene.draft(client, "type:model"))
        scene.server.clear()
        scene.server.change(quota=quota)
        told: list[str] = []
        watching = asyncio.create_task(_watch(scene, told))
        began = time.monotonic()
        await scene.apply(client)
        took = time.monotonic() - began
        watching.cancel()
    scene.server.change(quota=None)
    log = scene.server.log()
    refused = sum(line.status == 429 for line in log)
    cost = len(log) - refused
    if quota.counts == "mutations":
        cost = sum(max(1, line.mutations) for line in log if line.status != 429)
    return Figures(
        took,
        (math.ceil(cost / quota.most) - 1) * quota.window_s,
        Counter(scene.states().values()),
        len(log) - refused,
        refused,
        told,
    )


async def _watch(scene: Scene, told: list[str]) -> None:
    """Read the pace out of the plan, as any other program could."""
    while True:
        with Plan.open(scene.plan) as plan:
            words = plan.pace
        if words and (not told or told[-1] != words):
            told.append(words)
        await asyncio.sleep(0.1)


async def main() -> None:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--most", type=int, default=300, help="requests (or mutations) a window")
    parser.add_argument("--window", type=float, default=30.0, help="seconds")
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds a request takes")
    parser.add_argument("--counts", choices=("requests", "mutations"), default="requests")
    parser.add_argument("--no-headers", action="store_true", help="429 without a word about time")
    parser.add_argument("--no-batch", action="store_true", help="one deletion in a document")
    options = parser.parse_args()
    counts: Literal["requests", "mutations"] = options.counts
    quota = Quota(
        most=options.most, window_s=options.window, counts=counts, headers=not options.no_headers
    )
    with running() as server, tempfile.TemporaryDirectory() as folder:
        server.become(latency_ms=options.latency)
        figures = await run(
            _scene(server, folder), options.count, quota, batch=not options.no_batch
        )
    print(  # noqa: T201 - a command that says what it found
        f"{options.count:,} deletions, {options.most:,} {counts} in {options.window:g} s:",
        *figures.lines,
        sep="\n  ",
    )


def _scene(server: Server, folder: str) -> Scene:
    return Scene(server, Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
