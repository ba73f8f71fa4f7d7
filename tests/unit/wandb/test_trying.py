"""Trying a registry out: what is said of it, and what makes it useless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.clients.servers import Secret
from artifact_tui.clients.trial import trial
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.config import Target
from artifact_tui.errors import RegistryError
from tests.servers.s3 import shared_moto
from tests.servers.wandb.connecting import connect
from tests.servers.wandb.process import shared
from tests.servers.wandb.scenes import Place, Series, Team

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server


@pytest.fixture
def server() -> Server:
    found = shared()
    found.become()
    found.seed(series=[Series(path="acme/vision/mnist")])
    found.clear()
    return found


async def said(
    server: Server, where: str = "acme/vision", *, read_only: bool = False, **options: Any
) -> str:
    options.setdefault("key", Secret(server.api_key))
    client = connect(server.address(where), options=WandbOptions(**options), read_only=read_only)
    try:
        return "\n".join(await client.check())
    finally:
        await client.aclose()


async def test_a_project(server: Server) -> None:
    found = await said(server, key_place="WANDB_API_KEY")
    assert f"{server.base_url} answers in " in found
    assert "version 0.79.0 of the W&B server" in found
    assert "You are ada, whose own entity is acme." in found
    assert "come from WANDB_API_KEY." in found
    assert "The project acme/vision is there." in found
    assert "The connection is armed" in found
    assert "GORILLA_ARTIFACT_GC_ENABLED=true" in found
    assert "lack" not in found
    assert "administrator" not in found
    assert not any("apiKeys" in line.document for line in server.log())
    assert {line.kind for line in server.log()} == {"query"}


async def test_an_entity(server: Server) -> None:
    server.add(teams=[Team(name="acme", ttl=30 * 86_400)])
    found = await said(server, "acme", read_only=True, admin=True)
    assert "The entity acme is there." in found
    assert "expire after 30 days" in found
    assert "read-only: nothing can be changed" in found
    assert "The rights of an administrator are asked for" in found


async def test_a_project_that_may_only_be_read(server: Server) -> None:
    server.add(places=[Place(path="acme/vision", read_only=True)])
    assert "You may only read it" in await said(server)


@pytest.mark.parametrize("where", ["acme/nothing", "nobody", "nobody/nothing"])
async def test_what_is_not_there(server: Server, where: str) -> None:
    with pytest.raises(RegistryError, match=f"knows no (project|entity) {where}") as caught:
        await said(server, where)
    assert caught.value.hint


async def test_an_old_server(server: Server) -> None:
    server.become(
        drop_fields=(
            "ServerInfo.features", "ServerInfo.latestLocalVersionInfo", "Project.readOnly",
            "Entity.artifactTTLDurationSeconds", "User.entity",
        )
    )  # fmt: skip
    found = await said(server)
    assert "It is an older server" in found
    assert "You are ada." in found
    assert "version" not in found.partition("ada.")[0]
    server.become(drop_fields=("Query.serverInfo",))
    assert "It is an older server" in await said(server)
    server.become(lacks_features=("ARTIFACT_TAGS",))
    assert "It lacks tags: what it lacks is left out." in await said(server)


async def test_a_wrong_key(server: Server) -> None:
    with pytest.raises(RegistryError, match="credentials") as caught:
        await said(server, key=Secret("w" * 40), key_place="/home/ada/.netrc")
    assert "/home/ada/.netrc" in caught.value.hint


async def test_through_the_configuration(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", server.api_key)
    settings = {"token_env": "THE_KEY", "concurrency": 2}
    found = await trial(Target("vision", server.address(), settings=settings))
    assert found.works
    assert any("come from THE_KEY" in one for one in found.sentences)
    monkeypatch.setenv("THE_KEY", "x" * 40)
    found = await trial(Target("vision", server.address(), settings=settings))
    assert not found.works
    assert "THE_KEY" in " ".join(found.sentences)
    assert "x" * 40 not in " ".join(found.sentences)


@pytest.fixture
def endpoint() -> str:
    return shared_moto()


@pytest.mark.parametrize(
    ("versioned", "words"), [(True, "keeps versions, as"), (False, "keeps no versions"),
                             (None, "cannot be told")]
)  # fmt: skip
async def test_the_bucket_of_a_server_of_ones_own(
    server: Server,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    versioned: bool | None,
    words: str,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    name = f"wandb-{str(versioned).lower()}"
    s3: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    if versioned is not None:
        s3.create_bucket(Bucket=name)
    if versioned:
        status = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=status)
    s3.close()
    found = await said(server, storage=StorageSettings(name, endpoint=endpoint))
    assert f"Its bucket {name} {words}" in found or f"its bucket {name} keeps" in found
    assert words in found
    assert "canary-secret" not in found
