"""1,000 verified deletions in a REST registry against the documented shell loop of curl.

    python -m benchmarks.rest_delete [--count 1000] [--latency 0.005] [--get 0.02]

First the client alone: both delete the same number of artifacts from the same stand-in server, in
turns of 100 in one run, so that a noisy machine hits all alike. Ours looks before and after each
turn, as applying a plan does; the loop does not look at all.

Then the whole command, `artifact-tui apply`, on a server that serves one request at a time and
takes longer to tell about one artifact than to list them all: start, looks, notes and report
included.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.rest import connect
from artifact_tui.clients.rest.rest_settings import RestOptions
from artifact_tui.model import Deletion, Result
from tests.servers.rest.process import running

if TYPE_CHECKING:
    from artifact_tui.clients.rest.rest_client import RestClient
    from tests.servers.rest.process import Server

TURN = 100
AT_ONCE = 16
STAY = 100
"""Artifacts that nobody deletes."""
LOOP = 'while read -r url; do curl -s -o /dev/null -X DELETE "$url"; done'


def shell(server: Server, keys: list[str]) -> None:
    """The documented loop."""
    urls = "".join(f"{server.address}/artifacts/{key}\n" for key in keys)
    subprocess.run(["bash", "-c", LOOP], input=urls, text=True, check=True)


async def ours(client: RestClient, keys: list[str]) -> None:
    """Look, delete, look again."""
    assert len(await client.facts(keys)) == len(keys)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert {one.result for one in outcomes} == {Result.DONE}
    assert not await client.facts(keys)


async def turns(count: int, latency: float) -> None:
    """The client alone, in turns with the loop."""
    took: dict[str, list[float]] = defaultdict(list)
    with running() as server:
        server.become(safe=True, request_s=latency)
        keys = server.fill(3 * count + STAY)
        serial, parallel = (
            connect(server.address, options=RestOptions(concurrency=n)) for n in (1, AT_ONCE)
        )
        for turn in range(count // TURN):
            part = keys[turn * 3 * TURN : (turn + 1) * 3 * TURN]
            for name, work in (
                ("curl loop", asyncio.to_thread(shell, server, part[:TURN])),
                ("one at a time", ours(serial, part[TURN : 2 * TURN])),
                (f"{AT_ONCE} at once", ours(parallel, part[2 * TURN :])),
            ):
                start = time.perf_counter()
                await work
                took[name].append(time.perf_counter() - start)
        left = len(server.ids())
        await serial.aclose()
        await parallel.aclose()
    assert left == 100 + 3 * (count % TURN), left
    base = sum(took["curl loop"])
    print(f"{count:,} deletions each, {latency * 1000:g} ms a request on the server")
    for name, times in took.items():
        each = sum(times) / count * 1000
        median = statistics.median(
            loop / own for loop, own in zip(took["curl loop"], times, strict=True)
        )
        print(
            f"{name:>14}  {sum(times):7.2f} s  {each:6.2f} ms each  {base / sum(times):5.2f} x"
            f"  (median of turns {median:5.2f} x)"
        )


def command(home: Path, *args: str | Path) -> None:
    """One command line of ours, in a home of its own."""
    places = {f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "CACHE", "STATE", "DATA")}
    subprocess.run(
        [sys.executable, "-m", "artifact_tui", *args],
        env={**os.environ, **places}, check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def whole(count: int, latency: float, get: float) -> None:
    """The whole command on a serial server with slow GETs."""
    with running() as server, tempfile.TemporaryDirectory() as folder:
        server.become(safe=True, serial=True, request_s=latency, get_s=get)
        keys = server.fill(count + STAY)
        start = time.perf_counter()
        shell(server, keys[:count])
        loop = time.perf_counter() - start
        assert len(server.ids()) == STAY
        server.fill(count + STAY, names=count + STAY)
        home, plan = Path(folder), Path(folder) / "a.plan"
        wanted = home / "keys"
        wanted.write_text("".join(f"{key}\n" for key in keys[:count]), encoding="utf-8")
        listed = ("plan", server.address, "--from", wanted, "--unknown-lineage", "-o", plan)
        command(home, *listed)
        start = time.perf_counter()
        command(home, "apply", plan, "--yes", "--expect", str(count))
        own = time.perf_counter() - start
        assert len(server.ids()) == STAY
    print(f"\n{count:,} on a serial server, {(latency + get) * 1000:g} ms for a GET")
    print(f"{'curl loop':>14}  {loop:7.2f} s")
    print(f"{'apply':>14}  {own:7.2f} s  {loop / own:5.2f} x, each verified gone")


async def main() -> None:
    """Run all and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.005, help="seconds a request takes")
    parser.add_argument("--get", type=float, default=0.02, help="seconds a GET takes besides")
    options = parser.parse_args()
    await turns(options.count, options.latency)
    await asyncio.to_thread(whole, options.count, options.latency, options.get)


if __name__ == "__main__":
    asyncio.run(main())
