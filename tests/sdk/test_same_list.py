"""W&B's SDK and this program see the same versions, whatever the age of the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.cli import main
from tests.servers.wandb.scenes import Company, Link, Scene, Series, Team, Version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.servers.wandb.process import Server

    Sdk = Callable[..., subprocess.CompletedProcess[str]]

REGISTRY = "acme-org/wandb-registry-model"
OLD = (
    "ServerInfo.features",
    "Artifact.artifactMemberships(first)",
    "Artifact.digestAlgorithm",
    "Artifact.isGenerated",
    "Artifact.storageBytes",
    "Artifact.usedCount",
    "FileConnection.totalCount",
)
SCENE = Scene(
    companies=[Company(name="Acme", entity="acme-org")],
    teams=[Team(name="acme", organization="Acme", ttl=500)],
    series=[
        Series(
            path="acme/vision/mnist",
            versions=[
                Version(aliases=["first", "best"], tags=["kept", "a b"], size=7_000, ttl=60),
                Version(ttl=-2, files={"a": 1, "b/c": 2}, size=3),
                Version(state="DELETED"),
                Version(state="PENDING"),
                *[Version() for _ in range(56)],
                Version(aliases=["latest"], run="r1"),
            ],
        ),
        Series(path="acme/vision/empty"),
        Series(path="acme/vision/Ünïcode-🙂", type="data set", versions=[Version()]),
        Series(path="acme/vision/history", type="wandb-history", versions=[Version()]),
    ],
    links=[
        Link(portfolio="acme/vision/chosen", version="acme/vision/mnist:v60", aliases=["x"]),
        Link(portfolio=f"{REGISTRY}/prod", version="acme/vision/mnist:v60", aliases=["live"]),
        Link(portfolio=f"{REGISTRY}/prod", version="acme/vision/mnist:v1"),
    ],
)


def theirs(said: str) -> dict[str, dict[str, Any]]:
    """The SDK's listing, by name."""
    lines = [json.loads(line) for line in said.splitlines()]
    return {
        f"{one['collection']}:{one['version']}": {
            "type": one["type"],
            "aliases": sorted(one["aliases"]),
            "tags": sorted(one["tags"]),
            "size": one["size"],
            "files": one["file_count"],
            "ttl": one["ttl_s"],
            "link": one["is_link"],
        }
        for one in lines
    }


def ours(said: str) -> dict[str, dict[str, Any]]:
    """Our own, as far as the SDK tells the same: live versions, and aliases of that collection."""
    lines = [json.loads(line) for line in said.splitlines()]
    return {
        f"{one['name']}:{one['version']}": {
            "type": one["type"],
            "aliases": sorted(
                set(one["alias"]) - {name for names in one["alias_in"].values() for name in names}
            ),
            "tags": sorted(one["tag"]),
            "size": one["size"],
            "files": one["files"],
            "ttl": one["ttl"],
            "link": one["link"],
        }
        for one in lines
        if one["state"] == "live"
    }


@pytest.mark.slow
@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize("traps", [{}, {"cursors": "keyset"}, {"drop_fields": OLD}], ids=str)
@pytest.mark.parametrize("where", ["acme/vision", REGISTRY])
def test_the_same_is_listed(
    server: Server,
    sdk: Sdk,
    capsys: pytest.CaptureFixture[str],
    where: str,
    traps: dict[str, Any],
) -> None:
    server.change(**traps)
    server.seed(SCENE)
    wanted = theirs(sdk("listing", where).stdout)
    assert wanted

    assert main(["ls", server.address(where), "--versions", "--json"]) == 0

    assert ours(capsys.readouterr().out) == wanted
