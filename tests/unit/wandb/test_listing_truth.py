"""Random registries, listed with random pages: what is listed is what is there."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.model import VersionState
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Company, Link, Place, Scene, Series, Shelf, Team, Version
from tests.unit.wandb.opened import HOME, everything

REGISTRY = "corp-entity/wandb-registry-model"
NAMES = st.sampled_from(["latest", "best", "prod", "v1", "ü", "a b"])
STATES = {
    "COMMITTED": VersionState.LIVE,
    "PENDING": VersionState.PENDING,
    "DELETED": VersionState.TRASH,
}
VERSIONS = st.builds(
    Version,
    aliases=st.lists(NAMES, max_size=2, unique=True),
    tags=st.lists(NAMES, max_size=2, unique=True),
    state=st.sampled_from(["COMMITTED", "COMMITTED", "COMMITTED", "PENDING", "DELETED"]),
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A few projects, some of whose versions are linked here and in a registry."""
    series = [
        Series(path=f"{project}/c{number}", versions=draw(st.lists(VERSIONS, max_size=7)))
        for project in (HOME, "acme/other")
        for number in range(draw(st.integers(0, 3)))
    ]
    shown = [
        f"{one.path}:v{number}"
        for one in series
        for number, version in enumerate(one.versions)
        if version.state == "COMMITTED"
    ]
    links = [
        Link(portfolio=f"{where}/shelf{draw(st.integers(0, 1))}", version=path, aliases=aliases)
        for path in shown
        for where in draw(st.lists(st.sampled_from([HOME, REGISTRY]), max_size=2, unique=True))
        for aliases in [draw(st.lists(NAMES, max_size=1))]
    ]
    return Scene(
        companies=[Company(name="corp", entity="corp-entity")],
        teams=[Team(name="acme", organization="corp")],
        places=[Place(path=HOME)],
        series=series,
        shelves=[Shelf(path=f"{HOME}/empty")],
        links=links,
    )


def expected(state: dict[str, Any]) -> dict[str, object]:
    """By name: what each version should say."""
    found: dict[str, object] = {}
    shown: dict[str, set[str]] = {}
    names: dict[str, set[tuple[str, str]]] = {}
    for path, one in state["collections"].items():
        for version in one["versions"].values():
            shown.setdefault(version["source"], set()).add(path)
            named = {(path, name) for name in version["aliases"] if not wandb_model.is_label(name)}
            names.setdefault(version["source"], set()).update(named)
    for path, one in state["collections"].items():
        short = path.partition("/")[2]
        if not one["versions"]:
            found[short] = one["kind"]
        for label, version in one["versions"].items():
            source = version["source"]
            aliases = {(name, "" if where == path else where) for where, name in names[source]}
            links = shown[source] - {path} if one["kind"] == "sequence" else set()
            found[f"{short}:{label}"] = (
                STATES[version["state"]], aliases, links, set(version["tags"]),
                source if one["kind"] == "portfolio" else "",
            )  # fmt: skip
    return found


async def told() -> dict[str, object]:
    """The same, as it is listed."""
    found: dict[str, object] = {}
    listed = await everything("acme")
    paths = {
        version.key: f"acme/{one.name}:{version.label}"
        for one, version in listed
        if version and not version.source_key
    }
    for one, version in listed:
        if version is None:
            found[one.name] = "portfolio" if one.links else "sequence"
            continue
        assert f"{one.name}:{version.label}" not in found, "each is listed once"
        found[f"{one.name}:{version.label}"] = (
            version.state,
            {(alias.name, alias.scope) for alias in version.aliases},
            {link.name for link in version.links},
            set(version.tags),
            paths[version.source_key] if version.source_key else "",
        )
    return found


@settings(max_examples=8, deadline=None)
@given(scenes(), st.sampled_from([0, 1, 2, 3, 5]), st.sampled_from(["offset", "keyset"]))
def test_what_is_listed_is_what_is_there(scene: Scene, cap: int, cursors: str) -> None:
    server = fresh(page_cap=cap, cursors=cursors)
    server.seed(scene)
    assert asyncio.run(told()) == expected(server.state())
