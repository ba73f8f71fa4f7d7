"""Marking: rows, ranges, rules; what is hidden, and what outlives the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.tui.widgets import marker
from tests.tui.browse.shelf import cursor_line
from tests.tui.browse.test_filter import in_a_bunch

if TYPE_CHECKING:
    import pytest

    from tests.tui.browse.shelf import Shelf


async def test_space_marks_and_goes_down(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "space", "space")
        await user.sees("2 marked · 60 KB listed · 60 KB would be freed")
        assert "●" in user.line("v5 production")
        assert "◐" in user.line("▾ resnet50")
        assert "v3" in cursor_line(user)
        await user.presses("k", "space")
        await user.sees("1 marked")
        assert "●" not in user.line("   v4 ")


async def test_marks_outlive_the_program(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("space")
        in_a_bunch(user, "space", "q")
        await user.until(lambda: user.app.return_code is not None)
    async with shelf.opened() as user:
        await user.sees("8 marked")
        assert "●" in user.line("▸ resnet50")


async def test_a_collection_is_marked_as_far_as_it_is_listed(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"alias:none", "enter")
        await user.sees("6 of 9")
        await user.presses("space")
        await user.sees("4 marked")
        assert "●" in user.line("▸ resnet50")
        await user.presses("escape")
        await user.sees("9 of 9")
        assert "◐" in user.line("▸ resnet50")
        await user.presses("k", "space")
        await user.sees("6 marked")
        await user.presses("k", "space")
        await user.sees_no("marked")


async def test_hidden_marks_are_counted_and_shown_alone(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "space", "j", "j", "space")
        await user.sees("2 marked")
        await user.presses("slash", *"alias:any", "enter")
        await user.sees("2 marked (1 hidden)", "3 of 9")
        await user.presses("M")
        await user.sees("● only the marked  / alias:any", "1 of 9")
        await user.presses("slash", "ctrl+u", "enter")
        await user.sees("2 of 9")
        await user.presses("M")
        await user.sees("9 of 9")


async def test_what_is_unmarked_leaves_the_list_of_marks(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "space", "space", "space")
        await user.sees("3 marked")
        await user.presses("M")
        await user.sees("3 of 9")
        await user.presses("g", "j", "space")
        await user.sees("2 of 9")
        await user.presses("space")
        await user.sees("1 of 9")
        await user.presses("space")
        await user.sees("Nothing is marked: M or esc shows everything again.")
        await user.presses("escape")
        await user.sees("9 of 9")


async def test_a_range_is_marked(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "v")
        await user.sees("Range: move, then v or space marks it; esc gives it up.")
        await user.presses("j", "j")
        assert user.screen.count("┃") == 3
        await user.presses("v")
        await user.sees("3 marked")
        assert "┃" not in user.screen


async def test_a_long_range_is_marked_by_places(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marker, "LONG_RANGE", 1)
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "j", "space", "k", "k", "v", "j", "j", "v")
        await user.sees("3 marked")
        for name in ("v5", "v4", "v3"):
            assert "●" in user.line(f"   {name}")
        assert "●" not in user.line("   v2")
        await user.presses("d")
        await user.sees("Review · 3 versions in 1 collection")


async def test_a_range_goes_over_collections_and_escape_gives_it_up(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "G", "v", "g", "escape")
        assert "┃" not in user.screen
        await user.presses("G", "v", "k", "k", "k", "space")
        await user.sees("5 marked")
        assert "●" in user.line("▸ imagenet-mini")
        assert "●" in user.line("   v0 ")
        assert "●" in user.line("   v1 ")


async def test_a_row_that_is_still_being_read_is_marked_all_the_same(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "l", "j", "space", "space")
        await user.sees("2 marked")
        assert "●" in user.line("v5 production")
        assert "●" in user.line("   v4 ")


async def test_a_rule_keeps_the_newest_and_what_has_an_alias(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("plus")
        await user.sees("Mark by rule", "filter: alias:none", "would mark 6 versions")
        await user.presses("1")
        await user.sees("filter: -latest:1 alias:none", "would mark 4 versions")
        await user.presses("tab", *"85d")
        await user.sees("age>85d", "would mark 2 versions")
        await user.presses("enter")
        await user.sees("2 newly marked.", "2 marked")
        await user.presses("l")
        await user.sees("v0")
        assert "●" in user.line("   v0")
        assert "●" in user.line("   v1")


async def test_a_rule_for_one_collection_and_what_cannot_be_read(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("plus", *"x")
        await user.sees("filter: -latest:x", "latest")
        await user.presses("enter")
        await user.sees("Mark by rule")
        await user.presses("backspace", "tab", "tab", "space", "tab", "tab", "space")
        await user.sees("[x] only in resnet50", "filter: everything", "would mark 6 versions")
        await user.presses("enter")
        await user.sees("6 marked")


async def test_a_rule_takes_marks_away(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("space")
        await user.sees("6 marked")
        await user.presses("backslash")
        await user.sees("Unmark by rule", "filter: everything")
        await user.presses("tab", "tab", "space")
        await user.sees("filter: alias:none")
        await user.presses("enter")
        await user.sees("4 newly unmarked.", "2 marked")
        await user.presses("backslash", "escape")
        await user.sees("2 marked")


async def test_a_rule_sees_the_filter(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"net-mini | distilled", "enter")
        await user.sees("3 of 9")
        await user.presses("plus")
        await user.sees("would mark 2 versions")
        await user.presses("enter")
        await user.sees("2 marked")


async def test_shared_bytes_are_not_counted_as_freed(shelf: Shelf) -> None:
    new = shelf._new("twin")
    with shelf.store.reading() as conn:
        (sample,) = conn.execute("SELECT key FROM version WHERE label = 'v0' LIMIT 1").fetchone()
    path = shelf.store.files(sample)[0]
    shelf.store.export(sample, shelf.store.layout.root.parent / "out")
    data = (shelf.store.layout.root.parent / "out" / path.path).read_bytes()
    shelf.store.add_many([(new, {"copy.bin": data})], durable=False)
    async with shelf.opened() as user:
        await user.sees("10 of 10")
        await user.presses("slash", *"twin", "enter", "space")
        await user.sees("1 marked · 48 KB listed · 0 B would be freed")


async def test_marks_on_what_someone_else_threw_away_are_hidden_ones(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("G", "space")
        await user.sees("1 marked")
        shelf.throw_away(shelf.keys()[8])
        await user.sees("8 of 8", "1 marked (1 hidden)")
