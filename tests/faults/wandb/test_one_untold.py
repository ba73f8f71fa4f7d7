"""One version that W&B would not tell about any more: only that one stays."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb.wandb_replies import GraphError
from artifact_tui.deletion.items import DONE, ItemState, Reason
from artifact_tui.deletion.plan import Plan, Status

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_client import WandbClient
    from artifact_tui.clients.wandb.wandb_replies import GraphCall, GraphReply
    from tests.faults.wandb.scene import Scene


def silence(client: WandbClient, gid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server refuse every look at one artifact."""
    graph = client._graph._sender
    real = graph.ask

    async def ask(call: GraphCall) -> GraphReply:
        reply = await real(call)
        names = [name[2:] for name, value in call.variables.items() if value == gid]
        if call.writes or not names:
            return reply
        data = json.loads(bytes(reply.data))
        errors = [GraphError("permission denied", (f"p{n}",)) for n in names]
        shown = {**data, **{f"p{n}": None for n in names}}
        return replace(reply, data=json.dumps(shown).encode(), errors=(*reply.errors, *errors))

    monkeypatch.setattr(graph, "ask", ask)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("place", [0, 20, 39])
async def test_everything_else_goes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, place: int, *, whole: bool
) -> None:
    paths = scene.fill(40)
    bad = scene.ids[paths[place]]
    async with scene.client() as client:
        scene.save(await scene.draft(client, "alias:none", whole_collections=whole))
        silence(client, bad, monkeypatch)
        scene.server.clear()
        ending = await scene.apply(client)
    assert ending.status is Status.FINISHED
    assert scene.server.alive() == {paths[place]}
    with Plan.open(scene.plan) as plan:
        (item,) = (one for one in plan.every_item() if one.key == scene.key(paths[place]))
    assert (item.state, item.reason) == (ItemState.FAILED, Reason.NOT_TOLD)
    assert "permission denied" in item.error
    assert sum(state in DONE for state in scene.states().values()) == 39
    mutations = [line for line in scene.server.log() if line.kind == "mutation"]
    assert mutations
    assert bad not in str([line.variables for line in mutations])
    scene.check_truth()
