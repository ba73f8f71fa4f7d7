"""The stand-in's own door: the REST interface, with its traps."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.servers.rest import faults
from tests.servers.rest.handlers import Handlers
from tests.servers.rest.registry import Bucket, Entry, Instance
from tests.servers.rest.traps import Traps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send


class Line(msgspec.Struct):
    """One request, as the server saw it."""

    number: int
    method: str
    target: str
    """The raw request target, undecoded."""
    headers: dict[str, str]
    connection: str
    fault: str = ""
    status: int = 0
    """0: no answer was sent."""
    carried_out: bool = False
    """The registry did what was asked."""


class StandIn:
    """State shared by the doors."""

    def __init__(self) -> None:
        self.bucket = Bucket()
        self.log: list[Line] = []
        self.elsewhere = ""
        self.running = 0
        self.most_at_once = 0
        self.turn = asyncio.Lock()
        self.adding = asyncio.Lock()
        self.tasks: set[asyncio.Task[None]] = set()
        self.configure(Traps())

    def configure(self, traps: Traps) -> None:
        """Start anew with other traps; the bucket stays."""
        self.traps = traps
        self.dice = faults.Dice(traps)
        rng = random.Random(traps.seed + 1)  # noqa: S311 - repeatable on purpose
        self.instances = [Instance(self.bucket, rng) for _ in range(traps.instances)]
        self.token = traps.token
        self.token_used = 0
        self.requests = 0
        self.repeated = 0
        self.counted = 0
        self.refused = 0

    def after(self, seconds: float, do: Callable[[], Awaitable[object]]) -> None:
        """Do something so many seconds later; below 0 never."""

        async def work() -> None:
            await asyncio.sleep(seconds)
            await do()

        if seconds > 0:
            task = asyncio.create_task(work())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def instance(self) -> Instance:
        """The instance whose turn it is."""
        return self.instances[self.requests % len(self.instances)]

    def error(self, status: int, text: str) -> Response:
        """An error in the dialect of this server."""
        return JSONResponse({self.traps.error_key: text}, status)

    def allowed(self, request: Request) -> bool:
        """Whether the credentials are good."""
        traps = self.traps
        given = request.headers.get("x-authorization")
        if traps.auth == "bearer":
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.token_used += 1
        spent = traps.token_requests and self.token_used > traps.token_requests
        return given == self.token and not spent


def make_app(state: StandIn) -> Starlette:
    """The registry's application."""
    handlers = Handlers(state)
    artifact = "/artifacts" if state.traps.route == "plural" else "/artifact"
    routes = [
        ("GET", "/health", handlers.health),
        ("PUT", "/authenticate", handlers.authenticate),
        ("DELETE", "/reset", handlers.reset),
        ("POST", "/artifacts", handlers.listing),
        ("GET", "/artifact/byName/{name:path}", handlers.by_name),
        ("POST", "/artifact/byRegEx", handlers.by_regex),
        ("GET", "/artifact/model/{id}/lineage", handlers.lineage),
        ("GET", f"{artifact}/{{type}}/{{id}}", handlers.get),
        ("DELETE", f"{artifact}/{{type}}/{{id}}", handlers.delete),
        ("POST", "/artifact/{type}", handlers.create),
    ]
    app = Starlette(
        routes=[
            Route(state.traps.prefix + path, _endpoint(state, handler), methods=[method])
            for method, path, handler in routes
        ]
        + [Route("/{rest:path}", _endpoint(state, handlers.unknown), methods=list(_METHODS))]
    )
    app.router.redirect_slashes = False
    return app


_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


