"""A look may take long itself: what it read first is no news when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb import wandb_facts
from artifact_tui.model import CollectionDeletion, Deletion, Result
from tests.servers.wandb.scenes import Company, Link, Series, Team, Version
from tests.servers.wandb.scenes import Scene as Seeded
from tests.servers.wandb.traps import Fault

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene

COUNT = 60
HOME = "acme/vision"
SHELF = "acme-org/wandb-registry-model/best"
LATER = 150
"""Milliseconds that each document of a look takes, one after the other."""


@pytest.fixture(autouse=True)
def _soon_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_facts, "FRESH", 0.4)


def seed(scene: Scene) -> list[str]:
    """A collection; gives the paths of its versions."""
    scene.seed(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        series=[Series(path=f"{HOME}/m", versions=[Version() for _ in range(COUNT)])],
    )
    return [f"{HOME}/m:v{n}" for n in range(COUNT)]


def linked_meanwhile(scene: Scene, paths: list[str]) -> None:
    """Looks are slow now, and after the first document of one somebody links all of it."""
    links = Seeded(links=[Link(portfolio=SHELF, version=path) for path in paths])
    scene.server.change(
        faults=tuple(
            Fault(kind="slow", fields=("artifact",), delay_ms=LATER, first=first, meanwhile=more)
            for first, more in ((1, None), (1, links), (0, None))
        )
    )


async def test_what_was_linked_during_the_look_stays(scene: Scene) -> None:
    paths = seed(scene)
    async with scene.client(concurrency=1) as client:
        linked_meanwhile(scene, paths)
        found = await client.facts([scene.key(path) for path in paths])
        stale = [one for one in found.values() if not one.links]
        assert len(stale) == 25, "a document of them was read before"
        scene.server.change(faults=())
        outcomes = await client.delete([Deletion(one.key, token=one.token) for one in stale])
    assert {one.result for one in outcomes} == {Result.CHANGED}
    assert scene.server.alive() == set(paths)


async def test_what_was_read_in_time_goes_without_another_look(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_facts, "FRESH", 30.0)
    paths = seed(scene)
    async with scene.client(batch=False) as client:
        found = await client.facts([scene.key(path) for path in paths])
        scene.server.clear()
        deletions = [Deletion(one.key, token=one.token) for one in found.values()]
        outcomes = await client.delete(deletions)
    assert {one.result for one in outcomes} == {Result.DONE}
    assert {line.kind for line in scene.server.log()} == {"mutation"}


async def test_facts_of_another_connection_are_looked_at_again(scene: Scene) -> None:
    paths = seed(scene)
    async with scene.client() as client:
        found = await client.facts([scene.key(path) for path in paths[:2]])
    scene.server.add(links=[Link(portfolio=SHELF, version=paths[0])])
    async with scene.client() as client:
        deletions = [Deletion(one.key, token=one.token) for one in found.values()]
        outcomes = await client.delete(deletions)
    assert sorted(one.result for one in outcomes) == [Result.CHANGED, Result.DONE]
    assert paths[0] in scene.server.alive()


async def test_a_collection_that_changed_during_the_look_stays(scene: Scene) -> None:
    paths = seed(scene)
    key = f"sequence:{scene.ids[f'{HOME}/m']}"
    async with scene.client(concurrency=1) as client:
        linked_meanwhile(scene, paths)
        found = await client.collection_facts(key)
        assert found
        assert [one for one in found.values() if not one.links]
        outcome = await client.delete_collection(CollectionDeletion(key, delete_aliases=True))
    assert (outcome.result, "changed" in outcome.message) == (Result.REFUSED, True)
    assert scene.server.alive() == set(paths)


async def test_a_collection_whose_look_takes_long_goes_when_nothing_changes(scene: Scene) -> None:
    seed(scene)
    key = f"sequence:{scene.ids[f'{HOME}/m']}"
    slow = Fault(kind="slow", fields=("artifact",), delay_ms=LATER, share=1.0)
    async with scene.client(concurrency=1) as client:
        scene.server.change(faults=(slow,))
        assert await client.collection_facts(key)
        outcome = await client.delete_collection(CollectionDeletion(key))
    assert outcome.result is Result.DONE
    assert scene.server.alive() == set()
