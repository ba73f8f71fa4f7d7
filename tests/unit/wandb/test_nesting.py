"""Which registries lie within others, and what they are called: nothing is asked for it."""

from __future__ import annotations

import pytest

from artifact_tui.clients import claimed
from artifact_tui.clients.wandb import KIND
from artifact_tui.config import NO_SETTINGS

TEAM = "wandb:api.wandb.ai/team"


@pytest.mark.parametrize(
    ("place", "other", "inside"),
    [
        (f"{TEAM}/vision", TEAM, True),
        (TEAM, f"{TEAM}/vision", False),
        (TEAM, TEAM, False),
        (f"{TEAM}s/vision", TEAM, False),
        ("wandb:other.example/team/vision", TEAM, False),
        ("https://h/api/x", "https://h/api", False),
    ],
)
def test_a_project_is_within_its_entity(place: str, other: str, *, inside: bool) -> None:
    assert KIND.within(place, other) is inside


@pytest.mark.parametrize(
    ("place", "other", "shown"),
    [
        (TEAM, "wandb:api.wandb.ai/org/wandb-registry-model", True),
        (TEAM, "wandb:api.wandb.ai/org/vision", False),
        (TEAM, "wandb:other.example/org/wandb-registry-model", False),
        (f"{TEAM}/vision", "wandb:api.wandb.ai/org/wandb-registry-model", False),
        ("https:/h", "https:/org/wandb-registry-model", False),
    ],
)
def test_an_entity_may_show_the_registries_of_its_organisation(
    place: str, other: str, *, shown: bool
) -> None:
    assert KIND.may_show(place, other, NO_SETTINGS) is shown
    assert KIND.may_show(place, other, {"registries": True}) is shown
    assert not KIND.may_show(place, other, {"registries": False})


def test_its_short_name_leaves_the_host_out() -> None:
    assert KIND.short("wandb://api.wandb.ai/team/vision") == "team/vision"
    assert KIND.short("wandb+http://127.0.0.1:8080/team") == "team"


@pytest.mark.parametrize("address", ["https://h/api", "local:x", "nothing:here"])
def test_other_kinds_have_no_registries_within_others(address: str) -> None:
    kind = claimed(address)
    assert kind is None or not kind.within(address, address)
