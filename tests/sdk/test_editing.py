"""Aliases, tags, times to live and links, changed by the SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.wandb.scenes import Company, Link, Place, Series, Team, Version
from tests.servers.wandb.store import INHERIT, OFF

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.servers.wandb.process import Server

    Sdk = Callable[..., subprocess.CompletedProcess[str]]

MNIST = "acme/vision/mnist"
REGISTRY = "acme-org/wandb-registry-model"


def seed(server: Server, *links: Link, **version: Any) -> None:
    versions = [Version(aliases=["best"], tags=["old"], **version), Version(aliases=["latest"])]
    server.seed(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        places=[Place(path=REGISTRY, protected=["production"])],
        series=[Series(path=MNIST, versions=versions)],
        links=list(links),
    )


def shown(server: Server, label: str = "v0", where: str = MNIST) -> dict[str, Any]:
    found: dict[str, Any] = server.state()["collections"][where]["versions"][label]
    return found


def test_aliases_are_added_removed_and_moved(server: Server, sdk: Sdk) -> None:
    seed(server)

    sdk("edit", f"{MNIST}:v0", json.dumps({"aliases": ["candidate", "latest"]}))

    assert server.operations()[-3:] == ["AddAliases", "DeleteAliases", "UpdateArtifact"]
    assert shown(server)["aliases"] == ["candidate", "latest"]
    assert shown(server, "v1")["aliases"] == [], "an alias is on one version at a time"


def test_tags_are_replaced(server: Server, sdk: Sdk) -> None:
    seed(server)

    sdk("edit", f"{MNIST}:v0", json.dumps({"tags": ["new one"]}))

    assert shown(server)["tags"] == ["new one"]
    assert shown(server)["ttl"] == INHERIT, "what was not changed is not sent"


@pytest.mark.parametrize(("said", "ttl"), [(7_200, 7_200), ("off", OFF), ("inherit", INHERIT)])
def test_times_to_live(server: Server, sdk: Sdk, said: object, ttl: int) -> None:
    seed(server, ttl=60)

    sdk("edit", f"{MNIST}:v0", json.dumps({"ttl_s": said}))

    assert shown(server)["ttl"] == ttl


@pytest.mark.slow
def test_linking_switches_the_time_to_live_off_and_no_way_back(server: Server, sdk: Sdk) -> None:
    seed(server, ttl=60)

    sdk("link", f"{MNIST}:v0", "wandb-registry-model/prod", "staging")

    assert shown(server)["ttl"] == OFF
    link = shown(server, "v0", f"{REGISTRY}/prod")
    assert (link["source"], link["aliases"]) == (f"{MNIST}:v0", ["latest", "staging"])
    ended = sdk("edit", f"{MNIST}:v0", json.dumps({"ttl_s": 60}), check=False)
    assert "linked to a registry" in ended.stderr
    sdk("delete_versions", f"{REGISTRY}/prod:v0")
    assert shown(server)["ttl"] == OFF


def test_the_aliases_of_a_link_are_its_own(server: Server, sdk: Sdk) -> None:
    seed(server, Link(portfolio=f"{REGISTRY}/prod", version=f"{MNIST}:v0", aliases=["live"]))

    sdk("edit", f"{REGISTRY}/prod:v0", json.dumps({"aliases": ["live", "next"]}))

    assert shown(server, "v0", f"{REGISTRY}/prod")["aliases"] == ["live", "next"]
    assert shown(server)["aliases"] == ["best"]


def test_a_protected_alias_is_not_the_callers_to_give(server: Server, sdk: Sdk) -> None:
    seed(server, Link(portfolio=f"{REGISTRY}/prod", version=f"{MNIST}:v0"))

    ended = sdk("edit", f"{REGISTRY}/prod:v0", json.dumps({"aliases": ["production"]}), check=False)

    assert "permission denied" in ended.stderr
    assert shown(server, "v0", f"{REGISTRY}/prod")["aliases"] == []
