"""The registries in both sizes, and the dialog over them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.trial import Trial
from artifact_tui.stores import Disk, Measured, Store
from artifact_tui.tui.screens import home_screen
from tests.tui.remote.conftest import configured
from tests.tui.review.snap import SIZES, looks_the_same

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from syrupy.assertion import SnapshotAssertion

    from artifact_tui.config import Target
    from artifact_tui.stores import StoreState
    from tests.tui.remote.conftest import Opened

MANY = """\
default_registry = "mine"

[registries.mine]
address = "local:"

[registries.zoo]
address = "https://zoo.example/api"
token_env = "ZOO_TOKEN"
concurrency = 4
bucket = "zoo-artifacts"

[registries.prod]
address = "https://registry.prod.example/api"
production = true

[registries.arm]
address = "https://armed.example/api"
production = true
read_only = false

[registries."esc\\u001b[31m [red] and a name that is far too long for its column"]
address = "http://10.0.0.7:8000/api"
"""


async def answers(target: Target) -> Trial:
    """As registries would."""
    if target.name == "arm":
        return Trial(works=False, sentences=("The registry could not be reached.", "Try again."))
    return Trial(works=True, sentences=(f"{target.address} answers in 12 ms.",), milliseconds=12)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name, no disk and no folder of this machine is in the picture."""

    async def measured(
        stores: Sequence[Store], **_: object
    ) -> AsyncGenerator[tuple[Store, Measured]]:
        for store in stores:
            state: StoreState = "absent" if store.usual else "remembered"
            yield store, Measured(state, disk=Disk("/", 4_000_000, 1_000_000))

    monkeypatch.setattr(home_screen, "measure", measured)
    monkeypatch.setattr(home_screen, "config_file", lambda: "/home/ines/config.toml")
    monkeypatch.setattr(socket, "gethostname", lambda: "mill")


@SIZES
async def test_registries(
    opened: Opened,
    size: tuple[int, int],
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(home_screen, "trial", answers)
    configured(MANY)
    async with opened("mine", size) as user:
        await user.presses("R")
        await user.sees("5 configured registries", "5 stores", "% full")
        await user.presses("j")
        await user.presses("T")
        await user.sees("✗")
        await user.sees_no("testing")
        looks_the_same(user, snapshot)


@SIZES
async def test_adding(opened: Opened, size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    configured(MANY)
    async with opened("mine", size) as user:
        await user.presses("R")
        await user.sees("5 configured registries", "5 stores", "% full")
        await user.presses("a", *"zoo", "tab", *"https://zoo.example/api", "enter")
        await user.sees("There is a registry “zoo” already")
        looks_the_same(user, snapshot)
