"""What only W&B shows, in both sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.config import Config
from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.review.world import box_opens
from tests.tui.support import WIDE
from tests.tui.wandb.world import MODELS, fixed_milliseconds, goes_to

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.servers.wandb.process import Server
    from tests.tui.support import User
    from tests.tui.wandb.world import Project

Size = tuple[int, int]


async def rests_on(user: User, name: str, size: Size) -> None:
    """Go to a version, and wait until its lineage has been told."""
    await goes_to(user, name)
    await user.until(lambda: not user.app.services.asker.busy, "the answer about lineage")
    if size == WIDE:
        await user.sees(name.replace(":", " "), "made from   nothing that is known")
    fixed_milliseconds(user)
    await user.sees("38 ms")


@SIZES
async def test_links_and_charges(team: Project, size: Size, snapshot: SnapshotAssertion) -> None:
    async with team.opened(size) as user:
        await goes_to(user, "job-train:v0")
        await goes_to(user, "candidates:v0")
        await rests_on(user, "mnist:v2", size)
        await user.sees("↳1")
        looks_the_same(user, snapshot)


@SIZES
async def test_in_ascii(team: Project, size: Size, snapshot: SnapshotAssertion) -> None:
    async with team.opened(size, config=Config(ascii=True)) as user:
        await goes_to(user, "candidates:v0")
        await rests_on(user, "mnist:v2", size)
        await user.sees(">1")
        assert user.screen.isascii()
        looks_the_same(user, snapshot)


@SIZES
async def test_review_with_consents(team: Project, size: Size, snapshot: SnapshotAssertion) -> None:
    async with team.opened(size) as user:
        await user.presses("slash", *"mnist|candidates|job", "enter")
        await user.sees("8 of 22")
        await user.presses("space", "space", "space", "d")
        await user.sees("Review")
        await box_opens(user)
        looks_the_same(user, snapshot)


@SIZES
async def test_review_of_a_whole_collection(
    team: Project, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with team.opened(size) as user:
        await goes_to(user, "sweep:v3")
        await user.presses("h", "d")
        await user.sees("cheaper")
        await user.presses("c")
        await user.sees("whole collections")
        await box_opens(user)
        looks_the_same(user, snapshot)


@SIZES
async def test_a_trash_that_can_only_be_seen(
    server: Server, team: Project, size: Size, snapshot: SnapshotAssertion
) -> None:
    server.ask(
        "mutation($i:DeleteArtifactInput!){deleteArtifact(input:$i){artifact{id}}}",
        i={"artifactID": server.ids()[f"{MODELS}:v0"]},
    )
    async with team.opened(size) as user:
        await user.presses("u")
        await user.sees("mnist:v0", "W&B frees the bytes")
        looks_the_same(user, snapshot)


@SIZES
async def test_lineage_that_was_not_all_asked_for(
    team: Project, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with team.opened(size) as user:
        await goes_to(user, "digits:v0")
        await user.presses("L")
        await user.sees("digits v0: 1 direct dependent, 1 in all")
        looks_the_same(user, snapshot)
