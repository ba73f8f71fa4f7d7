"""A version that a process holds open, on the screen: in the detail, and as a consent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui.testing.steps import held_open
from tests.support.hub import Hub, commit_of
from tests.tui.support import NARROW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tui.remote.conftest import Opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a file")
BASE = "models--acme--base"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """Two revisions of one model, the old one larger."""
    made = Hub(tmp_path / "hub")
    for word, size in (("old", 900), ("new", 300)):
        made.download(BASE, commit_of(word), {"w.bin": word.encode() * size})
    return made


def weights(hub: Hub, word: str) -> Path:
    return hub.root / BASE / "snapshots" / commit_of(word) / "w.bin"


async def test_a_used_version_is_told_asked_about_and_goes_with_consent(
    hub: Hub, opened: Opened
) -> None:
    with held_open(weights(hub, "old"), mapped=True) as trainer:
        async with opened(f"hf:{hub.root}") as user:
            await user.sees("acme/base")
            await user.presses("enter", "j")
            await user.sees("in use by", trainer)
            await user.presses("g", "d")
            await user.sees("will be deleted", f"in use by {trainer}", "[i] include them")
            await user.sees("Type y to delete")
            await user.presses("i")
            await user.sees("by your consent", "[i] leave them out", "lose every version")
            await user.sees("Type acme/base to delete")
            await user.presses("i")
            await user.sees("Type y to delete", "[i] include them")
    assert weights(hub, "old").exists()


async def test_a_narrow_screen_says_it_too(hub: Hub, opened: Opened) -> None:
    with held_open(weights(hub, "old"), mapped=False) as trainer:
        async with opened(f"hf:{hub.root}", NARROW) as user:
            await user.sees("acme/base")
            await user.presses("d")
            await user.sees("needs your consent", f"in use by {trainer}")


async def test_without_anyone_the_key_says_why_it_does_nothing(hub: Hub, opened: Opened) -> None:
    async with opened(f"hf:{hub.root}") as user:
        await user.sees("acme/base")
        await user.presses("d")
        await user.sees("Type acme/base to delete")
        await user.presses("i")
        await user.sees("no process is known to use a version that could go")
