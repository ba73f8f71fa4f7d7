"""The doors of the stand-in: GraphQL, tokens, and the back door under `/_control`."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from graphql import GraphQLError, OperationType, execute_sync
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.servers.rest import faults
from tests.servers.wandb import engine
from tests.servers.wandb.context import STATUS, Context
from tests.servers.wandb.control import control

if TYPE_CHECKING:
    from graphql import DocumentNode, OperationDefinitionNode
    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from tests.servers.wandb.standin import Line, StandIn
    from tests.servers.wandb.traps import Fault


class Asked(msgspec.Struct):
    """The body of a request."""

    query: str = ""
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 - as it is on the wire


@dataclasses.dataclass(slots=True)
class Work:
    """A document that will be executed."""

    document: DocumentNode
    operation: OperationDefinitionNode
    asked: Asked


class Doors:
    """The endpoints around one stand-in."""

    def __init__(self, state: StandIn) -> None:
        self.state = state

    async def graphql(self, request: Request) -> Response:
        """One document, with everything that may go wrong around it."""
        state = self.state
        line = _note(state, request)
        state.running += 1
        state.most_at_once = max(state.most_at_once, state.running)
        try:
            answer = await self._answer(request, line)
        except faults.CutError:
            return Nothing()
        finally:
            state.running -= 1
            line.took_s = time.monotonic() - line.at
        line.status = answer.status_code
        if state.window is not None:
            refused = line.throttled
            answer.headers.update(state.window.headers(refused=refused))
        return answer

    async def _answer(self, request: Request, line: Line) -> Response:
        state = self.state
        body = await request.body()
        try:
            work = self._read(body, line)
        except (msgspec.DecodeError, GraphQLError) as error:
            work = self._plain(400, str(error))
        if state.traps.latency_ms:
            await asyncio.sleep(state.traps.latency_ms / 1000)
        if (wrong := self._refused(request, line)) is not None:
            return wrong
        if isinstance(work, Response):
            return work
        fault = state.dice.throw_at(line)
        line.fault = fault.kind if fault else ""
        if fault and (early := await faults.before(request, fault, self._elsewhere(request))):
            return early
        if fault and fault.meanwhile:
            state.seed(fault.meanwhile, anew=False)
        async with state.lanes:
            if state.traps.mutation_ms:
                await asyncio.sleep(line.mutations * state.traps.mutation_ms / 1000)
            answer = self._execute(request, work, line, fault)
        return await self._after(request, fault, line, answer) if fault else answer

    async def _after(
        self, request: Request, fault: Fault, line: Line, answer: Response
    ) -> Response:
        """What becomes of an answer."""
        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.kind == "half_rst":
            faults.cut(request)
        if fault.kind == "null_data":
            return JSONResponse({"data": None})
        if fault.kind == "null_fields":
            return JSONResponse({"data": dict.fromkeys(line.fields)})
        return await faults.after(request, fault, answer)

    @staticmethod
    def _elsewhere(request: Request) -> str:
        """The same server under another name: what comes there is logged, and answered."""
        return f"http://localhost:{request.url.port}/elsewhere"

    async def elsewhere(self, request: Request) -> Response:
        """Where redirects lead; nobody should come, least of all with a key."""
        _note(self.state, request).status = 200
        return JSONResponse({"data": {}})

    def _read(self, body: bytes, line: Line) -> Work | Response:
        traps = self.state.traps
        asked = msgspec.json.decode(body, type=Asked)
        made = engine.schema_of(traps)
        line.document, line.variables = asked.query, asked.variables or {}
        document, errors = engine.checked(asked.query, made)
        chosen = engine.operation(document, asked.operationName)
        if chosen is None:
            return self._plain(400, "there is no such operation")
        line.operation = chosen.name.value if chosen.name else ""
        line.kind = chosen.operation.value
        line.fields = engine.root_fields(chosen)
        writes = chosen.operation is OperationType.MUTATION
        line.mutations = len(line.fields) if writes else 0
        if errors:
            line.errors = [one.message for one in errors]
            status = 200 if traps.errors == "ok" else 400
            return JSONResponse({"errors": engine.errors_of(errors)}, status)
        if traps.batch and line.mutations > traps.batch:
            return self._plain(400, f"too many operations: {line.mutations}")
        return Work(document, chosen, asked)

    def _refused(self, request: Request, line: Line) -> Response | None:
        """An answer for whom may not, or not now."""
        state = self.state
        if state.traps.at_most and state.running > state.traps.at_most:
            return self._plain(429, "too many requests at once")
        if state.window is not None and not state.window.take(line.mutations):
            line.throttled = True
            return self._plain(state.window.quota.status, state.window.quota.words)
        if not self._allowed(request):
            return self._plain(401, "user is not logged in")
        return None

    def _execute(self, request: Request, work: Work, line: Line, fault: Fault | None) -> Response:
        traps = self.state.traps
        half = fault is not None and fault.kind.startswith("half_")
        context = Context(
            self.state.store,
            traps,
            agent=request.headers.get("user-agent", ""),
            admin=traps.admin and request.headers.get("use-admin-privileges") == "true",
        )
        result = execute_sync(
            engine.schema_of(traps),
            engine.first_half(work.document, work.operation) if half else work.document,
            context_value=context,
            variable_values=work.asked.variables,
            operation_name=work.asked.operationName or None,
        )
        line.done = context.done
        value: dict[str, Any] = {"data": result.data}
        if half and fault is not None and fault.kind == "half_lie":
            claimed = engine.claimed(work.operation, work.asked.variables or {})
            value["data"] = {**claimed, **(result.data or {})}
        if result.errors:
            line.errors = [one.message for one in result.errors]
            value = {"errors": engine.errors_of(result.errors), **value}
        if half and fault is not None and fault.kind == "half_500":
            return self._plain(500, "internal server error")
        return Response(
            msgspec.json.encode(value), self._status(result.errors), media_type="application/json"
        )

    def _status(self, errors: list[GraphQLError] | None) -> int:
        if not errors or self.state.traps.errors == "ok":
            return 200
        return STATUS.get(str((errors[0].extensions or {}).get("code")), 400)

    def _plain(self, status: int, text: str) -> Response:
        """An error in one of the shapes that W&B is known to use."""
        shapes: dict[str, Any] = {
            "graphql": {"errors": [{"message": text}], "data": None},
            "text": {"error": text},
            "object": {"error": {"message": text}},
            "strings": {"errors": [text]},
        }
        return JSONResponse(shapes[self.state.traps.error_shape], status)

    def _allowed(self, request: Request) -> bool:
        """Whether the credentials are good."""
        traps = self.state.traps
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            used = self.state.tokens.get(given)
            if used is None or (traps.token_requests and used >= traps.token_requests):
                return False
            self.state.tokens[given] = used + 1
            return True
        return (
            scheme == "Basic"
            and given == base64.b64encode(f"api:{traps.api_key}".encode()).decode()
        )

    async def token(self, request: Request) -> Response:
        """An identity token for an access token."""
        _note(self.state, request)
        form = dict(parse_qsl((await request.body()).decode()))
        traps = self.state.traps
        good = traps.identity_token and form.get("assertion") == traps.identity_token
        grant = form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        if not (good and grant):
            return JSONResponse({"error": "invalid_grant"}, 400)
        made = f"access-{len(self.state.tokens) + 1}-{'x' * 24}"
        self.state.tokens[made] = 0
        return JSONResponse({"access_token": made, "expires_in": traps.token_expires_s})


def _note(state: StandIn, request: Request) -> Line:
    peer = f"{request.client.host}:{request.client.port}" if request.client else ""
    return state.line(request.url.path, dict(request.headers), peer)


class Nothing(Response):
    """No answer: the connection is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing; uvicorn sees that the client is away."""
        del scope, send
        message: Message = await receive()
        while message["type"] != "http.disconnect":
            message = await receive()


def make_app(state: StandIn) -> Starlette:
    """The application of a stand-in."""
    doors = Doors(state)
    return Starlette(
        routes=[
            Route("/graphql", doors.graphql, methods=["POST"]),
            Route("/oidc/token", doors.token, methods=["POST"]),
            Route("/elsewhere/{rest:path}", doors.elsewhere, methods=["GET", "POST"]),
            *control(state),
        ]
    )
