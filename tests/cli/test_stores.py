"""The stores of a machine: found by the environment, measured one beside the other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import load
from artifact_tui.stores import find_stores, measure
from tests.servers.stuck import stuck
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from artifact_tui.stores import Measured
    from tests.cli.conftest import Cli

INSTALLED = str(Path(stuck.__file__).parent)


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who has nothing yet, and no variable set."""
    path = tmp_path / "account"
    path.mkdir()
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGINGFACE_", "OLLAMA_", "KITOPS_", "WANDB_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.chdir(path)
    return path


def cache(root: Path) -> Hub:
    """A cache with a revision that is called `main`, and the one before it."""
    hub = Hub(root)
    hub.download("models--a--b", commit_of("old"), {"x": b"x" * 500, "shared": b"s" * 100})
    hub.download(
        "models--a--b", commit_of("new"), {"x": b"y" * 700, "shared": b"s" * 100}, refs=("main",)
    )
    return hub


async def measured() -> dict[str, Measured]:
    """The last word on every store that is not absent, by what a command calls it."""
    last = {}
    async for store, found in measure(find_stores(load(), os.environ), patience_s=20):
        last[store.target.typed] = found
    return {typed: one for typed, one in last.items() if one.state != "absent"}


async def test_a_cache_that_a_variable_names_is_found_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "hf" / "hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (found,) = (await measured()).items()
    assert found[0] == f"hf:{tmp_path}/hf/hub"
    one = found[1]
    assert (one.state, one.size, one.reclaimable) == ("measured", 1300, 500)
    assert (one.collections, one.versions) == (1, 2)
    assert one.disk is not None
    assert 0 < one.disk.free < one.disk.total


async def test_one_place_is_one_row_under_its_configured_name(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "real" / "hub")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    cli("registries", "add", "weights", f"hf:{tmp_path}/real/hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "real" / "hub"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "link"))
    found = await measured()
    assert {typed: one.state for typed, one in found.items()} == {
        "weights": "measured",
        f"hf:{tmp_path}/link/hub": "duplicate",
    }


async def test_one_that_hangs_keeps_nobody_waiting(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(INSTALLED)
    monkeypatch.setenv("PYTHONPATH", INSTALLED)
    for number in range(6):
        os.mkfifo(tmp_path / f"pipe{number}")
        cli("registries", "add", f"stuck{number}", f"stuck:{tmp_path}/pipe{number}")
    cache(tmp_path / "hf" / "hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    order = []
    async for store, found in measure(find_stores(load(), os.environ), patience_s=4):
        if found.settled and found.state != "absent":
            order.append((store.target.name, found.state))
    assert order[0] == (f"hf:{tmp_path}/hf/hub", "measured")
    assert sorted(order[1:]) == [(f"stuck{number}", "not answering") for number in range(6)]