def _endpoint(
    state: StandIn, handler: Callable[[Request, Line], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Log, credentials, quota and faults around a handler."""

    async def serve(request: Request) -> Response:
        line = _note(state, request)
        state.running += 1
        state.most_at_once = max(state.most_at_once, state.running)
        try:
            async with state.turn if state.traps.serial else contextlib.nullcontext():
                answer = await _around(state, request, line, handler)
        except faults.CutError:
            return _Nothing()
        finally:
            state.running -= 1
        line.status = answer.status_code
        if answer.status_code == 500 and state.traps.drops_after_500:
            raise RuntimeError("as the reference server does: 500, and the connection is closed")
        return answer

    return serve


def _note(state: StandIn, request: Request) -> Line:
    state.requests += 1
    raw = request.scope["raw_path"]
    query = request.scope["query_string"]
    target = (raw + (b"?" + query if query else b"")).decode("latin-1")
    peer = f"{request.client.host}:{request.client.port}" if request.client else ""
    line = Line(state.requests, request.method, target, dict(request.headers), peer)
    state.log.append(line)
    return line


async def _around(
    state: StandIn,
    request: Request,
    line: Line,
    handler: Callable[[Request, Line], Awaitable[Response]],
) -> Response:
    traps = state.traps
    if traps.get_s and request.method == "GET" and "/artifact" in line.target:
        await asyncio.sleep(traps.get_s)
    if traps.request_s:
        await asyncio.sleep(traps.request_s)
    over = traps.at_most and state.running > traps.at_most
    if over or _spent(state, line):
        headers = {"retry-after": traps.retry_after} if traps.retry_after else {}
        headers = traps.quota_headers or headers
        return JSONResponse({traps.error_key: "too many requests"}, traps.quota_status, headers)
    guarded = traps.auth != "none" and not line.target.endswith("/authenticate")
    if guarded and not state.allowed(request):
        return state.error(traps.auth_status, "invalid or missing AuthenticationToken")
    fault = state.dice.throw(request.method, line.target)
    line.fault = fault.kind if fault else ""
    if fault and (answer := await faults.before(request, fault, state.elsewhere)):
        return answer
    answer = await handler(request, line)
    return await faults.after(request, fault, answer) if fault else answer


def _spent(state: StandIn, line: Line) -> bool:
    """Whether this request is one too many."""
    traps = state.traps
    if not traps.quota or traps.quota_path not in f"{line.method} {line.target}":
        return False
    state.counted += 1
    if state.counted % traps.quota or (traps.quota_times and state.refused >= traps.quota_times):
        return False
    state.refused += 1
    return True


class _Nothing(Response):
    """No answer: the connection is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing; uvicorn sees that the client is away."""
        del scope, send
        message: Message = await receive()
        while message["type"] != "http.disconnect":
            message = await receive()


def control(state: StandIn, rebuilt: Callable[[], None]) -> Starlette:
    """The back door: traps, seeds, the log, and the truth."""

    async def traps(request: Request) -> Response:
        state.configure(msgspec.json.decode(await request.body(), type=Traps))
        rebuilt()
        return PlainTextResponse("ok")

    async def seed(request: Request) -> Response:
        entries = msgspec.json.decode(await request.body(), type=list[Entry])
        state.bucket.entries = tuple(entries)
        numbers = [int(entry.id) for entry in entries if entry.id.isdigit()]
        state.bucket.counter = max(numbers, default=0)
        for instance in state.instances:
            instance.memory = state.bucket.entries
        return PlainTextResponse("ok")

    async def truth(request: Request) -> Response:
        del request
        value = {
            "entries": state.bucket.entries,
            "removed": state.bucket.removed,
            "most_at_once": state.most_at_once,
        }
        return Response(msgspec.json.encode(value), media_type="application/json")

    async def log(request: Request) -> Response:
        body = msgspec.json.encode(state.log)
        if request.method == "DELETE":
            state.log.clear()
            state.most_at_once = 0
        return Response(body, media_type="application/json")

    return Starlette(
        routes=[
            Route("/traps", traps, methods=["PUT"]),
            Route("/seed", seed, methods=["PUT"]),
            Route("/truth", truth),
            Route("/log", log, methods=["GET", "DELETE"]),
        ]
    )
