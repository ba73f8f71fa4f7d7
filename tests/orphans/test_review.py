"""The review of a deletion on a REST registry: what stays in its storage, what nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.orphans.test_screen import opened, steady
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault
from tests.tui.review.snap import SIZES, ScreenText
from tests.tui.review.world import types_it

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.orphans.beside import Beside
    from tests.tui.support import User

UNTOLD = Fault("500", methods=("GET",), path="/lineage")
"""The registry does not tell any lineage."""


async def scanned(user: User) -> None:
    """Wait until the lineage is known."""
    link = user.app.services.link
    assert link is not None
    state = link.state
    await user.until(lambda: link.state.coverage.total and link.state.coverage.complete, str(state))


async def test_says_what_stays_in_the_storage_and_takes_it_along(beside: Beside) -> None:
    beside.configure()
    beside.put_models(1, 2, 3, size=4000)
    beside.put("artifacts/model/1.zip.bak", "artifacts/model/10.zip")
    async with opened() as user:
        await scanned(user)
        user.app.open_review(("model/1", "model/2"))
        await user.sees("left in storage", "8 KB stay in s3://beside-", "[b]")
        await user.sees("this registry does not tell their sizes", "Type y to delete")
        await user.presses("b")
        await user.sees("stored objects", "8 KB freed, gone for good; each once its version is")
        await user.sees("stored objects go too", "Type 4 to delete", "tab to type here")
        await user.presses("b")
        await user.sees("left in storage", "Type y to delete")
        await user.presses("b")
        await user.sees("Type 4 to delete")
        await types_it(user, "4")
        await user.presses("enter")
        await user.sees("finished", "4 deleted")
    assert beside.names() == {
        "artifacts/model/3.zip",
        "artifacts/model/1.zip.bak",
        "artifacts/model/10.zip",
    }
    assert not {"1", "2"} & beside.server.ids()


async def test_what_a_deletion_leaves_behind_is_an_orphan_then(beside: Beside) -> None:
    beside.configure()
    beside.put_models(*range(1, 11))
    async with opened() as user:
        await scanned(user)
        user.app.open_review(("model/1",))
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("finished", "1 deleted")
        await user.presses("escape")
        await user.sees("space mark")
        await user.presses("o")
        await user.sees("1 orphan · 1 KB", "artifacts/model/1.zip")


async def test_a_bucket_with_versions_asks_for_the_name_to_delete_for_good(
    versioned: Beside,
) -> None:
    versioned.configure()
    versioned.put_models(1, 2)
    versioned.put_models(1, size=3000)
    async with opened() as user:
        await scanned(user)
        user.app.open_review(("model/1",))
        await user.sees("left in storage", "3 KB stay", "Type y to delete")
        await user.presses("V")
        await user.sees("Not possible here: no stored object is included.")
        await user.presses("b")
        await user.sees("hidden only: the bucket keeps versions", "Type 2 to delete")
        await user.presses("V")
        await user.sees("4 KB in every stored version of them: gone for good", "Type zoo to delete")
        await types_it(user, "zoo")
        await user.presses("enter")
        await user.sees("finished", "3 deleted")
    assert versioned.stored() == 1


async def test_lineage_that_is_not_known_needs_consent(beside: Beside) -> None:
    beside.configure()
    beside.server.become(UNTOLD)
    async with opened() as user:
        user.app.open_review(("model/1", "model/2"))
        await user.sees("needs your consent", "0 of 10 models scanned", "[u] include them")
        await user.sees("Nothing would be deleted as it stands")
        await user.presses("u")
        await user.sees("lineage unknown", "0 of 10 models scanned", "Type y to delete")
        await user.presses("u")
        await user.sees("Nothing would be deleted as it stands")


async def test_dependents_are_never_said_to_be_none_before_all_lineage_is_read(
    beside: Beside,
) -> None:
    beside.server.seed([Entry("1", "acme/net-1"), Entry("2", "acme/small", parents=("1",))])
    beside.server.become(UNTOLD)
    beside.configure()
    async with opened() as user:
        await user.presses("enter", "j")
        await user.sees("0 known, 0 of 2 models")
        beside.server.become()
        await user.presses("r")
        await scanned(user)
        await user.sees("1 direct, 1 in all")


async def test_a_storage_that_fails_is_said_and_blocks_nothing_else(beside: Beside) -> None:
    beside.bucket = "never-made"
    beside.configure()
    async with opened() as user:
        await scanned(user)
        user.app.open_review(("model/1",))
        await user.sees("what stays behind in it is not known", "There is no bucket never-made")
        await user.sees("Type y to delete")
        await user.presses("b")
        await user.sees("Not possible here: no storage was looked at for this plan.")


@SIZES
async def test_the_review(
    beside: Beside, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    beside.use(f"review-{size[0]}")
    beside.configure()
    beside.put_models(1, 2, 3, size=4000)
    async with opened(size) as user:
        await scanned(user)
        user.app.open_review(("model/1", "model/2"))
        await user.sees("left in storage", "tab to type here")
        await user.presses("b")
        await user.sees("stored objects", "Type 4", "tab to type here", " tab confirm")
        assert steady(user.screen) + "\n" == snapshot(extension_class=ScreenText)
