"""Over many random scenes: links never take their source along, and what is named stays.

Versions carry aliases in their own collection, in portfolios of the project, and in registries.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_tui.deletion.items import DONE, Verdict
from tests.faults.wandb.scene import HOME, Scene
from tests.servers.wandb.scenes import Company, Link, Series, Team, Version

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server

REGISTRY = "acme-org/wandb-registry-model"
PLACES = (f"{HOME}/picked", f"{REGISTRY}/best", f"{REGISTRY}/old", "acme/other/shown")
NAMES = ("a", "b")
ORG: dict[str, Any] = {
    "companies": [Company(name="Acme", entity="acme-org")],
    "teams": [Team(name="acme", organization="Acme")],
}


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, Any]:
    """Two sequences, and links to some of their versions here and there."""
    series, links = [], []
    for name in NAMES:
        versions = []
        for number in range(draw(st.integers(1, 6))):
            own = [f"{name}{number}"] if draw(st.booleans()) else []
            versions.append(Version(aliases=own, tags=["t"] if draw(st.booleans()) else []))
            places = draw(st.lists(st.sampled_from(PLACES), unique=True, max_size=3))
            for place in places:
                held = [f"x{name}{number}"] if draw(st.booleans()) else []
                path = f"{HOME}/{name}:v{number}"
                links.append(Link(portfolio=place, version=path, aliases=held))
        series.append(Series(path=f"{HOME}/{name}", versions=versions))
    return {**ORG, "series": series, "links": links}


def named(scene: Scene) -> set[str]:
    """Paths of all sources that carry an alias anywhere, from the truth."""
    found = set()
    for where, one in scene.server.state()["collections"].items():
        for label, version in one["versions"].items():
            if version["aliases"]:
                found.add(version["source"])
            assert one["kind"] == "portfolio" or version["source"] == f"{where}:{label}"
    return found


def fresh(process: Server, folder: str, parts: dict[str, Any]) -> Scene:
    process.become()
    scene = Scene(process, Path(folder))
    scene.seed(**parts)
    return scene


@pytest.mark.slow
@settings(max_examples=50)
@given(
    parts=scenes(),
    consents=st.fixed_dictionaries(
        {name: st.booleans() for name in ("delete_aliases", "break_links", "whole_collections")}
    ),
    where=st.sampled_from([HOME, "acme"]),
    batch=st.booleans(),
    cursors=st.sampled_from(["offset", "keyset"]),
)
async def test_all_without_an_alias_touches_nothing_that_is_named_anywhere(
    process: Server, parts: dict[str, Any], consents: dict[str, bool], where: str, cursors: str,
    *, batch: bool,
) -> None:  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        scene = fresh(process, folder, parts)
        scene.server.change(cursors=cursors)
        kept, before = named(scene), scene.server.alive()
        async with scene.client(where, batch=batch) as client:
            draft = await scene.draft(
                client,
                "alias:none",
                delete_aliases=consents["delete_aliases"],
                break_links=consents["break_links"],
                whole_collections=consents["whole_collections"],
            )
            if draft.summary.deletes:
                scene.save(draft)
                await scene.apply(client)
        alive = scene.server.alive()
        assert kept <= alive
        if consents["break_links"]:
            assert alive == kept, "all others went"
        assert alive <= before


WAYS = ("keys", "filter", "collection", "whole")


@pytest.mark.slow
@settings(max_examples=60)
@given(
    parts=scenes(),
    way=st.sampled_from(WAYS),
    place=st.sampled_from(PLACES[:3]),
    batch=st.booleans(),
    everything=st.booleans(),
)
async def test_a_link_goes_in_every_way_and_its_source_stays(
    process: Server, parts: dict[str, Any], way: str, place: str, *, batch: bool, everything: bool
) -> None:
    """With every consent there is."""
    with tempfile.TemporaryDirectory() as folder:
        scene = fresh(process, folder, parts)
        before = scene.server.state()["collections"]
        shown = before.get(place, {"versions": {}})["versions"]
        if not shown:
            return
        alive = scene.server.alive()
        project, _, name = place.rpartition("/")
        where, name = (
            ("acme", f"{project.rpartition('/')[2]}/{name}") if everything else (project, name)
        )
        links = [scene.link(f"{place}:{label}") for label in shown]
        consents: dict[str, Any] = {
            "delete_aliases": True, "break_links": True, "orphan_dependents": True,
            "whole_collections": way == "whole",
        }  # fmt: skip
        async with scene.client(where, batch=batch) as client:
            if way == "keys":
                draft = await scene.draft(client, links, **consents)
            elif way == "filter":
                draft = await scene.draft(client, f"name:{name} link:yes", **consents)
            else:
                key = client_key(scene, place)
                draft = await scene.draft(client, [], collections=[key], **consents)
            going = {i.key for i in draft.items if i.verdict is Verdict.DELETE}
            assert set(links) <= going
            scene.save(draft)
            await scene.apply(client)
        assert scene.server.alive() == alive, "no source went"
        after = scene.server.state()["collections"]
        assert after[place]["versions"] == {}
        assert (after[place]["state"] == "DELETED") == (way == "whole")
        states = scene.states()
        assert all(states[link] in DONE for link in links)
        others = {path: one for path, one in before.items() if path != place}
        assert {path: after[path] for path in others} == others, "nothing else changed"
        done = {what.split()[0] for what in scene.server.done()}
        assert done <= {"unlinkArtifact", "deleteArtifactPortfolio"}


def client_key(scene: Scene, place: str) -> str:
    return f"portfolio:{scene.ids[place]}"


@pytest.mark.slow
@settings(max_examples=40)
@given(parts=scenes(), batch=st.booleans(), whole=st.booleans())
async def test_with_every_consent_links_go_before_their_sources(
    process: Server, parts: dict[str, Any], *, batch: bool, whole: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scene = fresh(process, folder, parts)
        async with scene.client("acme", batch=batch) as client:
            draft = await scene.draft(
                client, "*", delete_aliases=True, break_links=True, whole_collections=whole
            )
            scene.save(draft)
            await scene.apply(client)
        assert scene.server.alive() == set()
        assert all(state in DONE for state in scene.states().values())
        scene.check_truth()
        gone: set[object] = set()
        for line in scene.server.log():
            sent = [dict(one) for one in line.variables.values() if isinstance(one, dict)]
            if "unlinkArtifact" in line.fields:
                assert not gone & {one["artifactID"] for one in sent}
            if "deleteArtifact" in line.fields:
                gone |= {one["artifactID"] for one in sent}
