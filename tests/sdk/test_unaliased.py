"""All without an alias: never one that carries an alias anywhere, and every other."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from artifact_tui.cli import main
from artifact_tui.deletion.plan import Plan
from tests.servers.wandb.scenes import Company, Link, Place, Scene, Series, Team, Version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.wandb.process import Server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("logged_in")]

SHELVES = (
    "acme/vision/chosen",
    "acme/other/chosen",
    "acme/secret/chosen",
    "acme-org/wandb-registry-model/prod",
    "acme-org/wandb-registry-model/stage",
)
CONSENTS = ("--break-links", "--unknown-lineage", "--orphan-dependents")


def version(dice: random.Random, number: int) -> Version:
    """One that a run logged, and perhaps a later run used: no circles."""
    made = dice.randrange(4)
    used = [f"r{made + 1}"] if dice.random() < 0.2 else []
    own = [f"own-{number}"] if dice.random() < 0.3 else []
    return Version(aliases=own, run=f"r{made}", used_by=used)


def scene(dice: random.Random) -> Scene:
    """Versions and links, some of which carry aliases; one of the shelves cannot be seen."""
    series = [
        Series(
            path=f"acme/vision/set-{number}",
            type=dice.choice(["model", "dataset"]),
            versions=[version(dice, at) for at in range(dice.randrange(1, 9))],
        )
        for number in range(8)
    ]
    versions = [f"{one.path}:v{at}" for one in series for at in range(len(one.versions))]
    links = [
        Link(
            portfolio=dice.choice(SHELVES),
            version=version,
            aliases=[f"there-{number}"] if dice.random() < 0.6 else [],
        )
        for number, version in enumerate(dice.sample(versions, len(versions) // 3))
    ]
    return Scene(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        places=[Place(path="acme/secret", hidden=True)],
        series=series,
        links=links,
    )


def aliased(server: Server) -> set[str]:
    """Source versions that carry an alias in any collection, by the truth."""
    return {
        version["source"]
        for one in server.state()["collections"].values()
        for version in one["versions"].values()
        if version["aliases"]
    }


@pytest.mark.parametrize("where", ["acme/vision", "acme"])
@pytest.mark.parametrize("seed", range(4))
def test_only_and_all_without_an_alias(
    server: Server, tmp_path: Path, seed: int, where: str
) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    server.change(cursors=dice.choice(["offset", "keyset"]), page_cap=5)
    server.seed(scene(dice))
    kept = aliased(server)
    assert kept
    assert server.alive() - kept
    path = tmp_path / "job.plan"
    words = ("alias:none", "-link:yes", *CONSENTS)

    assert main(["plan", server.address(where), *words, "-o", str(path)]) == 0
    with Plan.open(path) as opened:
        count = opened.summary.deletes
    assert main(["apply", str(path), "--yes", "--expect", str(count)]) == 0

    assert server.alive() == kept
    assert aliased(server) == kept
