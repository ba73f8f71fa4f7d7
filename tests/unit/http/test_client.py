"""What a REST registry can do beside the protocol: search, create, reset."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients import open_client
from artifact_tui.clients.transport import AddressingError
from artifact_tui.errors import NotFoundError, RegistryError
from artifact_tui.model import Deletion, Result
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault
from tests.unit.http.support import all_keys

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener


async def test_an_address_opens_it_through_the_entry_point(server: Server) -> None:
    client = open_client(server.address + "/", read_only=True)
    assert (client.identity.kind, client.identity.address) == ("http", server.address)
    assert client.identity == open_client(server.address).identity
    assert client.catalog_path is None
    await client.aclose()


def test_the_kind_does_not_import_httpx() -> None:
    code = (
        "import sys; from artifact_tui.clients import kind_of; kind_of('local:x');"
        " kind_of('http://h'); sys.exit(len({'httpx', 'boto3'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_one_artifact_is_asked_for_by_its_key(server: Server, opener: Opener) -> None:
    server.seed([Entry("1", "org/a", url="https://u")])
    client = opener()
    assert (await client.entry("model/1")).url == "https://u"
    with pytest.raises(NotFoundError):
        await client.entry("model/9")
    assert not client.can("files"), "nobody tells what is in one"


async def test_health_counts(server: Server, opener: Opener) -> None:
    server.fill(7)
    found = await opener().reader.health()
    assert (found.status, found.artifacts) == (200, 7)
    assert found.milliseconds > 0


async def test_create_gives_the_new_key(server: Server, opener: Opener) -> None:
    server.fill(3)
    client = opener()
    key = (await client.create("dataset", "mine", "https://example.org/x")).key
    assert key == "dataset/4"
    assert (await client.entry(key)).url == "https://example.org/x"
    assert len(await all_keys(client)) == 4


async def test_a_creation_that_fails_says_whether_it_was_made(
    server: Server, opener: Opener
) -> None:
    client = opener()
    for kind, words in (("409", "409"), ("rst_after", "not known"), ("garbage", "without telling")):
        server.become(Fault(kind, methods=("POST",)))
        server.clear()
        with pytest.raises(RegistryError) as caught:
            await client.create("model", "n", "u")
        assert words in f"{caught.value} {caught.value.hint}"
        assert len(server.log()) == 1
    with pytest.raises(AddressingError):
        await client.create("byRegEx", "n", "u")


async def test_reset_deletes_everything_and_is_verified(server: Server, opener: Opener) -> None:
    keys = server.fill(5)
    client = opener()
    await client.facts(keys)
    await client.reset()
    assert server.ids() == set()
    assert await client.facts(keys) == {}
    assert [line.target for line in server.sent("DELETE")] == ["/api/reset"]


@pytest.mark.parametrize("kind", ["401", "500_after", "rst_after", "html_after"])
async def test_a_reset_that_is_not_confirmed_is_an_error(
    server: Server, opener: Opener, kind: str
) -> None:
    server.become(Fault(kind))
    server.fill(5)
    with pytest.raises(RegistryError):
        await opener().reset()
    assert len(server.sent("DELETE")) == 1


async def test_closing_ends_everything(server: Server, opener: Opener) -> None:
    server.fill(3)
    client = opener()
    await client.reader.health()
    await client.aclose()
    with pytest.raises(RegistryError, match="closed"):
        await client.reader.health()
    (outcome,) = await client.delete([Deletion("model/1")])
    assert outcome.result is Result.FAILED
    assert len(server.ids()) == 3


async def test_an_unencrypted_connection_to_elsewhere_is_not_silent(opener: Opener) -> None:
    assert opener().notices == ()
    assert "not encrypted" in opener("http://registry.example/api").notices[0]
    assert opener("https://registry.example/api").notices == ()
