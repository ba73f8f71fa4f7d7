"""`python -m tests.servers.wandb`: a stand-in W&B server until its standard input closes.

Prints its port on one line.
"""

from __future__ import annotations

import asyncio
import gc
import sys

import uvicorn

from tests.servers.rest.faults import Protocol
from tests.servers.wandb.app import make_app
from tests.servers.wandb.standin import StandIn


async def main() -> None:
    """Serve, and say where."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)  # answers of a thousand versions, without a pause
    config = uvicorn.Config(
        make_app(StandIn()),
        host="127.0.0.1",
        port=0,
        http=Protocol,
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=30,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.005)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    server.force_exit = True
    await task


if __name__ == "__main__":
    asyncio.run(main())
