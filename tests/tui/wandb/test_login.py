"""Somebody who is logged in to W&B finds what the login leads to at home, and opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.config import load
from artifact_tui.tui.app import ArtifactApp
from tests.tui.support import WIDE, at, goes_to_row

if TYPE_CHECKING:
    import pytest

    from tests.servers.wandb.process import Server


async def test_a_login_is_a_store_that_opens(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", server.base_url)
    app = ArtifactApp(load())
    async with at(app, WIDE) as user:
        await user.sees("W&B logi", server.address("acme"))
        await goes_to_row(user, f"wandb+http://{server.host}/")
        await user.presses("enter")
        await user.sees("vision/mnist")
        assert app.registry is not None
        assert app.registry.target.address == server.address("acme")
        await app.registry.aclose()
