"""Deletion of what a W&B run logged, against W&B's own SDK, in turns of one run.

    python -m benchmarks.wandb_delete [--count 500] [--latency 20] [--turns 3]

The SDK's program is the documented loop (list what the run logged, delete each); its clock starts
after the import and the first connection. Ours, with one deletion in a document and with several:

- client: the same job without a look, as the loop does it;
- engine: a confirmed plan is applied: every version is looked at before and after, and what
  happened to it is on the disk before and after each call.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.deletion.calls import Policy
from artifact_tui.deletion.items import ItemState
from artifact_tui.model import Deletion, Result
from benchmarks.wandb_sdk import PROJECT, RUN, client, sdk
from tests.faults.wandb.scene import Scene
from tests.servers.wandb.process import running

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server


async def alone(server: Server, *, batch: bool) -> float:
    """Seconds to list what the run logged and delete it."""
    ours = client(server, batch=batch)
    start = time.perf_counter()
    listing = ours.listing()
    keys = [one.key async for part in listing for one in part.versions if one.run == RUN]
    outcomes = await ours.delete([Deletion(key) for key in keys])
    took = time.perf_counter() - start
    await ours.aclose()
    assert {one.result for one in outcomes} == {Result.DONE}, outcomes
    return took


async def engine(server: Server, *, batch: bool) -> float:
    """Seconds to apply a plan."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(server, Path(folder))
        async with scene.client(PROJECT, batch=batch) as ours:
            scene.save(await scene.draft(ours, f"run:{RUN}"))
            start = time.perf_counter()
            await scene.apply(ours, policy=Policy())
            took = time.perf_counter() - start
        assert set(scene.states().values()) == {ItemState.VERIFIED}
    return took


async def main() -> None:
    """Run all in turns and print the ratios of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds a request takes")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    took: dict[str, list[float]] = defaultdict(list)
    with running(latency_ms=options.latency) as server:

        def refill() -> None:
            assert not server.alive()
            server.fill(1, options.count, run=RUN)

        for _ in range(options.turns):
            refill()
            base = await asyncio.to_thread(sdk, server, "delete_run_outputs", f"{PROJECT}/{RUN}")
            took["SDK's loop"].append(base)
            for batch, words in ((False, "one in a document"), (True, "several in a document")):
                for name, work in (("client", alone), ("engine", engine)):
                    refill()
                    took[f"{name}, {words}"].append(await work(server, batch=batch))
        assert not server.alive()
    base = statistics.median(took["SDK's loop"])
    print(f"{options.count:,} deletions, {options.latency:g} ms a request")
    for name, times in took.items():
        median = statistics.median(times)
        print(f"  {name:>30}  {median:6.2f} s  {base / median:5.1f} x  (best {min(times):.2f} s)")


if __name__ == "__main__":
    asyncio.run(main())
