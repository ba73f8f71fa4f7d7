"""`python -m tests.servers.rest`: a stand-in registry until its standard input closes.

Prints one line of JSON: the ports of the registry, of its back door, and of another host to which
redirects lead (it logs what reaches it, and answers 200 to everything).
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from typing import TYPE_CHECKING

import uvicorn

from tests.servers.rest.app import StandIn, control, make_app
from tests.servers.rest.faults import Protocol

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send


class _Current:
    """An application that can be exchanged while it is served."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def _server(app: object, port: int = 0) -> uvicorn.Server:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host="127.0.0.1",
        port=port,
        http=Protocol,
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=5,
    )
    return uvicorn.Server(config)


async def _elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Another host: it takes everything, and remembers what it was sent."""
    if scope["path"] == "/__seen":
        body = json.dumps(SEEN).encode()
    else:
        while (await receive()).get("more_body"):
            pass
        got = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        SEEN.append({"method": scope["method"], "path": scope["path"], "headers": got})
        body = b'{"status":"deleted"}'
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


SEEN: list[dict[str, object]] = []


async def main() -> None:
    """Serve all three doors."""
    gc.set_threshold(50_000, 20, 20)
    state = StandIn()
    front = _Current(make_app(state))

    def rebuilt() -> None:
        front.app = make_app(state)

    servers = [_server(front), _server(control(state, rebuilt)), _server(_elsewhere)]
    tasks = [asyncio.create_task(server.serve()) for server in servers]
    while not all(server.started for server in servers):  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.005)
    ports = [server.servers[0].sockets[0].getsockname()[1] for server in servers]
    state.elsewhere = f"http://localhost:{ports[2]}"
    print(json.dumps(dict(zip(("port", "control", "elsewhere"), ports, strict=True))), flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for server in servers:
        server.should_exit = True
        server.force_exit = True
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())
