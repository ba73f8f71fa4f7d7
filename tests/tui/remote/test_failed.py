"""What a registry cannot tell the details of, and parents that are gone, on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.rest.registry import Entry
from tests.tui.review.world import types_it

if TYPE_CHECKING:
    from tests.servers.rest.process import Server
    from tests.tui.remote.conftest import Opened


async def test_a_failed_ingestion_is_reviewed_and_deleted_and_its_child_shows_the_break(
    server: Server, opened: Opened
) -> None:
    server.seed(
        [
            Entry("1", "acme/broken", "model", failed=True),
            Entry("2", "acme/tuned", parents=("name:acme/lost",)),
        ]
    )
    async with opened(server.address) as user:
        await user.sees("acme/broken", "2 of 2")
        await user.presses("d")
        await user.sees("will be deleted", "1 version")
        await types_it(user, "acme/broken")
        await user.presses("enter")
        await user.sees("finished", "1 deleted")
        assert server.ids() == {"2"}
        await user.presses("escape", "escape")
        await user.sees("1 of 1", "acme/tuned")
        await user.presses("right", "down", "L")
        await user.sees("acme/lost ? (deleted)")
