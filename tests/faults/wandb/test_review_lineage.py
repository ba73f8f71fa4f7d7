"""Lineage that was told at the review, and is told no more: nobody knows what was made since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.deletion.items import ItemState, Reason
from tests.servers.wandb.scenes import Series, Use, Version

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_client import WandbClient
    from tests.faults.wandb.scene import Scene

BASE = "acme/vision/base"
UNTOLD = ("Artifact.usedBy",)


async def reviewed(scene: Scene, client: WandbClient, **consents: Any) -> None:
    """A plan for two versions that nobody used; then a run uses one, and its use is not told."""
    scene.seed(series=[Series(path=BASE, versions=[Version(), Version()])])
    scene.save(await scene.draft(client, "*", delete_aliases=True, **consents))
    scene.server.add(
        series=[Series(path="acme/vision/kid", versions=[Version(run="r9")])],
        uses=[Use(run="acme/vision/r9", version=f"{BASE}:v0")],
    )
    scene.server.change(drop_fields=UNTOLD)


@pytest.mark.parametrize("whole", [False, True])
async def test_what_is_no_longer_told_is_not_taken_for_none(scene: Scene, *, whole: bool) -> None:
    async with scene.client() as client:
        await reviewed(scene, client, whole_collections=whole)
    async with scene.client() as client:
        await scene.apply(client)
    assert scene.states()[scene.key(f"{BASE}:v0")] is ItemState.REFUSED
    assert str(Reason.LINEAGE_UNKNOWN) in scene.words(scene.key(f"{BASE}:v0"))
    assert scene.states()[scene.key(f"{BASE}:v1")] is ItemState.VERIFIED, "no run used it"
    scene.check_truth()


async def test_who_agreed_not_to_know_is_not_asked_again(scene: Scene) -> None:
    async with scene.client() as client:
        await reviewed(scene, client, unknown_lineage=True)
    async with scene.client() as client:
        await scene.apply(client)
    assert set(scene.states().values()) == {ItemState.VERIFIED}
