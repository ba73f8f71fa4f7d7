"""The back door under `/_control`: switches, scenes, the log, and the truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.servers.wandb import scenes, truth
from tests.servers.wandb.traps import Traps

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from tests.servers.wandb.standin import StandIn


def control(state: StandIn) -> list[Route]:
    """Switches, scenes, the log, and the truth."""

    async def traps(request: Request) -> Response:
        state.configure(msgspec.json.decode(await request.body(), type=Traps))
        return PlainTextResponse("ok")

    async def seed(request: Request) -> Response:
        scene = msgspec.json.decode(await request.body(), type=scenes.Scene)
        return JSONResponse(state.seed(scene, anew=request.method == "PUT"))

    async def log(request: Request) -> Response:
        body = msgspec.json.encode(state.log)
        if request.method == "DELETE":
            state.log.clear()
            state.most_at_once = 0
        return Response(body, media_type="application/json")

    async def expire(request: Request) -> Response:
        return JSONResponse(state.expire(int(await request.body())))

    def told(read: Callable[[], object]) -> Callable[[Request], Response]:
        return lambda _: Response(json.dumps(read()), media_type="application/json")

    return [
        Route("/_control/traps", traps, methods=["PUT"]),
        Route("/_control/seed", seed, methods=["PUT", "POST"]),
        Route("/_control/log", log, methods=["GET", "DELETE"]),
        Route("/_control/expire", expire, methods=["POST"]),
        Route("/_control/state", told(lambda: truth.state(state.store))),
        Route("/_control/ids", told(lambda: truth.ids(state.store))),
        Route("/_control/most_at_once", told(lambda: state.most_at_once)),
    ]
