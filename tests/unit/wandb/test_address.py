"""Addresses, typed and pasted: what they mean, which are refused, and with what words."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients import check_settings, kind_of
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.errors import ConfigError, UsageError

OLD = "api.wandb.ai"
FORGE = "api.forge.coreweave.com"
QA = "api.qa.forge.coreweave.com"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.delenv("WANDB_CONFIG_DIR", raising=False)
    monkeypatch.chdir(empty)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("wandb://acme", f"wandb://{FORGE}/acme"),
        ("wandb://acme/vision", f"wandb://{FORGE}/acme/vision"),
        ("wandb://acme/vision/", f"wandb://{FORGE}/acme/vision"),
        ("WANDB://acme/vision", f"wandb://{FORGE}/acme/vision"),
        (" wandb://acme/my%20project ", f"wandb://{FORGE}/acme/my%20project"),
        ("wandb://acme/my project", f"wandb://{FORGE}/acme/my%20project"),
        ("wandb://wandb.example/acme/vision", "wandb://wandb.example/acme/vision"),
        ("wandb://Wandb.Example:8443/acme", "wandb://wandb.example:8443/acme"),
        ("wandb://wandb.example:443/acme", "wandb://wandb.example/acme"),
        ("wandb://localhost/acme/vision", "wandb://localhost/acme/vision"),
        ("wandb://[::1]:8080/acme/vision", "wandb://[::1]:8080/acme/vision"),
        ("wandb+http://localhost:8080/acme/vision", "wandb+http://localhost:8080/acme/vision"),
        ("wandb+http://127.0.0.1:80/acme", "wandb+http://127.0.0.1/acme"),
        (f"wandb://{OLD}/acme/vision", f"wandb://{OLD}/acme/vision"),
        # pages of the app, old names
        ("https://wandb.ai/acme/vision", f"wandb://{OLD}/acme/vision"),
        ("https://wandb.ai/acme", f"wandb://{OLD}/acme"),
        ("https://wandb.ai/acme/projects", f"wandb://{OLD}/acme"),
        ("https://wandb.ai/acme/vision?nw=nwuserada#x", f"wandb://{OLD}/acme/vision"),
        ("https://wandb.ai/acme/vision/artifacts/model/m/v3/files", f"wandb://{OLD}/acme/vision"),
        ("https://wandb.ai/acme/vision/runs/a1b2c3/overview", f"wandb://{OLD}/acme/vision"),
        ("https://www.wandb.ai/acme/vision", f"wandb://{OLD}/acme/vision"),
        ("https://app.wandb.ai/acme/vision", f"wandb://{OLD}/acme/vision"),
        ("https://api.wandb.ai/acme/vision", f"wandb://{OLD}/acme/vision"),
        ("https://qa.wandb.ai/acme/vision", "wandb://api.qa.wandb.ai/acme/vision"),
        # new names
        ("https://forge.coreweave.com/wandb/acme/vision", f"wandb://{FORGE}/acme/vision"),
        ("https://forge.coreweave.com/wandb/acme", f"wandb://{FORGE}/acme"),
        (
            "https://forge.coreweave.com/wandb/acme/vision/artifacts/model/m",
            f"wandb://{FORGE}/acme/vision",
        ),
        ("https://qa.forge.coreweave.com/wandb/acme/vision", f"wandb://{QA}/acme/vision"),
        ("https://api.forge.coreweave.com/acme/vision", f"wandb://{FORGE}/acme/vision"),
        # a dedicated cloud
        ("https://acme.wandb.io/team/vision/table", "wandb://acme.wandb.io/team/vision"),
        # registries
        (
            (
                "https://wandb.ai/orgs/acme/registry/model?selectionPath=acme-org%2F"
                "wandb-registry-model%2Fchamp&view=membership&version=v3"
            ),
            f"wandb://{OLD}/acme-org/wandb-registry-model",
        ),
        (
            (
                "https://forge.coreweave.com/wandb/registry/model?selectionPath=acme-org/"
                "wandb-registry-model/champ"
            ),
            f"wandb://{FORGE}/acme-org/wandb-registry-model",
        ),
        (
            "https://wandb.ai/acme/registry/model?selectionPath=acme/model-registry/champ",
            f"wandb://{OLD}/acme/model-registry",
        ),
    ],
)
def test_what_an_address_means(typed: str, text: str) -> None:
    assert kind_of(typed).name == "wandb"
    found = WandbAddress.parse(typed)
    assert found.text == text
    assert WandbAddress.parse(text) == found


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("wandb://", "names no entity"),
        (f"wandb://{OLD}", "names no entity"),
        ("wandb://acme/vision/mnist:v3", "more than a project"),
        ("wandb://acme/vision?x=1", "has a ? or #"),
        ("wandb://acme/a%2Fb", "cannot be one"),
        ("wandb://acme/%2e%2e", "cannot be one"),
        ("wandb://acme/a%0Ab", "cannot be one"),
        ("wandb://wandb.example:99999/acme", "cannot be read"),
        ("wandb://me:geheim@wandb.example/acme", "user name or password"),
        ("wandb+http://acme/vision", "needs a host"),
        # what the SDK refuses as a base URL
        ("wandb://wandb.ai/acme/vision", "not W&B's API"),
        ("wandb://app.wandb.ai/acme", "not W&B's API"),
        ("wandb://forge.coreweave.com/acme", "not W&B's API"),
        ("wandb+http://api.wandb.ai/acme", "not encrypted"),
        ("wandb+http://api.forge.coreweave.com/acme", "not encrypted"),
        ("http://wandb.ai/acme/vision", "not one of W&B's app"),
        ("http://api.wandb.ai/acme/vision", "not one of W&B's app"),
        ("https://wandb.ai:8443/acme/vision", "not one of W&B's app"),
        # no pages of a project
        ("https://wandb.ai", "names no entity"),
        ("https://wandb.ai/home", "not the page of"),
        ("https://wandb.ai/authorize", "not the page of"),
        ("https://docs.wandb.ai/guides", "not that of W&B's app"),
        ("https://forge.coreweave.com/console", "not a page of W&B"),
        ("https://forge.coreweave.com/api/wandb", "not a page of W&B"),
        ("https://forge.coreweave.com/wandb", "names no entity"),
        ("https://wandb.ai/orgs/acme/registry/model", "which entity holds the registry"),
        ("https://wandb.ai/registry/model?selectionPath=acme", "which entity holds the registry"),
        ("https://me:geheim@wandb.ai/acme/vision", "user name or password"),
    ],
)
def test_what_is_refused(typed: str, words: str) -> None:
    assert kind_of(typed).name == "wandb"
    with pytest.raises(UsageError) as caught:
        WandbAddress.parse(typed)
    assert words in str(caught.value)
    assert caught.value.hint
    assert "geheim" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://zoo.example/api", "http"),
        ("http://localhost:8000", "http"),
        ("https://wandb.ai.evil.example/acme", "http"),
        ("https://notwandb.ai/acme", "http"),
        ("https://wandb.example/acme", "http"),
        ("local:/srv/registry", "local"),
        ("wandb://acme", "wandb"),
        ("wandb+http://localhost:1/acme", "wandb"),
        ("https://wandb.ai/acme", "wandb"),
        ("HTTPS://WANDB.AI/acme", "wandb"),
        ("http://wandb.ai/acme", "wandb"),
    ],
)
def test_one_kind_claims_an_address(address: str, kind: str) -> None:
    assert kind_of(address).name == kind


def test_both_names_of_the_cloud_are_one_registry() -> None:
    old, new = (
        WandbAddress.parse("https://wandb.ai/acme/vision"),
        WandbAddress.parse("wandb://acme/vision"),
    )
    assert old.text != new.text
    assert old.uid == new.uid == f"wandb:{OLD}/acme/vision"
    assert WandbAddress.parse("https://wandb.ai/acme").uid == f"wandb:{OLD}/acme"
    assert WandbAddress.parse("wandb://wandb.example:1/acme").uid == "wandb:wandb.example:1/acme"
    assert WandbAddress.parse("wandb://acme/other").uid != old.uid


def test_the_environment_says_where_w_and_b_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://localhost:8080")
    found = WandbAddress.parse("wandb://acme/vision")
    assert found.text == "wandb+http://localhost:8080/acme/vision"
    monkeypatch.delenv("WANDB_BASE_URL")
    assert WandbAddress.parse(found.text) == found


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=12),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12),
)
def test_what_can_be_an_address_comes_back(entity: str, project: str) -> None:
    from urllib.parse import quote  # noqa: PLC0415 - only here

    parts = [quote(part, safe="") for part in (entity, project) if part]
    typed = f"wandb://wandb.example/{'/'.join(parts)}"
    try:
        found = WandbAddress.parse(typed)
    except UsageError:
        return
    assert (found.entity, found.project) == (entity, project)
    assert WandbAddress.parse(found.text) == found


def test_choosing_a_client_and_checking_its_settings_loads_no_network() -> None:
    program = (
        "import sys; from artifact_tui.clients import check_settings\n"
        "for address in ('https://wandb.ai/a/b', 'https://zoo.example/api', 'wandb://a'):\n"
        "    check_settings(address, {'concurrency': 2})\n"
        "print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(ran.stdout.split())
    assert "artifact_tui.clients.wandb.wandb_settings" in loaded
    assert not loaded & {"httpx", "httpcore", "boto3", "textual", "wandb"}


def test_a_wrong_setting_names_the_nearest() -> None:
    check_settings("wandb://acme", {"token_env": "X", "concurrency": 4})
    with pytest.raises(ConfigError) as caught:
        check_settings("wandb://acme", {"tokn_env": "X"})
    assert "token_env" in caught.value.hint
    with pytest.raises(ConfigError, match="concurrency"):
        check_settings("wandb://acme", {"concurrency": "many"})
