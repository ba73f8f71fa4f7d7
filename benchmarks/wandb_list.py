"""The inventory of a W&B project against W&B's own SDK, in turns of one run.

    python -m benchmarks.wandb_list [--collections 200] [--versions 5] [--latency 20] [--turns 3]

The SDK's program is the documented loop; both clocks start after the imports and the first
connection. Ours is measured as pages from the client, and as a whole sync into a catalog.
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

from artifact_tui.catalog.sync import sync
from benchmarks.wandb_sdk import PROJECT, client, listed, sdk
from tests.servers.wandb.process import running

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server


async def synced(server: Server) -> float:
    """Seconds to fill a new catalog."""
    ours = client(server)
    await ours.check()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        await sync(ours, Path(folder) / "catalog.db")
        took = time.perf_counter() - start
    await ours.aclose()
    return took


async def main() -> None:
    """Run all in turns and print the ratios of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=int, default=200)
    parser.add_argument("--versions", type=int, default=5)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds a request takes")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    took: dict[str, list[float]] = defaultdict(list)
    with running(latency_ms=options.latency) as server:
        server.fill(options.collections, options.versions)
        for _ in range(options.turns):
            took["SDK"].append(await asyncio.to_thread(sdk, server, "listing", PROJECT))
            seconds, found = await listed(server)
            assert found == options.collections * options.versions, found
            took["client"].append(seconds)
            took["sync into a catalog"].append(await synced(server))
    base = statistics.median(took["SDK"])
    print(
        f"{options.collections:,} collections with {options.versions:,} versions each,"
        f" {options.latency:g} ms a request"
    )
    for name, times in took.items():
        median = statistics.median(times)
        print(f"  {name:>20}  {median:6.2f} s  {base / median:5.1f} x")


if __name__ == "__main__":
    asyncio.run(main())
