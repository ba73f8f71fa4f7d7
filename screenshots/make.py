"""Make the pictures of this folder: `python screenshots/make.py`, after `pip install -e .[test]`.

They show the sample registry, the W&B project of the tests at their stand-in server, and the stores
of a GPU server, on a day that never changes: a picture changes only when the screen does. Nothing
outside a temporary folder is touched, apart from the pictures themselves.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # the stand-in server is among the tests

from artifact_tui.clients.local.sample import make_sample  # noqa: E402
from artifact_tui.config import Config, Target, load  # noqa: E402
from artifact_tui.stores import Disk, Measured, Store, find_stores, measure  # noqa: E402
from artifact_tui.tui.app import ArtifactApp  # noqa: E402
from artifact_tui.tui.screens import home_screen  # noqa: E402
from artifact_tui.tui.services import open_services  # noqa: E402
from artifact_tui.tui.widgets.version_list import POLL  # noqa: E402
from tests.servers.wandb.process import running  # noqa: E402
from tests.support.blobs import Ollama  # noqa: E402
from tests.support.hub import Hub, commit_of  # noqa: E402
from tests.tui.wandb.world import project  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from artifact_tui.tui.services import Services

NOW_US = 1_795_000_000_000_000
WIDE = (120, 40)
NARROW = (80, 24)
LOW = (120, 24)
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
        app = ArtifactApp(Config(), services)
        async with app.run_test(size=picture.size) as pilot:
            await _settle(app)
            await _synced(services)
            for key in picture.keys:
                await pilot.press(key)
                await pilot.pause()
                if len(key) > 1:
                    await _settle(app)
            await _settle(app, 2 * POLL)  # what was asked for meanwhile is in the list, too
            _keep(name, app)
    finally:
        await services.aclose()


def _keep(name: str, app: ArtifactApp) -> None:
    """Write what is on the screen to its file."""
    lines = (line.rstrip() for line in app.export_screenshot(title="artifact-tui").splitlines())
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


def _make_server(root: Path) -> None:
    """The stores of a GPU server: real ones, whose weights are holes of their true size."""
    hub = Hub(root / "data/hf/hub")
    for number, (name, size, old) in enumerate(MODELS):
        folder = f"models--{name.replace('/', '--')}"
        for revision in range(old + 1):
            refs = ("main",) if revision == old else ()
            content = f"{name} {revision}".encode()
            at = hub.download(folder, commit_of(f"{name}{revision}"), {"w": content}, refs=refs)
            _stretch((at / "w").resolve(), size, 30 * number + 1)
    ollama = Ollama(root / "data/ollama/models")
    for name, size in (("llama3.3", 42_520_413_916), ("qwen3-coder", 18_556_688_736)):
        ollama.tag(name, "latest", {"model": name.encode()})
        _stretch(max(ollama.blobs.iterdir(), key=lambda one: one.stat().st_ctime_ns), size, 3)
    ollama.blob(b"left behind")
    _stretch(max(ollama.blobs.iterdir(), key=lambda one: one.stat().st_ctime_ns), 9_034_556_416, 90)
    staged = root / "home/ines/.local/share/wandb/artifacts/staging"
    staged.mkdir(parents=True)
    for number in range(6):
        (staged / f"tmp{number}").write_bytes(b"")
        _stretch(staged / f"tmp{number}", 11_811_160_064, 40 + number)

    for path in root.rglob("*"):
        if path.is_file() and path.stat().st_size < SMALL:
            _stretch(path, path.stat().st_size, 3)
    config = root / "home/config/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[registries.vision]\naddress = "wandb://api.wandb.ai/acme/vision"\nproduction = true\n'
    )


def _stretch(path: Path, size: int, days: int) -> None:
    """Give a file a size without its bytes, and a last use so many days ago."""
    os.truncate(path, size)
    then = (NOW_US - days * 86_400_000_000) * 1000
    os.utime(path, ns=(then, then))


SMALL = 100_000
"""Bytes; what has less is no weights."""

MODELS = (
    ("meta-llama/Llama-3.3-70B-Instruct", 141_100_000_000, 2),
    ("Qwen/Qwen3-235B-A22B", 470_200_000_000, 0),
    ("mistralai/Mixtral-8x22B-v0.1", 281_200_000_000, 1),
    ("black-forest-labs/FLUX.1-dev", 57_900_000_000, 1),
    ("google/gemma-3-27b-it", 54_900_000_000, 3),
)
"""Models in the cache of the server: name, bytes of a revision, how many old revisions are left."""

DISKS = {
    "/data": Disk("/data", 3_840_755_982_336, 71_940_702_208),
    "/": Disk("/", 502_392_610_816, 148_331_823_104),
}
"""Its disks, and what is free on them."""


async def _take_home(root: Path) -> None:
    """The picture of home: what the clients measure, with the paths and disks of the server."""
    measured_of: dict[str, Store] = {}

    def shown(store: Store) -> Store:
        name, address = (
            text.replace(f"{root}/home/ines", "~").replace(str(root), "")
            for text in (store.target.name, store.target.address)
        )
        measured_of[address] = store
        return replace(store, target=replace(store.target, name=name, address=address))

    async def measured(
        stores: Sequence[Store], **_: object
    ) -> AsyncGenerator[tuple[Store, Measured]]:
        async for store, found in measure([measured_of[one.target.address] for one in stores]):
            row = shown(store)
            on = "/data" if ":/data" in row.target.address else "/"
            disk = DISKS[on] if found.disk else None
            yield row, replace(found, disk=disk, as_of_us=found.as_of_us and NOW_US - 2_000_000)

    app = ArtifactApp(load())
    app.now = lambda: NOW_US
    with (
        patch.multiple(
            home_screen,
            find_stores=lambda *found: [shown(one) for one in find_stores(*found)],
            measure=measured,
            config_file=lambda: "/home/ines/.config/artifact-tui/config.toml",
        ),
        patch.object(socket, "gethostname", lambda: "gpu-07"),
    ):
        async with app.run_test(size=LOW) as pilot:
            await _settle(app)
            await pilot.press("g")
            await _settle(app)
            _keep("home", app)


def main(names: Sequence[str]) -> None:
    """Make the pictures with these names, or all."""
    for name in names or (*PICTURES, "home"):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ARTIFACT_TUI_HOME"] = f"{folder}/home"
            if name == "home":
                root = Path(folder)
                _make_server(root)
                os.environ |= {
                    "HOME": f"{root}/home/ines",
                    "HF_HOME": f"{root}/data/hf",
                    "OLLAMA_MODELS": f"{root}/data/ollama/models",
                }
                asyncio.run(_take_home(root))
                print("screenshots/home.svg")
                continue
            with _registry(PICTURES[name], Path(folder)) as address:
                asyncio.run(_take(name, address))
        print(f"screenshots/{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
