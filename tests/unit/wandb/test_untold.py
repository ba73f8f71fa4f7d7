"""What a server does not tell, or says badly, is not known: never gone, never none."""

from __future__ import annotations

from typing import Any

import pytest

from artifact_tui import model
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_facts import facts_of
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Deletion, Result
from tests.servers.wandb.process import fresh, shared
from tests.servers.wandb.scenes import Link, Series, Version
from tests.servers.wandb.traps import Untold
from tests.support.listing import listed_rows
from tests.unit.wandb.opened import HOME, lister, opened
from tests.unit.wandb.test_answers import Canned, connection, facts

INSIDE = (
    ("Artifact.usedBy", "run not found"),
    ("Artifact.artifactSequence", "project not found"),
    ("Artifact.artifactSequence", "artifact collection not found"),
)
"""Fields that take their version with them, and what the server says of them."""

TROUBLE = (
    "dial tcp: lookup mysql.internal on 10.0.0.10:53: no such host",
    "could not resolve bucket",
    "Error 1146: Table wandb.artifacts doesn't exist",
    "artifact manifest not found",
    "failed to open the store of the artifact: bucket does not exist",
    "project not found",
    "could not find artifact type for the version",
)
"""What servers say of themselves, with words that sound like an absence."""

ABSENT = (
    "could not find artifact QXJ0aWZhY3Q6MQ==",
    "artifact not found",
    "Artifact with id Artifact:12 not found",
    "graphql: artifact QXJ0aWZhY3Q6MQ== does not exist.",
    "artifact collection doesn't exist",
    "invalid global ID",
)


def one(*untold: Untold, **traps: object) -> str:
    """A version on a server that does not tell this; gives its key."""
    stand_in = fresh(**traps)
    known = stand_in.seed(series=[Series(path=f"{HOME}/m", versions=[Version()])])
    stand_in.change(untold=untold)
    return wandb_model.SourceKey(known[f"{HOME}/m:v0"]).key


@pytest.mark.parametrize("errors", ["status", "ok"])
@pytest.mark.parametrize(("field", "error"), INSIDE)
async def test_an_error_inside_a_version_does_not_say_that_it_is_gone(
    field: str, error: str, errors: str
) -> None:
    key = one(Untold(field=field, error=error), errors=errors)
    async with opened() as client:
        with pytest.raises(RegistryError, match=error):
            await client.facts([key])


@pytest.mark.parametrize("error", TROUBLE)
async def test_trouble_of_the_server_does_not_say_that_a_version_is_gone(error: str) -> None:
    key = one(Untold(field="Query.artifact", error=error))
    async with opened() as client:
        with pytest.raises(RegistryError, match="refused reading versions"):
            await client.facts([key])


@pytest.mark.parametrize("error", ABSENT)
async def test_a_version_of_which_the_server_says_so_is_gone(error: str) -> None:
    key = one(Untold(field="Query.artifact", error=error))
    async with opened() as client:
        assert await client.facts([key]) == {}


async def test_a_code_says_that_a_version_is_gone() -> None:
    key = one(Untold(field="Query.artifact", error="sorry", code="NOT_FOUND"))
    async with opened() as client:
        assert await client.facts([key]) == {}


async def test_an_error_after_a_deletion_is_no_answer() -> None:
    key = one(deleted="gone")
    async with opened() as client:
        (outcome,) = await client.delete([Deletion(key)])
        assert outcome.result is Result.DONE
        no_answer = Untold(field="Query.artifact", error="lookup mysql: no such host")
        shared().change(untold=(no_answer,))
        with pytest.raises(RegistryError, match="no such host"):
            await client.facts([key])
        shared().change(untold=())
        assert await client.facts([key]) == {}


def linked(count: int, *untold: Untold, **traps: object) -> tuple[str, list[str]]:
    """A version that so many collections show; gives its key, and those of its links."""
    stand_in = fresh(**traps)
    shelves = [f"{HOME}/shelf-{n}" for n in range(count)]
    known = stand_in.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version()])],
        links=[Link(portfolio=path, version=f"{HOME}/m:v0") for path in shelves],
    )
    stand_in.change(untold=untold)
    gid = known[f"{HOME}/m:v0"]
    return wandb_model.SourceKey(gid).key, [
        wandb_model.LinkKey(known[path], gid).key for path in shelves
    ]


async def test_further_memberships_that_are_not_told_are_an_error() -> None:
    key, links = linked(5, Untold(field="Artifact.artifactMemberships", further=True), page_cap=3)
    async with opened() as client:
        for one_key in (key, links[-1]):
            with pytest.raises(NotToldError, match="where a version is linked"):
                await client.facts([one_key])
        with pytest.raises(RegistryError, match="where a version is linked"):
            await listed_rows(client)


@pytest.mark.parametrize(
    "traps",
    [
        {"untold": (Untold(field="Artifact.artifactMemberships"),)},
        {"drop_fields": ("Artifact.artifactMemberships",)},
    ],
    ids=["null", "old"],
)
async def test_links_that_are_not_told_may_break(traps: dict[str, Any]) -> None:
    key, links = linked(2)
    shared().change(**traps)
    async with opened() as client:
        found = await client.facts([key])
        with pytest.raises(RegistryError, match="where a version is linked"):
            await client.facts(links)
        listed = {v.key: v for _, v in await listed_rows(client) if v}
    assert found[key].links == listed[key].links
    assert model.Link("", wandb_model.UNKNOWN_PLACES) in found[key].links
    assert listed[links[0]].links == ()


MAKERS = (
    Untold(field="Query.project"),
    Untold(field="Project.run"),
    Untold(field="Run.outputArtifacts", further=True),
)


@pytest.mark.parametrize("untold", MAKERS, ids=lambda one: one.field)
async def test_further_outputs_that_are_not_told_leave_dependents_unknown(untold: Untold) -> None:
    stand_in = fresh(page_cap=3)
    known = stand_in.seed(
        series=[
            Series(path=f"{HOME}/data", versions=[Version(used_by=["r"])]),
            Series(path=f"{HOME}/m", versions=[Version(run="r") for _ in range(5)]),
        ]
    )
    stand_in.change(untold=(untold,))
    key = wandb_model.SourceKey(known[f"{HOME}/data:v0"]).key
    async with opened() as client:
        assert not (await client.facts([key]))[key].lineage_known
        assert await client.lineage([key]) == {}


@pytest.mark.parametrize("further", [None, {"id": "a", "usedBy": None}])
async def test_further_users_that_are_not_told_leave_dependents_unknown(further: Any) -> None:
    run = {"id": "r", "name": "r", "outputArtifacts": connection()}
    page = {"pageInfo": {"hasNextPage": True, "endCursor": "x"}, "edges": [{"node": run}]}
    answers = [{"id": "a", "aliases": [], "usedCount": 40, "usedBy": page}]
    canned = Canned(artifact=lambda _: answers.pop() if answers else further)
    found = await facts(canned, "artifact:a")
    assert not found["artifact:a"].lineage_known


@pytest.mark.parametrize("places", [60, 250])
async def test_a_link_that_goes_between_pages_takes_no_other_along(places: int) -> None:
    key, links = linked(places, page_cap=0 if places < 100 else 100)
    gone: list[str] = []

    async def happens(_: int) -> None:
        if not gone:
            gone.append(links[0])
            await client.delete([Deletion(links[0])])

    async with opened() as client, lister(client, happens) as reading:
        found = await facts_of(reading._graph, reading, [key, *links])
    assert found.keys() >= {key, *links[1:]}
    assert {one.key for one in found[key].links} >= set(links[1:])
