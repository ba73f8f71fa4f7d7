"""Listings under way: they end with their reader, and one left alone harms no other."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from artifact_tui.clients.wandb import wandb_listing
from artifact_tui.errors import RegistryError
from tests.servers.wandb.process import fresh
from tests.servers.wandb.traps import Fault
from tests.support.listing import listed_rows
from tests.unit.wandb.opened import opened

SOON_S = 5.0


async def test_a_listing_that_is_left_ends() -> None:
    fresh(page_cap=1).fill(30, 3)
    async with opened() as client:
        before = len(asyncio.all_tasks())
        parts = client.listing()
        await anext(parts)
        await parts.aclose()
        await client._graph.aclose()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before


async def test_what_came_before_a_failure_comes_before_it() -> None:
    server = fresh(page_cap=1)
    server.fill(3, 30)
    server.change(faults=(Fault(kind="403", fields=("artifactCollection",)),))
    async with opened() as client, aclosing(client._lister.everything()) as pages:
        with pytest.raises(RegistryError, match="W&B"):
            async for _ in pages:
                pass


async def test_a_listing_that_nobody_reads_on_does_not_stop_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its big collections wait for a reader, and would hold all places of such."""
    monkeypatch.setattr(wandb_listing, "BIG_AT_ONCE", 2)
    server = fresh()
    server.fill(12, 25)
    async with opened() as client, aclosing(client._lister.everything()) as left:
        await anext(left)
        rows = await asyncio.wait_for(listed_rows(client), SOON_S)
    assert len({version.key for _, version in rows if version}) == 12 * 25
