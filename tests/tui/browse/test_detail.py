"""The detail of a row: beside the list when there is room, else a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.browse.shelf import browse, cursor_line
from tests.tui.support import NARROW

if TYPE_CHECKING:
    from tests.tui.browse.shelf import Shelf


async def test_everything_about_a_version(shelf: Shelf) -> None:
    async with shelf.opened((180, 40)) as user:
        await user.sees("resnet50")
        await user.presses("l", "l")
        await user.sees(
            "resnet50 v5",
            "sha256:",
            "production⚿ (protected) latest",
            "tags        vision",
            "30 KB, of which 30 KB only here",
            "2026-09-29 11:06 (50 d) by fancy-cat-7",
            "◷ 90 d, until 2026-12-28 11:06",
            "made from   nothing that is known",
            "dependents  1 direct, 1 in all",
            "└ distilled v0",
            "files       1",
            "weights.bin",
            "note        the one that serves",
        )


async def test_a_collection_shows_what_the_list_knows(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("versions    6", "newest      2026-09-29 11:06 (50 d)")


async def test_an_expired_ttl_is_told_by_a_sign_and_a_word(shelf: Shelf) -> None:
    async with shelf.opened((180, 40)) as user:
        await user.sees("resnet50")
        await user.presses("l", "G", "k", "k")
        await user.until(lambda: "expired" in cursor_line(user))
        await user.sees("⧖ 30 d, expired 2026-09-09 11:06")


async def test_the_pane_takes_the_keyboard_and_gives_it_back(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        await user.presses("l", "l")
        await user.sees("└ distilled v0")
        await user.presses("enter")
        assert browse(user).pane.has_focus
        before = cursor_line(user)
        await user.presses("j")
        assert cursor_line(user) == before
        for key in ("h", "tab", "escape"):
            if not browse(user).pane.has_focus:
                await user.presses("tab")
            await user.presses(key)
            assert browse(user).tree_list.has_focus


async def test_narrow_it_is_a_screen_of_its_own(shelf: Shelf) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("resnet50")
        await user.presses("l", "l")
        await user.sees_no("sha256:")
        await user.presses("enter")
        await user.sees("sha256:", "└ distilled v0", "detail")
        await user.presses("h")
        await user.sees("9 of 9")
        assert "v5" in cursor_line(user)


async def test_the_pane_comes_and_goes_with_the_width(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("newest")
        await user.presses("tab")
        assert browse(user).pane.has_focus
        await user.resizes(80, 24)
        await user.sees_no("newest")
        await user.sees("resnet50", "9 of 9")
        await user.until(lambda: browse(user).tree_list.has_focus)
        await user.resizes(120, 40)
        await user.sees("newest")


async def test_no_size_is_too_small(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        for width, height in ((40, 12), (20, 5), (1, 1), (10, 40), (200, 3)):
            await user.resizes(width, height)
            await user.presses("l", "j", "s", "escape", "question_mark", "escape")
        await user.resizes(120, 40)
        await user.sees("9 of 9")


async def test_lineage_is_walked_from_version_to_version(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("imagenet-mini")
        await user.presses("j", "l", "l")
        await user.presses("L")
        await user.sees("imagenet-mini v0: 2 direct dependents, 2 in all", "├ resnet50 v0")
        await user.presses("j", "space")
        await user.sees("● dependents ├ resnet50 v0")
        await user.presses("enter")
        await user.sees("resnet50 v1: 0 direct dependents", "made from  imagenet-mini v0")
        await user.presses("escape")
        await user.sees("imagenet-mini v0: 2 direct")
        await user.presses("j", "j", "o")
        await user.sees("9 of 9", "1 marked")
        await user.until(lambda: "v1" in cursor_line(user))


async def test_lineage_belongs_to_a_version(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("resnet50")
        await user.presses("L")
        await user.sees("Lineage belongs to a version")
