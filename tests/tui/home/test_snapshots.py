"""Home of a GPU server: in both sizes, in ASCII, while figures come in, about each store."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from artifact_tui.config import Config, Target
from artifact_tui.stores import NOTHING_YET, Disk, Measured, Store
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.screens import home_screen
from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.support import NARROW, User, at, goes_to_row

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from syrupy.assertion import SnapshotAssertion

NOW = 1_795_000_000_000_000
DAY = 86_400_000_000
ROOT = Disk("/", 240_000_000_000, 3_100_000_000)
DATA = Disk("/data", 7_600_000_000_000, 1_900_000_000_000)


def store(
    address: str, why: str = "usual place", name: str = "", *, production: bool = False
) -> Store:
    target = Target(name or address, address, production, production, typed=name or address)
    configured = name != ""
    return Store(target, why, configured=configured, reclaimable="" if name else "alias:none")


def figures(size: int, can_go: int, versions: int, days: float, disk: Disk = ROOT) -> Measured:
    used = NOW - int(days * DAY)
    return Measured(
        "measured", size, can_go, max(versions // 6, 1), versions, used, NOW - 4_000_000, "", disk
    )


def machine() -> list[tuple[Store, Measured]]:
    """What is on it, in the order in which it is found."""
    return [
        (
            store("wandb://acme/vision", "configured", "vision", production=True),
            Measured("remembered", 5_200_000_000_000, None, 310, 41_337, None, NOW - 3 * DAY),
        ),
        (store("hf:/nfs/team/hub", "configured", "team"), Measured("not answering")),
        (
            store("hf:/data/hf/hub", "$HF_HOME"),
            figures(1_412_000_000_000, 508_000_000_000, 212, 0.1, DATA),
        ),
        (store("local:", "your own registry"), Measured("absent", disk=ROOT)),
        (
            store("ollama:/usr/share/ollama/.ollama/models", "service of Ollama"),
            figures(96_000_000_000, 21_000_000_000, 18, 2),
        ),
        (
            store("wandb-cache:", "usual place"),
            figures(64_000_000_000, 64_000_000_000, 4_218, 40),
        ),
        (
            store("hf:/home/li\x1b[31mu/.cache/huggingface/hub", "another user's"),
            Measured("unreadable", reason="Permission denied: '/home/liu/.cache'", disk=ROOT),
        ),
        (store("oci:/srv/kitops/storage", "$KITOPS_HOME"), NOTHING_YET),
    ]


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine at every look: no disk and no clock of this one."""

    async def measured(
        stores: Sequence[Store], **_: object
    ) -> AsyncGenerator[tuple[Store, Measured]]:
        known = {one.target.address: found for one, found in machine()}
        for one in stores:
            yield one, known[one.target.address]
        await asyncio.Event().wait()

    monkeypatch.setattr(home_screen, "find_stores", lambda *_: [one for one, _ in machine()])
    monkeypatch.setattr(home_screen, "measure", measured)
    monkeypatch.setattr(home_screen, "config_file", lambda: "/home/ines/config.toml")
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu-07")


def app(config: Config | None = None) -> ArtifactApp:
    opened = ArtifactApp(config or Config())
    opened.now = lambda: NOW
    return opened


@SIZES
async def test_home(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with at(app(), size) as user:
        await _on(user, "hf:/data/hf/hub")
        looks_the_same(user, snapshot)


@SIZES
@pytest.mark.parametrize("name", ["team", "hf:/home/li\x1b[31mu/.cache/huggingface/hub", "vision"])
async def test_about_one(size: tuple[int, int], name: str, snapshot: SnapshotAssertion) -> None:
    async with at(app(), size) as user:
        await _on(user, name)
        looks_the_same(user, snapshot)


async def test_in_ascii(snapshot: SnapshotAssertion) -> None:
    async with at(app(Config(ascii=True)), NARROW) as user:
        await _on(user, "hf:/data/hf/hub")
        looks_the_same(user, snapshot)


async def test_very_wide_and_back(snapshot: SnapshotAssertion) -> None:
    async with at(app(), NARROW) as user:
        await _on(user, "wandb-cache:")
        narrow = user.screen
        await user.resizes(200, 30)
        await user.sees("why it is here", "service of Ollama")
        looks_the_same(user, snapshot)
        await user.resizes(*NARROW)
        await user.until(lambda: user.screen == narrow, "the same screen as before")


async def _on(user: User, name: str) -> None:
    """Put the cursor on a store once all are measured that will be: one never is."""
    await user.sees("1.41 TB", "cannot be read", "measuring")
    await goes_to_row(user, name)
    await user.app.typed.free()
    await user.pilot.pause()
