"""A plan on a server that stops telling what it told: nothing is said to be gone that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import DONE
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
