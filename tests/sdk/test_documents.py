"""Every document of our own client is one that the schema knows, whole and cut down."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from graphql import OperationDefinitionNode, parse, validate

import artifact_tui.clients.wandb as package
from artifact_tui.clients.wandb.wandb_deleting import deletions_document
from artifact_tui.clients.wandb.wandb_graphql import document_marks, render_document
from tests.servers.wandb import engine


def found() -> dict[str, str]:
    """All GraphQL in the client's modules, by module and name."""
    texts: dict[str, str] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, str) and value.startswith(("query", "mutation", "{")):
                texts[f"{info.name.removeprefix(package.__name__)}.{name}"] = value
    for count in (1, 2, 20):
        for link in (False, True):
            texts[f"batching.document({count}, {link})"] = deletions_document(count, link=link)
    return texts


FOUND = found()


def operations(text: str) -> list[OperationDefinitionNode]:
    nodes = parse(render_document(text)).definitions
    return [one for one in nodes if isinstance(one, OperationDefinitionNode)]


@pytest.mark.parametrize("name", FOUND)
def test_the_schema_knows_it(name: str) -> None:
    text = FOUND[name]
    assert validate(engine.schema(), parse(render_document(text))) == []


@pytest.mark.parametrize("name", [name for name, text in FOUND.items() if document_marks(text)])
def test_an_older_schema_knows_what_is_left_of_it(name: str) -> None:
    lacking = document_marks(FOUND[name])
    older = engine.schema(tuple(sorted(lacking)))
    cut = parse(render_document(FOUND[name], lacking))
    assert validate(older, cut) == []


def test_none_is_overlooked() -> None:
    fields = {
        field
        for text in FOUND.values()
        for operation in operations(text)
        for field in engine.root_fields(operation)
    }
    assert fields >= {"project", "models", "deleteArtifact", "unlinkArtifact", "updateArtifact"}
