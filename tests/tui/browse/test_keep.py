"""`K`: a version of a store on this machine is kept in one's own registry."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.config import load, resolve
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from tests.support.hub import Hub, commit_of
from tests.support.sync_store import SyncStore
from tests.tui.support import NARROW, User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.tui.browse.shelf import Shelf

BASE, NEW = "models--acme--base", commit_of("new")
VERSION = f"acme/base:{NEW[:12]}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """One revision of a model."""
    made = Hub(tmp_path / "hub", shared=True)
    made.download(BASE, NEW, {"w.bin": b"w" * 9000, "n.bin": b"n" * 700}, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    return made


@asynccontextmanager
async def opened(*, locked: bool = False) -> AsyncIterator[User]:
    """The screen on that cache, with the cursor on the revision."""
    target = replace(resolve(load(), "hf:"), read_only=locked, locked=locked)
    services = await open_services(target, load())
    app = ArtifactApp(load(), services, locked=locked)
    try:
        async with at(app, NARROW) as user:
            await user.sees("acme/base", "1 of 1")
            await user.presses("l", "j")
            await user.sees(NEW[:12])
            yield user
    finally:
        await services.aclose()


def kept() -> dict[str, str]:
    """Name and type of each version of one's own registry."""
    store = SyncStore.create(config.embedded_registry())
    try:
        found = store.listing()
        types = {one.key: f"{one.name} {one.type}" for one in found.collections}
        return {one.label: types[one.collection_key] for one in found.versions}
    finally:
        store.close()


async def test_it_is_kept_under_a_name_that_is_asked_for(hub: Hub) -> None:
    async with opened() as user:
        await user.presses("K")
        await user.sees("Keep in your own registry", f"{VERSION}, 9.7 KB", "name  acme/base")
        await user.presses("2", "tab", "enter")
        await user.sees(f"{VERSION} is kept as acme/base2:v0 of local: 9.7 KB linked")
        await user.presses("d")
        await user.sees("needs your consent")
        await user.presses("a")
        await user.sees("9.7 KB listed, 0 B freed")
    assert kept() == {"v0": "acme/base2 model"}


async def test_leaving_the_dialog_keeps_nothing(hub: Hub) -> None:
    async with opened() as user:
        await user.presses("K")
        await user.sees("Keep in your own registry")
        await user.presses("escape")
        await user.sees_no("Keep in your own registry")
    assert kept() == {}


async def test_what_cannot_be_kept_is_said_and_nothing_is_added(hub: Hub) -> None:
    async with opened() as user:
        (hub.root / BASE / "snapshots" / NEW / "n.bin").resolve().unlink()
        await user.presses("K", "enter")
        await user.sees(f"n.bin of {VERSION}: its bytes are missing. Nothing was added.")
        await user.presses("h", "K")
        await user.sees("A version is kept: expand the collection and choose one.")
    assert kept() == {}


async def test_a_read_only_session_keeps_nothing(hub: Hub) -> None:
    async with opened(locked=True) as user:
        await user.presses("K")
        await user.sees("this session is read-only")
    assert kept() == {}


async def test_of_ones_own_registry_nothing_is_to_be_kept(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("K")
        await user.sees("it is in a registry of your own")
