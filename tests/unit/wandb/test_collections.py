"""Whole collections: what is in them, and the one request that deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_client import WandbClient
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.errors import NotToldError, ReadOnlyError, RegistryError
from artifact_tui.model import CollectionDeletion, Deletion, Outcome, Result
from tests.servers.wandb.scenes import Link, Place, Series, Shelf, Version
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.raw import CANARY, answering, response
from tests.unit.wandb.standin import HOME, Scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

R = Result
SERIES, OTHER, EMPTY = f"{HOME}/m", f"{HOME}/n", f"{HOME}/empty"
SHELF, BARE = "acme-org/wandb-registry-model/best", "acme-org/wandb-registry-model/bare"


class Room(Scene):
    """A stand-in and a whole client."""

    def __init__(self) -> None:
        super().__init__()
        self.client = self.open()

    def open(self, *, read_only: bool = False) -> WandbClient:
        address = WandbAddress.parse(self.server.address())
        return WandbClient(address, self.options, read_only=read_only)

    def collection(self, path: str) -> str:
        kind = wandb_model.PortfolioKey if path in {SHELF, BARE} else wandb_model.SequenceKey
        return kind(self.ids[path]).key

    async def delete(self, path: str, **consent: Any) -> Outcome:
        key = self.collection(path)
        found = await self.client.delete_collection(CollectionDeletion(key, **consent))
        assert found.key == key
        return found

    def state(self, path: str) -> str:
        return str(self.server.state()["collections"][path]["state"])

    async def aclose(self) -> None:
        await self.client.aclose()
        await super().aclose()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    found = Room()
    found.seed(
        places=[Place(path="acme-org/wandb-registry-model", protected=["production"])],
        series=[
            Series(path=SERIES, versions=[Version(), Version(aliases=["best"])]),
            Series(path=OTHER, versions=[Version() for _ in range(130)]),
            Series(path=EMPTY, versions=[]),
        ],
        shelves=[Shelf(path=BARE)],
        links=[
            Link(portfolio=SHELF, version=f"{SERIES}:v0", aliases=["staging"]),
            Link(portfolio=SHELF, version=f"{OTHER}:v5"),
        ],
    )
    yield found
    await found.aclose()


async def test_facts_of_all_that_is_live_in_one(room: Room) -> None:
    await room.client.delete([Deletion(room.key(f"{OTHER}:v7"))])
    found = await room.client.collection_facts(room.collection(OTHER))
    assert found is not None
    assert found.keys() == {room.key(f"{OTHER}:v{n}") for n in range(130) if n != 7}
    assert found == await room.client.facts(list(found))


async def test_facts_of_links_are_those_of_links(room: Room) -> None:
    found = await room.client.collection_facts(room.collection(SHELF))
    assert found is not None
    assert found.keys() == {room.link(f"{SHELF}:v0"), room.link(f"{SHELF}:v1")}
    assert {one.source_key for one in found.values()} == {
        room.key(f"{SERIES}:v0"),
        room.key(f"{OTHER}:v5"),
    }


async def test_an_empty_one_is_there_and_a_deleted_one_is_not(room: Room) -> None:
    for path in (EMPTY, BARE):
        assert await room.client.collection_facts(room.collection(path)) == {}
        assert (await room.delete(path)).result in {R.DONE, R.UNLINKED}
        assert await room.client.collection_facts(room.collection(path)) is None
        assert (await room.delete(path)).result is R.ABSENT
        assert room.state(path) == "DELETED"


async def test_a_sequence_goes_with_its_versions_by_one_request(room: Room) -> None:
    room.server.clear()
    assert (await room.delete(OTHER, delete_aliases=True)).result is R.DONE
    assert [line.fields for line in room.server.log()] == [["deleteArtifactSequence"]]
    assert room.server.alive() == {f"{SERIES}:v0", f"{SERIES}:v1"}
    assert room.state(SERIES) == room.state(SHELF) == "READY"


@pytest.mark.parametrize("path", [SERIES, SHELF])
async def test_aliases_need_consent(room: Room, path: str) -> None:
    alias = "best" if path == SERIES else "staging"
    before = room.server.state()
    refused = await room.delete(path)
    assert (refused.result, alias in refused.message) == (R.REFUSED, True), refused
    assert room.server.state() == before
    assert (await room.delete(path, delete_aliases=True)).result in {R.DONE, R.UNLINKED}


async def test_an_alias_on_a_link_elsewhere_needs_consent_too(room: Room) -> None:
    await room.client.delete([Deletion(room.key(f"{SERIES}:v1"), delete_aliases=True)])
    refused = await room.delete(SERIES)
    assert refused.result is R.REFUSED
    assert f"staging in {SHELF}" in refused.message


async def test_links_go_and_their_sources_stay(room: Room) -> None:
    alive = room.server.alive()
    assert (await room.delete(SHELF, delete_aliases=True)).result is R.UNLINKED
    assert room.server.alive() == alive
    assert room.state(SHELF) == "DELETED"
    assert [what.split()[0] for what in room.server.done()] == ["deleteArtifactPortfolio"]


async def test_a_key_of_the_wrong_kind_deletes_nothing(room: Room) -> None:
    before = room.server.state()
    wrong = [
        wandb_model.PortfolioKey(room.ids[SERIES]).key,
        wandb_model.SequenceKey(room.ids[SHELF]).key,
    ]
    for key in wrong:
        for consent in (False, True):
            deletion = CollectionDeletion(key, delete_aliases=consent)
            outcome = await room.client.delete_collection(deletion)
            assert outcome.result in {R.ABSENT, R.REFUSED, R.FAILED}
        with pytest.raises(RegistryError):
            await room.client.collection_facts(key)
    for key in ("", "sequence:", room.key(f"{SERIES}:v0"), "sequence:eA=="):
        assert (await room.client.delete_collection(CollectionDeletion(key))).result is R.ABSENT
        assert await room.client.collection_facts(key) is None
    assert room.server.state() == before


async def test_an_answer_about_another_collection_does_not_mean_that_it_is_gone() -> None:
    shown = b'{"__typename":"ArtifactSequence","id":"another","name":"m","state":"READY"}'
    body = b'{"data":{"p0":' + shown + b"}}"
    async with answering(lambda *_: response(200, body)) as raw:
        client = WandbClient(raw.address(), WandbOptions(key=Secret(CANARY)), read_only=False)
        key = wandb_model.SequenceKey("one").key
        with pytest.raises(NotToldError, match="another collection"):
            await client.collection_facts(key)
        with pytest.raises(NotToldError, match="another collection"):
            await client.collection_name(key)
        await client.aclose()


async def test_a_protected_alias_forbids(room: Room) -> None:
    room.server.add(links=[Link(portfolio=SHELF, version=f"{OTHER}:v9", aliases=["production"])])
    for path in (OTHER, SHELF):
        outcome = await room.delete(path, delete_aliases=True)
        assert outcome.result is R.REFUSED
        assert "production" in outcome.message
    assert room.state(OTHER) == room.state(SHELF) == "READY"


@pytest.mark.parametrize(
    "kind", ["rst_before", "rst_after", "500", "500_after", "garbage", "null_data", "truncated"]
)
async def test_an_answer_that_tells_nothing_is_unknown(room: Room, kind: str) -> None:
    fields = ("deleteArtifactSequence",)
    room.server.change(faults=[Fault(kind=kind, fields=fields)])
    room.server.clear()
    assert (await room.delete(OTHER, delete_aliases=True)).result is R.UNKNOWN
    assert len(room.server.log()) == 1
    gone = await room.client.collection_facts(room.collection(OTHER)) is None
    assert gone == (room.state(OTHER) == "DELETED")


async def test_read_only_sends_nothing(room: Room) -> None:
    client = room.open(read_only=True)
    room.server.clear()
    with pytest.raises(ReadOnlyError):
        await client.delete_collection(CollectionDeletion(room.collection(SERIES)))
    await client.aclose()
    assert room.server.log() == []
