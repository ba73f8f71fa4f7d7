"""Keeping the newest of a registry that may not tell which those are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.rest.registry import Entry
from tests.support.catalogs import marked_keys

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.tui.remote.conftest import Opened


async def test_keeping_the_newest_goes_by_the_listing_or_is_refused(
    server: Server, opened: Opened
) -> None:
    ids = ["8123456789", "3987654321", "5555555555", "1000000001"]
    server.seed([Entry(one, f"acme/m{n // 2}") for n, one in enumerate(ids)])
    async with opened(server.address) as user:
        await user.sees("acme/m0", "4 of 4")
        await user.presses("plus")
        await user.sees_no("only without alias")
        await user.presses("1")
        await user.sees("filter: -latest:1", "would mark 2 versions")
        await user.presses("enter")
        await user.sees("2 marked")
        keys = await user.app.services.catalog.run(marked_keys)
        assert set(keys) == {"model/8123456789", "model/5555555555"}
    server.become(too_many=3)
    async with opened(server.address) as user:
        await user.sees("acme/m0", "4 of 4")
        await user.presses("r")
        await user.sees("synced")
        await user.presses("plus", "1")
        await user.sees("Nothing tells which versions of “acme/m0” are newer")
        await user.presses("enter")
        await user.sees("Nothing tells which versions")
        await user.presses("escape", "s", "v")
        await user.sees("Nothing tells which versions")
