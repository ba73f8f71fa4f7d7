"""Edges from one-level lineage, in every shape, and the scan of all models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import RegistryError
from artifact_tui.model import Edge, Lineage, Relative
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener

FAMILY = [
    Entry("1", "data", "dataset"),
    Entry("2", "base", parents=("1",)),
    Entry("3", "base", parents=("1", "2")),
    Entry("4", "tuned", parents=("3", "external-thing")),
    Entry("5", "loop", parents=("5",)),
    Entry("6", "named", parents=("name:base",)),
    Entry("7", "orphan", parents=("name:nobody",)),
]
EDGES = {
    Edge("dataset/1", "model/2"),
    Edge("dataset/1", "model/3"),
    Edge("model/2", "model/3"),
    Edge("model/3", "model/4"),
    Edge("model/2", "model/6"),
}


@pytest.mark.parametrize("shape", ["nodes", "old"])
async def test_every_edge_once_in_both_shapes(server: Server, opener: Opener, shape: str) -> None:
    server.become(lineage=shape)
    server.seed(FAMILY)
    found = await opener().lineage([f"{entry.type}/{entry.id}" for entry in FAMILY])
    edges = {Edge(one.key, key) for key, told in found.items() for one in told.parents}
    assert {edge for edge in edges if not edge.parent.startswith("external:")} == EDGES


async def test_parents_named_by_name_are_the_oldest_of_it(server: Server, opener: Opener) -> None:
    server.become(lineage="names")
    server.seed(FAMILY)
    assert await opener().lineage(["model/4"]) == {
        "model/4": Lineage(
            parents=(
                Relative("external:external-thing", "external-thing:? (deleted)"),
                Relative("model/2", "base:2"),
            )
        )
    }


async def test_lineage_that_the_server_does_not_tell_is_unknown_not_none(
    server: Server, opener: Opener
) -> None:
    server.become(Fault("404", methods=("GET",), path="/2/lineage"))
    server.seed(FAMILY)
    asked = ["model/2", "model/5", "nobody's", "model/a%2F.."]
    assert await opener().lineage(asked) == {"model/5": Lineage()}


async def test_refused_credentials_stop_the_scan(server: Server, opener: Opener) -> None:
    server.become(Fault("401", methods=("GET",), path="/lineage"))
    server.seed(FAMILY)
    with pytest.raises(RegistryError, match="credentials"):
        await opener().lineage(["model/2", "model/3"])


@pytest.mark.parametrize("kind", ["garbage", "html_after", "deep"])
async def test_garbage_is_an_error_not_an_empty_lineage(
    server: Server, opener: Opener, kind: str
) -> None:
    server.become(Fault(kind, methods=("GET",), path="/lineage"))
    server.seed(FAMILY)
    with pytest.raises(RegistryError):
        await opener().lineage(["model/2"])
