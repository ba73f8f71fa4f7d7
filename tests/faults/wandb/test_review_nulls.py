"""What W&B keeps to itself is never taken for nothing: null rows in lists that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_deleting import WandbDeleter
from artifact_tui.clients.wandb.wandb_graphql import Graph
from tests.unit.wandb.test_answers import Canned, connection, facts, listed, lister_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.model import Facts

SAID = {"id": "a", "aliases": [], "usedCount": 0}


async def inside(canned: Canned, key: str) -> Mapping[str, Facts] | None:
    """What a client says is in a collection."""
    graph = Graph(canned)
    lister = lister_of(graph)
    return await WandbDeleter(graph, lister, batch=True).collection_facts(key)


@pytest.mark.parametrize("hidden", [{"node": None}, None])
async def test_a_hidden_version_of_a_collection_is_one_that_nobody_reviewed(hidden: Any) -> None:
    page = connection({"id": "a", "aliases": []})
    page["edges"].append(hidden)
    shelf = {"__typename": "ArtifactSequence", "id": "A", "state": "READY", "artifacts": page}
    canned = Canned(artifactCollection=lambda _: shelf, artifact=lambda _: SAID)
    found = await inside(canned, wandb_model.SequenceKey("A").key)
    assert found, "the collection is there"
    assert found.keys() - {"artifact:a"}, "and something in it that no plan can name"


@pytest.mark.parametrize("hidden", [{"node": None}, None])
async def test_a_hidden_membership_is_a_link_that_would_break(hidden: Any) -> None:
    members = {**connection(), "edges": [hidden]}
    answer = {**SAID, "artifactMemberships": members}
    found = await facts(Canned(artifact=lambda _: answer), "artifact:a")
    assert len(found["artifact:a"].links) == 1
    shown = {"__typename": "ArtifactSequence", "id": "A", "name": "a", "artifacts": connection(
        {**answer, "artifactSequence": {"id": "A"}}
    )}  # fmt: skip
    page = {"artifactCollections": connection(shown)}
    ((_, version),), _ = await listed(Canned(project=lambda _: page))
    assert version is not None
    assert len(version.links) == 1


@pytest.mark.parametrize("row", [None, {"alias": None}, {"alias": ""}])
async def test_a_hidden_alias_is_an_alias(row: Any) -> None:
    answer = {**SAID, "aliases": [row]}
    found = await facts(Canned(artifact=lambda _: answer), "artifact:a")
    assert len(found["artifact:a"].aliases) == 1
