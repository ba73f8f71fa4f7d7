"""A look may take long itself: what it read first is no news when it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import COLLECTION, ItemState
from artifact_tui.model import Deletion, Result
from tests.faults.wandb.scene import HASTE
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


AT_ONCE = replace(HASTE, fresh=0.4, ramp=())
"""A look at all of them takes longer than it is good for."""


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
        scene.save(await scene.draft(client, "alias:none"))
        linked_meanwhile(scene, paths)
        await scene.apply(client, policy=AT_ONCE)
    assert set(scene.states().values()) == {ItemState.REFUSED}
    assert "linked_since" in scene.words(scene.key(paths[0]))
    assert scene.server.alive() == set(paths)


async def test_what_was_read_in_time_goes_without_another_look(scene: Scene) -> None:
    paths = seed(scene)
    async with scene.client(batch=False) as client:
        scene.server.clear()
        outcomes = await client.delete([Deletion(scene.key(path)) for path in paths])
    assert {one.result for one in outcomes} == {Result.DONE}
    assert {line.kind for line in scene.server.log()} == {"mutation"}


async def test_a_collection_that_changed_during_the_look_stays(scene: Scene) -> None:
    paths = seed(scene)
    async with scene.client(concurrency=1) as client:
        scene.save(await scene.draft(client, "alias:none", whole_collections=True))
        linked_meanwhile(scene, paths)
        await scene.apply(client, policy=AT_ONCE)
    assert set(scene.states(COLLECTION).values()) == {ItemState.REFUSED}
    assert set(scene.states().values()) == {ItemState.REFUSED}
    assert scene.server.alive() == set(paths)


async def test_a_collection_whose_look_takes_long_goes_when_nothing_changes(scene: Scene) -> None:
    seed(scene)
    slow = Fault(kind="slow", fields=("artifact",), delay_ms=LATER, share=1.0)
    async with scene.client(concurrency=1) as client:
        scene.save(await scene.draft(client, "alias:none", whole_collections=True))
        scene.server.change(faults=(slow,))
        await scene.apply(client, policy=AT_ONCE)
    assert set(scene.states(COLLECTION).values()) == {ItemState.VERIFIED}
    assert scene.server.alive() == set()
