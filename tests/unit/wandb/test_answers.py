"""Answers that the stand-in does not give: nulls, hidden things, errors inside, unknown kinds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.wandb import wandb_lineage, wandb_model
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_facts import facts_of
from artifact_tui.clients.wandb.wandb_graphql import Graph
from artifact_tui.clients.wandb.wandb_listing import WandbLister
from artifact_tui.clients.wandb.wandb_login import DEFAULT_ORIGIN
from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from artifact_tui.clients.wandb.wandb_replies import GraphCall
    from artifact_tui.model import Collection, Facts, Lineage, Version

    Row = tuple[Collection, Version | None]

_FIELD = re.compile(r"query\([^)]*\)\{(p0:)?(\w+)")
END = {"hasNextPage": False, "endCursor": None}
HERE = {"name": "p", "entity": {"name": "e"}}


class Canned:
    """A transport that answers by field: the first of the document, as `p0:artifact` is one."""

    def __init__(self, **answers: Callable[[Mapping[str, Any]], Any]) -> None:
        self._answers = answers
        self.errors: list[GraphError] = []
        self.asked: list[str] = []

    async def ask(self, call: GraphCall) -> GraphReply:
        found = _FIELD.match(call.document)
        assert found is not None
        self.asked.append(found[2])
        answer = self._answers[found[2]]
        if found[1]:
            many = sum(name.startswith("id") for name in call.variables)
            data = {f"p{n}": answer({"id": call.variables[f"id{n}"]}) for n in range(many)}
        else:
            data = {found[2]: answer(call.variables)}
        errors, self.errors = tuple(self.errors), []
        return GraphReply(json.dumps(data).encode(), errors, 200)


def always(answer: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda _: answer


def connection(*nodes: Any) -> dict[str, Any]:
    return {"pageInfo": END, "edges": [{"node": node} for node in nodes]}


def lister_of(graph: Graph, project: str = "p") -> WandbLister:
    return WandbLister(graph, WandbAddress(DEFAULT_ORIGIN, "e", project), registries=False)


async def listed(canned: Canned, project: str = "p") -> tuple[list[Row], WandbLister]:
    lister = lister_of(Graph(canned), project)
    return [row async for page in lister.everything() for row in page], lister


async def facts(canned: Canned, *keys: str) -> Mapping[str, Facts]:
    graph = Graph(canned)
    return await facts_of(graph, lister_of(graph), keys)


async def family(canned: Canned, key: str) -> Mapping[str, Lineage]:
    graph = Graph(canned)
    return await wandb_lineage.lineage_of(graph, [key], parents=True, name=lambda one: one.id)


def collection(identifier: str, kind: str, *versions: Any) -> dict[str, Any]:
    return {
        "__typename": kind, "id": identifier, "name": identifier.lower(), "project": HERE,
        "artifacts": connection(*versions),
    }  # fmt: skip


async def test_null_rows_and_unknown_kinds_are_tolerated() -> None:
    nodes = [
        None,
        collection("A", "ArtifactSequence", None, {"id": "a1"}, {"id": "a2", "aliases": None}),
        collection("B", "ArtifactShelf", {"id": "a1", "artifactSequence": {"id": "A"}}),
        {"__typename": "ArtifactSequence", "id": "C", "name": None, "artifacts": connection()},
    ]
    page = connection(*nodes)
    page["edges"].append(None)
    rows, _ = await listed(Canned(project=lambda _: {"artifactCollections": page}))
    keys = {(one.key, version and version.key) for one, version in rows}
    assert keys == {
        ("sequence:A", "artifact:a1"),
        ("sequence:A", "artifact:a2"),
        ("portfolio:B", "link:B:a1"),
        ("sequence:C", None),
    }


async def test_an_error_inside_one_collection_has_it_asked_again() -> None:
    broken = {**collection("B", "ArtifactSequence", {"id": "b1"}), "artifacts": None}
    page = connection(collection("A", "ArtifactSequence", {"id": "a1"}), broken)
    canned = Canned(
        artifactCollection=lambda _: {"id": "B", "artifacts": connection({"id": "b1"})},
        project=lambda _: {"artifactCollections": page},
    )
    canned.errors = [
        GraphError("boom", ("project", "artifactCollections", "edges", 1, "node", "artifacts"))
    ]
    rows, _ = await listed(canned)
    assert {version.key for _, version in rows if version} == {"artifact:a1", "artifact:b1"}
    assert canned.asked == ["project", "artifactCollection"]


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("project",),
        ("project", "artifactCollections"),
        ("project", "artifactCollections", "edges", 0, "node"),
        ("project", "artifactCollections", "totalCount"),
    ],
)
async def test_an_error_that_leaves_something_out_fails_the_listing(
    path: tuple[str | int, ...],
) -> None:
    page = connection(collection("A", "ArtifactSequence", {"id": "a1"}))
    canned = Canned(project=lambda _: {"artifactCollections": page})
    canned.errors = [GraphError("something is hidden", path)]
    with pytest.raises(RegistryError, match="something is hidden"):
        await listed(canned)


async def test_a_project_that_went_away_is_left_out_with_a_notice() -> None:
    page = connection(collection("A", "ArtifactSequence", {"id": "a1"}))
    canned = Canned(
        models=lambda _: connection({"name": "p"}, {"name": "gone"}, None, {"name": None}),
        project=lambda said: {"artifactCollections": page} if said["p"] == "p" else None,
    )
    rows, lister = await listed(canned, project="")
    assert [one.name for one, _ in rows] == ["p/a"]
    (notice,) = lister.notices.values()
    assert "e/gone" in notice


async def test_facts_without_aliases_or_of_another_version_are_an_error() -> None:
    for said in ({"id": "a"}, {"id": "b", "aliases": []}):
        with pytest.raises(RegistryError):
            await facts(Canned(artifact=always(said)), "artifact:a")


async def test_facts_of_a_link_behind_a_hidden_collection_are_not_known() -> None:
    said = {"id": "a", "aliases": [], "usedCount": 0}
    key = wandb_model.LinkKey("P", "a").key
    for members in (connection({"artifactCollection": None}), connection(None)):
        answer = {**said, "artifactMemberships": members}
        with pytest.raises(RegistryError, match="every collection"):
            await facts(Canned(artifact=always(answer)), key)
    answer = {**said, "artifactMemberships": connection({"artifactCollection": {"id": "Q"}})}
    assert await facts(Canned(artifact=lambda _: answer), key) == {}


@pytest.mark.parametrize(
    "used",
    [
        None,
        connection(None),
        connection({"id": "r", "name": "r", "outputArtifacts": None}),
        connection({"id": "r", "name": "r", "outputArtifacts": connection(None)}),
    ],
)
async def test_dependents_that_may_not_be_seen_are_not_known(used: Any) -> None:
    said = {"id": "a", "aliases": [], "usedCount": 1, "usedBy": used}
    found = await facts(Canned(artifact=lambda _: said), "artifact:a")
    assert not found["artifact:a"].lineage_known
    assert await family(Canned(artifact=lambda _: said), "artifact:a") == {}


async def test_a_version_that_nobody_used_has_no_dependents_whatever_else_is_hidden() -> None:
    said = {"id": "a", "aliases": [], "usedCount": 0, "usedBy": None}
    found = await facts(Canned(artifact=lambda _: said), "artifact:a")
    assert (found["artifact:a"].lineage_known, found["artifact:a"].dependents) == (True, ())


async def test_an_error_about_one_of_many_is_asked_again_alone() -> None:
    def said(variables: Mapping[str, Any]) -> Any:
        return {"id": variables["id"], "aliases": [], "usedCount": 0}

    canned = Canned(artifact=said)
    canned.errors = [GraphError("boom", ("p1", "aliases"))]
    found = await facts(canned, "artifact:a", "artifact:b", "artifact:c")
    assert len(found) == 3
    assert len(canned.asked) == 2


async def test_not_found_is_gone_and_any_other_error_is_not() -> None:
    canned = Canned(artifact=lambda _: None)
    canned.errors = [GraphError("could not find artifact a", ("p0",))]
    assert await facts(canned, "artifact:a") == {}
    canned.errors = [GraphError("permission denied", ("p0",))]
    with pytest.raises(NotToldError, match="permission denied"):
        await facts(canned, "artifact:a")
