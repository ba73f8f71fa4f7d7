"""Listings under way: they end with their reader, and one left alone harms no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb import wandb_listing
from artifact_tui.clients.wandb.wandb_paging import read_ahead
from artifact_tui.errors import RegistryError
from tests.servers.wandb.process import fresh
from tests.support.listing import listed_rows
from tests.unit.wandb.opened import opened

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_paging import PutPage

SOON_S = 5.0


async def forever(put: PutPage[int]) -> None:
    """One page after another, without end."""
    while True:
        await put([1])


async def test_a_listing_that_is_left_ends() -> None:
    before = len(asyncio.all_tasks())
    pages = read_ahead(forever)
    assert [await anext(pages) for _ in range(3)] == [[1]] * 3
    assert len(asyncio.all_tasks()) == before + 1
    await pages.aclose()
    assert len(asyncio.all_tasks()) == before


async def test_what_came_before_a_failure_comes_before_it() -> None:
    async def broken(put: PutPage[int]) -> None:
        await put([1])
        raise RegistryError("It went away.")

    pages = read_ahead(broken)
    assert await anext(pages) == [1]
    with pytest.raises(RegistryError, match="went away"):
        await anext(pages)


async def test_a_listing_that_nobody_reads_on_does_not_stop_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its big collections wait for a reader, and would hold all places of such."""
    monkeypatch.setattr(wandb_listing, "BIG_AT_ONCE", 2)
    server = fresh()
    server.fill(12, 25)
    async with opened() as client:
        put = asyncio.Event()

        async def stuck(_: object) -> None:
            put.set()
            await asyncio.Event().wait()

        left = asyncio.create_task(client._lister.everything(stuck))
        await asyncio.wait_for(put.wait(), SOON_S)
        rows = await asyncio.wait_for(listed_rows(client), SOON_S)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
    assert len({version.key for _, version in rows if version}) == 12 * 25
