"""A whole collection that takes a version of another one along, on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow
from tests.tui.support import NARROW, WIDE

if TYPE_CHECKING:
    from tests.tui.remote.conftest import Opened


@pytest.fixture
def server() -> MlflowRegistry:
    """Two runs of `vision`."""
    found = fresh_mlflow()
    for name in ("train", "eval"):
        found.run("vision", name=name)
    found.forget()
    return found


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_list_has_room_for_every_type(
    server: MlflowRegistry, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(server.address, size) as user:
        await user.sees(" experiment ", " run ")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_review_says_what_goes_along(
    server: MlflowRegistry, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(server.address, size) as user:
        await user.sees("vision")
        await user.types("/type:run")
        await user.presses("enter")
        await user.sees_no("experiments")
        await user.presses("d")
        await user.sees("cheaper", "[c]")
        await user.presses("c")
        await user.sees("whole collections", "go along", "experiments:vision: deleted by the")
        await user.sees("Type vision to delete")
    assert server.experiments()["vision"] == "active"
