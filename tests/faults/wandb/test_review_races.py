"""Whatever others do between the review and the apply: what they touched stays, whoever asks."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_tui.deletion.items import DONE, Verdict
from tests.faults.wandb.test_links import NAMES, PLACES, fresh, scenes
from tests.servers.wandb.scenes import Link, Name, Series, Use, Version
from tests.servers.wandb.traps import Fault

if TYPE_CHECKING:
    from tests.faults.wandb.scene import Scene as Faults
    from tests.servers.wandb.process import Server

HOME = "acme/vision"
CHANGES = ("name", "link", "named link", "name a link", "use", "add")
WRITES = ("deleteArtifact", "unlinkArtifact", "deleteArtifactSequence", "deleteArtifactPortfolio")


@st.composite
def traps(draw: st.DrawFn) -> dict[str, Any]:
    kinds = draw(
        st.lists(st.sampled_from(["rst_after", "500_after", "null_data", "half_500"]), max_size=2)
    )
    return {
        "non_null": draw(st.booleans()),
        "batch": draw(st.sampled_from([0, 1, 3])),
        "deleted": draw(st.sampled_from(["listed", "found", "gone"])),
        "cursors": draw(st.sampled_from(["offset", "keyset"])),
        "errors": draw(st.sampled_from(["status", "ok"])),
        "faults": [Fault(kind=kind, fields=WRITES, share=0.2) for kind in kinds],
    }


def happens(scene: Faults, change: str, number: int) -> tuple[str, dict[str, Any]]:
    """What somebody does: the path of what it is done to, and how."""
    shown = scene.server.state()["collections"]
    sources = [p for p in scene.ids if ":" in p and p.rpartition("/")[2][0] in NAMES]
    sources = [p for p in sources if shown[p.partition(":")[0]]["kind"] == "sequence"]
    at = sources[number % len(sources)]
    links = [p for p in scene.ids if ":" in p and p.partition(":")[0] in PLACES]
    if change == "name":
        return at, {"names": [Name(at=at, alias="fresh")]}
    if change in {"link", "named link"}:
        held = ["fresh"] if change == "named link" else []
        return at, {"links": [Link(portfolio="acme/third/new", version=at, aliases=held)]}
    if change == "name a link" and links:
        link = links[number % len(links)]
        return link, {"names": [Name(at=link, alias="fresh")]}
    if change == "use":
        made = Series(path="acme/third/made", versions=[Version(run="acme/third/r")])
        return at, {"series": [made], "uses": [Use(run="acme/third/r", version=at)]}
    return "", {"series": [Series(path=f"{HOME}/a", versions=[Version()])]}


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    parts=scenes(),
    traps=traps(),
    change=st.sampled_from(CHANGES),
    number=st.integers(0, 11),
    consents=st.fixed_dictionaries(
        {name: st.booleans() for name in ("delete_aliases", "break_links", "whole_collections")}
    ),
    batch=st.booleans(),
)
async def test_what_others_touched_since_the_review_stays(
    process: Server, parts: dict[str, Any], traps: dict[str, Any], *, change: str, number: int,
    consents: dict[str, Any], batch: bool,
) -> None:  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        scene = fresh(process, folder, parts)
        async with scene.client("acme", batch=batch) as client:
            draft = await scene.draft(client, "*", with_dependents=True, **consents)
            if not draft.summary.deletes:
                return
            scene.save(draft)
            going = {i.key for i in draft.items if i.verdict is Verdict.DELETE}
            before = scene.there()
            touched, parts = happens(scene, change, number)
            scene.server.add(**parts)
            scene.ids = scene.server.ids()
            fresh_ones = scene.there() - before
            scene.server.change(**traps)
            for _ in range(6):
                ending = await scene.apply(client)
                if str(ending.status) != "interrupted":
                    break
        there = scene.there()
        assert fresh_ones <= there, "what is new was not reviewed"
        assert before - there <= going, "only what was shown"
        if touched:
            link = touched.partition(":")[0] in PLACES
            key = scene.link(touched) if link else scene.key(touched)
            assert key in there, (change, touched)
        scene.check_truth()
        assert not {k for k, s in scene.states().items() if s in DONE} & there
