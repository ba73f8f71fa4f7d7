"""No failure shows a key: not its words, not its traceback with all locals, not any log."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients import transport as subject
from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_replies import GraphCall
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.errors import ArtifactTuiError, UsageError
from tests.servers.wandb.connecting import connect
from tests.unit.wandb.raw import CANARY, Raw, answering, response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.clients.wandb.wandb_transport import GraphTransport

BASIC = base64.b64encode(f"api:{CANARY}".encode()).decode()
JWT = "canary-kopf.canary-rumpf.canary-unterschrift"
ACCESS = "canary-zugang-0123456789"
ALL = (CANARY, BASIC, JWT, ACCESS)

READ = GraphCall("query{viewer{username}}", {}, writes=False, what="asking who we are")
WRITE = GraphCall("mutation{deleteRun(input:{id:1}){clientMutationId}}", {}, writes=True, what="x")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "BACK_S", 0.0001)


def everything(error: BaseException) -> str:
    """All that any handler could print about an error, and about what it was raised from."""
    found = [repr(error), str(error), getattr(error, "hint", "")]
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    found += told.format()
    below: BaseException | None = error
    while below is not None:
        found.append("".join(traceback.format_exception(below)))
        for frame, _ in traceback.walk_tb(below.__traceback__):
            found += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        below = below.__cause__ or below.__context__
    return "\n".join(found)


def clean(text: str) -> None:
    for secret in ALL:
        assert secret not in text


def echo(head: bytes) -> bytes:
    """What a careless server sends back of a request."""
    return head.replace(b"\r\n", b" ")


def said(head: bytes) -> str:
    return echo(head).decode()


ANSWERS: dict[str, Callable[[bytes, bytes], bytes | None]] = {
    "closed": lambda *_: None,
    "no http": lambda head, _: echo(head) + b"\r\n\r\n",
    "bad header": lambda head, _: b"HTTP/1.1 200 OK\r\n" + echo(head) + b"\r\n\r\n",
    "401": lambda head, _: response(401, json.dumps({"error": said(head)}).encode()),
    "403": lambda head, _: response(403, echo(head)),
    "403 html": lambda head, _: response(403, b"<html>" + echo(head), content_type="text/html"),
    "404": lambda head, _: response(404, echo(head)),
    "400": lambda head, _: response(
        400, json.dumps({"errors": [{"message": said(head), "path": [said(head)]}]}).encode()
    ),
    "500": lambda head, _: response(500, json.dumps({"error": said(head)}).encode()),
    "502": lambda head, _: response(502, b"<html>" + echo(head)),
    "302": lambda head, _: response(302, echo(head), location="http://localhost:1/" + "x"),
    "200 text": lambda head, _: response(200, echo(head)),
    "200 data": lambda head, _: response(200, json.dumps({"data": {"a": said(head)}}).encode()),
    "cut off": lambda head, _: response(200, echo(head))[:-20],
    "encoding": lambda head, _: response(200, echo(head), content_encoding="br"),
    "gzip": lambda head, _: response(200, echo(head), content_encoding="gzip"),
}


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_no_failure_shows_the_key(
    caplog: pytest.LogCaptureFixture, kind: str, call: GraphCall
) -> None:
    caplog.set_level(logging.DEBUG)

    def make(head: bytes, body: bytes) -> bytes | None:
        assert BASIC.encode() in head
        return ANSWERS[kind](head, body)

    async with answering(make) as raw:
        graph = raw.graph(key_place="the test", answer_s=0.3)
        try:
            reply = await graph.ask(call)
        except ArtifactTuiError as error:
            clean(everything(error))
        else:
            assert kind in {"400", "500", "200 data"}
            clean(repr(reply))
        clean(everything_reachable(graph))
        clean(caplog.text)
        assert raw.seen
        await graph.aclose()


def everything_reachable(graph: GraphTransport) -> str:
    wire = graph.transport
    parts = [graph, vars(graph), vars(wire), wire.credentials, vars(wire.credentials)]
    return "\n".join(repr(part) for part in parts)


async def test_nothing_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    graph = Raw(port=1).graph()
    with pytest.raises(ArtifactTuiError) as caught:
        await graph.ask(WRITE)
    clean(everything(caught.value) + caplog.text)
    await graph.aclose()


@pytest.mark.parametrize("bad", ["ein schlüssel", "two words here", "line\nbreak-in-it", "nul\0x"])
def test_a_key_that_no_header_carries_is_refused_without_showing_it(bad: str) -> None:
    options = WandbOptions(key=Secret(bad + CANARY), key_place="WANDB_API_KEY")
    with pytest.raises(UsageError, match="WANDB_API_KEY holds characters") as caught:
        connect("wandb+http://127.0.0.1:1/acme", options=options)
    clean(everything(caught.value))
    assert bad not in str(caught.value)


def test_options_and_clients_do_not_show_it() -> None:
    options = WandbOptions(key=Secret(CANARY))
    clean(f"{options!r} {options}")
    with pytest.raises(TypeError):
        pickle.dumps(options)
    client = connect("wandb+http://127.0.0.1:1/acme", options=options)
    clean(f"{client!r} {vars(client)}")


async def test_the_key_goes_nowhere_but_to_its_server(tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text(JWT)
    async with answering(lambda *_: response(200, b'{"data":{}}')) as other:
        place = f"http://localhost:{other.port}/elsewhere"
        for status in (301, 302, 303, 307, 308):
            redirect = response(status, b"", location=place)
            async with answering(lambda *_, answer=redirect: answer) as raw:
                for options in ({}, {"token_file": tmp_path / "jwt"}):
                    graph = raw.graph(**options)
                    with pytest.raises(ArtifactTuiError):
                        await graph.ask(READ)
                    await graph.aclose()
                assert len(raw.seen) == 2
        assert other.seen == []


# identity tokens


def exchange(kind: str, head: bytes, body: bytes) -> bytes | None:
    """A token endpoint that fails in some way, with what it was sent in its answer."""
    sent = body.decode() + said(head)
    granted = {"access_token": ACCESS, "expires_in": 3600}
    if b"/graphql" in head.split(b"\r\n")[0]:
        return response(200, json.dumps({"error": sent}).encode())
    answers = {
        "refused": (401, {"error": sent}),
        "empty": (200, {}),
        "other": (200, {"access_token": 7, "said": sent}),
        "blank": (200, {"access_token": f"{ACCESS} {JWT}"}),
        "absurd": (200, granted | {"expires_in": "soon"}),
        "fails": (500, {"error": sent}),
        "good": (200, granted),
    }
    if kind == "closed":
        return None
    status, value = answers[kind]
    return response(status, json.dumps(value).encode())


@pytest.mark.parametrize(
    "kind", ["refused", "empty", "other", "blank", "absurd", "fails", "closed", "good"]
)
async def test_no_failure_of_an_exchange_shows_a_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "jwt").write_text(f"{JWT}\n")
    async with answering(lambda head, body: exchange(kind, head, body)) as raw:
        graph = raw.graph(key=Secret(""), token_file=tmp_path / "jwt", key_place="the variable")
        try:
            reply = await graph.ask(READ)
        except ArtifactTuiError as error:
            assert kind != "good"
            clean(everything(error))
        else:
            assert kind == "good"
            clean(repr(reply))
        clean(everything_reachable(graph) + caplog.text)
        assert b"assertion=" + JWT.encode() in raw.seen[0][1]
        await graph.aclose()
