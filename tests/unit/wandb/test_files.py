"""Files of a version, on demand."""

from __future__ import annotations

import pytest

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.errors import NotFoundError, RegistryError
from artifact_tui.model import File
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Link, Series, Version
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.opened import HOME, opened


@pytest.mark.parametrize("cursors", ["offset", "keyset"])
@pytest.mark.parametrize("cap", [0, 1, 2, 5])
async def test_files_come_by_path_over_all_pages(cap: int, cursors: str) -> None:
    server = fresh(page_cap=cap, cursors=cursors)
    sizes = {f"d/{n:02}.bin": n for n in range(11)} | {"a": 7, "[bold]\x1b": 1}
    known = server.seed(
        series=[Series(path=f"{HOME}/m", versions=[Version(files=sizes)])],
        links=[Link(portfolio=f"{HOME}/shelf", version=f"{HOME}/m:v0")],
    )
    source = wandb_model.SourceKey(known[f"{HOME}/m:v0"])
    link = wandb_model.LinkKey(known[f"{HOME}/shelf"], source.artifact)
    async with opened() as client:
        for key in (source.key, link.key):
            files = await client.files(key)
            assert [(one.path, one.size) for one in files] == sorted(sizes.items())
            assert all(one.digest for one in files)
            assert isinstance(files[0], File)


@pytest.mark.parametrize("key", ["", "x", "artifact:QXJ0", "sequence:QXJ0"])
async def test_files_of_no_version_are_not_found(key: str) -> None:
    fresh()
    async with opened() as client:
        with pytest.raises(NotFoundError):
            await client.files(key)


async def test_a_version_without_files_has_none() -> None:
    known = fresh().seed(series=[Series(path=f"{HOME}/m", versions=[Version(files={})])])
    async with opened() as client:
        assert await client.files(wandb_model.SourceKey(known[f"{HOME}/m:v0"]).key) == ()


async def test_a_refusal_is_an_error() -> None:
    server = fresh()
    known = server.seed(series=[Series(path=f"{HOME}/m", versions=[Version()])])
    server.change(faults=(Fault(kind="400"),))
    async with opened() as client:
        with pytest.raises(RegistryError, match="400"):
            await client.files(wandb_model.SourceKey(known[f"{HOME}/m:v0"]).key)
