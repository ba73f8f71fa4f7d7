"""A plan on a server that stops telling what it told: nothing is said to be gone that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.deletion.items import DONE, Reason
from tests.servers.wandb.traps import Untold

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene


@pytest.mark.parametrize(
    "untold",
    [
        Untold(field="Artifact.usedBy", error="run not found"),
        Untold(field="Artifact.artifactSequence", error="project not found"),
        Untold(field="Query.artifact", error="lookup mysql.internal: no such host"),
    ],
    ids=lambda one: one.field,
)
async def test_an_error_about_something_else_is_no_absence(scene: Scene, untold: Untold) -> None:
    paths = scene.fill(3)
    async with scene.client() as client:
        scene.save(await scene.draft(client, "alias:none"))
        scene.server.change(untold=(untold,))
        await scene.apply(client)
    assert not set(scene.states().values()) & set(DONE)
    assert scene.server.alive() == set(paths)
    scene.check_truth()


@pytest.mark.parametrize(
    "traps",
    [
        {"untold": (Untold(field="Artifact.artifactMemberships"),)},
        {"drop_fields": ("Artifact.artifactMemberships",)},
    ],
    ids=["null", "old"],
)
async def test_links_that_are_not_told_need_the_consent_to_break_them(
    scene: Scene, traps: dict[str, Any]
) -> None:
    scene.fill(3)
    scene.server.change(**traps)
    async with scene.client() as client:
        draft = await scene.draft(client, "alias:none")
        assert {one.reason for one in draft.items} == {Reason.LINKED}
        assert draft.summary.deletes == 0
        scene.save(await scene.draft(client, "alias:none", break_links=True))
        await scene.apply(client)
    assert scene.server.alive() == set()
    assert set(scene.states().values()) <= set(DONE)
    scene.check_truth()
