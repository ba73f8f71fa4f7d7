"""One form of a version's weights goes, on the screen: the version stays, and so does its alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.hub import Hub, commit_of
from tests.tui.review.world import types_it
from tests.tui.support import NARROW, WIDE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tui.remote.conftest import Opened

BASE = "models--acme--base"
NEW = commit_of("new")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A model in two forms, to which `main` points."""
    made = Hub(tmp_path / "hub")
    files = {"config.json": b"{}", "model.safetensors": b"s" * 900, "model.onnx": b"o" * 400}
    made.download(BASE, NEW, files, refs=("main",))
    return made


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_consent_to_one_form_keeps_the_alias(
    hub: Hub, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(f"hf:{hub.root}", size) as user:
        await user.sees("acme/base")
        await user.types("/version:*/onnx")
        await user.presses("enter")
        await user.sees("1 of 3")
        await user.presses("d")
        await user.sees("needs your consent", "parts of a version with the alias main")
        await user.sees_no("carry an alias")
        await user.presses("a")
        await user.sees("aliases that stay", ": on a version that stays")
        await user.sees_no("aliases that go")
        await types_it(user, "1")
        await user.sees("enter applies the plan now")
        await user.presses("enter")
        await user.sees("finished")
    assert (hub.root / BASE / "refs/main").read_text() == NEW
    snapshot = hub.root / BASE / "snapshots" / NEW
    assert {path.name for path in snapshot.iterdir()} == {"config.json", "model.safetensors"}
