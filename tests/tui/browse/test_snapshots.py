"""Browse and what opens over it, in both sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.config import Config
from artifact_tui.tui import terminal
from tests.tui.review.snap import SIZES, looks_the_same
from tests.tui.support import NARROW, WIDE

if TYPE_CHECKING:
    import pytest
    from syrupy.assertion import SnapshotAssertion

    from tests.tui.browse.shelf import Shelf

Size = tuple[int, int]


@SIZES
async def test_collections(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        if size == WIDE:
            await user.sees("2026-09-29 11:06")
        looks_the_same(user, snapshot)


@SIZES
async def test_versions_and_detail(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "space", "j", "space", "k", "k", "k")
        await user.sees("2 marked")
        if size == WIDE:
            await user.sees("resnet50 v5")
        looks_the_same(user, snapshot)


async def test_detail_as_a_screen(shelf: Shelf, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "enter")
        await user.sees("weights.bin")
        looks_the_same(user, snapshot)


@SIZES
async def test_filter_with_an_error_and_offers(
    shelf: Shelf, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"net state:")
        await user.sees("live", "trash", "There is no value")
        looks_the_same(user, snapshot)


@SIZES
async def test_filtered_with_hidden_marks(
    shelf: Shelf, size: Size, snapshot: SnapshotAssertion
) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("space", "slash", *"type:dataset", "enter")
        await user.sees("6 marked (6 hidden)")
        looks_the_same(user, snapshot)


@SIZES
async def test_sort_menu(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("s")
        await user.sees("turn:")
        looks_the_same(user, snapshot)


@SIZES
async def test_rule(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("plus", "1")
        await user.sees("would mark 4 versions")
        looks_the_same(user, snapshot)


@SIZES
async def test_help(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size, read_only=True) as user:
        await user.sees("9 of 9")
        await user.presses("question_mark")
        await user.sees("Not possible here")
        looks_the_same(user, snapshot)


@SIZES
async def test_palette(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("colon", *"ma")
        await user.sees("only marked:")
        looks_the_same(user, snapshot)


@SIZES
async def test_lineage(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size) as user:
        await user.sees("9 of 9")
        await user.presses("j", "l", "l", "L")
        await user.sees("2 direct dependents")
        looks_the_same(user, snapshot)


@SIZES
async def test_ascii(shelf: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with shelf.opened(size, config=Config(ascii=True)) as user:
        assert user.app.services.signs is terminal.ASCII
        await user.sees("9 of 9")
        await user.presses("l", "l", "space", "s")
        await user.sees("turn:")
        assert user.screen.isascii()
        looks_the_same(user, snapshot)


@SIZES
async def test_empty(empty: Shelf, size: Size, snapshot: SnapshotAssertion) -> None:
    async with empty.opened(size) as user:
        await user.sees("Nothing here")
        looks_the_same(user, snapshot)


async def test_without_colour_nothing_but_the_terminals_own_is_sent(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "space", "s")
        await user.sees("turn:")
        for strip in user.app.screen._compositor.render_strips():
            for segment in strip:
                style = segment.style
                assert style is None or style.color is None or style.color.is_default
                assert style is None or style.bgcolor is None or style.bgcolor.is_default
