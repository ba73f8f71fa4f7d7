"""Servers of every age: each field that they may lack is dropped, and asked no more."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

import artifact_tui.clients.wandb as package
from artifact_tui.clients.wandb import wandb_graphql
from artifact_tui.clients.wandb.wandb_graphql import GraphQuestion, questions_document
from artifact_tui.clients.wandb.wandb_replies import GraphError
from artifact_tui.errors import RegistryError
from tests.servers.wandb.engine import SDL
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Link, Series, Shelf, Version
from tests.support.listing import listed_rows
from tests.unit.wandb.opened import HOME, opened


def constants() -> list[object]:
    """Every constant of the client's modules."""
    names = [one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    modules = [importlib.import_module(name) for name in names]
    return [value for one in modules for name, value in vars(one).items() if name.isupper()]


def texts() -> list[str]:
    """Every document, and every question that is asked as a part of one."""
    found = [
        value.head + value.fragments if isinstance(value, GraphQuestion) else value
        for value in constants()
    ]
    return list(dict.fromkeys(one for one in found if isinstance(one, str)))


MARKS = sorted({mark for text in texts() for mark in wandb_graphql.document_marks(text)})


def shapes() -> list[GraphQuestion[Any]]:
    """Every question that travels with others.

    Left out is who has an alias: without its one field nothing is left of it to ask.
    """
    found = dict.fromkeys(value for value in constants() if isinstance(value, GraphQuestion))
    return [one for one in found if one.what != "who has an alias"]


def whole_documents() -> list[str]:
    """Every document as it is sent, its marks kept."""
    plain = [text for text in texts() if text.startswith(("query", "mutation"))]
    return plain + [questions_document(shape, count) for shape in shapes() for count in (1, 3)]


@functools.cache
def whole_schema() -> GraphQLSchema:
    return build_schema(SDL.read_text())


WHOLE = dict(enumerate(whole_documents()))


@pytest.mark.parametrize("number", WHOLE)
def test_every_document_fits_the_schema_with_all_its_fields_and_with_none(number: int) -> None:
    text, schema = WHOLE[number], whole_schema()
    for lacking in (frozenset[str](), wandb_graphql.document_marks(text)):
        assert validate(schema, parse(wandb_graphql.render_document(text, lacking))) == []


def test_marks_are_kept_or_dropped() -> None:
    text = "query($a:Int<A.b(c)|,$d:Int>){x{<A.e|e{<F.g|g> h}> i}}"
    assert wandb_graphql.render_document(text) == "query($a:Int,$d:Int){x{e{g h} i}}"
    assert (
        wandb_graphql.render_document(text, frozenset({"F.g"}))
        == "query($a:Int,$d:Int){x{e{ h} i}}"
    )
    assert (
        wandb_graphql.render_document(text, frozenset({"A.e", "A.b(c)"})) == "query($a:Int){x{ i}}"
    )
    assert wandb_graphql.document_marks(text) == {"A.b(c)", "A.e", "F.g"}


@pytest.mark.parametrize(
    ("message", "lacked"),
    [
        ('Cannot query field "e" on type "A".', {"A.e"}),
        ("Cannot query field 'e' on type 'A'. Did you mean 'f'?", {"A.e"}),
        ('Cannot query field "e" on type "Other".', {"A.e", "B.e"}),
        ('Cannot query field "z" on type "A".', set()),
        ('Unknown argument "c" on field "b" of type "A".', {"A.b(c)"}),
        ("Unknown argument 'c' on field 'A.b'.", {"A.b(c)"}),
        ('Unknown argument "c" on field "e" of type "A".', set()),
        ("permission denied", set()),
    ],
)
def test_what_an_error_says_is_lacking(message: str, lacked: set[str]) -> None:
    text = "{<A.e|e> <B.e|e> b<A.b(c)|(c:1)>}"
    assert wandb_graphql.lacking_marks(text, [GraphError(message)]) == lacked


def seeded(**traps: Any) -> None:
    server = fresh(page_cap=3, **traps)
    server.seed(
        series=[
            Series(path=f"{HOME}/m", versions=[Version(run="r", used_by=["s"]) for _ in range(5)]),
            Series(path=f"{HOME}/n", versions=[Version(run="s")]),
        ],
        shelves=[Shelf(path=f"{HOME}/empty")],
        links=[Link(portfolio=f"{HOME}/shelf", version=f"{HOME}/m:v0")],
    )
    server.clear()


async def read_all() -> None:
    """Everything that can be read, so that every document is sent."""
    async with opened("acme") as client:
        rows = await listed_rows(client)
        assert {f"{one.name}:{v.label if v else ''}" for one, v in rows} == {
            *(f"vision/m:v{n}" for n in range(5)),
            "vision/n:v0",
            "vision/empty:",
            "vision/shelf:v0",
        }
        sources = [v.key for _, v in rows if v and not v.source_key]
        assert set(await client.facts(sources)) == set(sources)
        await client.lineage(sources, parents=True)
        assert await client.files(sources[0])


@pytest.mark.parametrize("mark", MARKS)
async def test_a_server_without_one_of_them_is_read(mark: str) -> None:
    seeded(drop_fields=(mark,))
    await read_all()


@pytest.mark.parametrize("errors", ["status", "ok"])
async def test_a_server_without_any_of_them_is_read(errors: str) -> None:
    gone = {mark.partition("(")[0] for mark in MARKS if "(" not in mark}
    arguments = {mark for mark in MARKS if "(" in mark and mark.partition("(")[0] not in gone}
    seeded(drop_fields=tuple(sorted(gone | arguments)), errors=errors)
    await read_all()


async def test_what_is_lacking_is_asked_only_once() -> None:
    seeded(drop_fields=("Artifact.storageBytes", "Artifact.isGenerated"))
    server = fresh(drop_fields=("Artifact.storageBytes", "Artifact.isGenerated"))
    server.fill(3, 3)
    async with opened() as client:
        await listed_rows(client)
        before = [line for line in server.log() if line.errors]
        server.clear()
        rows = await listed_rows(client)
        await client.facts([v.key for _, v in rows if v])
    assert len(before) == 1
    assert [line for line in server.log() if line.errors] == []


async def test_a_server_without_what_is_needed_is_an_error() -> None:
    server = fresh(drop_fields=("Project.artifactCollections",))
    server.fill(1, 1)
    async with opened() as client:
        with pytest.raises(RegistryError, match="artifactCollections"):
            await listed_rows(client)


async def test_without_users_dependents_are_not_known() -> None:
    seeded(drop_fields=("Artifact.usedBy", "Artifact.usedCount"))
    async with opened() as client:
        rows = await listed_rows(client)
        keys = [v.key for one, v in rows if v and one.name == "m"]
        facts = await client.facts(keys)
        assert {one.lineage_known for one in facts.values()} == {False}
        assert await client.lineage(keys) == {}


async def test_without_memberships_a_link_cannot_be_told_and_aliases_show_where() -> None:
    seeded(drop_fields=("Artifact.artifactMemberships",))
    async with opened() as client:
        rows = await listed_rows(client)
        link = next(v for one, v in rows if v and one.links)
        with pytest.raises(RegistryError, match="where a version is linked"):
            await client.facts([link.key])
