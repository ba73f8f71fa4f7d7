"""Redirects, credentials, limits and certificates: what never happens on the wire."""

from __future__ import annotations

import asyncio
import resource
import ssl
import traceback
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.rest.rest_settings import Auth, Login, RestOptions
from artifact_tui.clients.servers import Secret
from artifact_tui.errors import RegistryError
from artifact_tui.model import Deletion, Result
from tests.servers.rest.traps import Fault
from tests.support.certificates import certificate
from tests.unit.http.support import all_keys, results

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener

CANARY = "canary-51c7"
TOKEN = Secret(CANARY)


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_no_redirect_leaves_the_server(
    server: Server, opener: Opener, status: str, method: str
) -> None:
    server.become(Fault(status, methods=(method,)))
    keys = server.fill(3)
    client = opener(options=RestOptions(auth=Auth.TOKEN, token=TOKEN))
    (outcome,) = await client.delete([Deletion(keys[0])])
    assert (outcome.result is Result.DONE) is (method != "DELETE")
    for read in (client.reader.health(), client.entry(keys[1]), client.facts(keys)):
        try:
            await read
        except RegistryError as error:
            assert CANARY not in f"{error} {error.hint}"  # noqa: PT017
    assert server.seen_elsewhere() == []


async def test_a_get_follows_on_the_same_server_only_for_a_while(
    server: Server, opener: Opener
) -> None:
    class Here:
        hops = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        await reader.readuntil(b"\r\n\r\n")
        Here.hops += 1
        if b"/final" in line:
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"models":3}')
        else:
            place = b"/final" if Here.hops < 3 else b"/again"
            writer.write(b"HTTP/1.1 302 F\r\nlocation: " + place + b"\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        client = opener(f"http://127.0.0.1:{port}")
        assert (await client.reader.health()).artifacts == 3
        with pytest.raises(RegistryError, match="circle"):
            await client.reader.health()


@pytest.mark.parametrize(
    ("style", "auth"), [("x-authorization", Auth.TOKEN), ("bearer", Auth.BEARER)]
)
async def test_the_right_token_opens_and_the_wrong_one_says_so(
    server: Server, opener: Opener, style: str, auth: Auth
) -> None:
    server.become(auth=style)
    keys = server.fill(3)
    good = RestOptions(auth=auth, token=Secret(server.traps.token))
    assert set(await opener(options=good).facts(keys)) == set(keys)
    for options in (RestOptions(), RestOptions(auth=auth, token=TOKEN)):
        with pytest.raises(RegistryError, match="credentials") as caught:
            await opener(options=options).facts(keys)
        assert CANARY not in f"{caught.value} {caught.value.hint}"
        assert "ARTIFACT_TUI_TOKEN" in caught.value.hint


async def test_only_the_configured_header_is_sent(server: Server, opener: Opener) -> None:
    server.fill(2)
    for auth, present in ((Auth.NONE, []), (Auth.TOKEN, ["x-authorization"]),
                          (Auth.BEARER, ["authorization"])):  # fmt: skip
        server.clear()
        await opener(options=RestOptions(auth=auth, token=TOKEN)).reader.health()
        (line,) = server.log()
        names = [n for n in ("authorization", "x-authorization", "cookie") if n in line.headers]
        assert names == present


@pytest.mark.parametrize("status", [401, 403])
async def test_a_login_fetches_a_token_and_a_new_one_when_it_dies(
    server: Server, opener: Opener, status: int
) -> None:
    server.become(
        auth="x-authorization", auth_status=status, opens_with="open", token_requests=15,
        page_size=10, safe=True,
    )  # fmt: skip
    keys = server.fill(40)
    options = RestOptions(login=Login("me", Secret("open")), concurrency=4)
    client = opener(options=options)
    assert set(await all_keys(client)) == set(keys)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert set(results(outcomes)) == {Result.DONE}
    assert server.ids() == set()
    assert 3 <= len(server.sent("PUT")) <= 8


async def test_a_refused_login_says_so_and_never_the_password(
    server: Server, opener: Opener
) -> None:
    for password in ("other", ""):
        server.become(auth="x-authorization", opens_with=password)
        client = opener(options=RestOptions(login=Login("me", TOKEN)))
        with pytest.raises(RegistryError) as caught:
            await client.facts(["model/1"])
        assert "login" in str(caught.value)
        assert CANARY not in f"{caught.value} {caught.value.hint}"
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [line for line in told.format() if "/artifact_tui/" in line]
        assert ours
        assert CANARY not in "".join(ours)
        outcomes = await client.delete([Deletion("model/1")])
        assert results(outcomes) == [Result.FAILED]
        assert CANARY not in outcomes[0].message


@pytest.mark.parametrize("kind", ["rst_after", "truncated", "500"])
async def test_what_waits_for_a_login_that_is_lost_was_not_sent(
    server: Server, opener: Opener, kind: str
) -> None:
    server.become(Fault(kind, methods=("PUT",)), auth="x-authorization", opens_with="open")
    keys = server.fill(2)
    client = opener(options=RestOptions(login=Login("me", Secret("open"))))
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert results(outcomes) == [Result.FAILED] * 2, "nobody need ask what became of them"
    assert not server.sent("DELETE")
    server.become(auth="x-authorization", opens_with="open")
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert results(outcomes) == [Result.DONE] * 2


@pytest.mark.parametrize("kind", ["bomb", "big"])
async def test_a_huge_answer_is_cut_off_early(server: Server, opener: Opener, kind: str) -> None:
    server.become(Fault(kind, methods=("GET", "POST", "DELETE")))
    keys = server.fill(3)
    client = opener()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RegistryError, match="larger than"):
        await client.reader.health()
    with pytest.raises(RegistryError, match="larger than"):
        await anext(client.listing())
    (outcome,) = await client.delete([Deletion(keys[0])])
    assert outcome.result is Result.UNKNOWN
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 150


