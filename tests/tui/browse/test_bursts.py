"""Keys that come in one burst: each means what it would mean after all that was asked before it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from textual.events import Key

from artifact_tui import config
from artifact_tui.tui.widgets import marker
from tests.tui.browse.shelf import browse, cursor_line
from tests.tui.browse.test_filter import in_a_bunch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.model import File
    from tests.tui.browse.shelf import Shelf
    from tests.tui.support import User


@contextmanager
def held_up(user: User) -> Iterator[None]:
    """Keep marks from being written, as a slow disk or another program does."""
    path = config.marks_file(user.app.services.client.identity.uid)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (("l", "j", "space", "d"), ("Review · 1 version in 1", "resnet50:v5")),
        (("plus", "4", "enter", "d"), ("Review · 2 versions in 1", "resnet50:v0", "resnet50:v1")),
        (("G", "space", "space", "d"), ("Review · 1 version in 1", "distilled:v0")),
        (("space", "backslash", "enter", "G", "d"), ("Review · 1 version in 1", "distilled:v0")),
    ],
    ids=["marked", "by rule", "unmarked", "unmarked by rule"],
)
async def test_a_review_is_of_what_was_marked_before_it(
    shelf: Shelf, keys: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, *keys)
        await user.sees(*shown)


async def test_a_mark_waits_for_the_row_that_the_key_before_it_went_to(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        for _ in range(6):
            in_a_bunch(user, "g", "h", "r", "l", "j", "space")
            await user.sees("1 marked")
            in_a_bunch(user, "g", "h", "r", "l", "j", "space")
            await user.sees_no("1 marked")


async def test_a_range_and_whole_collections_count_from_their_keys(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "l", "j", "v", "j", "j", "v", "G", "space", "d")
        await user.sees("Review · 4 versions in 2 collections")


async def test_an_action_says_that_it_waits_for_a_mark_and_does_what_was_meant(
    shelf: Shelf,
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        with held_up(user):
            in_a_bunch(user, "l", "j", "space", "d")
            await user.sees("“d” waits (", "esc takes it back): a mark is being written.")
            assert browse(user).is_current
            await user.presses("j")
            assert "●" in user.line("v5")
        await user.sees("Review · 1 version in 1 collection", "resnet50:v5")


async def test_no_key_acts_on_what_a_filter_shows_that_cannot_be_meant(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "slash", *"-alias:prodution", "enter", "plus", "enter", "d")
        await user.sees("so this leaves nothing out. Did you mean “production”?")
        await user.until(lambda: not list(user.app.effects), "the keys to be forgotten")
        assert browse(user).is_current
        assert "marked" not in user.screen
        await user.presses("escape", "d")
        await user.sees("Review · 6 versions in 1 collection")


async def test_keys_wait_for_the_files_and_esc_leaves_them(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf.opened() as user:
        asked = asyncio.Event()

        async def never(_key: str) -> tuple[File, ...]:
            asked.set()
            await asyncio.Event().wait()
            return ()

        monkeypatch.setattr(user.app.services.client, "files", never)
        await user.sees("9 of 9")
        in_a_bunch(user, "l", "j", "f", "q")
        await user.sees("“q” waits (", "esc takes it back): the files are being asked for.")
        await user.presses("escape")
        await user.sees("Given up.")
        assert browse(user).is_current


async def test_many_marks_are_counted_before_they_are_written(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marker, "MANY", 0)
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.until(lambda: browse(user).versions.marker.totals is not None)
        with held_up(user):
            in_a_bunch(user, "space")
            await user.sees("6 marked")
        await user.sees("6 marked · 180 KB listed")
        with held_up(user):
            in_a_bunch(user, "g", "space")
            await user.sees_no("6 marked")
        await user.presses("G", "space")
        await user.sees("1 marked · 9 KB listed")


async def test_esc_takes_back_what_waits(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        with held_up(user):
            in_a_bunch(user, "space", "d", "t")
            await user.sees("esc takes it back): 6 marks of resnet50 are being written.")
            await user.presses("escape")
            await user.sees("Taken back. Still going on: 6 marks of resnet50 are being written.")
        await user.sees("6 marked")
        assert browse(user).is_current
        await user.presses("d")
        await user.sees("Review · 6 versions in 1 collection")


async def test_what_follows_a_mark_that_cannot_be_written_is_not_done(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        with held_up(user):
            in_a_bunch(user, "l", "j", "space", "d")
            await user.sees("Not marked: database is locked. The keys pressed since were dropped")
        assert browse(user).is_current
        await user.until(lambda: "●" not in user.line("v5"), "the mark to go")


@pytest.mark.parametrize(("key", "shown"), [("a", "Aliases and tags of"), ("T", "a change is for")])
async def test_changes_are_of_what_was_marked_before(shelf: Shelf, key: str, shown: str) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "l", "j", "space", "j", "space", key)
        await user.sees(f"{shown} {'2 versions' if key == 'a' else '2 marked versions'}")


async def test_only_the_marked_and_their_marks_in_one_burst(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "l", "j", "space", "space", "space", "M", "g", "j", "space", "space", "d")
        await user.sees("Review · 1 version in 1 collection", "resnet50:v3")


async def test_a_mark_of_the_lineage_counts_in_the_list(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "G", "l", "j", "L", "g", "space", "q", "d")
        await user.sees("Review · 1 version in 1 collection", "resnet50:v5")


async def test_everything_in_the_trash_and_its_restoring_in_one_burst(shelf: Shelf) -> None:
    shelf.throw_away(shelf.keys()[2])
    async with shelf.opened() as user:
        await user.sees("8 of 8")
        in_a_bunch(user, "u", "asterisk", "r")
        await user.sees("2 versions restored.", "The trash is empty.")


async def test_a_key_is_not_for_a_row_that_came_under_the_cursor_later(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("G")
        assert "distilled" in cursor_line(user)
        meant = Key("d", "d")
        shelf.throw_away(shelf.keys()[8])
        await user.sees("8 of 8")
        await user.until(lambda: "imagenet-mini" in cursor_line(user))
        user.app.post_message(meant)
        await user.sees("The list changed before “d”: see what is under the cursor, and press it.")
        assert browse(user).is_current
        await user.presses("d")
        await user.sees("Review · 2 versions in 1 collection")


async def test_the_beginning_of_a_range_stays_at_its_row(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("s")
        await user.sees("turn:")
        await user.presses("escape", "l", "l", "j", "j", "v", "j")
        shelf.put("resnet50", 1, 31_000)
        await user.sees("10 of 10")
        await user.presses("v")
        await user.sees("2 marked")
        assert "●" in user.line("v3 candidate")
        assert "●" in user.line("   v2")


@pytest.mark.parametrize(
    ("way", "there"),
    [(("G", "l", "j", "L"), "0 direct dependents"), (("T", "enter"), "expired already")],
    ids=["lineage", "retention"],
)
async def test_a_mark_elsewhere_that_cannot_be_written_is_drawn_and_taken_back(
    shelf: Shelf, way: tuple[str, ...], there: str
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses(*way)
        await user.sees(there)
        await user.presses("g")
        with held_up(user):
            in_a_bunch(user, "space", "d")
            await user.until(lambda: "●" in user.screen, "the mark to be drawn")
            await user.sees("Not marked: database is locked. The keys pressed since were dropped")
        await user.until(lambda: "●" not in user.screen, "the mark to go")
        assert "Review" not in user.screen


async def test_a_mark_of_the_retention_counts_for_what_follows(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "T", "enter", "space", "d")
        await user.sees("Review · 1 version in 1 collection")
