"""1,000 verified deletions in a REST registry against the documented shell loop of curl.

    python -m benchmarks.rest_delete [--count 1000] [--latency 0.005]

Both delete the same number of artifacts from the same stand-in server, in turns of 100 in one run,
so that a noisy machine hits all alike. Ours looks before and after each turn, as applying a plan
does; the loop does not look at all.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from artifact_tui.clients.http import connect
from artifact_tui.clients.http.options import Options
from artifact_tui.model import Deletion, Result
from tests.servers.rest.process import running

if TYPE_CHECKING:
    from artifact_tui.clients.http.client import HttpClient
    from tests.servers.rest.process import Server

TURN = 100
AT_ONCE = 16
LOOP = 'while read -r url; do curl -s -o /dev/null -X DELETE "$url"; done'


def shell(server: Server, keys: list[str]) -> None:
    """The documented loop."""
    urls = "".join(f"{server.address}/artifacts/{key}\n" for key in keys)
    subprocess.run(["bash", "-c", LOOP], input=urls, text=True, check=True)


async def ours(client: HttpClient, keys: list[str]) -> None:
    """Look, delete, look again."""
    assert len(await client.facts(keys)) == len(keys)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert {one.result for one in outcomes} == {Result.DONE}
    assert not await client.facts(keys)


async def main() -> None:
    """Run all three in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.005, help="seconds a request takes")
    options = parser.parse_args()
    took: dict[str, list[float]] = defaultdict(list)
    with running() as server:
        server.become(safe=True, request_s=options.latency)
        keys = server.fill(3 * options.count + 100)
        serial, parallel = (
            connect(server.address, options=Options(concurrency=n)) for n in (1, AT_ONCE)
        )
        for turn in range(options.count // TURN):
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
    assert left == 100 + 3 * (options.count % TURN), left
    base = sum(took["curl loop"])
    print(
        f"{options.count:,} deletions each, {options.latency * 1000:g} ms a request on the server"
    )
    for name, times in took.items():
        each = sum(times) / options.count * 1000
        median = statistics.median(
            loop / own for loop, own in zip(took["curl loop"], times, strict=True)
        )
        print(
            f"{name:>14}  {sum(times):7.2f} s  {each:6.2f} ms each  {base / sum(times):5.2f} x"
            f"  (median of turns {median:5.2f} x)"
        )


if __name__ == "__main__":
    asyncio.run(main())
