"""W&B in a catalog: links beside sources, aliases of anywhere, lineage for the asking."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort, connect, marks
from artifact_tui.catalog.catalog_rows import PickedBytes
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.lineage import ask_lineage
from artifact_tui.catalog.listing import registry_totals
from artifact_tui.catalog.sync import sync
from artifact_tui.catalog.version_names import find_version
from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.query import compile_query, parse
from tests.servers.wandb.connecting import connect as open_wandb
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Company, Link, Place, Series, Shelf, Team, Use, Version
from tests.support.catalogs import every_version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path

    from artifact_tui.clients.wandb.wandb_client import WandbClient
    from tests.servers.wandb.process import Server

NOW = 1_800_000_000_000_000
REGISTRY = "corp-entity/wandb-registry-model"
BEST = f"{REGISTRY}/best"


@pytest.fixture(scope="module")
def server() -> Server:
    """`mnist:v0` was used for `v1`, that for `bird:v0` elsewhere; a registry shows `v1`."""
    server = fresh()
    server.seed(
        companies=[Company(name="corp", entity="corp-entity")],
        teams=[Team(name="acme", organization="corp")],
        places=[Place(path=one) for one in ("acme/vision", "acme/audio", REGISTRY)],
        series=[
            Series(
                path="acme/vision/mnist",
                versions=[Version(aliases=["a"]), Version(run="r1"), Version(run="r2")],
            ),
            Series(path="acme/vision/empty"),
            Series(path="acme/audio/bird", versions=[Version(run="r9", stored=7)]),
        ],
        shelves=[Shelf(path=BEST)],
        links=[Link(portfolio=BEST, version="acme/vision/mnist:v1", aliases=["production"])],
        uses=[
            Use(run="acme/vision/r1", version="acme/vision/mnist:v0"),
            Use(run="acme/audio/r9", version="acme/vision/mnist:v1"),
        ],
    )
    return server


@pytest.fixture
async def client(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[WandbClient]:
    address = server.address(getattr(request, "param", "acme"))
    options = WandbOptions(key=Secret(server.api_key))
    opened = open_wandb(address, options=options, read_only=True)
    yield opened
    await opened.aclose()


def shown(conn: sqlite3.Connection, text: str) -> set[str]:
    """The versions that a filter shows."""
    rows = every_version(conn, compile_query(parse(text), NOW), Sort())
    return {f"{row.collection}:{row.label}" for row in rows}


SHELF = "wandb-registry-model/best:v0"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"vision/mnist:v0", "vision/mnist:v1", "vision/mnist:v2", "audio/bird:v0", SHELF}),
        ("alias:none", {"vision/mnist:v2", "audio/bird:v0"}),
        ("alias:production", {"vision/mnist:v1", SHELF}),
        ("registry:any", {"vision/mnist:v1"}),
        (f"registry:{BEST}", {"vision/mnist:v1"}),
        ("link:yes", {SHELF}),
        ("runs:0", {"vision/mnist:v2", "audio/bird:v0"}),
        ("dependents:0", {"vision/mnist:v2", "audio/bird:v0", SHELF}),
        ("dependents>0", set()),
    ],
)
async def test_a_team_with_its_registries(
    client: WandbClient, tmp_path: Path, text: str, found: set[str]
) -> None:
    await sync(client, tmp_path / "catalog.db")
    with closing(connect(tmp_path / "catalog.db")) as conn:
        assert shown(conn, text) == found


async def test_dependents_are_known_once_they_are_asked_for(
    client: WandbClient, tmp_path: Path
) -> None:
    path = tmp_path / "catalog.db"
    for _ in range(2):
        await sync(client, path)
        with closing(connect(path)) as conn:
            marks.pick(conn, compile_query(parse(""), NOW))
            keys = [row.key for row in marks.picked_rows(conn)]
        asked = await ask_lineage(client, path, keys)
        assert (asked.total, asked.complete) == (2, True)
        assert (await ask_lineage(client, path, keys)).total == 0
        with closing(connect(path)) as conn:
            assert shown(conn, "dependents:1") == {"vision/mnist:v0", "vision/mnist:v1"}
            found = version_detail(conn, find_version(conn, "vision/mnist:v0").id)
            tree = [(line.depth, line.ref.collection) for line in found.dependents]
            assert tree == [(1, "vision/mnist"), (2, "audio/bird")]


async def test_bytes_are_those_that_the_registry_charges(
    client: WandbClient, tmp_path: Path
) -> None:
    await sync(client, tmp_path / "catalog.db")
    with closing(connect(tmp_path / "catalog.db")) as conn:
        assert registry_totals(conn).size == 4_000
        marks.pick(conn, compile_query(parse("bird | wandb-registry-model"), NOW))
        assert marks.picked_bytes(conn) == PickedBytes(1_000, 7, 0, charged=True)


@pytest.mark.parametrize("client", ["acme/vision"], indirect=True)
async def test_relatives_of_other_projects_are_named(client: WandbClient, tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    await sync(client, path)
    with closing(connect(path)) as conn:
        key = find_version(conn, "mnist:v1").key
        names = {name for (name,) in conn.execute("SELECT name FROM collection")}
        assert names == {"mnist", "empty"}
    await ask_lineage(client, path, [key], parents=True)
    with closing(connect(path)) as conn:
        found = version_detail(conn, find_version(conn, "mnist:v1").id)
        assert [(one.ref.collection, one.ref.elsewhere) for one in found.dependents] == [
            ("acme/audio/bird", True)
        ]
        assert [(ref.label, ref.elsewhere) for ref in found.parents] == [("v0", False)]
        assert shown(conn, "dependents:1") == {"mnist:v1"}
