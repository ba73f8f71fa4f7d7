"""Whole plans on a W&B that fails, falls silent or talks nonsense: the report is the truth."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Status
from artifact_tui.model import Deletion
from tests.faults.wandb.scene import HOME
from tests.servers.wandb.scenes import Link, Series, Version
from tests.servers.wandb.traps import Fault

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene

S = ItemState
SHELF = "acme-org/wandb-registry-model/best"
WRITES = ("deleteArtifact", "unlinkArtifact", "deleteArtifactSequence", "deleteArtifactPortfolio")


def once_each(scene: Scene) -> None:
    """Nothing was carried out twice."""
    assert max(Counter(scene.server.done()).values(), default=0) <= 1


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("cursors", ["offset", "keyset"])
async def test_all_of_a_big_collection_goes(scene: Scene, cursors: str, *, batch: bool) -> None:
    paths = scene.fill(330)
    scene.server.change(cursors=cursors)
    async with scene.client(batch=batch) as client:
        draft = await scene.draft(client, "type:model")
        scene.save(draft)
        ending = await scene.apply(client)
    assert ending.status is Status.FINISHED
    assert Counter(scene.states().values()) == {S.VERIFIED: len(paths)}
    assert scene.server.alive() == set()
    once_each(scene)


BAD_ANSWERS = [
    "rst_before", "rst_after", "500", "500_after", "502", "503", "truncated", "html_before",
    "html_after", "garbage", "deep", "empty_after", "null_data", "null_fields", "half_rst",
    "half_500", "400", "413", "429", "404_after", "302", "huge_number",
]  # fmt: skip


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("kind", BAD_ANSWERS)
async def test_one_bad_answer_to_a_deletion_changes_nothing_in_the_end(
    scene: Scene, kind: str, *, batch: bool
) -> None:
    """The first, the third and some later document meet the fault."""
    paths = scene.fill(60)
    async with scene.client(batch=batch) as client:
        scene.save(await scene.draft(client, [scene.key(path) for path in paths[:50]]))
        fault = Fault(kind=kind, fields=WRITES, share=0.25, delay_ms=0)
        scene.server.change(faults=[fault], seed=3)
        ending = await scene.apply(client)
    assert ending.status is Status.FINISHED, ending
    scene.check_truth()
    assert scene.server.alive() >= set(paths[50:])
    assert Counter(scene.states().values())[S.VERIFIED] >= 40
    once_each(scene)


@pytest.mark.parametrize("errors", ["ok", "status"])
@pytest.mark.parametrize("batch", [False, True])
async def test_refusals_in_between_stay_refusals(scene: Scene, errors: str, *, batch: bool) -> None:
    """What the server would not delete although the review could not know."""
    scene.fill(40)
    scene.ids |= scene.server.add(
        series=[Series(path=f"{HOME}/code-1", type="job", versions=[Version()] * 3)]
    )
    scene.server.change(errors=errors)
    async with scene.client(batch=batch) as client:
        draft = await scene.draft(client, "*")
        scene.save(draft)
        await scene.apply(client)
    states = Counter(scene.states().values())
    assert states == {S.VERIFIED: 40}
    assert scene.server.alive() == {f"{HOME}/code-1:v{n}" for n in range(3)}


@pytest.mark.parametrize("batch", [False, True])
async def test_a_tenth_of_all_answers_bad_and_the_report_is_the_truth(
    scene: Scene, *, batch: bool
) -> None:
    """Reads and writes alike; with links, in a registry too."""
    versions = [Version(aliases=[f"a{n}"] if n % 5 == 0 else []) for n in range(120)]
    scene.seed(
        series=[Series(path=f"{HOME}/m", versions=versions)],
        links=[Link(portfolio=SHELF, version=f"{HOME}/m:v{n}") for n in range(0, 120, 4)],
    )
    async with scene.client(batch=batch) as client:
        draft = await scene.draft(client, "name:m", delete_aliases=True, break_links=True)
        scene.save(draft)
        share = 0.1 / len(BAD_ANSWERS)
        faults = [Fault(kind=kind, share=share) for kind in BAD_ANSWERS if kind != "413"]
        scene.server.change(faults=faults, seed=11)
        ending = await scene.apply(client)
        scene.server.change(faults=[])
    assert ending.status is not Status.APPLYING
    scene.check_truth()
    once_each(scene)


@pytest.mark.parametrize("kind", ["rst_after", "500_after", "garbage", "rst_before", "half_500"])
async def test_a_whole_collection_under_bad_answers(scene: Scene, kind: str) -> None:
    paths = scene.fill(30, collections=3)
    async with scene.client() as client:
        draft = await scene.draft(client, "name:model-0001", whole_collections=True)
        scene.save(draft)
        scene.server.clear()
        scene.server.change(faults=[Fault(kind=kind, fields=WRITES, first=2)])
        ending = await scene.apply(client)
    assert ending.status is Status.FINISHED
    scene.check_truth()
    gone = {path for path in paths if "model-0001" in path}
    assert scene.server.alive() == set(paths) - gone
    once_each(scene)


async def test_a_server_that_is_down_leaves_everything_to_resume(scene: Scene) -> None:
    paths = scene.fill(40)
    async with scene.client() as client:
        scene.save(await scene.draft(client, "type:model"))
        scene.server.change(faults=[Fault(kind="500", fields=WRITES)])
        await scene.apply(client)
        scene.check_truth()
        assert scene.server.alive() == set(paths)
        assert set(scene.states().values()) <= {S.FAILED, S.PLANNED, S.SENT}


async def test_somebody_else_deletes_meanwhile(scene: Scene) -> None:
    paths = scene.fill(30)
    async with scene.client() as client, scene.client() as other:
        scene.save(await scene.draft(client, "type:model"))
        await other.delete([Deletion(scene.key(path)) for path in paths[:10]])
        await scene.apply(client)
    assert Counter(scene.states().values()) == {S.GONE: 10, S.VERIFIED: 20}


async def test_what_changed_since_the_review_is_refused(scene: Scene) -> None:
    paths = scene.fill(12)
    async with scene.client() as client:
        scene.save(await scene.draft(client, "type:model"))
        link = Link(portfolio=SHELF, version=paths[3], aliases=["production"])
        scene.server.add(links=[link])
        scene.server.add(links=[Link(portfolio=SHELF, version=paths[5])])
        await scene.apply(client)
    states = scene.states()
    kept = {scene.key(paths[3]), scene.key(paths[5])}
    assert {key for key, state in states.items() if state is S.REFUSED} == kept
    assert scene.server.alive() == {paths[3], paths[5]}
