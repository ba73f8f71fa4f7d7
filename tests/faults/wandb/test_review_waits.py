"""While W&B lets deletions wait, what was found true of a version before may become untrue."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from artifact_tui.deletion.items import ItemState
from artifact_tui.model import CollectionDeletion, Result
from tests.faults.wandb.scene import HASTE
from tests.servers.wandb.scenes import Company, Link, Name, Series, Team, Version
from tests.servers.wandb.scenes import Scene as Seeded
from tests.servers.wandb.traps import Fault, Quota

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene

COUNT = 40
HOME = "acme/vision"
SHELF = "acme-org/wandb-registry-model/best"


def seed(scene: Scene, count: int = COUNT, **parts: Any) -> None:
    versions = [Version() for _ in range(count)]
    scene.seed(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        series=[Series(path=f"{HOME}/m", versions=versions)],
        **parts,
    )


def meanwhile(after: int, **parts: Any) -> tuple[Fault, Fault]:
    """Somebody adds something just before the deletion that follows so many others."""
    slot = Fault(kind="slow", fields=("deleteArtifact", "unlinkArtifact"), first=after)
    return slot, msgspec.structs.replace(slot, first=1, meanwhile=Seeded(**parts))


async def applied(scene: Scene, selection: str, after: int, **parts: Any) -> None:
    """A throttled apply of a selection, while somebody adds something."""
    async with scene.client(batch=False) as client:
        draft = await scene.draft(client, selection)
        assert draft.summary.deletes == COUNT
        scene.save(draft)
        quota = Quota(most=12, window_s=0.5, headers=False)
        scene.server.change(quota=quota, faults=meanwhile(after, **parts))
        await scene.apply(client, policy=SOON_OLD)


SOON_OLD = replace(HASTE, fresh=0.3)


@pytest.mark.slow
async def test_what_is_named_while_deletions_wait_stays(scene: Scene) -> None:
    seed(scene)
    last = f"{HOME}/m:v{COUNT - 1}"
    link = Link(portfolio=SHELF, version=last, aliases=["production"])
    await applied(scene, "alias:none", 12, links=[link])
    assert scene.server.alive() == {last}
    states = scene.states()
    assert states.pop(scene.key(last)) is ItemState.REFUSED
    assert set(states.values()) == {ItemState.VERIFIED}
    assert "production" in scene.words(scene.key(last))
    scene.ids = scene.server.ids()
    scene.check_truth()


@pytest.mark.slow
async def test_a_link_that_is_named_while_others_wait_stays(scene: Scene) -> None:
    links = [Link(portfolio=SHELF, version=f"{HOME}/m:v{n}") for n in range(COUNT)]
    seed(scene, links=links)
    last = f"{SHELF}:v{COUNT - 1}"
    async with scene.client("acme", batch=False) as client:
        draft = await scene.draft(client, "link:yes")
        scene.save(draft)
        name = Name(at=last, alias="production")
        quota = Quota(most=12, window_s=0.5, headers=False)
        scene.server.change(quota=quota, faults=meanwhile(12, names=[name]))
        await scene.apply(client, policy=SOON_OLD)
    shown = scene.server.state()["collections"][SHELF]["versions"]
    assert list(shown) == [f"v{COUNT - 1}"]
    assert len(scene.server.alive()) == COUNT
    assert scene.states()[scene.link(last)] is ItemState.REFUSED


@pytest.mark.slow
async def test_looking_again_loses_nothing(scene: Scene) -> None:
    seed(scene, count=12)
    async with scene.client() as client:
        scene.save(await scene.draft(client, "alias:none"))
        quota = Quota(most=3, window_s=0.5, counts="mutations", headers=False)
        scene.server.change(quota=quota, batch=4)
        await scene.apply(client, policy=SOON_OLD)
    assert set(scene.states().values()) == {ItemState.VERIFIED}
    assert scene.server.alive() == set()


async def test_a_whole_collection_that_waited_too_long_is_not_sent(scene: Scene) -> None:
    seed(scene)
    key = f"sequence:{scene.ids[f'{HOME}/m']}"
    async with scene.client() as client:
        outcome = await client.delete_collection(
            CollectionDeletion(key, until=time.monotonic() - 1)
        )
    assert outcome.result is Result.WAITED
    assert "wait too long" in outcome.message
    assert scene.server.done() == []
    assert len(scene.server.alive()) == COUNT
