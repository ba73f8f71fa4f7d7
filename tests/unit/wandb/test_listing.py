"""Listing W&B: few requests, every page size, links told apart, and nothing lost in silence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.errors import RegistryError
from artifact_tui.model import Alias, Deletion, Link, VersionState
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import (
    Company,
    Fill,
    Place,
    Series,
    Shelf,
    Team,
    Version,
)
from tests.servers.wandb.scenes import Link as Shown
from tests.servers.wandb.traps import Fault
from tests.support.listing import listed_rows
from tests.unit.wandb.opened import HOME, everything, labels, lister, opened

SHELF = "corp-entity/wandb-registry-model"
COMPANY: dict[str, Any] = {
    "companies": [Company(name="corp", entity="corp-entity")],
    "teams": [Team(name="acme", organization="corp")],
}


async def test_a_project_of_a_thousand_versions_takes_five_requests() -> None:
    server = fresh()
    server.fill(200, 5)
    rows = await everything()
    assert len({version.key for _, version in rows if version}) == len(rows) == 1_000
    assert len(server.log()) == 5


async def test_its_pages_are_under_way_together() -> None:
    server = fresh(latency_ms=60)
    server.fill(200, 5)
    async with opened() as client:
        await client.facts(["artifact:a"])
        server.clear()
        await listed_rows(client)
    assert len(server.log()) == 5
    assert server.most_at_once() > 2


async def test_many_small_projects_are_listed_side_by_side() -> None:
    server = fresh(latency_ms=60)
    server.seed(fills=[Fill(project=f"acme/p{n}", collections=3, versions=2) for n in range(12)])
    rows = await everything("acme")
    assert len(rows) == 12 * 6
    assert server.counts()["project"] == 12
    assert server.most_at_once() > 2


@pytest.mark.parametrize("cursors", ["offset", "keyset"])
@pytest.mark.parametrize("cap", [1, 2, 7])
async def test_every_page_size_lists_everything_once(cap: int, cursors: str) -> None:
    server = fresh(page_cap=cap, cursors=cursors)
    sizes = [0, 1, 2, 3, 4, 8, 15]
    server.seed(fills=[
        Fill(collections=1, versions=size, prefix=f"c{size}") for size in sizes if size
    ], shelves=[Shelf(path=f"{HOME}/c0-0000")])  # fmt: skip
    rows = await everything()
    wanted = [f"c{size}-0000:v{n}" for size in sizes for n in range(size)] + ["c0-0000:"]
    assert labels(rows) == sorted(wanted)


async def test_big_collections_share_their_further_requests() -> None:
    server = fresh()
    server.fill(20, 90)
    rows = await everything()
    assert len(rows) == 20 * 90
    assert server.counts()["artifactCollection"] <= 5


async def test_a_big_collection_is_read_with_several_pages_at_once() -> None:
    server = fresh(latency_ms=30)
    server.fill(1, 2_000)
    rows = await everything()
    assert labels(rows) == sorted(f"model-0000:v{n}" for n in range(2_000))
    assert len(server.log()) < 12
    assert server.most_at_once() > 1


async def test_names_in_an_entity_are_told_apart_by_project() -> None:
    server = fresh()
    projects = [f"p{n:02}" for n in range(12)]
    server.seed(series=[
        Series(path=f"acme/{project}/mnist", versions=[Version(), Version()])
        for project in projects
    ])  # fmt: skip
    rows = await everything("acme")
    assert labels(rows) == sorted(f"{p}/mnist:v{n}" for p in projects for n in range(2))
    assert len({one.key for one, _ in rows}) == 12
    assert labels(await everything("acme/p03")) == ["mnist:v0", "mnist:v1"]


async def test_registries_of_the_organisation_are_listed_as_links() -> None:
    server = fresh()
    known = server.seed(
        **COMPANY,
        series=[Series(path=f"{HOME}/mnist", versions=[Version(aliases=["latest"]), Version()])],
        links=[Shown(portfolio=f"{SHELF}/best", version=f"{HOME}/mnist:v1", aliases=["prod"])],
    )
    rows = await everything("acme")
    assert labels(rows) == [
        "vision/mnist:v0", "vision/mnist:v1", "wandb-registry-model/best:v0",
    ]  # fmt: skip
    shelf, link = next((one, v) for one, v in rows if one.links and v)
    key = wandb_model.LinkKey(known[f"{SHELF}/best"], known[f"{HOME}/mnist:v1"])
    assert shelf.key == wandb_model.PortfolioKey(key.portfolio).key
    assert (link.key, link.source_key, link.collection_key) == (key.key, key.source, shelf.key)
    assert link.aliases == (Alias("prod"),)
    assert (link.links, link.stored, link.ttl_us, link.kept) == ((), 0, None, "")
    source = next(v for _, v in rows if v and v.key == key.source)
    assert source.aliases == (Alias("prod", scope=f"{SHELF}/best"),)
    assert source.links == (Link(key.key, f"{SHELF}/best"),)
    assert source.source_key is None


async def test_a_version_that_is_linked_twice_hides_no_other() -> None:
    server = fresh(page_cap=3)
    series = Series(path=f"{HOME}/m", versions=[Version() for _ in range(4)])
    order = [0, 1, 2, 3, 0]
    server.seed(
        series=[series],
        links=[Shown(portfolio=f"{HOME}/shelf", version=f"{HOME}/m:v{n}") for n in order],
    )
    rows = await everything()
    shown = {v.source_key: v.label for one, v in rows if v and one.links}
    assert len(shown) == 4


async def test_registries_can_be_left_out_or_opened_alone() -> None:
    server = fresh()
    server.seed(
        **COMPANY,
        series=[Series(path=f"{HOME}/mnist", versions=[Version(aliases=["latest"])])],
        links=[Shown(portfolio=f"{SHELF}/best", version=f"{HOME}/mnist:v0")],
    )
    assert labels(await everything("acme", registries=False)) == ["vision/mnist:v0"]
    ((shelf, link),) = await everything(SHELF)
    assert (shelf.name, shelf.links) == ("best", True)
    assert link is not None
    assert link.aliases == (Alias("latest", scope=f"{HOME}/mnist"),)


async def test_what_a_version_says() -> None:
    server = fresh()
    server.seed(
        teams=[Team(name="acme", ttl=3_600)],
        series=[
            Series(
                path=f"{HOME}/m",
                versions=[
                    Version(
                        aliases=["b", "a", "v0", "v17"],
                        tags=["y", "x"],
                        size=10,
                        stored=4,
                        file_count=3,
                        created_us=1_700_000_000_123_456,
                        description="note",
                        digest="abc",
                        run="r1",
                        used_by=["r2", "r3"],
                        ttl=60,
                    ),
                    Version(state="PENDING"),
                    Version(state="DELETED"),
                    Version(ttl=-2, index=7),
                ],
            ),
            Series(path=f"{HOME}/run-r1-history", type="wandb-history", versions=[Version()]),
            Series(path=f"{HOME}/job-x", type="job", versions=[Version()]),
            Series(path=f"{HOME}/source", type="code", versions=[Version()]),
            Series(path=f"{HOME}/made", versions=[Version(generated=True)]),
        ],
    )
    rows = await everything()
    by = {f"{one.name}:{v.label}": v for one, v in rows if v}
    first = by["m:v0"]
    assert first.aliases == (Alias("a"), Alias("b"))
    assert first.tags == ("x", "y")
    assert (first.size, first.stored, first.file_count) == (10, 4, 3)
    assert (first.created_us, first.note, first.digest) == (1_700_000_000_123_456, "note", "abc")
    assert (first.run, first.used_count) == ("r1", 2)
    assert (first.ttl_us, first.ttl_inherited) == (60_000_000, False)
    assert (by["m:v1"].state, by["m:v2"].state) == (VersionState.PENDING, VersionState.TRASH)
    assert (by["m:v1"].ttl_us, by["m:v1"].ttl_inherited) == (3_600_000_000, True)
    assert (by["m:v7"].ordinal, by["m:v7"].ttl_us, by["m:v7"].ttl_inherited) == (7, None, False)
    assert "wandb-history" in by["run-r1-history:v0"].kept
    assert "job" in by["job-x:v0"].kept
    assert not any(by[name].kept for name in ("made:v0", "source:v0", "m:v0"))
    assert [by[name].generated for name in ("made:v0", "source:v0", "m:v0")] == [True, True, False]
    assert {one.name: one.type for one, _ in rows}["source"] == "code"


async def test_more_memberships_than_a_page_are_all_told() -> None:
    server = fresh(page_cap=15)
    shelves = [f"{HOME}/shelf-{n:03}" for n in range(25)]
    server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        links=[Shown(portfolio=path, version=f"{HOME}/m:v0", aliases=["x"]) for path in shelves],
    )
    rows = await everything()
    source = next(v for one, v in rows if v and not one.links)
    assert sorted(link.name for link in source.links) == shelves
    async with opened() as client:
        facts = (await client.facts([source.key]))[source.key]
    assert facts.links == source.links
    assert len(facts.aliases) == 25


async def test_an_unknown_project_is_an_error_and_an_unknown_entity_too() -> None:
    server = fresh()
    server.seed(places=[Place(path="acme/secret", hidden=True)])
    for where in ("acme/nothing", "acme/secret"):
        with pytest.raises(RegistryError, match="no project"):
            await everything(where)


async def test_an_empty_project_and_an_empty_entity_have_nothing() -> None:
    fresh().seed(places=[Place(path=HOME)])
    assert await everything() == []
    assert await everything("acme") == []


async def test_two_listings_at_once_do_not_disturb_each_other() -> None:
    fresh(page_cap=3).fill(12, 4)
    async with opened() as client:
        both = await asyncio.gather(listed_rows(client), listed_rows(client))
    assert labels(both[0]) == labels(both[1])
    assert len(both[0]) == 48


async def test_an_abandoned_listing_is_given_up_with_the_client() -> None:
    fresh(page_cap=1).fill(40, 3)
    async with opened() as client:
        parts = client.listing()
        await anext(parts)
        await parts.aclose()


async def test_a_failure_in_the_middle_fails_the_listing() -> None:
    server = fresh(page_cap=3)
    server.fill(12, 9)
    server.change(faults=(Fault(kind="403", fields=("artifactCollection",)),))
    with pytest.raises(RegistryError):
        await everything()


async def test_a_server_that_stumbles_is_asked_again() -> None:
    server = fresh(page_cap=3)
    server.fill(12, 9)
    server.change(faults=(Fault(kind="500", first=2),))
    assert len(await everything()) == 12 * 9


@pytest.mark.parametrize("cap", [1, 4])
@pytest.mark.parametrize("cursors", ["offset", "keyset"])
async def test_deletions_while_listing_lose_no_live_version(cap: int, cursors: str) -> None:
    server = fresh(page_cap=cap, cursors=cursors, deleted="gone")
    server.fill(3, 20)
    known = server.ids()
    victims = [wandb_model.SourceKey(known[f"{HOME}/model-0001:v{n}"]).key for n in range(6)]
    seen: set[str] = set()

    async with opened() as client, opened() as other:

        async def happens(number: int) -> None:
            if number % 3 == 0 and victims:
                await other.delete([Deletion(victims.pop(0), delete_aliases=True)])

        async with lister(client, happens) as listing:
            async for rows in listing.everything():
                seen.update(v.key for _, v in rows if v)
    live = {wandb_model.SourceKey(known[path]).key for path in server.alive()}
    assert len(live) == 60 - 6 + len(victims)
    assert live <= seen


async def test_a_list_that_never_holds_still_says_so() -> None:
    server = fresh(page_cap=2, deleted="gone", drop_fields=("VersionedArtifactEdge.cursor",))
    server.fill(1, 60)
    known = server.ids()
    victims = [wandb_model.SourceKey(known[f"{HOME}/model-0000:v{n}"]).key for n in range(60)]

    async with opened() as client, opened() as other:

        async def happens(number: int) -> None:
            if number > 3 and victims:
                await other.delete([Deletion(victims.pop(0))])

        async with lister(client, happens) as listing:
            async for _ in listing.everything():
                pass
            (notice,) = listing.notices.values()
            assert not listing.steady
    assert "model-0000" in notice
    assert "missing" in notice


async def test_a_whole_collection_is_all_or_nothing() -> None:
    server = fresh(page_cap=4, deleted="gone", drop_fields=("VersionedArtifactEdge.cursor",))
    server.fill(1, 30)
    known = server.ids()
    home = wandb_model.SequenceKey(known[f"{HOME}/model-0000"])
    async with opened() as client, opened() as other:
        found = await client._lister.whole(home)
        assert found is not None
        assert len(found) == 30
        assert await client._lister.whole(wandb_model.SequenceKey("QXJ0")) is None
        victims = [one.key for one in found]

        async def happens(_: int) -> None:
            await other.delete([Deletion(victims.pop(0))])

        async with lister(client, happens) as listing:
            with pytest.raises(RegistryError, match="changes faster"):
                await listing.whole(home)


async def test_a_hidden_project_leaves_its_aliases_and_links_visible() -> None:
    server = fresh()
    server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        places=[Place(path="acme/secret", hidden=True)],
        links=[Shown(portfolio="acme/secret/shelf", version=f"{HOME}/m:v0", aliases=["prod"])],
    )
    ((_, version),) = await everything()
    assert version is not None
    assert [one.name for one in version.aliases] == ["prod"]
    assert version.aliases[0].scope
    assert [one.name for one in version.links] == ["shelf"]


async def test_hostile_text_passes_through_unchanged() -> None:
    name = "[bold]\x1b[2J" + "x" * 300 + "\u202e\x00日本"
    server = fresh()
    note = Version(aliases=[name], tags=[name], description=name)
    server.seed(series=[Series(path=f"{HOME}/{name}", type=name, versions=[note])])
    ((collection, version),) = await everything()
    assert version is not None
    assert (collection.name, collection.type, version.note) == (name, name, name)
    assert (version.aliases[0].name, version.tags[0]) == (name, name)


async def test_a_server_that_gives_less_at_once_is_asked_for_less() -> None:
    server = fresh()
    server.fill(60, 12)
    server.change(faults=(Fault(kind="413", first=1, fields=("project",)),))
    server.clear()
    rows = await everything()
    assert len(rows) == 60 * 12
    asked = [line.variables["n"] for line in server.log() if "project" in line.fields]
    assert asked[0] == 50
    assert set(asked[1:]) <= {10, 3}


async def test_a_server_that_refuses_any_size_is_an_error() -> None:
    server = fresh()
    server.fill(2, 2)
    server.change(faults=(Fault(kind="413"),))
    server.clear()
    with pytest.raises(RegistryError, match="413"):
        await everything()
    assert len(server.log()) == 3
