"""The client as a whole: what it is, what it can do, and many callers at once."""

from __future__ import annotations

import asyncio

import pytest

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.errors import ReadOnlyError, RegistryError
from artifact_tui.model import CollectionDeletion, Deletion, Edit, Result
from tests.servers.wandb.connecting import connect
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Place, Series, Version
from tests.support.listing import listed_rows
from tests.unit.wandb.opened import HOME, opened


async def test_it_has_a_trash_and_no_way_back() -> None:
    fresh()
    async with opened() as client:
        assert {"links", "trash"} <= client.tells
        for what in ("lineage", "delete_collection", "edit"):
            assert client.can(what)
        for what in ("restore", "purge", "collect_garbage", "reset", "storage"):
            assert not client.can(what)
        assert "garbage collection" in client.freeing


async def test_its_identity_names_the_host() -> None:
    server = fresh()
    async with opened("acme") as entity, opened() as project:
        assert entity.identity.address == f"wandb+http://{server.host}/acme"
        assert project.identity.uid == f"wandb:{server.host}/{HOME}"
        assert project.identity.kind == "wandb"
        assert project.catalog_path is None


async def test_edges_are_never_listed() -> None:
    server = fresh()
    server.fill(1, 3, run="r")
    async with opened() as client:
        assert not any([part.edges async for part in client.listing()])


async def test_nothing_is_sent_by_opening() -> None:
    server = fresh()
    async with opened():
        pass
    assert server.log() == []


async def test_what_it_cannot_do_it_says() -> None:
    known = fresh().fill(1, 1)
    key = f"artifact:{known[f'{HOME}/model-0000:v0']}"
    async with opened() as client:
        for call in (client.restore, client.purge):
            (outcome,) = await call([key])
            assert outcome.result is Result.REFUSED
        with pytest.raises(RegistryError, match="garbage"):
            await client.collect_garbage(grace_us=0, dry_run=True)


async def test_read_only_refuses_every_writing_method_before_anything_is_sent() -> None:
    server = fresh()
    options = WandbOptions(key=Secret(server.api_key))
    client = connect(server.address(), options=options, read_only=True)
    try:
        for call in (
            client.delete([Deletion("artifact:QQ==")]),
            client.delete_collection(CollectionDeletion("sequence:QQ==")),
            client.edit([Edit("artifact:QQ==", add_tags=("a",))]),
        ):
            with pytest.raises(ReadOnlyError):
                await call
    finally:
        await client.aclose()
    assert server.log() == []


async def test_everything_at_once() -> None:
    server = fresh(page_cap=3)
    server.seed(series=[
        Series(path=f"{HOME}/c{n}", versions=[Version(run=f"r{n}", used_by=[f"r{n + 1}"])] * 4)
        for n in range(6)
    ])  # fmt: skip
    async with opened() as client:
        rows = await listed_rows(client)
        keys = [v.key for _, v in rows if v]
        listed, facts, family, files = await asyncio.gather(
            listed_rows(client),
            client.facts(keys),
            client.lineage(keys, parents=True),
            asyncio.gather(*(client.files(key) for key in keys)),
        )
    assert len(listed) == len(facts) == len(family) == len(files) == 24


async def test_notices_tell_of_registries_that_are_not_listed() -> None:
    server = fresh(drop_fields=("Organization.orgEntity",))
    server.seed(places=[Place(path=HOME)])
    async with opened("acme") as client:
        await listed_rows(client)
        (notice,) = client.notices
    assert "registries" in notice


async def test_a_notice_goes_when_the_next_listing_has_no_reason_for_it() -> None:
    server = fresh()
    server.seed(places=[Place(path=HOME)])
    server.change(drop_fields=("Organization.orgEntity",))
    async with opened("acme") as client:
        client._lister._note_changing(HOME)
        await listed_rows(client)
        (notice,) = client.notices
        assert "registries" in notice
        server.change(drop_fields=())
        await listed_rows(client)
        assert client.notices == ()


async def test_no_key_is_in_what_is_shown_of_it() -> None:
    server = fresh()
    async with opened() as client:
        assert server.api_key not in f"{client!r} {vars(client)!r} {client.identity!r}"
