"""The protection of a project or registry holds where the entity that shows it is opened."""

from __future__ import annotations

import pytest

from artifact_tui.config import Config, RegistryConfig, resolve

HOST = "wandb://api.wandb.ai"
TEAM = f"{HOST}/team"


def guarded(address: str) -> RegistryConfig:
    return RegistryConfig(address, read_only=True, production=True)


@pytest.mark.parametrize("project", ["https://wandb.ai/team/prod", f"{TEAM}/prod"])
@pytest.mark.parametrize("named", ["team", TEAM, "https://wandb.ai/team", None])
def test_an_entity_with_its_own_table_keeps_what_its_projects_say(
    project: str, named: str | None
) -> None:
    team = RegistryConfig(TEAM)
    config = Config({"team": team, "prod": guarded(project)}, default="team")
    target = resolve(config, named)
    assert (target.name, target.read_only, target.production) == ("team", True, True)
    assert not resolve(config, f"{TEAM}/other").read_only, "its other projects can be opened"


@pytest.mark.parametrize("known", [True, False])
def test_an_entity_that_may_show_a_guarded_registry_is_guarded(*, known: bool) -> None:
    shelf = guarded(f"{HOST}/acme-org/wandb-registry-model")
    own = RegistryConfig(TEAM)
    config = Config({"shelf": shelf} | ({"team": own} if known else {}))
    assert resolve(config, TEAM).read_only
    assert not resolve(config, f"{TEAM}/vision").read_only
    assert not resolve(config, "wandb://wandb.corp.example/team").read_only


def test_an_entity_that_shows_no_registries_is_not() -> None:
    shelf = guarded(f"{HOST}/acme-org/wandb-registry-model")
    team = RegistryConfig(TEAM, settings={"registries": False})
    config = Config({"shelf": shelf, "team": team})
    assert not resolve(config, "team").read_only
    assert resolve(config, "shelf").read_only
