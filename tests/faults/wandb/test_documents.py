"""Servers that will not have, or lose, several deletions in one document: all goes, each once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Status
from tests.faults.wandb.scene import HOME
from tests.servers.wandb.scenes import Link, Place, Series, Version
from tests.servers.wandb.traps import Fault, Quota

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene

S = ItemState
SHELF = "acme-org/wandb-registry-model/best"
WRITES = ("deleteArtifact", "unlinkArtifact")


async def applied(scene: Scene, selection: str = "type:model", **consents: Any) -> Counter[S]:
    """The states of a plan that was applied to its end, after a look at the truth."""
    async with scene.client() as client:
        scene.save(await scene.draft(client, selection, **consents))
        scene.server.clear()
        ending = await scene.apply(client)
    assert ending.status is Status.FINISHED, ending
    scene.server.change(faults=[])
    scene.check_truth()
    deleted = Counter(what for what in scene.server.done() if what.startswith("deleteArtifact"))
    assert max(deleted.values(), default=0) <= 1
    return Counter(scene.states().values())


@pytest.mark.parametrize("most", [1, 5])
@pytest.mark.parametrize("shape", ["graphql", "text", "object", "strings"])
async def test_a_server_that_refuses_several_gets_one_at_a_time(
    scene: Scene, most: int, shape: str
) -> None:
    scene.fill(120)
    scene.server.change(batch=most, error_shape=shape)
    assert await applied(scene) == {S.VERIFIED: 120}
    sizes = [len(line.fields) for line in scene.server.log() if line.kind == "mutation"]
    assert 1 <= sum(size > most for size in sizes) <= 3, "it is not asked again and again"


@pytest.mark.parametrize("errors", ["status", "ok"])
@pytest.mark.parametrize("non_null", [False, True])
async def test_one_that_is_refused_keeps_no_other(
    scene: Scene, errors: str, *, non_null: bool
) -> None:
    """A protected alias, of which W&B tells only by refusing; others may be left out with it."""
    scene.seed(
        places=[Place(path="acme-org/wandb-registry-model", protected=["production"])],
        series=[Series(path=f"{HOME}/m", versions=[Version() for _ in range(40)])],
        links=[Link(portfolio=SHELF, version=f"{HOME}/m:v12", aliases=["production"])],
    )
    scene.server.change(errors=errors, non_null=non_null)
    consents = {"delete_aliases": True, "break_links": True}
    assert await applied(scene, "name:m", **consents) == {S.VERIFIED: 39, S.REFUSED: 1}
    assert scene.server.alive() == {f"{HOME}/m:v12"}
    assert "production" in scene.words(scene.key(f"{HOME}/m:v12"))


@pytest.mark.parametrize("kind", ["half_lie", "half_rst", "half_500", "null_fields"])
async def test_what_half_a_document_did_is_found_by_looking(scene: Scene, kind: str) -> None:
    """Also where the server says of each that it was done."""
    scene.fill(60)
    scene.server.change(faults=[Fault(kind=kind, fields=WRITES)])
    assert await applied(scene) == {S.VERIFIED: 60}


async def test_links_of_which_half_stay_in_spite_of_the_answer_go_later(scene: Scene) -> None:
    scene.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version() for _ in range(30)])],
        links=[Link(portfolio=f"{HOME}/picked", version=f"{HOME}/m:v{n}") for n in range(30)],
    )
    scene.server.change(faults=[Fault(kind="half_lie", fields=WRITES)])
    assert await applied(scene, "name:picked link:yes") == {S.UNLINKED: 30}
    assert len(scene.server.alive()) == 30


@pytest.mark.parametrize("headers", [False, True])
async def test_a_quota_too_small_for_a_document_gets_smaller_ones(
    scene: Scene, *, headers: bool
) -> None:
    scene.fill(40)
    quota = Quota(most=12, window_s=0.1, counts="mutations", headers=headers)
    scene.server.change(quota=quota)
    assert await applied(scene) == {S.VERIFIED: 40}
