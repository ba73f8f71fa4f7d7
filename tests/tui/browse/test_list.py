"""Walking through the list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from artifact_tui.tui.widgets.outline import Outline
from tests.tui.browse.shelf import browse, cursor_line
from tests.tui.support import NARROW

if TYPE_CHECKING:
    import pytest

    from tests.tui.browse.shelf import Shelf


async def test_the_biggest_collection_comes_first_with_totals_above(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("3 collections · 9 versions · 284 KB", "9 of 9", "◆ armed")
        names = [name for name in ("resnet50", "imagenet-mini", "distilled") if name in user.screen]
        lines = [user.screen.index(name) for name in names]
        assert lines == sorted(lines)
        assert cursor_line(user).split()[:3] == ["▸", "resnet50", "model"]


async def test_a_collection_is_expanded_walked_through_and_collapsed(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        await user.presses("l")
        await user.sees("▾ resnet50", "v5 production⚿ latest")
        await user.presses("l")
        assert "v5" in cursor_line(user)
        await user.presses("j", "j")
        assert "v3 candidate" in cursor_line(user)
        await user.presses("h")
        assert "resnet50" in cursor_line(user)
        await user.presses("h")
        await user.sees("▸ resnet50")
        await user.sees_no("v3 candidate")


async def test_arrows_and_enter_do_the_same(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        await user.presses("down", "enter")
        await user.sees("▾ imagenet-mini", "v0 stable")
        await user.presses("right", "down")
        assert "v1" in cursor_line(user)
        await user.presses("left", "left")
        await user.sees("▸ imagenet-mini")


async def test_top_bottom_and_pages(empty: Shelf) -> None:
    empty.add_all("sweep", 100)
    async with empty.opened(NARROW) as user:
        await user.sees("sweep")
        await user.presses("l", "G")
        await user.sees("v99 ")
        assert browse(user).tree_list.cursor == 100
        await user.presses("g")
        assert browse(user).tree_list.cursor == 0
        await user.presses("ctrl+d")
        assert browse(user).tree_list.cursor == browse(user).tree_list.page_lines // 2
        await user.presses("ctrl+u")
        assert browse(user).tree_list.cursor == 0
        await user.presses("pagedown")
        assert browse(user).tree_list.cursor == browse(user).tree_list.page_lines
        assert "v" in cursor_line(user)


async def test_the_newest_comes_first_where_the_order_does_not_tell_versions_apart(
    empty: Shelf,
) -> None:
    empty.add_all("sweep", 5)
    async with empty.opened() as user:
        await user.sees("sweep")
        await user.presses("s", "n", "l")
        await user.sees("v4")
        labels = [line.split()[0] for line in user.screen.splitlines() if line.startswith("     v")]
        assert labels == ["v4", "v3", "v2", "v1", "v0"]


async def test_next_and_previous_version_expand_on_the_way(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        await user.presses("j", "n")
        await user.sees("v0 stable")
        assert "v0 stable" in cursor_line(user)
        await user.presses("N")
        await user.sees("v4")
        assert "v0" in cursor_line(user)
        assert "▾ resnet50" in user.screen


async def test_past_the_last_version_it_says_so(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("distilled")
        await user.presses("G", "n")
        await user.sees("v0")
        await user.presses("n")
        await user.sees("There is no further version in the list.")
        await user.presses("k")
        await user.sees_no("There is no further version")


async def test_sorting_by_menu_and_turning_the_order_round(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("size ▾")
        await user.presses("s")
        await user.sees("Sort", "turn: small first")
        await user.presses("s")
        await user.sees("size ▴")
        await user.until(lambda: user.screen.index("▸ distilled") < user.screen.index("▸ resnet50"))
        await user.presses("s", "j", "enter")
        await user.sees("age ▴")
        await user.presses("s", "escape")
        await user.sees_no("turn:")
        assert "age ▴" in user.screen


async def test_the_cursor_stays_on_its_version_when_the_order_changes(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        await user.presses("l", "l", "j", "j")
        assert "v3 candidate" in cursor_line(user)
        await user.presses("s", "a")
        await user.sees("age ▴")
        await user.until(lambda: "v3 candidate" in cursor_line(user))


async def test_an_empty_registry_says_what_to_do(empty: Shelf) -> None:
    async with empty.opened() as user:
        await user.sees("Nothing here: u shows the trash, artifact-tui add puts something in.")
        await user.presses("l", "h", "j", "space", "d", "y", "n", "G", "v", "v")
        await user.sees("0 of 0")


async def test_a_long_collection_is_fetched_by_windows(empty: Shelf) -> None:
    empty.add_all("sweep", 3000)
    async with empty.opened() as user:
        await user.sees("sweep")
        await user.presses("l", "G")
        await user.until(lambda: "v2999" in cursor_line(user))
        await user.presses("g", "pagedown", "pagedown", "ctrl+d")
        tree = browse(user).tree_list
        await user.until(lambda: tree.current is not None)
        held = sum(1 for _ in tree.outline.rows_here())
        assert held <= 2048


async def test_no_version_is_listed_that_is_in_the_trash_unless_asked_for(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"state:trash", "enter")
        await user.sees("1 of 10", "distilled")
        await user.presses("l")
        await user.sees("v1 ♺ trash")


async def test_a_row_that_is_opened_while_the_list_is_read_again_stays_open(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()
    read_lines = Outline.read_lines

    async def slow(self: Outline[object], first: int, last: int) -> None:
        reading.set()
        await go_on.wait()
        await read_lines(self, first, last)

    async with shelf.opened() as user:
        await user.sees("9 of 9")
        monkeypatch.setattr(Outline, "read_lines", slow)
        for number, (key, lines) in enumerate((("l", 9), ("h", 3)), start=10):
            go_on.clear()
            reading.clear()
            shelf.put("distilled", 1, 1_000)
            await user.until(reading.is_set, "the list to be read because of it")
            await user.presses(key)
            go_on.set()
            await user.sees(f"{number} of {number}")
            shown = user.screen.splitlines()[2:12]
            assert sum("   v" in line for line in shown) == lines - 3
            assert any("distilled" in line for line in shown[: lines + 1])
            assert browse(user).tree_list.count == lines
