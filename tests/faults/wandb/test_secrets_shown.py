"""The screen of somebody whose server sends the API key back: no frame of it shows the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import load, resolve
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from tests.faults.wandb.echo import Echo, echoing
from tests.faults.wandb.test_secrets import KEY, clean, clean_files
from tests.tui.review.world import types_it
from tests.tui.support import User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.faults.wandb.scene import Scene


@pytest.fixture
def echo(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    scene.server.change(api_key=KEY)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    scene.fill(3)
    with echoing(scene.server) as found:
        yield found


class Watched(User):
    """A user of whose screen every frame that is looked at is checked."""

    @property
    def screen(self) -> str:
        found = super().screen
        clean(found.encode(), found)
        clean(found.replace("\n", "").replace(" ", "").encode(), found)
        return found


@pytest.fixture
async def user(echo: Echo) -> AsyncIterator[Watched]:
    config = load()
    services = await open_services(resolve(config, echo.address("acme/vision")), config)
    app = ArtifactApp(config, services)
    try:
        async with at(app) as found:
            yield Watched(found.app, found.pilot)
    finally:
        await app.services.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["200", "403"])
async def test_a_deletion_that_is_answered_with_the_key(
    echo: Echo, user: Watched, kind: str, tmp_path: Path
) -> None:
    echo.kind = kind
    await user.sees("model-0000", "synced just now")
    await user.presses("space", "d")
    await user.sees("will be deleted", "tab to type here")
    await types_it(user, "model-0000")
    await user.presses("enter")
    await user.sees("Tasks", "finished")
    await user.presses("enter")
    await user.sees("***")
    assert echo.echoed
    clean_files(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["200", "401", "403"])
async def test_a_sync_that_is_answered_with_the_key(
    echo: Echo, user: Watched, kind: str, tmp_path: Path
) -> None:
    await user.sees("model-0000", "synced just now")
    echo.kind, echo.only = kind, b"query"
    await user.presses("r")
    await user.until(lambda: echo.echoed and "no link" in user.screen, "the failure")
    await user.presses("R")
    await user.sees("Home")
    clean_files(tmp_path)
