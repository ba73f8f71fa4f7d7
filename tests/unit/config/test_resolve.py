"""Which registry a name, an address, a folder, or nothing means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import Config, RegistryConfig, Target, resolve
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

TEAM = RegistryConfig("local:/srv/team", read_only=True, production=True)
OLD = RegistryConfig("local:/srv/old")


def test_nothing_configured_means_the_embedded_registry() -> None:
    assert resolve(Config()) == Target("local", "local:")


def test_the_only_one_needs_no_name() -> None:
    target = resolve(Config(registries={"team": TEAM}))
    assert target == Target("team", "local:/srv/team", read_only=True, production=True)


def test_the_default_is_taken() -> None:
    assert resolve(Config(registries={"team": TEAM, "old": OLD}, default="old")).name == "old"


def test_several_and_no_default_must_be_named() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(Config(registries={"team": TEAM, "old": OLD}))
    assert "team, old" in caught.value.hint


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = Target("sample", f"local:{tmp_path}/sample")
    assert resolve(Config(), "local:./sample") == expected
    assert resolve(Config(), "local:x/../sample") == expected
    assert resolve(Config(), "./sample") == expected
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve(Config(), "local:~/sample") == expected


def test_a_folder_with_a_registry_needs_no_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").mkdir()
    with pytest.raises(UsageError):
        resolve(Config(), "sample")
    (tmp_path / "sample" / "FORMAT").touch()
    assert resolve(Config(), "sample").address == f"local:{tmp_path}/sample"


def test_other_addresses_are_kept_as_they_are() -> None:
    for address in ("https://h/api", "mlflow+http://h", "dvc:"):
        assert resolve(Config(), address) == Target(address, address)


@pytest.mark.parametrize(
    "text",
    [
        "wandb://api.wandb.ai/team/vision",
        "WANDB://api.wandb.ai/team/vision/",
        "https://wandb.ai/team/vision/runs/abc?nw=1",
    ],
)
def test_every_address_of_a_wandb_project_is_one(text: str) -> None:
    expected = Target("team/vision", "wandb://api.wandb.ai/team/vision")
    assert resolve(Config(), text) == expected


def test_both_hosts_of_wandb_are_one_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "https://api.wandb.ai")
    team = RegistryConfig("wandb://team/vision", read_only=True, production=True)
    for text in (
        "wandb://team/vision",
        "https://wandb.ai/team/vision",
        "https://forge.coreweave.com/wandb/team/vision/artifacts",
        "wandb://api.forge.coreweave.com/team/vision",
    ):
        target = resolve(Config(registries={"team": team}), text)
        assert (target.name, target.read_only) == ("team", True)
    other = resolve(Config(registries={"team": team}), "wandb://team/visions")
    assert (other.name, other.read_only) == ("team/visions", False)


def test_a_protected_entity_protects_its_projects_and_the_other_way_round() -> None:
    host = "wandb://api.wandb.ai"
    team = RegistryConfig("https://wandb.ai/team", read_only=True, production=True)
    vision = RegistryConfig(f"{host}/team/vision", production=True)
    config = Config(registries={"team": team})
    target = resolve(config, "https://wandb.ai/team/speech")
    assert (target.name, target.read_only, target.production) == ("team/speech", True, True)
    assert resolve(config, f"{host}/teams/speech").read_only is False
    target = resolve(Config(registries={"vision": vision}), f"{host}/team")
    assert (target.name, target.read_only, target.production) == ("team", False, True)
    own = Config(registries={"team": team, "vision": RegistryConfig(f"{host}/team/vision")})
    assert resolve(own, f"{host}/team/vision").read_only is False


def test_an_address_that_wandb_cannot_have_is_refused() -> None:
    for text in ("wandb://", "https://wandb.ai/login", "wandb://a/b/c/d"):
        with pytest.raises(UsageError):
            resolve(Config(), text)


def test_a_protected_registry_stays_protected_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    config = Config(
        registries={"team": RegistryConfig(f"local:{tmp_path}/real", True, True)}  # noqa: FBT003
    )
    for text in (f"local:{tmp_path}/real", f"{tmp_path}/real/", f"local:{tmp_path}/link"):
        target = resolve(config, text)
        assert (target.name, target.read_only, target.production) == ("team", True, True)


def test_a_mistyped_name_is_guessed() -> None:
    with pytest.raises(UsageError, match="no registry named “taem”") as caught:
        resolve(Config(registries={"team": TEAM}), "taem")
    assert "Did you mean “team”?" in caught.value.hint
