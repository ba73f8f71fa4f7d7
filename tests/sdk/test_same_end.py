"""The same job by W&B's SDK and by this program leaves the same registry behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.cli import main
from artifact_tui.deletion.plan import Plan
from artifact_tui.model import now_us
from tests.servers.wandb.scenes import Company, Link, Place, Scene, Series, Team, Version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.wandb.process import Server

    Sdk = Callable[..., subprocess.CompletedProcess[str]]
    Ours = Callable[..., int]

pytestmark = pytest.mark.usefixtures("logged_in")

VISION = "acme/vision"
REGISTRY = "acme-org/wandb-registry-model"


def scene(*, linked: bool = False) -> Scene:
    """Two runs with what they made, and perhaps a version in a registry."""
    made = [Version(run="r1", size=10 + n) for n in range(5)]
    made[3] = Version(run="r1", tags=["keep"])
    train = [Version(run="r2"), Version(run="r2", aliases=["latest", "best"], used_by=["r1"])]
    other = [Version(run="r1"), Version(run="r3"), Version(run="r1", aliases=["latest"])]
    links = [
        Link(portfolio=f"{REGISTRY}/prod", version=f"{VISION}/mnist:v2", aliases=["live"]),
        Link(portfolio=f"{VISION}/chosen", version=f"{VISION}/other:v1"),
    ]
    return Scene(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        places=[Place(path=REGISTRY)],
        series=[
            Series(path=f"{VISION}/mnist", versions=made),
            Series(path=f"{VISION}/train", type="dataset", versions=train),
            Series(path=f"{VISION}/other", versions=other),
        ],
        links=links if linked else [],
    )


@pytest.fixture
def ours(server: Server, tmp_path: Path) -> Ours:
    """Plans and applies at an address, like `ours("acme/vision", "run:r1", "--delete-aliases")`."""

    def run(where: str, *plan: str) -> int:
        path = tmp_path / "job.plan"
        assert main(["plan", server.address(where), *plan, "-o", str(path)]) == 0
        with Plan.open(path) as opened:
            count = opened.summary.deletes
        assert main(["apply", str(path), "--yes", "--expect", str(count)]) == 0
        return count

    return run


JOBS: dict[str, tuple[bool, tuple[str, ...], tuple[str, ...]]] = {
    "a run's artifacts, aliased ones too": (
        False,
        ("delete_run_outputs", f"{VISION}/r1", "with_aliases"),
        (VISION, "run:r1", "--delete-aliases"),
    ),
    "a run's artifacts, one of them in a registry": (
        True,
        ("delete_run_outputs", f"{VISION}/r1", "with_aliases"),
        (VISION, "run:r1", "--delete-aliases", "--break-links"),
    ),
    "versions of a run by name": (
        False,
        ("delete_named", f"{VISION}/r1", "v1", "v2"),
        (VISION, "run:r1", "version:v1|version:v2", "--delete-aliases"),
    ),
    "versions without alias": (
        False,
        ("delete_unaliased", "acme", "vision", "model", "other"),
        (VISION, "name:other", "alias:none"),
    ),
    "a collection": (
        True,
        ("delete_collection", "acme", "vision", "model", "mnist"),
        (
            VISION,
            *("--collection", "mnist", "--whole-collections"),
            *("--delete-aliases", "--break-links"),
        ),
    ),
    "a collection of links": (
        True,
        ("delete_collection", "acme-org", "wandb-registry-model", "model", "prod"),
        (REGISTRY, "--collection", "prod", "--whole-collections", "--delete-aliases"),
    ),
    "a type, with the links to it in the same project": (
        True,
        ("delete_type", VISION, "model"),
        (VISION, "type:model", "--delete-aliases", "--break-links"),
    ),
    "a link in the same project, found from its entity": (
        True,
        ("delete_versions", f"{VISION}/chosen:v0"),
        ("acme", "link:yes", "name:vision/*"),
    ),
    "a link": (
        True,
        ("delete_versions", f"{REGISTRY}/prod:v0"),
        (REGISTRY, "name:prod", "--delete-aliases"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_the_same_end(server: Server, sdk: Sdk, ours: Ours, job: str) -> None:
    server.change(cursors="keyset")  # the SDK would lose some with the other kind
    linked, theirs, mine = JOBS[job]
    server.seed(scene(linked=linked))
    sdk(*theirs)
    wanted = server.state()
    server.seed(scene(linked=linked))
    assert server.state() != wanted

    ours(*mine)

    assert server.state() == wanted


EDITS: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {
    "aliases": (
        (f"{VISION}/train:v1", '{"aliases": ["best", "next"]}'),
        ("alias", VISION, "train:v1", "--add", "next", "--remove", "latest"),
    ),
    "an alias that moves": (
        (f"{VISION}/train:v0", '{"aliases": ["best"]}'),
        ("alias", VISION, "train:v0", "--add", "best"),
    ),
    "aliases of a link": (
        (f"{REGISTRY}/prod:v0", '{"aliases": ["next"]}'),
        ("alias", REGISTRY, "prod:v0", "--add", "next", "--remove", "live"),
    ),
    "tags": (
        (f"{VISION}/mnist:v3", '{"tags": ["seen", "old one"]}'),
        ("tag", VISION, "mnist:v3", "--add", "seen", "--add", "old one", "--remove", "keep"),
    ),
    "a time to live": (
        (f"{VISION}/mnist:v0", '{"ttl_s": 3153600000}'),
        ("ttl", VISION, "mnist:v0", "36500d"),
    ),
    "no time to live": (
        (f"{VISION}/mnist:v0", '{"ttl_s": "off"}'),
        ("ttl", VISION, "mnist:v0", "none"),
    ),
}


@pytest.mark.parametrize("job", EDITS)
def test_the_same_edit(server: Server, sdk: Sdk, job: str) -> None:
    theirs, (command, where, *words) = EDITS[job]
    server.seed(scene(linked=True))
    sdk("edit", *theirs)
    wanted = server.state()
    server.seed(scene(linked=True))
    assert server.state() != wanted

    assert main([command, server.address(where), *words, "--yes", "--expect", "1"]) == 0

    assert server.state() == wanted


def test_nothing_is_deleted_at_once_by_a_time_to_live_unlike_with_the_sdk(
    server: Server, sdk: Sdk
) -> None:
    server.seed(scene(linked=True))
    sdk("edit", f"{VISION}/mnist:v0", '{"ttl_s": 7200}')
    assert server.expire(now_us()) == {f"{VISION}/mnist:v0"}
    server.seed(scene(linked=True))

    words = ("ttl", server.address(VISION), "mnist:v0", "2h", "--yes", "--expect", "1")
    assert main(list(words)) == 1

    assert server.expire(now_us()) == set()


@pytest.mark.slow
def test_checkpoints_that_their_own_run_read_again(server: Server, sdk: Sdk, ours: Ours) -> None:
    made = [Version(run="r1", used_by=["r1"]), Version(run="r1", used_by=["r1"])]
    series = [Series(path=f"{VISION}/checkpoint", versions=[*made, Version(run="r1")])]
    server.seed(series=series)
    sdk("delete_run_outputs", f"{VISION}/r1")
    wanted = server.state()
    server.seed(series=series)

    assert ours(VISION, "run:r1") == 3

    assert server.state() == wanted


def versions(server: Server, where: str) -> dict[str, Any]:
    found: dict[str, Any] = server.state()["collections"][where]["versions"]
    return found


@pytest.mark.slow
def test_what_is_named_in_a_registry_stays_unlike_with_the_sdk(
    server: Server, sdk: Sdk, ours: Ours
) -> None:
    server.seed(scene(linked=True))
    sdk("delete_unaliased", "acme", "vision", "model", "mnist")
    assert versions(server, f"{VISION}/mnist")["v2"]["state"] == "DELETED"
    server.seed(scene(linked=True))

    assert ours(VISION, "name:mnist", "alias:none") == 4

    assert server.alive() >= {f"{VISION}/mnist:v2"}
    assert versions(server, f"{REGISTRY}/prod")["v0"]["aliases"] == ["live"]


@pytest.mark.slow
def test_with_cursors_that_shift_nothing_is_lost_unlike_with_the_sdk(
    server: Server, sdk: Sdk, ours: Ours
) -> None:
    server.fill(1, 120)
    sdk("delete_type", VISION, "model")
    assert len(server.alive()) == 50
    server.fill(1, 120)

    assert ours(VISION, "type:model") == 120

    assert server.alive() == set()
