"""The trash: see it, bring it back, purge it, free the bytes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, cast

from artifact_tui.catalog import trash
from artifact_tui.model import Deletion
from tests.tui.browse.test_filter import in_a_bunch
from tests.tui.review.world import DAY, NOW, says_yes, types_it

if TYPE_CHECKING:
    import pytest

    from artifact_tui.catalog.listing import Sort
    from artifact_tui.catalog.trash import PastDeletion
    from artifact_tui.query import Where
    from artifact_tui.tui.screens.trash_screen import TrashScreen
    from tests.tui.review.world import World

HOUR = DAY // 24


def trashed(world: World, *numbers: int) -> list[str]:
    """Delete some of the versions, aliases and all; gives their keys."""
    keys = [world.keys()[number] for number in numbers]
    world.store.delete([Deletion(key, delete_aliases=True) for key in keys])
    return keys


async def test_shows_who_deleted_what_when_and_the_aliases_it_had(world: World) -> None:
    trashed(world, 1)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("2026-11-18 11:06 by ines", "resnet50:v1 candidate")
        await user.sees("1 version · 1 KB listed · 1 KB freed if all go")
        await user.presses("j")
        await user.sees("Deleted 2026-11-18", "(0 s ago) by ines", "had candidate")
        await user.sees("Purging it frees 1 KB after gc")


async def test_restores_the_row_and_says_which_alias_could_not_return(world: World) -> None:
    trashed(world, 1)
    world.store.alias(world.keys()[0], "candidate")
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("resnet50:v1")
        await user.presses("r")
        await user.sees("1 version restored.", "resnet50:v1 is back, but another version has")
    assert "resnet50:v1" in world.live()


async def test_restoring_many_lists_what_is_not_as_it_was(world: World) -> None:
    keys = trashed(world, 0, 1, 2)
    world.store.alias(world.add("resnet50"), "candidate")
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("3 versions")
        await user.presses("asterisk")
        await user.sees("3 marked")
        world.store.purge([keys[2]])
        await user.presses("r")
        await user.sees(
            "Restored", "2 versions restored, 1 not.", "was not restored", "is back, but"
        )
        await user.presses("q")
        await user.sees("The trash is empty.")


async def test_purges_through_a_review_and_frees_what_was_promised(world: World) -> None:
    trashed(world, 0, 2)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("2 versions · 2 KB listed · 2 KB freed if all go")
        await user.presses("j", "space", "space", "d")
        await user.sees("Purge · 2 versions", "2 KB listed, 2 KB freed after gc; gone for good")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("finished", "2 purged")
        await user.presses("escape")
        await user.sees("The trash is empty.")
        await user.presses("c")
        await user.sees("2 stored objects that no version needs: 2 KB freed.")
        await says_yes(user, "y goes ahead")
        await user.sees("2 KB freed.")
        await user.presses("c")
        await user.sees("Nothing to free")
    assert len(world.keys()) == 3


async def test_read_only_restores_and_frees_nothing(world: World) -> None:
    trashed(world, 0)
    async with world.opened(read_only=True) as user:
        await user.presses("u")
        await user.sees("(r restore)", "(c gc)", "◇ read-only")
        await user.presses("r")
        await user.sees("Not possible here: this session is read-only.")
        await user.presses("d")
        await user.sees("Nothing can be deleted: this session is read-only.")
    assert "resnet50:v0" not in world.live()


async def test_an_empty_trash_says_what_comes_here(world: World) -> None:
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("The trash is empty.", "What is deleted comes here")
        await user.presses("r", "d", "space", "asterisk")
        await user.sees("The trash is empty.")


async def test_purge_of_a_parent_asks_about_its_live_dependents(world: World) -> None:
    world.store.delete([Deletion(world.keys()[3], orphan_dependents=True)])
    async with world.opened() as user:
        await user.presses("u", "j")
        await user.sees("imagenet:v0", "1 live dependent")
        await user.presses("d")
        await user.sees("live versions outside this plan were made from it")
        await user.sees("[o] let those lose a parent")
        assert "include those too" not in user.screen
        await user.presses("w")
        await user.sees("Not possible here: a purge takes nothing along.")
        await user.presses("o")
        await user.sees("Type vision to purge")


def deleted_twice(world: World) -> None:
    """Two versions by ines, and two hours later one by bo."""
    world.store.clock = lambda: NOW - 2 * HOUR
    trashed(world, 0, 1)
    world.store.actor, world.store.clock = "bo", lambda: NOW
    trashed(world, 2)


async def test_stands_by_deletion_the_last_one_first(world: World) -> None:
    deleted_twice(world)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("2026-11-18 11:06 by bo", "2026-11-18 09:06 by ines", "3 versions")
        lines = user.screen.splitlines()
        names = [line.split()[0] for line in lines if "resnet50:v" in line]
        assert names == ["resnet50:v2", "resnet50:v1", "resnet50:v0"]
        await user.presses("s", "w")
        await user.until(lambda: "by ines" in user.screen.splitlines()[2])


async def test_a_deletion_is_restored_as_a_whole(world: World) -> None:
    deleted_twice(world)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("by ines")
        await user.presses("j", "j", "h", "space", "k")
        await user.sees("2 marked · 2 KB listed · 2 KB would be freed   3 of 3")
        await user.presses("r")
        await user.sees("2 versions restored.")
        await user.sees_no("by ines")
    assert {"resnet50:v0", "resnet50:v1"} <= world.live()


async def test_filters_marks_a_range_and_keeps_what_a_filter_hides(world: World) -> None:
    deleted_twice(world)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("3 versions")
        await user.presses("slash")
        await user.types("version:v0|version:v2")
        await user.presses("enter")
        await user.sees("2 of 3 versions")
        await user.presses("v", "G", "space")
        await user.sees("2 marked", "2 of 3")
        await user.presses("slash")
        await user.presses(*["backspace"] * len("|version:v2"), "enter")
        await user.sees("2 marked (1 hidden)", "1 of 3")
        await user.presses("escape", "M")
        await user.sees("only the marked", "2 of 3")
        await user.presses("d")
        await user.sees("Purge · 2 versions")


async def test_marks_by_rule(world: World) -> None:
    deleted_twice(world)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("3 versions")
        await user.presses("plus")
        await user.sees("Mark by rule", "would mark 3 versions")
        await user.presses("tab")
        await user.types("99d")
        await user.sees("would mark 1 version")
        await user.presses("enter")
        await user.sees("1 newly marked", "1 marked")
        await user.presses("backslash")
        await user.sees("would unmark 3 versions")
        await user.presses("enter")
        await user.sees("1 newly unmarked", "3 versions · 3 KB listed")


async def test_its_marks_are_not_those_of_the_list(world: World) -> None:
    trashed(world, 0)
    async with world.opened() as user:
        await user.sees("4 of 4")
        await user.presses("l", "j", "space")
        await user.sees("1 marked")
        await user.presses("u")
        await user.sees("1 version · 1 KB listed")
        await user.presses("asterisk")
        await user.sees("1 marked")
        await user.presses("q")
        await user.sees("1 marked", "4 of 4")
        await user.presses("u")
        await user.sees("1 marked", "1 of 1")
        await user.presses("r")
        await user.sees("1 version restored.", "The trash is empty.")
        await user.presses("q")
        await user.sees("1 marked", "5 of 5")


async def test_many_are_marked_with_four_keys(world: World) -> None:
    keys = world.add_all("sweep", 123)
    world.store.delete([Deletion(key, delete_aliases=True) for key in keys])
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("123 versions")
        await user.presses("v", "G", "v", "d")
        await user.sees("Purge · 123 versions")


async def test_keys_in_a_burst_mean_what_they_would_one_by_one(world: World) -> None:
    trashed(world, 0, 1, 2)
    async with world.opened() as user:
        in_a_bunch(user, "u", "j", "space", "space", "d")
        await user.sees("Purge · 2 versions")


async def test_what_could_not_be_purged_stays_marked(world: World) -> None:
    keys = trashed(world, 0, 2)
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("2 versions")
        await user.presses("asterisk", "d")
        await user.sees("Purge · 2 versions")
        world.store.restore(keys[:1])
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("1 purged", "1 refused")
        await user.presses("escape")
        await user.sees("The trash is empty.")
    assert "resnet50:v0" in world.live()


async def test_a_deletion_is_only_what_its_very_own_person_deleted(world: World) -> None:
    keys = trashed(world, 0, 1, 2)
    with closing(sqlite3.connect(world.store.layout.db)) as conn, conn:
        sql = "UPDATE version SET deleted_by = 'ines' || char(0) || '\x1b[2J' WHERE key = ?"
        conn.execute(sql, (keys[2],))
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("by ines", "3 versions")
        assert "\x1b" not in user.screen
        await user.presses("r")
        await user.sees("1 version restored.", "2 versions")
    assert {"resnet50:v0", "resnet50:v1"}.isdisjoint(world.live())
    assert "resnet50:v2" in world.live()


async def test_a_deletion_that_changes_under_the_key_is_the_one_that_was_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted_twice(world)
    keys = world.keys()
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("by ines", "by bo")
        await user.presses("j", "j", "h")
        versions = cast("TrashScreen", user.app.screen).versions
        marked_any = versions.catalog.marked_any

        async def slowly() -> bool:
            """Meanwhile another session restores the first version of the deletion."""
            world.store.restore(keys[:1])
            versions.reload()
            await user.until(lambda: versions.answer is not None and versions.answer.among == 2)
            return await marked_any()

        monkeypatch.setattr(versions.catalog, "marked_any", slowly)
        await user.presses("r")
        await user.sees("1 version restored.")
    assert {"resnet50:v0", "resnet50:v1"} <= world.live()
    assert "resnet50:v2" not in world.live()


async def test_a_mark_that_has_just_gone_does_not_make_a_key_mean_the_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = trashed(world, 0, 2)
    gate, held = threading.Event(), threading.Event()
    deletions = trash.deletions

    def slowly(
        conn: sqlite3.Connection, where: Where, sort: Sort
    ) -> tuple[tuple[PastDeletion, ...], int]:
        held.set()
        assert gate.wait(60)
        return deletions(conn, where, sort)

    async with world.opened() as user:
        await user.presses("u")
        await user.sees("2 versions")
        await user.presses("j", "space")
        await user.sees("1 marked", "1 KB would be freed")
        monkeypatch.setattr(trash, "deletions", slowly)
        try:
            world.store.restore(keys[1:])
            await user.until(held.is_set)
            await user.presses("r")
            await user.sees("What was marked is not in the registry any more.")
        finally:
            gate.set()
        await user.sees("1 version · 1 KB listed")
    assert "resnet50:v0" not in world.live()


async def test_a_rule_within_a_deletion_bears_that_the_deletion_changes(world: World) -> None:
    deleted_twice(world)
    keys = world.keys()
    async with world.opened() as user:
        await user.presses("u")
        await user.sees("by ines", "by bo")
        await user.presses("j", "j", "h", "plus")
        await user.sees("Mark by rule", "only in 2026-11-18 09:06 by ines")
        world.store.restore(keys[:1])
        versions = cast("TrashScreen", user.app.screen).versions
        await user.until(lambda: versions.answer is not None and versions.answer.among == 2)
        await user.presses("tab", "tab", "tab", "tab", "space")
        await user.sees("would mark 1 version")
        await user.presses("enter")
        await user.sees("1 newly marked", "1 marked")
