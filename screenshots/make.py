"""Make the pictures of this folder: `python screenshots/make.py`, after `pip install -e .[test]`.

They show the sample registry, and the W&B project of the tests at their stand-in server, on a day
that never changes: a picture changes only when the screen does. Nothing outside a temporary
folder is touched, apart from the pictures themselves.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # the stand-in server is among the tests

from artifact_tui.clients.local.sample import make_sample  # noqa: E402
from artifact_tui.config import Config, Target  # noqa: E402
from artifact_tui.tui.app import ArtifactApp  # noqa: E402
from artifact_tui.tui.services import open_services  # noqa: E402
from artifact_tui.tui.widgets.version_list import POLL  # noqa: E402
from tests.servers.wandb.process import running  # noqa: E402
from tests.tui.wandb.world import project  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifact_tui.tui.services import Services

NOW_US = 1_795_000_000_000_000
WIDE = (120, 40)
NARROW = (80, 24)
TO_REVIEW = ("slash", *"resnet50", "enter", "l", "j", *("space",) * 12, "d")


@dataclass(frozen=True)
class Picture:
    """What is shown, and how one gets there."""

    size: tuple[int, int]
    keys: Sequence[str]
    wandb: bool = False
    """Of the W&B project; else of the sample registry."""


PICTURES = {
    "browse": Picture(WIDE, ("j", "j", "l", "j", "j", "space", "space", "j")),
    "browse-80x24": Picture(NARROW, ("j", "j", "l", "j", "space", "space", "j")),
    "filter": Picture(WIDE, ("slash", *"type:model alias:none -latest:3 age>90d", "enter")),
    "review": Picture(WIDE, TO_REVIEW),
    "review-80x24": Picture(NARROW, TO_REVIEW),
    "lineage": Picture(WIDE, ("slash", *"vision-train", "enter", "l", "j", "L")),
    "trash": Picture(WIDE, ("u",)),
    "help": Picture(WIDE, ("question_mark",)),
    "retention": Picture(WIDE, ("slash", *"ttl<60d", "enter", "space", "T", "s", *"45d")),
    "wandb": Picture(WIDE, ("j", "l", "k", "l", "j", "j", "j"), wandb=True),
    "wandb-review": Picture(
        WIDE,
        ("slash", *"mnist|candidates|sweep", "enter", "space", "space", "space", "d"),
        wandb=True,
    ),
}


async def _settle(app: ArtifactApp, seconds: float = 0.2) -> None:
    """Wait until nothing is being read or drawn: the screen is the same this much later."""
    before = ""
    while True:
        await app.workers.wait_for_complete()
        await asyncio.sleep(seconds)
        now = app.export_screenshot()
        if now == before:
            return
        before = now


async def _synced(services: Services) -> None:
    """Wait for the end of the sync; how long the server took is no part of a picture."""
    link = services.link
    while link is not None and (link.state.syncing or link.state.synced_us is None):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    if link is not None:
        link.state = replace(link.state, milliseconds=38)


async def _take(name: str, address: str) -> None:
    picture = PICTURES[name]
    called = "vision" if picture.wandb else "sample"
    target = Target(called, address, read_only=False, production=False)
    services = await open_services(target, Config())
    services.now = lambda: NOW_US
    try:
        app = ArtifactApp(services)
        async with app.run_test(size=picture.size) as pilot:
            await _settle(app)
            await _synced(services)
            for key in picture.keys:
                await pilot.press(key)
                await pilot.pause()
                if len(key) > 1:
                    await _settle(app)
            await _settle(app, 2 * POLL)  # what was asked for meanwhile is in the list, too
            shown = app.export_screenshot(title="artifact-tui")
    finally:
        await services.aclose()
    lines = (line.rstrip() for line in shown.splitlines())
    (HERE / f"{name}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def _registry(picture: Picture, folder: Path) -> Iterator[str]:
    """The address of what is shown."""
    if not picture.wandb:
        make_sample(folder / "sample", now_us=NOW_US)
        yield f"local:{folder / 'sample'}"
        return
    with running() as server:
        server.seed(project())
        os.environ["WANDB_API_KEY"] = server.api_key
        yield server.address()


def main(names: Sequence[str]) -> None:
    """Make the pictures with these names, or all."""
    for name in names or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ARTIFACT_TUI_HOME"] = f"{folder}/home"
            with _registry(PICTURES[name], Path(folder)) as address:
                asyncio.run(_take(name, address))
        print(f"screenshots/{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
