"""A remote registry on the screen: what is known at once, rows as they arrive, how old they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.catalog.sync import sync
from artifact_tui.clients import open_client
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.tui.remote.conftest import Opened


async def known(server: Server) -> None:
    """Sync the catalog as an earlier session would have."""
    client = open_client(server.address)
    try:
        await sync(client, config.catalog_file(client.identity.uid), now_us=1)
    finally:
        await client.aclose()


async def test_the_first_rows_are_there_while_the_rest_is_still_on_its_way(
    server: Server, opened: Opened
) -> None:
    server.fill(60, names=3)
    server.change(page_size=20, faults=(Fault("hang_before", methods=("POST",), path="offset=40"),))
    async with opened(server.address) as user:
        await user.sees("acme/model-0001", "40 of 40", "syncing 40")
        server.change(faults=())


async def test_a_sync_ends_and_the_lineage_follows(server: Server, opened: Opened) -> None:
    server.fill(60, names=3)
    async with opened(server.address) as user:
        await user.sees("3 collections · 60 versions", "synced just now")
        await user.until(lambda: " ms" in user.screen and "lineage" not in user.screen)
        lineage = [line for line in server.sent("GET") if "lineage" in line.target]
        assert len(lineage) == 60
        server.clear()
        server.fill(61, names=3)
        await user.presses("r")
        await user.sees("61 versions")
        await user.until(lambda: " ms" in user.screen and "lineage" not in user.screen)
        lineage = [line for line in server.sent("GET") if "lineage" in line.target]
        assert len(lineage) == 1  # the new one


async def test_what_was_known_is_shown_when_there_is_no_link(
    server: Server, opened: Opened
) -> None:
    server.fill(5, names=1)
    await known(server)
    server.become(Fault("500", methods=("GET", "POST", "PUT")))
    async with opened(server.address) as user:
        await user.sees("acme/model-0000", "5 versions")
        await user.sees("no link")
        server.become()
        await user.presses("r")
        await user.sees("synced just now")
        await user.sees_no("no link")


async def test_a_registry_that_was_never_reached_says_so(server: Server, opened: Opened) -> None:
    server.become(Fault("500", methods=("GET", "POST")))
    async with opened(server.address) as user:
        await user.sees("Nothing is known yet: r tries again.", "500", "never synced")


async def test_what_was_deleted_goes_from_the_list_when_its_task_has_ended(
    server: Server, opened: Opened
) -> None:
    server.fill(6, names=2, kind="dataset")
    async with opened(server.address) as user:
        await user.sees("2 collections · 6 versions", "synced just now")
        await user.presses("space", "d")
        await user.sees("will be deleted", "tab to type here")
        await user.presses("tab")
        await user.types("acme/dataset-0000")
        await user.sees("enter applies the plan now")
        await user.presses("enter")
        await user.sees("3 deleted")
        assert server.ids() == {"2", "4", "6"}
        await user.presses("escape")
        await user.sees("1 collection · 3 versions", "3 of 3")


async def test_an_id_that_is_used_again_does_not_come_marked(
    server: Server, opened: Opened
) -> None:
    server.fill(4, names=4)
    async with opened(server.address) as user:
        await user.sees("4 versions", "synced just now")
        await user.presses("space")
        await user.sees("1 marked · size not known")
        kept = server.entries()
        server.seed(kept[1:])
        await user.presses("r")
        await user.sees("3 versions")
        server.seed(kept)
        await user.presses("r")
        await user.sees("4 versions")
        await user.sees_no("marked")


async def test_what_this_registry_cannot_change_is_said(server: Server, opened: Opened) -> None:
    server.fill(3, names=1)
    async with opened(server.address) as user:
        await user.sees("3 versions", "synced just now")
        await user.presses("T")
        await user.sees("Not possible here: this registry has no times to live.")
        await user.presses("a")
        await user.sees("Not possible here: its aliases and tags cannot be changed.")


async def test_a_review_asks_what_is_missing_and_can_be_left_or_go_on_without(
    server: Server, opened: Opened
) -> None:
    server.seed([Entry("1", "acme/text", "dataset"), Entry("2", "acme/bert", "model")])
    hanging = Fault("hang_before", methods=("GET",), path="lineage")
    server.change(faults=(hanging,))
    async with opened(server.address) as user:
        await user.sees("2 of 2", "synced just now")
        await user.presses("d")
        await user.sees("what was made from these only models tell: 0 of 1 did. esc leaves")
        await user.presses("escape")
        await user.sees("2 of 2")
        await user.presses("d")
        await user.sees("esc leaves, u reviews without")
        await user.presses("x", "y", "tab")  # nothing is on the screen that they could be for
        await user.presses("u")
        await user.sees("lineage unknown", "0 of 1 models scanned")
        await user.presses("escape")
        server.change(faults=())
        await user.presses("r")
        await user.sees("synced just now")
        await user.until(lambda: "lineage" not in user.screen)
        await user.presses("d")
        await user.sees("will be deleted", "tab to type here")
        await user.sees_no("needs your consent")
