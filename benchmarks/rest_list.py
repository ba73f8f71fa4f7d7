"""Listing 3,000 artifacts against the bare requests it takes, in one run.

    python -m benchmarks.rest_list [--count 3000] [--page 1000] [--latency 0.02]

Bare: http.client on one kept connection, bodies read and not looked at. Ours: pages as the catalog
takes them, decoded, grouped and checked against the server's own count. Both with the reference
server's listing.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import statistics
import time
from typing import TYPE_CHECKING

from artifact_tui.clients.rest import connect
from tests.servers.rest.process import running

if TYPE_CHECKING:
    from tests.servers.rest.process import Server

BODY = b'[{"name": "*"}]'
HEADERS = {"content-type": "application/json"}


def bare(server: Server) -> float:
    """Seconds for the requests alone."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["port"])
    start = time.perf_counter()
    target: str | None = "/api/artifacts"
    while target:
        connection.request("POST", target, BODY, HEADERS)
        answer = connection.getresponse()
        answer.read()
        offset = answer.headers.get("offset")
        target = f"/api/artifacts?offset={offset}" if offset else None
    took = time.perf_counter() - start
    connection.close()
    return took


async def ours(server: Server, count: int) -> tuple[float, float]:
    """Seconds to the first rows, and to all of them."""
    client = connect(server.address)
    start = time.perf_counter()
    first, seen = 0.0, 0
    async for part in client.listing():
        first = first or time.perf_counter() - start
        seen += len(part.versions)
    took = time.perf_counter() - start
    await client.aclose()
    assert seen == count
    return first, took


async def main() -> None:
    """Run both in turns and print the ratio of their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds a request takes")
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    alone, firsts, whole = [], [], []
    with running() as server:
        server.become(page_size=options.page, request_s=options.latency)
        server.fill(options.count)
        for _ in range(options.turns):
            alone.append(await asyncio.to_thread(bare, server))
            first, took = await ours(server, options.count)
            firsts.append(first)
            whole.append(took)
    print(f"{options.count:,} artifacts, pages of {options.page:,}, {options.latency * 1000:g} ms")
    for name, pick in (("median", statistics.median), ("best", min)):
        base, full, first = pick(alone), pick(whole), pick(firsts)
        print(
            f"{name:>8}: bare requests {base * 1000:6.1f} ms, ours {full * 1000:6.1f} ms"
            f" ({full / base:.2f} x), first rows after {first * 1000:5.1f} ms"
        )


if __name__ == "__main__":
    asyncio.run(main())
