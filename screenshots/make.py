"""Make the pictures of this folder: `python screenshots/make.py`, after `pip install -e .`.

They show the sample registry on a day that never changes, so that a picture changes only when the
screen does. Nothing outside a temporary folder is touched, apart from the pictures themselves.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.local.sample import make_sample
from artifact_tui.config import Config, Target
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
NOW_US = 1_795_000_000_000_000
WIDE = (120, 40)
NARROW = (80, 24)
TO_REVIEW = ("slash", *"resnet50", "enter", "l", "j", *("space",) * 12, "d")

PICTURES: dict[str, tuple[tuple[int, int], Sequence[str]]] = {
    "browse": (WIDE, ("j", "j", "l", "j", "j", "space", "space", "j")),
    "browse-80x24": (NARROW, ("j", "j", "l", "j", "space", "space", "j")),
    "filter": (WIDE, ("slash", *"type:model alias:none -latest:3 age>90d", "enter")),
    "review": (WIDE, TO_REVIEW),
    "review-80x24": (NARROW, TO_REVIEW),
    "lineage": (WIDE, ("slash", *"vision-train", "enter", "l", "j", "L")),
    "trash": (WIDE, ("u",)),
    "help": (WIDE, ("question_mark",)),
}


async def _settle(app: ArtifactApp) -> None:
    """Wait until nothing is being read or drawn any more: two equal screens in a row."""
    before = ""
    while True:
        await app.workers.wait_for_complete()
        await asyncio.sleep(0.2)
        now = app.export_screenshot()
        if now == before:
            return
        before = now


async def _take(name: str, registry: Path) -> None:
    size, keys = PICTURES[name]
    target = Target("sample", f"local:{registry}", read_only=False, production=False)
    services = await open_services(target, Config())
    services.now = lambda: NOW_US
    try:
        app = ArtifactApp(services)
        async with app.run_test(size=size) as pilot:
            await _settle(app)
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
                if len(key) > 1:
                    await _settle(app)
            await _settle(app)
            picture = app.export_screenshot(title="artifact-tui")
    finally:
        await services.aclose()
    lines = (line.rstrip() for line in picture.splitlines())
    (HERE / f"{name}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(names: Sequence[str]) -> None:
    """Make the pictures with these names, or all."""
    for name in names or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ARTIFACT_TUI_HOME"] = f"{folder}/home"
            registry = Path(folder) / "sample"
            make_sample(registry, now_us=NOW_US)
            asyncio.run(_take(name, registry))
        print(f"screenshots/{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
