"""Times to live, aliases and tags in a registry that inherits nothing: the local one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.edits import changes
from tests.tui.review.world import types_it
from tests.tui.support import NARROW

if TYPE_CHECKING:
    import pytest

    from tests.tui.browse.shelf import Shelf


async def test_what_expires_is_seen_by_period_and_by_version(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("T")
        await user.sees("Retention", "expired already            2", "within 3 months")
        await user.sees("3 versions with a time to live", "a change is for 6 versions")
        await user.presses("enter")
        await user.sees("◷ 30 d, expired 2026-09-09")
        await user.presses("h", "j", "enter")
        await user.sees("◷ 90 d, expires 2026-12-28")


async def test_what_has_expired_is_deleted_with_a_review(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("T")
        await user.sees("expired already            2")
        await user.presses("j", "d")
        await user.sees("These have not expired")
        await user.presses("k", "d")
        await user.sees("Review · 2 versions", "resnet50:v4")
        await user.presses("escape")
        await user.sees("Retention")
        await user.presses("enter")
        await user.sees("a change is for resnet50:v0")
        await user.presses("d")
        await user.sees("Review · 1 version")
        await user.presses("escape")
        await user.sees("Retention")
        await user.presses("space", "d")
        await user.sees("Review · 1 version", "resnet50:v0")


async def test_a_time_to_live_that_has_passed_asks_for_the_count(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("j", "space", "T")
        await user.sees("a change is for 2 marked versions")
        await user.presses("s")
        await user.types("1d")
        await user.sees("2 expire at once")
        await user.presses("enter")
        await user.sees("Type 2 to change  (2 expire at once)")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("That is not what is asked for")
        await user.presses("backspace", "2", "enter")
        await user.sees(
            "2 of 2 changed. 2 have expired: the filter ttl:expired plans their deletion."
        )
    with shelf.store.reading() as conn:
        query = "SELECT count(*) FROM version WHERE ttl_us = 86400000000"
        assert conn.execute(query).fetchone() == (2,)


async def test_the_row_is_changed_when_nothing_is_marked(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("T")
        await user.sees("a change is for 6 versions")
        await user.presses("enter")
        await user.sees("a change is for resnet50:v0")
        await user.presses("o")
        await user.sees("time to live off · resnet50:v0", "never expires", "Type y to change")
        await user.presses("escape", "i")
        await user.sees("Not possible here: its versions inherit no time to live.")
        await user.presses("space")
        await user.sees("a change is for 1 marked version")


async def test_what_a_change_is_for_follows_the_keyboard(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "j", "T")
        await user.sees("a change is for resnet50:v5")
        await user.presses("enter")
        await user.sees("a change is for resnet50:v0")
        await user.presses("j")
        await user.sees("a change is for resnet50:v4")
        await user.presses("s")
        await user.sees("Time to live of resnet50:v4")
        await user.presses("escape", "h")
        await user.sees("a change is for resnet50:v5")
        await user.presses("o")
        await user.sees("time to live off · resnet50:v5")


async def test_no_change_is_for_anything_until_something_is_chosen(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "j", "space", "T")
        await user.sees("a change is for 1 marked version")
        await user.presses("enter", "j", "j", "k", "k", "h", "j", "enter")
        await user.sees("a change is for 1 marked version")
        await user.presses("space")
        await user.sees("a change is for resnet50:v5")
        await user.presses("h")
        await user.sees("nothing is chosen for a change")
        await user.presses("o")
        await user.sees("Nothing is chosen: mark versions in the list, or go to one here.")


async def test_nothing_is_sent_by_leaving(shelf: Shelf) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("9 of 9")
        await user.presses("a")
        await user.sees("Aliases and tags of 6 versions")
        await user.presses("tab", "tab")
        await user.types("seen")
        await user.sees("6 versions would change")
        await user.presses("enter")
        await user.sees("Type y to change")
        await user.presses("y", "enter", "escape", "escape")
        await user.sees("9 of 9")
    with shelf.store.reading() as conn:
        assert conn.execute("SELECT count(*) FROM tag WHERE name = 'seen'").fetchone() == (0,)


async def test_a_protected_alias_is_moved_only_when_it_may_be(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "j", "j", "a")
        await user.sees("Aliases and tags of resnet50:v4", "now: no alias; tags: none")
        await user.types("candidate")
        await user.sees("resnet50:v4: +candidate (moves from v3)")
        await user.presses("enter")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("1 of 1 changed.", "candidate moved from v3")
        await user.presses("escape")
        await user.sees("v4 candidate")


async def test_names_that_cannot_be_are_refused_and_said_for_each(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "j", "a")
        await user.sees("Aliases and tags of resnet50:v4")
        await user.types("a:b")
        await user.presses("enter")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("0 of 1 changed, 1 not: see why.", "refused", "An alias may not contain")


async def test_a_mistake_is_said_while_it_is_typed(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "j", "a")
        await user.types("x")
        await user.presses("tab")
        await user.types("x")
        await user.sees("“x” cannot be added and taken away at once.")
        await user.presses("enter")
        await user.sees("“x” cannot be added")


async def test_a_session_that_only_reads_shows_the_dates_and_changes_nothing(
    shelf: Shelf,
) -> None:
    async with shelf.opened(read_only=True) as user:
        await user.sees("9 of 9")
        await user.presses("T")
        await user.sees(
            "expired already", "the filter ttl:expired plans their", "(s set)", "(o off)"
        )
        await user.presses("s")
        await user.sees("Not possible here: this session is read-only.")


async def test_no_more_is_changed_at_once_than_can_be_reviewed(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artifact_tui.edits.changes.MOST_SUBJECTS", 5)
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("a")
        await user.sees("6 versions are chosen: at most 5 can be changed at once.")
        await user.presses("T")
        await user.sees("a change is for 6 versions", "expired already")


async def test_many_versions_are_sent_some_at_a_time(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "EDIT_BATCH", 2)
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("a")
        await user.sees("Aliases and tags of 6 versions")
        await user.presses("tab", "tab")
        await user.types("seen")
        await user.sees("6 versions would change")
        await user.presses("enter")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("6 of 6 changed.")
    with shelf.store.reading() as conn:
        assert conn.execute("SELECT count(*) FROM tag WHERE name = 'seen'").fetchone() == (6,)


async def test_a_production_registry_asks_for_its_name_when_something_expires(
    shelf: Shelf,
) -> None:
    async with shelf.opened(production=True) as user:
        await user.sees("9 of 9")
        await user.presses("j", "T")
        await user.sees("a change is for 2 versions")
        await user.presses("s")
        await user.types("1d")
        await user.sees("2 expire at once")
        await user.presses("enter")
        await user.sees("Type vision to change  (2 expire at once)")
