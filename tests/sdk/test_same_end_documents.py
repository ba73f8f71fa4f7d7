"""However a server takes several deletions in one document, the end is that of W&B's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.deletion.items import ItemState
from tests.faults.wandb.scene import Scene as AppliedScene
from tests.servers.wandb.scenes import Company, Link, Place, Scene, Series, Team, Version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.wandb.process import Server

    Sdk = Callable[..., subprocess.CompletedProcess[str]]

VISION = "acme/vision"
REGISTRY = "acme-org/wandb-registry-model"
COUNT = 50

SERVERS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "at most five at a time": {"batch": 5},
    "one at a time": {"batch": 1},
    "errors with 200": {"errors": "ok"},
    "one failure empties the answer": {"non_null": True},
    "deleted versions are nowhere": {"deleted": "gone"},
}


def scene() -> Scene:
    """What a run logged: plain, named here, named in a registry, and one that is protected."""
    versions = [
        Version(run="r1", aliases=[f"a{n}"] if n % 4 == 0 else [], size=n) for n in range(COUNT)
    ]
    shown = {5: ["live"], 8: [], 20: ["production"], 33: []}
    return Scene(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        places=[Place(path=REGISTRY, protected=["production"])],
        series=[Series(path=f"{VISION}/mnist", versions=versions)],
        links=[
            Link(portfolio=f"{REGISTRY}/best", version=f"{VISION}/mnist:v{n}", aliases=aliases)
            for n, aliases in shown.items()
        ],
    )


@pytest.mark.slow
@pytest.mark.parametrize("traps", SERVERS)
async def test_the_same_versions_go_and_stay(
    server: Server, sdk: Sdk, tmp_path: Path, traps: str
) -> None:
    """The SDK one at a time, each in spite of what became of the others; ours in documents."""
    server.seed(scene())
    server.change(**SERVERS[traps])
    names = [f"{VISION}/mnist:v{number}" for number in range(COUNT)]
    sdk("delete_versions", *[name for name in names if not name.endswith(":v20")])
    sdk("delete_versions", names[20], check=False)
    wanted = server.state()
    place = AppliedScene(server, tmp_path)
    place.ids = server.seed(scene())
    async with place.client() as client:
        draft = await place.draft(client, "name:mnist", delete_aliases=True, break_links=True)
        place.save(draft)
        server.clear()
        await place.apply(client)

    assert server.state() == wanted
    assert server.alive() == {names[20]}
    states = place.states()
    assert states.pop(place.key(names[20])) is ItemState.REFUSED
    assert "production" in place.words(place.key(names[20]))
    assert set(states.values()) == {ItemState.VERIFIED}
    assert max(len(line.fields) for line in server.log()) > 1, "several went in a document"
