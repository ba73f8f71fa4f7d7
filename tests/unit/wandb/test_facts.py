"""Facts about versions and links: batched, complete, and never "none" for what was not told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from artifact_tui.clients import transport
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.errors import RegistryError
from artifact_tui.model import Alias, Deletion, Facts, Link, VersionState
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Fill, Series, Use, Version
from tests.servers.wandb.scenes import Link as Shown
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.opened import HOME, opened

SHELF = "corp-entity/wandb-registry-model/best"


def source(known: dict[str, str], path: str) -> str:
    return wandb_model.SourceKey(known[f"{HOME}/{path}"]).key


def linked(known: dict[str, str], shelf: str, path: str) -> str:
    return wandb_model.LinkKey(known[shelf], known[f"{HOME}/{path}"]).key


async def facts(*keys: str) -> dict[str, Facts]:
    """Without their tokens."""
    async with opened() as client:
        found = await client.facts(keys)
    return {key: replace(one, token="") for key, one in found.items()}


async def test_a_source_tells_aliases_links_and_dependents() -> None:
    server = fresh()
    known = server.seed(
        series=[
            Series(path=f"{HOME}/data", versions=[
                Version(aliases=["latest", "v0"], used_by=["train"], digest="abc"),
            ]),
            Series(path=f"{HOME}/model", versions=[Version(run="train"), Version(run="train")]),
        ],
        links=[Shown(portfolio=SHELF, version=f"{HOME}/data:v0", aliases=["prod"])],
    )  # fmt: skip
    key = source(known, "data:v0")
    found = await facts(key)
    assert {one: replace(fact, token="") for one, fact in found.items()} == {
        key: Facts(
            key=key,
            digest="abc",
            state=VersionState.LIVE,
            aliases=(Alias("latest"), Alias("prod", scope=SHELF)),
            dependents=tuple(sorted(source(known, f"model:v{n}") for n in range(2))),
            links=(Link(linked(known, SHELF, "data:v0"), SHELF),),
            collection="data",
            label="v0",
            type="model",
        )
    }


async def test_a_link_tells_its_own_aliases_and_the_others_with_their_scope() -> None:
    server = fresh()
    known = server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version(aliases=["latest"], used_by=["r"])])],
        links=[
            Shown(portfolio=SHELF, version=f"{HOME}/m:v0", aliases=["prod"]),
            Shown(portfolio=f"{HOME}/other", version=f"{HOME}/m:v0"),
        ],
    )
    key = linked(known, SHELF, "m:v0")
    found = (await facts(key))[key]
    assert found.source_key == source(known, "m:v0")
    assert found.aliases == (Alias("latest", scope=f"{HOME}/m"), Alias("prod"))
    assert (found.links, found.dependents, found.lineage_known) == ((), (), True)
    assert found.digest


async def test_a_link_that_is_gone_is_left_out_and_its_source_stays() -> None:
    server = fresh()
    known = server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version(), Version()])],
        links=[
            Shown(portfolio=SHELF, version=f"{HOME}/m:v0"),
            Shown(portfolio=SHELF, version=f"{HOME}/m:v1"),
        ],
    )
    gone, stays = (linked(known, SHELF, f"m:v{n}") for n in range(2))
    async with opened() as client:
        await client.delete([Deletion(gone)])
        found = await client.facts([gone, stays, source(known, "m:v0")])
    assert set(found) == {stays, source(known, "m:v0")}


async def test_a_link_is_found_beyond_the_first_page_of_memberships() -> None:
    server = fresh(page_cap=2)
    shelves = [f"{HOME}/shelf-{n}" for n in range(9)]
    known = server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        links=[Shown(portfolio=path, version=f"{HOME}/m:v0", aliases=["x"]) for path in shelves],
    )
    keys = [linked(known, path, "m:v0") for path in shelves]
    nowhere = wandb_model.LinkKey(known[f"{HOME}/m"], known[f"{HOME}/m:v0"]).key
    found = await facts(*keys, source(known, "m:v0"), wandb_model.LinkKey("QQ==", "QQ==").key)
    assert set(found) == {*keys, source(known, "m:v0")}
    assert len(found[source(known, "m:v0")].links) == 9
    assert set(await facts(nowhere)) <= {nowhere}


@pytest.mark.parametrize("deleted", ["listed", "found", "gone"])
async def test_a_deleted_version_is_in_the_trash_or_gone(deleted: str) -> None:
    server = fresh(deleted=deleted)
    known = server.seed(series=[Series(path=f"{HOME}/m", versions=[Version(state="DELETED")])])
    key = source(known, "m:v0")
    found = await facts(key)
    expected = {} if deleted == "gone" else {key: VersionState.TRASH}
    assert {one: fact.state for one, fact in found.items()} == expected


async def test_what_is_nobodys_key_is_left_out() -> None:
    server = fresh()
    known = server.seed(series=[Series(path=f"{HOME}/m", versions=[Version()])])
    key = source(known, "m:v0")
    others = ["", "x", "artifact:", "artifact:!!", wandb_model.SourceKey(known[f"{HOME}/m"]).key]
    others.append(wandb_model.SequenceKey(known[f"{HOME}/m"]).key)
    assert set(await facts(*others, key, key)) == {key}
    assert await facts() == {}


async def test_two_hundred_versions_take_eight_documents_under_way_together() -> None:
    server = fresh(latency_ms=60)
    known = server.fill(4, 50)
    keys = [wandb_model.SourceKey(gid).key for path, gid in known.items() if ":v" in path]
    async with opened() as client:
        await client.facts(keys[:1])
        server.clear()
        found = await client.facts(keys)
    assert len(found) == 200
    assert len(server.log()) == 8
    assert server.most_at_once() > 1


async def test_callers_at_the_same_moment_share_a_document() -> None:
    server = fresh()
    known = server.fill(1, 5)
    keys = [wandb_model.SourceKey(gid).key for path, gid in known.items() if ":v" in path]
    server.clear()
    async with opened() as client:
        found = await asyncio.gather(*(client.facts([key]) for key in keys))
    assert [set(one) for one in found] == [{key} for key in keys]
    assert len(server.log()) == 1


async def test_system_managed_versions_are_kept() -> None:
    server = fresh()
    known = server.seed(
        series=[Series(path=f"{HOME}/h", type="wandb-history", versions=[Version()])]
    )
    key = source(known, "h:v0")
    assert "wandb-history" in (await facts(key))[key].kept


@pytest.mark.parametrize(
    "fault",
    [Fault(kind="403"), Fault(kind="500"), Fault(kind="garbage"), Fault(kind="html_before")],
)
async def test_what_cannot_be_told_is_an_error_and_not_gone(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "BACK_S", 0.001)
    server = fresh()
    known = server.fill(1, 3)
    server.change(faults=(fault,))
    server.clear()
    with pytest.raises(RegistryError):
        await facts(
            *(wandb_model.SourceKey(gid).key for path, gid in known.items() if ":v" in path)
        )
    assert len(server.log()) <= 10


async def test_a_document_that_is_too_large_is_halved() -> None:
    server = fresh()
    known = server.fill(1, 25)
    server.change(faults=(Fault(kind="413", first=1),))
    found = await facts(
        *(wandb_model.SourceKey(gid).key for path, gid in known.items() if ":v" in path)
    )
    assert len(found) == 25
    assert len(server.log()) == 4


async def test_many_runs_with_many_outputs_are_all_followed() -> None:
    server = fresh(page_cap=4)
    fills = [Fill(collections=1, versions=9, prefix=f"out{n}", run=f"r{n}") for n in range(9)]
    server.seed(series=[Series(path=f"{HOME}/data", versions=[Version()])], fills=fills)
    uses = [Use(run=f"{HOME}/r{n}", version=f"{HOME}/data:v0") for n in range(9)]
    known = server.add(uses=uses)
    key = source(known, "data:v0")
    found = (await facts(key))[key]
    assert len(found.dependents) == 81
    assert found.lineage_known
