"""Identity tokens: exchanged, kept while they are good, exchanged again."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from artifact_tui.clients.transport import HttpAnswer, HttpCall
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_replies import GraphCall
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import (
    JWT_GRANT,
    GraphTransport,
    WandbCredentials,
)
from artifact_tui.errors import RegistryError
from tests.servers.wandb.process import shared
from tests.unit.wandb.raw import answering, response

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.wandb.process import Server

JWT = "head.body.signature"
READ = GraphCall("query{viewer{username}}", {}, writes=False, what="asking who we are")


@pytest.fixture
def server() -> Server:
    found = shared()
    found.become(identity_token=JWT)
    found.seed()
    found.clear()
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "token", f"{JWT}\n")


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def graph_of(server: Server, file: Path, *, read_only: bool = False) -> GraphTransport:
    options = WandbOptions(token_file=file, key_place="WANDB_IDENTITY_TOKEN_FILE")
    return GraphTransport(WandbAddress.parse(server.address()), options, read_only=read_only)


def exchanges(server: Server) -> int:
    return sum(line.path == "/oidc/token" for line in server.log())


@pytest.mark.parametrize("read_only", [True, False])
async def test_one_exchange_for_many_requests(
    server: Server, file: Path, *, read_only: bool
) -> None:
    graph = graph_of(server, file, read_only=read_only)
    await asyncio.gather(*(graph.ask(READ) for _ in range(20)))
    await graph.aclose()
    assert exchanges(server) == 1
    headers = [line.headers.get("authorization", "") for line in server.log()]
    assert [header[:7] for header in headers] == ["", *["Bearer "] * 20]


async def test_a_token_that_dies_is_exchanged_for_another(server: Server, file: Path) -> None:
    server.change(token_requests=10)
    graph = graph_of(server, file)
    for _ in range(5):
        await asyncio.gather(*(graph.ask(READ) for _ in range(6)))
    await graph.aclose()
    assert 3 <= exchanges(server) <= 8


async def test_a_token_that_is_never_good_ends(server: Server, file: Path) -> None:
    server.change(identity_token="another")  # noqa: S106 - the point
    graph = graph_of(server, file)
    with pytest.raises(RegistryError, match="did not accept the identity token") as caught:
        await graph.ask(READ)
    assert str(file) in caught.value.hint
    await graph.aclose()


async def test_a_token_that_opens_nothing_is_tried_twice(file: Path) -> None:
    def make(head: bytes, _: bytes) -> bytes:
        if b"/oidc/token" in head.split(b"\r\n")[0]:
            return response(200, b'{"access_token":"a","expires_in":3600}')
        return response(401, b'{"error":"user is not logged in"}')

    async with answering(make) as raw:
        options = WandbOptions(token_file=file, key_place="WANDB_IDENTITY_TOKEN_FILE")
        graph = GraphTransport(raw.address(), options, read_only=False)
        with pytest.raises(RegistryError, match="refused our credentials") as caught:
            await graph.ask(READ)
        assert "WANDB_IDENTITY_TOKEN_FILE" in caught.value.hint
        assert len(raw.seen) == 4
        await graph.aclose()


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read: No such file"), ("", "holds no token"), ("two words", "holds no"),
     ("\x00", "holds no token")],
)  # fmt: skip
async def test_a_file_that_is_none(
    server: Server, file: Path, text: str | None, words: str
) -> None:
    if text is None:
        file = file.with_name("missing")
    else:
        written(file, text)
    graph = graph_of(server, file)
    with pytest.raises(RegistryError, match=words) as caught:
        await graph.ask(READ)
    assert str(file) in str(caught.value)
    assert server.log() == []
    await graph.aclose()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("expires", "good_s"),
    [(3600, 3300), (601, 301), (400, 200), (10, 5), (0, 0), (-5, 0), (None, 3300), (1e12, 35700)],
)
async def test_a_token_is_renewed_before_it_expires(
    file: Path, expires: float | None, good_s: float
) -> None:
    clock = Clock()
    credentials = WandbCredentials(WandbOptions(token_file=file), clock=clock)
    forms = []

    async def post(call: HttpCall) -> HttpAnswer:
        assert not call.signed
        forms.append(parse_qs((call.content or b"").decode()))
        told = {"access_token": f"a{len(forms)}"} | (
            {} if expires is None else {"expires_in": expires}
        )
        return HttpAnswer(200, {}, json.dumps(told).encode())

    assert await credentials.ready(post) == 1
    assert credentials.headers() == [("Authorization", "Bearer a1")]
    clock.now += max(0.0, good_s - 0.5)
    assert await credentials.ready(post) == (1 if good_s > 0 else 2)
    written(file, "another.token.here")
    clock.now += 1.0
    before = len(forms)
    assert await credentials.ready(post) == before + 1
    assert forms[0] == {"grant_type": [JWT_GRANT], "assertion": [JWT]}
    assert forms[before] == {"grant_type": [JWT_GRANT], "assertion": ["another.token.here"]}
    assert math.isfinite(credentials._until)
