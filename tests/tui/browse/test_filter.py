"""Narrowing the list while typing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.events import Key, Paste

from tests.tui.browse.shelf import browse, cursor_line
from tests.tui.support import NARROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tests.tui.browse.shelf import Shelf
    from tests.tui.support import User


def in_a_bunch(user: User, *keys: str) -> None:
    """Keys that arrive together, as over a slow line."""
    for key in keys:
        user.app.post_message(Key(key, key if len(key) == 1 else None))


async def test_each_character_narrows_and_enter_keeps_the_filter(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"type:dataset")
        await user.sees("2 of 9", "imagenet-mini")
        await user.sees_no("▸ resnet50")
        await user.presses("enter")
        await user.sees("/ type:dataset")
        assert browse(user).tree_list.has_focus
        await user.presses("l")
        await user.sees("v0 stable")


async def test_escape_gives_the_filter_from_before_back_and_then_clears_it(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"net", "enter")
        await user.sees("8 of 9", "/ net")
        await user.presses("slash", *" age>150d")
        await user.sees("2 of 9")
        await user.presses("escape")
        await user.sees("8 of 9", "/ net")
        await user.presses("escape")
        await user.sees("9 of 9")
        await user.sees_no("/ net")


async def test_what_cannot_be_read_is_pointed_at_and_the_list_stays(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"age>30x")
        await user.sees("age cannot be compared with this. Expected")
        lines = user.screen.splitlines()
        typed = next(i for i, line in enumerate(lines) if line.startswith(" / age>30x"))
        assert lines[typed - 1].index("▾") == lines[typed].index("3")
        await user.presses("enter")
        assert not browse(user).tree_list.has_focus
        await user.presses("backspace", "d", "enter")
        await user.sees_no("Expected")
        await user.sees("9 of 9", "/ age>30d")


async def test_nothing_matches(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"nobody", "enter")
        await user.sees("Nothing matches the filter: esc clears it.", "0 of 9")
        await user.presses("n")
        await user.sees("There is no further version in the list.")
        await user.presses("escape")
        await user.sees("9 of 9")


async def test_fields_and_values_that_exist_are_offered(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"al")
        await user.sees("alias:")
        await user.presses("tab")
        await user.sees("/ alias:")
        await user.presses(*"pro")
        await user.sees("production")
        await user.presses("tab", "enter")
        await user.sees("/ alias:production", "1 of 9")


async def test_values_that_are_found_after_enter_are_not_offered_any_more(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        go_on, given = asyncio.Event(), asyncio.Event()
        versions = browse(user).versions
        values, offer_values = versions.catalog.values, versions.filter_bar.offer_values

        async def late(field: str, word: str, **options: Any) -> Sequence[str]:
            await go_on.wait()
            return await values(field, word, **options)

        def offered(field: str, word: str, values: Sequence[str]) -> None:
            offer_values(field, word, values)
            given.set()

        monkeypatch.setattr(versions.catalog, "values", late)
        monkeypatch.setattr(versions.filter_bar, "offer_values", offered)
        await user.presses("slash", *"alias:produc", "enter")
        await user.sees("0 of 9")
        go_on.set()
        await user.until(given.is_set, "the values to be found")
        await user.sees_no("production")


async def test_the_offers_are_chosen_with_the_arrows(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"s")
        await user.sees("state:", "size>", "size<")
        await user.sees_no("stored")
        await user.presses("down", "tab")
        await user.sees("/ size>")
        await user.presses("ctrl+u", *"s", "up", "tab")
        await user.sees("/ size<")


async def test_keys_that_come_in_a_bunch_go_where_they_would_have_gone_one_by_one(
    shelf: Shelf,
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "slash", *"type:dataset", "enter", "l", "l", "space", "q")
        await user.until(lambda: not user.app.is_running or user.app.return_code is not None)
    async with shelf.opened() as user:
        await user.sees("1 marked", "9 of 9")


async def test_what_is_pasted_waits_for_its_turn_and_loses_what_cannot_be_seen(
    shelf: Shelf,
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        user.app.post_message(Key("slash", "/"))
        user.app.post_message(Paste("type:\x1b[31mmodel\nrm -rf"))
        await user.sees("/ type:[31mmodel")
        await user.sees_no("rm -rf")


async def test_it_fits_a_narrow_screen(shelf: Shelf) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"resnet50 alias:none age>10d", "enter")
        await user.sees("/ resnet50 alias:none age>10d", "4 of 9")
        assert all(len(line) <= 80 for line in user.screen.splitlines())


async def test_the_cursor_goes_with_its_row(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "j", "j")
        assert "v3 candidate" in cursor_line(user)
        await user.presses("slash", *"alias:any", "enter")
        await user.sees("3 of 9")
        assert "v3 candidate" in cursor_line(user)
        await user.presses("escape")
        await user.sees("9 of 9")
        await user.until(lambda: "v3 candidate" in cursor_line(user))


async def test_what_this_registry_never_tells_and_slips_are_pointed_out(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"registry:any")
        await user.sees("This registry does not tell any link", "9 of 9")
        await user.presses("enter")
        assert not browse(user).tree_list.has_focus
        await user.presses("escape", "slash", *"-alias:prodution")
        await user.sees("Nothing here has the alias “prodution”, so this leaves nothing out.")
        await user.presses("enter")
        assert browse(user).tree_list.has_focus
        await user.sees("leaves nothing out")
        await user.presses("j")
        await user.sees("9 of 9")
