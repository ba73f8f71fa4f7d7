"""Ingesting again from a corrected address, and undoing a plan where there is no trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.orphans.test_screen import opened, steady
from tests.servers.rest.registry import Entry
from tests.tui.review.conftest import world
from tests.tui.review.snap import SIZES, ScreenText
from tests.tui.review.world import says_yes, types_it

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.orphans.beside import Beside
    from tests.tui.review.world import World
    from tests.tui.support import User

__all__ = ["world"]

WRONG = "https://huggingface.co/acme/wrong"


def with_a_wrong_address(beside: Beside) -> None:
    """One dataset, ingested from a wrong address."""
    beside.server.seed([Entry("11", "acme/net-1", "dataset", url=WRONG)])
    beside.configure()


async def to_the_dialog(user: User) -> None:
    """Expand the one collection, go to its version, ask."""
    await user.presses("enter", "j")
    await user.sees("▾ acme/net-1")
    await user.presses("I")
    await user.sees("Ingest again", WRONG, "Lost for good: its id and its metrics.")


async def test_a_failed_artifact_is_ingested_again_from_a_corrected_address(
    beside: Beside,
) -> None:
    with_a_wrong_address(beside)
    async with opened() as user:
        await to_the_dialog(user)
        await user.presses(*["backspace"] * len("wrong"))
        await user.types("right")
        await user.sees(f"instead of {WRONG}")
        await user.presses("enter")
        await user.sees("then made again", "from https://huggingface.co/acme/right once")
        await types_it(user, "acme/net-1")
        await user.presses("enter")
        await user.sees("finished", "1 entry made again.", "a new id, new metrics.")
    (entry,) = beside.server.entries()
    assert (entry.type, entry.url) == ("dataset", "https://huggingface.co/acme/right")
    assert entry.id != "11"


async def test_leaving_the_dialog_or_the_review_does_nothing(beside: Beside) -> None:
    with_a_wrong_address(beside)
    async with opened() as user:
        await to_the_dialog(user)
        await user.presses("escape")
        await user.sees_no("Ingest again")
        await user.presses("I")
        await user.sees("Ingest again")
        await user.presses("enter")
        await user.sees("then made again")
        await user.presses("escape")
        await user.sees("space mark")
    assert [entry.id for entry in beside.server.entries()] == ["11"]


async def test_what_a_task_deleted_is_made_again_with_the_plain_words(beside: Beside) -> None:
    with_a_wrong_address(beside)
    async with opened() as user:
        user.app.open_review(("dataset/11",))
        await types_it(user, "acme/net-1")
        await user.presses("enter")
        await user.sees("finished", "1 deleted")
        assert not beside.server.entries()
        await user.presses("m")
        await user.sees(
            "This task deleted 1 item.", "new metrics. What was deleted", "not brought back"
        )
        await says_yes(user, "y makes them again")
        await user.sees("1 entry made again.", "acme/net-1:11 is now dataset/")
        await user.presses("m")
        await says_yes(user, "y makes them again")
        await user.sees("by an earlier try")
    (entry,) = beside.server.entries()
    assert entry.url == WRONG


async def test_read_only_and_local_registries_say_why(beside: Beside, world: World) -> None:
    beside.configure(read_only=True)
    async with opened() as user:
        await user.presses("I")
        await user.sees("Not possible here: this session is read-only.")
    async with world.opened() as user:
        await user.presses("I")
        await user.sees("Not possible here: this registry makes nothing from an address")


@SIZES
async def test_the_dialog(
    beside: Beside, size: tuple[int, int], snapshot: SnapshotAssertion
) -> None:
    with_a_wrong_address(beside)
    async with opened(size) as user:
        await to_the_dialog(user)
        assert steady(user.screen) + "\n" == snapshot(extension_class=ScreenText)