async def test_reading_is_tried_again_and_writing_is_not(server: Server, opener: Opener) -> None:
    server.become(Fault("rst_before", methods=("GET", "POST"), first=2))
    keys = server.fill(5)
    assert set(await opener().facts(keys)) == set(keys)
    server.become(Fault("500", methods=("GET", "POST"), first=2))
    assert set(await opener().facts(keys)) == set(keys)
    server.become(Fault("rst_before", methods=("DELETE", "PUT"), first=1))
    server.clear()
    await opener().delete([Deletion(keys[0])])
    assert len(server.log()) == 1


async def test_an_idle_connection_is_not_used_again(server: Server, opener: Opener) -> None:
    from artifact_tui.clients import transport  # noqa: PLC0415 - its figure is the point

    assert transport.IDLE_S < 5, "uvicorn closes idle connections after 5 seconds"
    server.fill(2)
    client = opener()
    await client.reader.health()
    await client.reader.health()
    assert len({line.connection for line in server.log()}) == 1


async def test_the_environments_proxy_is_not_used_for_this_machine(
    server: Server, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.fill(2)
    assert (await opener().reader.health()).artifacts == 2
    with pytest.raises(RegistryError, match="could not be reached"):
        await opener("http://registry.invalid/api").reader.health()


async def test_netrc_is_not_read(
    server: Server, opener: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {CANARY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    await opener().reader.health()
    assert "authorization" not in server.log()[0].headers


@pytest.mark.parametrize(
    ("name", "days", "trusted", "works"),
    [
        ("localhost", 1, True, True),
        ("localhost", 1, False, False),
        ("otherhost", 1, True, False),
        ("localhost", -1, True, False),
    ],
)
async def test_certificates_are_checked(
    opener: Opener, tmp_path: Path, name: str, days: int, *, trusted: bool, works: bool
) -> None:
    heard = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"models":3}')
        await writer.drain()
        writer.close()

    path = certificate(tmp_path, name, days=days)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    options = RestOptions(token=TOKEN, auth=Auth.TOKEN, ca_file=path if trusted else None)
    async with listener:
        client = opener(f"https://localhost:{port}", options=options)
        if works:
            assert (await client.reader.health()).artifacts == 3
        else:
            with pytest.raises(RegistryError, match="certificate"):
                await client.reader.health()
        await client.aclose()
    assert bool(heard) is works


async def test_a_file_of_no_certificates_says_so(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    client = opener("https://localhost:9", options=RestOptions(ca_file=tmp_path / "ca.pem"))
    with pytest.raises(RegistryError, match=r"ca\.pem"):
        await client.reader.health()
