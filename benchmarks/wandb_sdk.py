"""A W&B project against W&B's own SDK: inventory, and deletion of what a run logged.

    python -m benchmarks.wandb_sdk [--collections 200] [--versions 5] [--delete 500] [--latency 20]

All ask the same stand-in server in one run. The SDK's programs are the documented loops; every
clock starts after the imports and the first connection. Ours looks at each version before and after
its deletion, as applying a plan does; the loops do not look at all.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_client import BATCH, WandbClient
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.model import Deletion, Result
from tests.sdk.programs import SCRIPTS
from tests.servers.wandb.process import running

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server

PROJECT = "acme/vision"
RUN = "sweep"
TIMED = """
import runpy, sys, time
import wandb
wandb.Api().viewer
start = time.perf_counter()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print(time.perf_counter() - start, file=sys.stderr)
"""


def sdk(server: Server, program: str, *args: str) -> float:
    """Seconds of one documented program."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.environ["PATH"],
            **dict.fromkeys(("HOME", "WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR"), home),
            "WANDB_BASE_URL": server.base_url,
            "WANDB_API_KEY": server.api_key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
        }
        ended = subprocess.run(
            [sys.executable, "-c", TIMED, str(SCRIPTS / f"{program}.py"), *args],
            env=environment,
            cwd=home,
            capture_output=True,
            text=True,
            check=True,
        )
    return float(ended.stderr.split()[-1])


def client(server: Server, *, batch: bool = True) -> WandbClient:
    """Our own connection, with nothing but its defaults."""
    options = WandbOptions(key=Secret(server.api_key), batch=batch)
    return WandbClient(WandbAddress.parse(server.address(PROJECT)), options, read_only=False)


async def listed(server: Server) -> tuple[float, int]:
    """Seconds for the whole inventory, and how many versions there are."""
    ours = client(server)
    await ours.check()
    start = time.perf_counter()
    found = sum([len(part.versions) async for part in ours.listing()])
    took = time.perf_counter() - start
    await ours.aclose()
    return took, found


async def deleted(server: Server, *, batch: bool) -> tuple[float, float]:
    """Seconds to list what the run logged, look, delete and look again; and to delete alone."""
    ours = client(server, batch=batch)
    await ours.check()
    start = time.perf_counter()
    listing = ours.listing()
    keys = [one.key async for part in listing for one in part.versions if one.run == RUN]
    deleting = 0.0
    for at in range(0, len(keys), BATCH):
        part = keys[at : at + BATCH]
        assert len(await ours.facts(part)) == len(part)
        begun = time.perf_counter()
        outcomes = await ours.delete([Deletion(key) for key in part])
        deleting += time.perf_counter() - begun
        assert {one.result for one in outcomes} == {Result.DONE}, outcomes
        await ours.facts(part)
    took = time.perf_counter() - start
    await ours.aclose()
    return took, deleting


async def main() -> None:
    """Run all and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=int, default=200)
    parser.add_argument("--versions", type=int, default=5)
    parser.add_argument("--delete", type=int, default=500)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds a request takes")
    options = parser.parse_args()
    with running(latency_ms=options.latency) as server:
        server.fill(options.collections, options.versions)
        base = await asyncio.to_thread(sdk, server, "listing", PROJECT)
        took, found = await listed(server)
        assert found == options.collections * options.versions, found
        print(f"inventory of {found:,} versions in {options.collections} collections:")
        print(f"  SDK {base:6.2f} s, ours {took:6.2f} s: {base / took:5.1f} x")

        def refill() -> None:
            server.fill(1, options.delete, run=RUN)

        refill()
        base = await asyncio.to_thread(sdk, server, "delete_run_outputs", f"{PROJECT}/{RUN}")
        assert not server.alive()
        print(f"deletion of {options.delete:,} versions of a run:\n  SDK {base:6.2f} s")
        for batch in (False, True):
            refill()
            whole, alone = await deleted(server, batch=batch)
            assert not server.alive()
            words = "several in a document" if batch else "one in a document"
            print(
                f"  ours, {words:<21} {whole:6.2f} s: {base / whole:5.1f} x"
                f"   (deletions alone {alone:5.2f} s: {base / alone:5.1f} x)"
            )


if __name__ == "__main__":
    asyncio.run(main())
