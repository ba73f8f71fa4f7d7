"""Listings under way: whoever reads one is told of its end, and one left alone harms no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb import wandb_listing
from artifact_tui.clients.wandb.wandb_paging import MOST_LISTINGS, LiveListings
from artifact_tui.errors import RegistryError
from tests.servers.wandb.process import fresh
from tests.unit.wandb.opened import every, opened

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_paging import PutPage

SOON_S = 5.0


async def forever(put: PutPage[int]) -> None:
    """One page after another, without end."""
    while True:
        await put([1])


async def silent(put: PutPage[int]) -> None:
    """A listing of which no page ever comes."""
    await asyncio.Event().wait()
    await put([1])


async def test_who_waits_for_a_page_is_told_that_the_connection_was_closed() -> None:
    runs = LiveListings()
    reader = asyncio.create_task(runs.page(None, silent))
    await asyncio.sleep(0.01)
    await runs.aclose()
    with pytest.raises(RegistryError, match="ended"):
        await asyncio.wait_for(reader, SOON_S)


async def test_listings_that_are_being_read_do_not_give_way() -> None:
    runs = LiveListings()
    readers = [asyncio.create_task(runs.page(None, silent)) for _ in range(MOST_LISTINGS + 2)]
    await asyncio.sleep(0.01)
    assert not any(reader.done() for reader in readers)
    await runs.aclose()
    ends = await asyncio.wait_for(asyncio.gather(*readers, return_exceptions=True), SOON_S)
    assert {type(end) for end in ends} == {RegistryError}


async def test_of_too_many_the_one_left_alone_the_longest_gives_way_and_says_so() -> None:
    runs = LiveListings()
    pages = [await runs.page(None, forever) for _ in range(MOST_LISTINGS)]
    again = await runs.page(pages[0].after, forever)
    await runs.page(None, forever)
    with pytest.raises(RegistryError, match="ended"):
        await runs.page(pages[1].after, forever)
    assert (await runs.page(again.after, forever)).rows == (1,)
    await runs.aclose()


async def test_a_listing_that_begins_anew_takes_the_place_of_the_former() -> None:
    runs = LiveListings()
    before = len(asyncio.all_tasks())
    first = await runs.page(None, forever, name="everything")
    other = await runs.page(None, forever)
    second = await runs.page(None, forever, name="everything")
    assert len(asyncio.all_tasks()) == before + 2
    with pytest.raises(RegistryError, match="ended"):
        await runs.page(first.after, forever, name="everything")
    for page in (other, second):
        assert (await runs.page(page.after, forever)).rows == (1,)
    await runs.aclose()
    assert len(asyncio.all_tasks()) == before


async def test_the_cursor_of_another_connection_starts_from_the_beginning() -> None:
    before, runs = LiveListings(), LiveListings()
    pages = [await before.page(None, forever) for _ in range(2)]
    assert (await runs.page(pages[-1].after, forever)).rows == (1,)
    await before.aclose()
    await runs.aclose()


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
        rows = await asyncio.wait_for(every(client.artifacts), SOON_S)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
    assert len({version.key for _, version in rows if version}) == 12 * 25
