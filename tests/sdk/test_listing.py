"""What the SDK sees of a project is what was put there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sdk.programs import wandb
from tests.servers.wandb.scenes import Company, Link, Series, Team, Version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.wandb.process import Server

    Sdk = Callable[..., subprocess.CompletedProcess[str]]

REGISTRY = "acme-org/wandb-registry-model"
SERIES = [
    Series(
        path="acme/vision/mnist",
        versions=[
            Version(aliases=["first", "best"], tags=["kept"], size=7_000, run="r1"),
            Version(ttl=3_600, run="r1", used_by=["r2"]),
            Version(aliases=["latest"], run="r1", files={"a.bin": 5, "b/c.bin": 6}),
        ],
    ),
    Series(path="acme/vision/train", type="dataset", versions=[Version(state="DELETED")]),
    Series(path="acme/vision/test", type="dataset", versions=[Version(aliases=["latest"])]),
]
LINK = Link(portfolio=f"{REGISTRY}/prod", version="acme/vision/mnist:v2", aliases=["live"])
COMPANY = Company(name="Acme", entity="acme-org")
TEAM = Team(name="acme", organization="Acme")
OLD = (
    "ServerInfo.features",
    "Artifact.digestAlgorithm",
    "Artifact.storageBytes",
    "Artifact.isGenerated",
    "FileConnection.totalCount",
)


def lines(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """What `listing` said, by name."""
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    return {f"{one['collection']}:{one['version']}": one for one in said}


@pytest.mark.parametrize("drop_fields", [(), OLD], ids=["today", "older"])
@pytest.mark.parametrize("cursors", ["offset", "keyset"])
def test_all_of_a_project(
    server: Server, sdk: Sdk, cursors: str, drop_fields: tuple[str, ...]
) -> None:
    server.change(cursors=cursors, drop_fields=drop_fields)
    server.seed(series=SERIES, links=[LINK], companies=[COMPANY], teams=[TEAM])

    seen = lines(sdk("listing", "acme/vision"))

    assert set(seen) == {"mnist:v0", "mnist:v1", "mnist:v2", "test:v0"}
    first = seen["mnist:v0"]
    assert first["aliases"] == ["first", "best"]
    assert (first["tags"], first["size"], first["file_count"]) == (["kept"], 7_000, 1)
    assert [seen[f"mnist:v{n}"]["ttl_s"] for n in range(3)] == [None, 3_600, None]
    assert seen["mnist:v2"]["aliases"] == ["latest"], "the SDK drops the registry's alias"
    assert not seen["mnist:v2"]["is_link"]


def test_a_registry_shows_links(server: Server, sdk: Sdk) -> None:
    server.seed(series=SERIES, links=[LINK], companies=[COMPANY], teams=[TEAM])

    seen = lines(sdk("listing", REGISTRY))

    assert set(seen) == {"prod:v0"}
    assert seen["prod:v0"]["is_link"]
    assert seen["prod:v0"]["aliases"] == ["live"]
    assert seen["prod:v0"]["source"] == "acme/vision/mnist:v2"


def test_the_lineage_of_a_version(server: Server, sdk: Sdk) -> None:
    linked = Link(portfolio=f"{REGISTRY}/prod", version="acme/vision/mnist:v1")
    server.seed(series=SERIES, links=[linked], companies=[COMPANY], teams=[TEAM])

    said = json.loads(sdk("lineage", "acme/vision/mnist:v1").stdout)

    assert said == {"logged_by": "r1", "used_by": ["r2"], "linked": [f"{REGISTRY}/prod:v0"]}
    asked = ["ArtifactCreatedBy", "Run", "ArtifactUsedBy", "Run", "FetchLinkedArtifacts"]
    assert server.operations()[-5:] == asked


def test_its_command_line_asks_once_for_each_collection(server: Server, tmp_path: Path) -> None:
    server.seed(series=[*SERIES, Series(path="acme/vision/empty")])

    said = wandb(server, "artifact", "ls", "acme/vision", home=tmp_path / "sdk").stderr

    assert [word for line in said.splitlines() for word in line.split() if ":v" in word] == [
        "test:v0",
        "mnist:v2",
    ]
    assert server.counts()["ProjectArtifacts"] == 4


def test_the_registries_of_an_organisation(server: Server, sdk: Sdk) -> None:
    other = Link(portfolio="acme-org/wandb-registry-dataset/test", version="acme/vision/test:v0")
    server.seed(series=SERIES, links=[LINK, other], companies=[COMPANY], teams=[TEAM])

    said = [json.loads(line) for line in sdk("registries", "Acme").stdout.splitlines()]

    links = {(one["registry"], one["collection"], one["source"]) for one in said[:-1]}
    assert links == {
        ("model", "prod", "acme/vision/mnist:v2"),
        ("dataset", "test", "acme/vision/test:v0"),
    }
    assert f"{REGISTRY}/prod:v0" in said[-1]


def test_the_files_of_a_version_by_pages(server: Server, sdk: Sdk) -> None:
    files = {f"part-{n}.bin": n for n in range(5)}
    server.seed(series=[Series(path="acme/vision/mnist", versions=[Version(files=files)])])

    assert json.loads(sdk("files", "acme/vision/mnist:v0").stdout) == files
    assert server.counts()["ArtifactMembershipFiles"] == 3
