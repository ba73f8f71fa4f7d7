"""W&B's documented deletions, by its own SDK: what they ask, and what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.wandb.scenes import Company, Link, Place, Series, Team, Version
from tests.servers.wandb.traps import Fault, Quota

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.servers.wandb.process import Server

    Sdk = Callable[..., subprocess.CompletedProcess[str]]

START = ["Viewer", "GetDefaultEntity"]
MNIST = "acme/vision/mnist"
PROD = "acme-org/wandb-registry-model/prod"
RUN = "acme/vision/r1"
COMPANY = Company(name="Acme", entity="acme-org")
TEAM = Team(name="acme", organization="Acme")


def logged(count: int, **said: object) -> list[Version]:
    """So many versions that the run logged."""
    return [Version(run="r1", **said) for _ in range(count)]  # type: ignore[arg-type]


def seed_linked(server: Server) -> None:
    """One version, shown in a registry of its organisation as production."""
    server.seed(
        companies=[COMPANY],
        teams=[TEAM],
        series=[Series(path=MNIST, versions=logged(1))],
        links=[Link(portfolio=PROD, version=f"{MNIST}:v0", aliases=["production"])],
    )


@pytest.mark.parametrize("deleted", ["listed", "gone"])
def test_all_that_a_run_logged_takes_a_request_each(server: Server, sdk: Sdk, deleted: str) -> None:
    server.change(deleted=deleted)
    other = Series(path="acme/vision/other", versions=[Version()])
    server.seed(series=[Series(path=MNIST, versions=logged(3)), other])

    sdk("delete_run_outputs", RUN)

    listing = ["Run", "ServerFeaturesQuery", "RunOutputArtifacts"]
    assert server.operations() == START + listing + ["DeleteArtifact"] * 3
    assert server.alive() == {"acme/vision/other:v0"}


def test_a_run_of_many_versions_is_listed_a_hundred_at_a_time(server: Server, sdk: Sdk) -> None:
    server.seed(series=[Series(path=MNIST, versions=logged(120))])

    sdk("delete_run_outputs", RUN)

    counts = server.counts()
    assert (counts["RunOutputArtifacts"], counts["DeleteArtifact"]) == (2, 120)
    assert not server.alive()


@pytest.mark.parametrize("errors", ["status", "ok"])
def test_an_alias_refuses_and_ends_the_program(server: Server, sdk: Sdk, errors: str) -> None:
    server.change(errors=errors)
    versions = [Version(run="r1"), Version(run="r1", aliases=["latest"]), Version(run="r1")]
    server.seed(series=[Series(path=MNIST, versions=versions)])

    ended = sdk("delete_run_outputs", RUN, check=False)

    assert ended.returncode != 0
    assert "because it has aliases" in ended.stderr
    assert server.alive() == {f"{MNIST}:v1", f"{MNIST}:v2"}
    assert server.state()["collections"][MNIST]["versions"]["v1"]["aliases"] == ["latest"]


def test_with_its_aliases_it_goes(server: Server, sdk: Sdk) -> None:
    server.seed(series=[Series(path=MNIST, versions=logged(2, aliases=["latest"]))])

    sdk("delete_run_outputs", RUN, "with_aliases")

    assert not server.alive()
    assert server.done() == [f"deleteArtifact {MNIST}:v0", f"deleteArtifact {MNIST}:v1"]


def test_versions_by_name(server: Server, sdk: Sdk) -> None:
    server.seed(series=[Series(path=MNIST, versions=logged(14))])

    sdk("delete_named", RUN, "v3", "v4")

    gone = {f"{MNIST}:v3", f"{MNIST}:v4"}
    assert set(server.versions("DELETED")) == gone


def test_versions_without_an_alias(server: Server, sdk: Sdk) -> None:
    versions = [Version(), Version(aliases=["best"]), Version(), Version(aliases=["latest"])]
    server.seed(series=[Series(path=MNIST, versions=versions)])

    sdk("delete_unaliased", "acme", "vision", "model", "mnist")

    asked = ["Viewer", "ServerFeaturesQuery", "ProjectArtifacts"] + ["DeleteArtifact"] * 2
    assert server.operations() == asked
    assert server.alive() == {f"{MNIST}:v1", f"{MNIST}:v3"}


def test_trap_an_alias_in_a_registry_is_not_seen(server: Server, sdk: Sdk) -> None:
    link = Link(portfolio=PROD, version=f"{MNIST}:v0", aliases=["production"])
    server.seed(series=[Series(path=MNIST, versions=[Version(), Version()])], links=[link])

    sdk("delete_unaliased", "acme", "vision", "model", "mnist")

    assert not server.alive(), "what is in production went with the rest"
    assert server.state()["collections"][PROD]["versions"] == {}, "and its link broke"


@pytest.mark.parametrize(("cursors", "left"), [("offset", 50), ("keyset", 0)])
def test_trap_deleting_while_paging_loses_versions(
    server: Server, sdk: Sdk, cursors: str, left: int
) -> None:
    server.change(cursors=cursors)
    server.fill(1, 120)

    sdk("delete_type", "acme/vision", "model")

    assert len(server.alive()) == left


def test_a_collection_takes_one_request_whatever_is_in_it(server: Server, sdk: Sdk) -> None:
    link = Link(portfolio=PROD, version=f"{MNIST}:v7", aliases=["production"])
    server.seed(series=[Series(path=MNIST, versions=logged(60))], links=[link])

    sdk("delete_collection", "acme", "vision", "model", "mnist")

    asked = ["Viewer", "ProjectArtifactCollection", "DeleteArtifactSequence"]
    assert server.operations() == asked
    assert not server.alive()
    collections = server.state()["collections"]
    assert collections[MNIST]["state"] == "DELETED"
    assert collections[PROD]["versions"] == {}, "its links elsewhere broke"


def test_a_collection_of_links_leaves_the_sources(server: Server, sdk: Sdk) -> None:
    seed_linked(server)

    sdk("delete_collection", "acme-org", "wandb-registry-model", "model", "prod")

    assert server.operations()[-1] == "DeleteArtifactPortfolio"
    assert server.alive() == {f"{MNIST}:v0"}
    assert server.state()["collections"][PROD]["state"] == "DELETED"


def test_deleting_a_link_unlinks_with_two_requests(server: Server, sdk: Sdk) -> None:
    seed_linked(server)

    sdk("delete_versions", f"{PROD}:v0")

    assert server.operations()[-2:] == ["ProjectArtifactCollection", "UnlinkArtifact"]
    assert server.alive() == {f"{MNIST}:v0"}
    assert server.state()["collections"][PROD]["versions"] == {}


def test_trap_the_raw_deletion_of_a_link_deletes_its_source(server: Server) -> None:
    link = Link(portfolio=PROD, version=f"{MNIST}:v0")
    ids = server.seed(series=[Series(path=MNIST, versions=logged(1))], links=[link])

    document = "mutation($i:DeleteArtifactInput!){deleteArtifact(input:$i){artifact{state}}}"
    answer = server.ask(document, i={"artifactID": ids[f"{PROD}:v0"]})

    assert answer.body["data"]["deleteArtifact"]["artifact"]["state"] == "DELETED"
    assert not server.alive()


def test_a_run_goes_with_what_it_logged_but_not_its_history(server: Server, sdk: Sdk) -> None:
    history = Series(path="acme/vision/history", type="wandb-history", versions=logged(1))
    made = logged(2, aliases=["latest"], used_by=["r2"])
    server.seed(series=[Series(path=MNIST, versions=made), history])

    sdk("delete_run", RUN)

    assert server.operations() == [*START, "Run", "DeleteRun"]
    assert server.alive() == {"acme/vision/history:v0"}
    assert server.state()["runs"] == ["acme/vision/r2"]


def test_a_protected_alias_on_a_link_refuses_whatever_is_consented(
    server: Server, sdk: Sdk
) -> None:
    place = Place(path="acme-org/wandb-registry-model", protected=["production"])
    link = Link(portfolio=PROD, version=f"{MNIST}:v0", aliases=["production"])
    server.seed(places=[place], series=[Series(path=MNIST, versions=logged(1))], links=[link])

    ended = sdk("delete_run_outputs", RUN, "with_aliases", check=False)

    assert 'protected alias "production"' in ended.stderr
    assert server.alive() == {f"{MNIST}:v0"}


def test_what_the_system_manages_is_refused(server: Server, sdk: Sdk) -> None:
    job = Series(path="acme/vision/job-1", type="job", versions=logged(1))
    server.seed(series=[job])

    ended = sdk("delete_run_outputs", RUN, check=False)

    assert "cannot delete system managed artifact" in ended.stderr
    assert server.alive() == {"acme/vision/job-1:v0"}


@pytest.mark.slow
def test_trap_a_lost_answer_is_asked_again_and_fails(server: Server, sdk: Sdk) -> None:
    server.become(Fault(kind="rst_after", fields=("deleteArtifact",), first=1))
    server.seed(series=[Series(path=MNIST, versions=logged(2))])

    ended = sdk("delete_run_outputs", RUN, check=False)

    assert ended.returncode != 0, "the second try finds nothing to delete"
    assert server.counts()["DeleteArtifact"] == 2
    assert set(server.versions("DELETED")) == {f"{MNIST}:v0"}


@pytest.mark.slow
def test_a_throttled_program_waits_and_ends(server: Server, sdk: Sdk) -> None:
    server.change(quota=Quota(most=6, window_s=1, retry_after=True))
    server.seed(series=[Series(path=MNIST, versions=logged(8))])

    sdk("delete_run_outputs", RUN)

    assert not server.alive()
    assert {line.status for line in server.log()} == {200, 429}
    assert len(server.done()) == 8
