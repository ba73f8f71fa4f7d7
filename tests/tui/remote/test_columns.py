"""A registry that tells names and lineage only: nothing on the screen pretends to know more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.tui.remote.conftest import Opened


async def test_what_is_never_told_has_no_place(server: Server, opened: Opened) -> None:
    server.seed([Entry("1", "acme/bert"), Entry("2", "acme/tiny", parents=("1",))])
    async with opened(server.address) as user:
        await user.sees("acme/bert", "2 of 2", "versions", "synced")
        await user.sees_no("share", "size", " age", "ttl")
        await user.presses("l", "l")
        await user.sees("made from", "dependents")
        await user.sees_no("aliases   none", "kept", "size", "created", "files")
        await user.presses("f")
        await user.sees("this registry does not tell what is in a version")


async def test_neither_orders_nor_rules_nor_filters_offer_it(
    server: Server, opened: Opened
) -> None:
    server.seed([Entry("1", "acme/bert"), Entry("2", "acme/tiny", parents=("1",))])
    async with opened(server.address) as user:
        await user.sees("acme/bert", "2 of 2", "synced")
        await user.presses("s")
        await user.sees("last used", "not told by this registry")
        await user.presses("s", "escape", "plus")
        await user.sees("keep the newest", "only without dependents")
        await user.sees_no("only older than", "only without alias")
        await user.presses("escape", "slash", "a")
        await user.sees_no("age>", "alias:")
        await user.presses("ctrl+u", "d")
        await user.sees("dependents>")
