"""Asking a server that answers in every way there is: what is sent again, and what is told."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients import transport as subject
from artifact_tui.clients.servers import Secret
from artifact_tui.clients.transport import HttpCall, LostError, NotSentError
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_replies import GraphCall, GraphError
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import GraphTransport
from artifact_tui.errors import ReadOnlyError, RegistryError, UncertainError
from tests.servers.wandb.process import shared
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.graphs import DELETE, READ, WRITE, deletion, filled, graph_of
from tests.unit.wandb.raw import answering, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.wandb.process import Server


@pytest.fixture
def server() -> Server:
    found = shared()
    found.become()
    found.seed()
    found.clear()
    return found


@pytest.fixture
async def graph(server: Server) -> AsyncIterator[GraphTransport]:
    found = graph_of(server)
    yield found
    await found.aclose()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does not wait between tries."""
    monkeypatch.setattr(subject, "BACK_S", 0.0001)


# shapes of answers


@pytest.mark.parametrize(
    ("status", "body", "data", "errors"),
    [
        (200, {"data": {"a": 1}}, {"a": 1}, ()),
        (200, {"data": None}, None, ()),
        (200, {"data": {"a": None}, "errors": []}, {"a": None}, ()),
        (
            403,
            {
                "errors": [
                    {
                        "message": "permission denied",
                        "path": ["upsertBucket"],
                        "extensions": {"code": "PERMISSION_ERROR"},
                    }
                ],
                "data": {"upsertBucket": None},
            },
            {"upsertBucket": None},
            (GraphError("permission denied", ("upsertBucket",), "PERMISSION_ERROR"),),
        ),
        (400, {"error": "text"}, None, (GraphError("text"),)),
        (409, {"error": {"message": "why", "code": "X"}}, None, (GraphError("why", (), "X"),)),
        (400, {"errors": ["one", "two"]}, None, (GraphError("one"), GraphError("two"))),
        (200, {"errors": "bare"}, None, (GraphError("bare"),)),
        (200, {"data": {"a": 1}, "errors": [{"message": "part", "path": ["b", 0]}]}, {"a": 1},
         (GraphError("part", ("b", 0)),)),
        (200, {"errors": [{"path": "nonsense", "extensions": 7}]}, None,
         (GraphError("an error without words"),)),
        (404, {"errors": [{"message": {"message": "deep"}}], "data": None}, None,
         (GraphError("deep"),)),
        (422, {"error": 7}, None, (GraphError("an error without words"),)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", [READ, WRITE])
async def test_the_shapes_of_answers(
    call: GraphCall, status: int, body: object, data: object, errors: tuple[GraphError, ...]
) -> None:
    async with answering(lambda *_: response(status, json.dumps(body).encode())) as raw:
        graph = raw.graph()
        reply = await graph.ask(call)
        assert (json.loads(reply.data), reply.errors, reply.status) == (data, errors, status)
        assert len(raw.seen) == 1
        await graph.aclose()


async def test_what_is_sent(server: Server, graph: GraphTransport) -> None:
    call = GraphCall(
        "query($a:String,$b:Int){viewer{username}}", {"a": None}, writes=False, what=""
    )
    await graph.ask(call)
    (line,) = server.log()
    assert line.variables == {}
    assert line.path == "/graphql"
    assert set(line.headers) == {
        "host", "accept", "accept-encoding", "user-agent", "authorization", "content-type",
        "content-length",
    }  # fmt: skip
    assert line.headers["user-agent"] == "artifact-tui"


@pytest.mark.parametrize("admin", [True, False])
async def test_more_privileges_only_when_asked_for(server: Server, *, admin: bool) -> None:
    graph = graph_of(server, admin=admin)
    await graph.ask(READ)
    await graph.aclose()
    (line,) = server.log()
    assert line.headers.get("use-admin-privileges") == ("true" if admin else None)


async def test_errors_are_limited() -> None:
    many = [{"message": "x" * 3_000}] * 2_000
    async with answering(lambda *_: response(400, json.dumps({"errors": many}).encode())) as raw:
        graph = raw.graph()
        reply = await graph.ask(READ)
        assert len(reply.errors) == 1_000
        assert {len(error.message) for error in reply.errors} == {2_000}
        await graph.aclose()


# reads are repeated


@pytest.mark.parametrize(
    "kind",
    ["rst_before", "rst_after", "500", "502", "503", "429", "garbage", "truncated", "html_before",
     "html_after", "empty_after", "deep", "huge_number"],
)  # fmt: skip
async def test_reads_are_repeated_until_they_are_answered(
    server: Server, graph: GraphTransport, kind: str
) -> None:
    server.become(Fault(kind=kind, first=2))
    reply = await graph.ask(READ)
    assert json.loads(reply.data) == {"viewer": {"username": "ada"}}
    assert len(server.log()) == 3


@pytest.mark.parametrize(
    ("kind", "words", "tries"),
    [
        ("500", "failed while asking who we are (500)", 5),
        ("html_before", "answered asking who we are with a web page", 3),
        ("garbage", "answered asking who we are with something else than GraphQL", 3),
        ("empty_after", "answered asking who we are with nothing", 3),
        ("rst_before", "broke the connection off", 5),
    ],
)
@pytest.mark.usefixtures("hasty")
async def test_a_read_that_never_works_says_so(
    server: Server, graph: GraphTransport, kind: str, words: str, tries: int
) -> None:
    server.become(Fault(kind=kind))
    with pytest.raises(RegistryError) as caught:
        await graph.ask(READ)
    assert words in str(caught.value)
    assert not isinstance(caught.value, UncertainError)
    assert len(server.log()) == tries


async def test_failures_of_many_kinds_are_not_waited_for_longer_and_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    answers = [None, response(500, b""), response(200, b"<html>"), *2 * [response(502, b"")]]
    answers += [None, None, response(200, b"<html>"), response(504, b"")]
    turn = iter([*answers, response(200, b'{"data":{"viewer":{"username":"ada"}}}')])
    async with answering(lambda *_: next(turn)) as raw:
        graph = raw.graph()
        monkeypatch.setattr(asyncio, "sleep", note)
        assert b"ada" in (await graph.ask(READ)).data
        monkeypatch.undo()
        await graph.aclose()
    assert len(waits) == len(answers)
    assert sum(waits) < 20


@pytest.mark.parametrize("kind", ["bomb", "big"])
async def test_a_huge_answer_is_cut_off_and_not_asked_for_again(server: Server, kind: str) -> None:
    graph = graph_of(server, answer_limit=1_000_000)
    server.become(Fault(kind=kind))
    for call in (READ, WRITE):
        server.clear()
        with pytest.raises(RegistryError, match="larger than 1,000,000 bytes") as caught:
            await graph.ask(call)
        assert isinstance(caught.value, UncertainError) is call.writes
        assert len(server.log()) == 1
    await graph.aclose()


async def test_packed_answers_are_read() -> None:
    body = gzip.compress(b'{"data":{"a":"' + b"x" * 100_000 + b'"}}')
    async with answering(lambda *_: response(200, body, content_encoding="gzip")) as raw:
        graph = raw.graph()
        assert len((await graph.ask(READ)).data) == 100_008
        await graph.aclose()


# what writes is sent once


@pytest.mark.parametrize(
    "kind",
    ["rst_before", "rst_after", "500", "502", "500_after", "garbage", "truncated", "html_before",
     "html_after", "empty_after", "deep", "big", "bomb"],
)  # fmt: skip
async def test_a_lost_write_is_sent_once_and_called_uncertain(server: Server, kind: str) -> None:
    graph = graph_of(server, answer_limit=1_000_000)
    (first, second) = filled(server, 2)
    server.become(Fault(kind=kind, first=1))
    with pytest.raises(LostError) as caught:
        await graph.ask(deletion(first))
    assert isinstance(caught.value, UncertainError)
    assert len(server.log()) == 1
    reply = await graph.ask(deletion(second))
    assert json.loads(reply.data)["deleteArtifact"]["artifact"]["state"] == "DELETED"
    await graph.aclose()


@pytest.mark.parametrize("kind", ["hang_before", "hang_after"])
async def test_silence_is_a_loss(server: Server, kind: str) -> None:
    (first,) = filled(server, 1)
    graph = graph_of(server, answer_s=0.3)
    server.become(Fault(kind=kind))
    with pytest.raises(LostError, match="did not answer in time"):
        await graph.ask(deletion(first))
    assert len(server.log()) == 1
    await graph.aclose()


async def test_an_answer_that_drips_ends_in_time(server: Server) -> None:
    graph = graph_of(server, whole_s=0.4)
    server.become(Fault(kind="drip"))
    async with asyncio.timeout(60):  # it would drip for ever
        with pytest.raises(LostError, match="did not answer in time"):
            await graph.ask(WRITE)
    await graph.aclose()


@pytest.mark.parametrize("kind", ["429", "503"])
async def test_a_refusal_for_being_too_much_is_no_loss(
    server: Server, graph: GraphTransport, kind: str
) -> None:
    (first,) = filled(server, 1)
    server.become(Fault(kind=kind, first=9))
    reply = await graph.ask(deletion(first))
    assert json.loads(reply.data)["deleteArtifact"]["artifact"]["state"] == "DELETED"
    assert len(server.log()) == 10
    assert len(server.done()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"message": "rate limit exceeded"}]},
        {"errors": [{"message": "slow", "extensions": {"code": "RATE_LIMITED"}}], "data": None},
        {"error": "Too Many Requests"},
        {"errors": [{"message": "throttled", "path": ["a"]}], "data": {"a": None, "b": None}},
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_a_throttle_in_the_words_of_graphql(body: object, status: int) -> None:
    answers = [response(status, json.dumps(body).encode()), response(200, b'{"data":{"a":1}}')]
    async with answering(lambda *_: answers.pop(0)) as raw:
        graph = raw.graph()
        assert (await graph.ask(WRITE)).data == b'{"a":1}'
        await graph.aclose()


@pytest.mark.parametrize("status", [200, 429])
async def test_a_throttle_after_a_part_was_done_is_an_answer(status: int) -> None:
    body = {"data": {"a": {"x": 1}, "b": None}, "errors": [{"message": "rate limit"}]}
    async with answering(lambda *_: response(status, json.dumps(body).encode())) as raw:
        graph = raw.graph()
        assert (await graph.ask(WRITE)).errors == (GraphError("rate limit"),)
        assert len(raw.seen) == 1
        await graph.aclose()


async def test_a_server_failure_in_the_words_of_graphql_is_for_the_caller() -> None:
    body = b'{"errors":[{"message":"deadlock","path":["a"]}],"data":{"a":null}}'
    async with answering(lambda *_: response(500, body)) as raw:
        graph = raw.graph()
        reply = await graph.ask(WRITE)
        assert (reply.status, reply.errors[0].message) == (500, "deadlock")
        assert len(raw.seen) == 1
        await graph.aclose()


@pytest.mark.usefixtures("hasty")
async def test_nothing_is_lost_when_nothing_was_sent(server: Server, graph: GraphTransport) -> None:
    (first,) = filled(server, 1)
    unreachable = WandbAddress.parse("wandb+http://127.0.0.1:1/acme/vision")
    closed = GraphTransport(unreachable, WandbOptions(key=Secret("k" * 40)), read_only=False)
    with pytest.raises(NotSentError, match="could not be reached") as caught:
        await closed.ask(deletion(first))
    assert "Nothing was sent" in caught.value.hint
    await closed.aclose()
    assert server.log() == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", [READ, WRITE])
async def test_no_redirect_is_followed(
    server: Server, graph: GraphTransport, status: int, call: GraphCall
) -> None:
    server.become(Fault(kind=str(status)))
    with pytest.raises(RegistryError, match="another place"):
        await graph.ask(call)
    assert [line.path for line in server.log()] == ["/graphql"]


@pytest.mark.parametrize("status", [400, 404, 405, 413])
async def test_a_refusal_without_graphql_was_not_carried_out(
    server: Server, graph: GraphTransport, status: int
) -> None:
    server.become(Fault(kind=str(status)))
    with pytest.raises(RegistryError, match="answered deleting versions") as caught:
        await graph.ask(WRITE)
    assert not isinstance(caught.value, UncertainError)
    assert "Nothing was done" in caught.value.hint


# who we are


@pytest.mark.parametrize("shape", ["graphql", "text", "object", "strings"])
async def test_a_wrong_key_says_where_it_came_from(server: Server, shape: str) -> None:
    server.become(error_shape=shape)
    graph = graph_of(server, key=Secret("w" * 40), key_place="/home/ada/.netrc")
    with pytest.raises(RegistryError, match="refused our credentials") as caught:
        await graph.ask(READ)
    assert "/home/ada/.netrc" in caught.value.hint
    assert "user is not logged in" in str(caught.value)
    assert "w" * 40 not in f"{caught.value} {caught.value.hint}"
    await graph.aclose()


async def test_a_403_without_graphql_is_about_us(server: Server, graph: GraphTransport) -> None:
    server.become(Fault(kind="403"))
    with pytest.raises(RegistryError, match="refused our credentials"):
        await graph.ask(WRITE)


# read-only


async def test_read_only_sends_nothing_that_writes(server: Server) -> None:
    (first,) = filled(server, 1)
    graph = graph_of(server, read_only=True)
    with pytest.raises(ReadOnlyError):
        await graph.ask(deletion(first))
    with pytest.raises(ValueError, match="wrongly"):
        await graph.ask(GraphCall(DELETE, {}, writes=False, what="reading"))
    body = json.dumps({"query": DELETE, "variables": {"i": {"artifactID": first}}}).encode()
    with pytest.raises(ReadOnlyError):
        await graph.transport.send(HttpCall("POST", b"/graphql", reads=True, content=body))
    assert server.log() == []
    assert json.loads((await graph.ask(READ)).data) == {"viewer": {"username": "ada"}}
    await graph.aclose()


async def test_a_document_that_lies_is_refused_everywhere(graph: GraphTransport) -> None:
    for document, writes in (("{a}", True), ("mutation{a}", False), ("", False)):
        with pytest.raises(ValueError, match="wrongly"):
            await graph.ask(GraphCall(document, {}, writes=writes, what="lying"))
