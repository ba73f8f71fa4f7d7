"""Hundreds of deletions on a registry that lies: what the plan says is what the registry holds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Status
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from tests.faults.rest.scene import Scene

pytestmark = pytest.mark.asyncio


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 8])
async def test_as_many_are_gone_as_were_deleted(scene: Scene, concurrency: int) -> None:
    scene.server.become(load_s=0.001, save_s=0.001)
    keys = scene.server.fill(350)
    client = scene.client(concurrency=concurrency)
    try:
        await scene.read(client)
        scene.save(scene.draft(client, keys[:300]))
        ending = await scene.apply(client)
    finally:
        await client.aclose()
    assert ending.status is Status.FINISHED
    assert Counter(scene.states().values()) == {ItemState.VERIFIED: 300}
    assert scene.server.ids() == {key.partition("/")[2] for key in keys[300:]}
    lost_and_sent_again = len(scene.server.sent("DELETE")) - 300
    assert (lost_and_sent_again > 0) == (concurrency > 1)


FAULTS = [
    "rst_before", "rst_after", "500", "500_after", "503", "404_after", "html_before", "html_after",
    "truncated", "wrong_id", "empty_after", "garbage", "429", "302",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "concurrency"), [(1, 1), (2, 1), (3, 8)])
async def test_with_a_fault_in_one_request_of_ten_the_report_is_the_truth(
    scene: Scene, seed: int, concurrency: int
) -> None:
    keys = scene.server.fill(150)
    client = scene.client(concurrency=concurrency)
    try:
        await scene.read(client)
        scene.save(scene.draft(client, keys[:120]))
        share = 0.1 / len(FAULTS)
        every = ("DELETE", "GET", "POST")
        faults = [Fault(kind, share=share, methods=every) for kind in FAULTS]
        scene.server.become(*faults, seed=seed, save_fault=0.05, load_fault=0.02)
        ending = await scene.apply(client)
    finally:
        await client.aclose()
    if ending.status is Status.FINISHED:
        assert not {ItemState.PLANNED, ItemState.SENT} & set(scene.states().values())
    else:
        assert ending.status is Status.INTERRUPTED, ending
        assert ending.why
    scene.check_truth()
    assert scene.server.ids() >= {key.partition("/")[2] for key in keys[120:]}


@pytest.mark.parametrize("kind", FAULTS)
async def test_each_fault_in_every_third_deletion_ends_in_the_truth(
    scene: Scene, kind: str
) -> None:
    keys = scene.server.fill(60)
    client = scene.client()
    try:
        await scene.read(client)
        scene.save(scene.draft(client, keys[:40]))
        scene.server.become(Fault(kind, share=0.33))
        await scene.apply(client)
    finally:
        await client.aclose()
    scene.check_truth()
