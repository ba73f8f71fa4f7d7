"""Collections that hold nothing: W&B keeps them, and they can be deleted from the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.wandb.scenes import Link, Series, Shelf
from tests.tui.wandb.test_deleting import applies
from tests.tui.wandb.world import goes_to

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server
    from tests.tui.support import User
    from tests.tui.wandb.world import Project

HUSK = "acme/vision/husk"
BARE = "acme/vision/bare"


@pytest.fixture
def emptied(server: Server) -> Server:
    """A sequence and a portfolio without any version."""
    server.add(series=[Series(path=HUSK)], shelves=[Shelf(path=BARE)])
    server.clear()
    return server


async def goes_to_empty(user: User, name: str) -> None:
    tree = user.app.screen.tree_list  # type: ignore[attr-defined]
    await user.until(
        lambda: name in [row.name for row in tree.outline.heads], f"{name} to be there"
    )
    (index,) = [n for n, row in enumerate(tree.outline.heads) if row.name == name]
    tree.go(type(tree.place)(index))


async def test_it_is_listed_with_nothing_in_it_unless_something_is_filtered(
    emptied: Server, team: Project
) -> None:
    async with team.opened() as user:
        await user.sees("husk", "bare", "22 of 22")
        await goes_to_empty(user, "husk")
        for key in ("enter", "space", "l"):
            await user.presses(key)
            await user.sees("This collection is empty: d reviews the deletion")
        await user.sees_no("marked")
        await user.presses("slash", *"type:model", "enter")
        await user.sees_no("husk")
        await user.presses("escape")
        await user.sees("husk")
        await user.presses("M")
        await user.sees("Nothing is marked")
        await user.sees_no("husk")
    assert emptied.done() == []


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("husk", f"deleteArtifactSequence {HUSK}"),
        ("bare", f"deleteArtifactPortfolio {BARE}"),
    ],
)
async def test_its_deletion_is_reviewed_and_asks_for_its_name(
    emptied: Server, team: Project, name: str, call: str
) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to_empty(user, name)
        await user.presses("d")
        await user.sees("Review · 1 empty collection", f"one request each: {name} (empty)")
        await user.sees(f"Type {name} to delete")
        await applies(user, name)
        await user.sees("finished", "delete 1 item")
        await user.presses("escape")
        await user.presses("r")
        await user.sees("22 of 22")
        await user.sees_no(name)
    assert emptied.done() == [call]


@pytest.mark.parametrize("path", ["acme/vision/small", "acme/vision/sweep"])
async def test_a_deleted_collection_that_is_still_listed_is_no_empty_one(
    emptied: Server, team: Project, path: str
) -> None:
    emptied.change(deleted_collections=True)
    name = path.rpartition("/")[2]
    async with team.opened(frozen=False) as user:
        await goes_to(user, f"{name}:v0")
        await user.presses("h", "d")
        await user.sees("one request deletes the collection too")
        await user.presses("c")
        await applies(user, name)
        await user.sees("finished")
        await user.presses("escape", "r")
        await user.sees("husk")
        await user.sees_no(name)


async def test_what_is_not_empty_any_more_stays(emptied: Server, team: Project) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to_empty(user, "bare")
        await user.presses("d")
        await user.sees("Review · 1 empty collection", "tab to type here")
        emptied.add(links=[Link(portfolio=BARE, version="acme/vision/mnist:v0")])
        await applies(user, "bare")
        await user.sees("1 refused")
    assert emptied.done() == []


async def test_a_collection_stays_as_an_empty_one_when_all_its_versions_went(
    emptied: Server, team: Project
) -> None:
    async with team.opened(frozen=False) as user:
        await goes_to(user, "small:v0")
        await user.presses("d")
        await user.sees("Review · 1 version")
        await applies(user, "small")
        await user.sees("1 deleted", "finished")
        await user.presses("escape", "r")
        await user.sees("21 of 21", "small")
        await goes_to_empty(user, "small")
        await user.presses("d")
        await user.sees("small (empty)")
        await applies(user, "small")
        await user.sees("finished")
        await user.presses("escape", "r")
        await user.sees("21 of 21")
        await user.sees_no("small")
    assert emptied.done()[-1] == "deleteArtifactSequence acme/vision/small"


async def test_walking_from_version_to_version_leaves_it_out(
    emptied: Server, team: Project
) -> None:
    async with team.opened() as user:
        await goes_to_empty(user, "husk")
        await user.presses("n")
        await user.sees("There is no further version in the list.")
        await user.presses("N")
        tree = user.app.screen.tree_list  # type: ignore[attr-defined]
        await user.until(lambda: tree.place.index is not None, "the cursor to be on a version")
        assert user.app.screen.versions.collection.versions  # type: ignore[attr-defined]
