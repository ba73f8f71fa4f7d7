"""What leads away from the list, what is refused, and what helps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.base import Client
from artifact_tui.config import Config
from artifact_tui.tui import terminal
from artifact_tui.tui.key_bindings import rows_of
from tests.tui.browse.shelf import browse
from tests.tui.browse.test_filter import in_a_bunch
from tests.tui.support import NARROW

if TYPE_CHECKING:
    from tests.tui.browse.shelf import Shelf
    from tests.tui.support import User


class Poor(Client):
    """A registry without a trash and without lineage, in a folder of somebody else."""

    def __init__(self, inner: Client) -> None:
        self.identity, self.catalog_path = inner.identity, inner.catalog_path
        self._inner = inner

    @property
    def unwritable(self) -> str:
        return "you may not write to its folder"

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went to the clipboard."""
    texts: list[str] = []
    sequence_for = terminal.sequence_for
    monkeypatch.delenv("TMUX", raising=False)

    async def record(text: str) -> str:
        await sequence_for(text)
        texts.append(text)
        return ""

    monkeypatch.setattr(terminal, "sequence_for", record)
    return texts


async def test_review_of_the_row_of_a_collection_and_of_the_marks(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("j", "l", "l", "d")
        await user.sees("Review · 1 version in 1 collection", "imagenet-mini:v0")
        await user.presses("escape")
        await user.sees("9 of 9")
        await user.presses("h", "d")
        await user.sees("Review · 2 versions in 1 collection")
        await user.presses("escape")
        await user.sees("9 of 9")
        await user.presses("g", "space", "G", "space", "d")
        await user.sees("Review · 7 versions in 2 collections")


async def test_review_of_a_collection_is_of_what_the_filter_leaves(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("slash", *"alias:none", "enter", "d")
        await user.sees("Review · 4 versions in 1 collection")


async def test_read_only_refuses_with_the_reason(shelf: Shelf) -> None:
    async with shelf.opened(read_only=True) as user:
        await user.sees("◇ read-only", "(d review)")
        await user.presses("d")
        await user.sees("Not possible here: this session is read-only.")
        await user.presses("space")
        await user.sees("6 marked")
        await user.presses("d")
        await user.sees("Not possible here")
        assert browse(user).is_current


async def test_what_the_registry_cannot_do_is_disabled_with_the_reason(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        client = user.app.services.client
        user.app.services.client = Poor(client)
        browse(user).show_keys()
        await user.sees("(d review)", "(u trash)")
        for key, reason in (
            ("u", "this registry has no trash"),
            ("L", "this registry keeps no lineage"),
            ("d", "you may not write to its folder"),
        ):
            await user.presses(key)
            await user.sees(f"Not possible here: {reason}.")
        await user.presses("question_mark")
        await user.sees("Not possible here: this registry keeps")


async def test_a_folder_that_may_not_be_written_is_said(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda _path, mode, **_how: mode != os.W_OK)
    async with shelf.opened() as user:
        await user.sees("9 of 9", "◇ read-only", "(d review)")
        await user.presses("d")
        await user.sees("Not possible here: you may not write to its folder.")


async def test_tasks_and_trash_open_and_close(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        for key, word in (("t", "Tasks"), ("u", "Trash")):
            await user.presses(key)
            await user.sees(word)
            await user.presses("escape")
            await user.sees("9 of 9")


async def test_the_help_lists_every_key_of_the_screen_with_its_id(shelf: Shelf) -> None:
    async with shelf.opened((120, 200)) as user:
        await user.sees("9 of 9")
        await user.presses("question_mark")
        await user.sees("Help", "Signs", "Filter", "the newest three live versions")
        for row in rows_of("browse", "list", "app"):
            assert row.id in user.screen
        await user.presses("q")
        await user.sees_no("Signs")
        assert user.app.is_running


async def test_the_help_scrolls_on_a_small_screen(shelf: Shelf) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("9 of 9")
        await user.presses("question_mark")
        await user.sees("Help")
        await user.presses("G")
        await user.sees("the newest three live versions")
        await user.presses("escape")
        await user.sees("9 of 9")


async def test_the_palette_finds_a_command_and_starts_it(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("colon", *"only mar")
        await user.sees("only marked: Show only what is marked")
        await user.presses("enter")
        await user.sees("Nothing is marked")
        await user.presses("ctrl+p", *"theme nord", "enter")
        await user.until(lambda: user.app.theme == "nord")


async def test_the_palette_moves_with_the_arrows_and_says_what_cannot_be_done(
    shelf: Shelf,
) -> None:
    async with shelf.opened(read_only=True) as user:
        await user.sees("9 of 9")
        await user.presses("colon")
        await user.sees("this session is read-only")
        await user.presses("down", "enter")
        await user.sees("Not possible here: this session is read-only.")
        await user.presses("colon", "escape")
        await user.sees_no("Commands")


async def test_no_key_reaches_the_list_behind_a_dialog(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("s")
        await user.sees("turn:")
        await user.presses("space", "q")
        await user.sees_no("turn:")
        assert user.app.is_running
        await user.presses("plus", "tab", "tab", "d", "t")
        await user.sees("Mark by rule")
        await user.presses("escape")
        await user.sees("9 of 9")
        assert "marked" not in user.screen


async def test_names_are_copied(shelf: Shelf, copied: list[str]) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("y")
        await user.sees("Copied, if your terminal allows it: resnet50")
        await user.presses("l", "l", "y")
        await user.sees("Copied, if your terminal allows it: resnet50:v5")
        assert copied == ["resnet50", "resnet50:v5"]


async def test_a_name_that_may_do_harm_is_not_copied(empty: Shelf, copied: list[str]) -> None:
    empty.add("x\x1b]52;c;AAAA\x07\nrm")
    async with empty.opened() as user:
        await user.sees("1 of 1")
        await user.presses("y")
        await user.sees("Not copied")
        assert copied == []


async def test_ctrl_c_only_says_how_to_leave(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("ctrl+c")
        await user.sees("ctrl+q leaves. Tasks that are running go on.")


@pytest.mark.parametrize("keys", [("q",), ("ctrl+q",), ("slash", "a", "ctrl+q"), ("s", "ctrl+q")])
async def test_leaving(shelf: Shelf, keys: tuple[str, ...]) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses(*keys)
        await user.until(lambda: user.app.return_code == 0)


async def test_a_key_of_ones_own(shelf: Shelf) -> None:
    async with shelf.opened(config=Config(keys={"browse.mark": ("x",)})) as user:
        await _marks_with(user, "x")


async def test_sentences_name_the_keys_that_one_has(shelf: Shelf) -> None:
    own = {"browse.back": "f2", "browse.marked": "f3", "browse.range": "f4", "dialog.cancel": "f5",
           "app.quit": "f6", "browse.mark": "f7", "listing.back": "f8"}  # fmt: skip
    async with shelf.opened(
        config=Config(keys={name: (key,) for name, key in own.items()})
    ) as user:
        await user.sees("9 of 9")
        await user.presses("f3")
        await user.sees("Nothing is marked: f3 or f2 shows everything again.")
        await user.presses("f3")
        await user.sees("9 of 9")
        await user.presses("f4")
        await user.sees("Range: move, then f4 or f7 marks it; f2 gives it up.")
        await user.presses("f2", "ctrl+c")
        await user.sees("f6 leaves.")
        await user.presses("plus")
        await user.sees("tab next field   space turn   f5 cancel")


async def _marks_with(user: User, key: str) -> None:
    await user.sees("9 of 9", f"{key} mark")
    await user.presses("space")
    assert "marked" not in user.screen
    await user.presses(key)
    await user.sees("6 marked")


async def test_a_change_by_someone_else_shows_by_itself(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        await user.presses("l", "l", "j", "j")
        shelf.put("resnet50", 1, 40_000)
        await user.sees("10 of 10", "v6")
        await user.sees("resnet50 v3")
        shelf.throw_away(shelf.keys()[6])
        await user.sees("9 of 9")


async def test_refresh_reads_again(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        shelf.add("alone")
        await user.presses("r")
        await user.sees("10 of 10", "alone")


async def test_a_production_registry_says_so(shelf: Shelf) -> None:
    async with shelf.opened(production=True) as user:
        await user.sees("production", "9 of 9")


async def test_the_mouse_moves_opens_and_scrolls(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        tree = browse(user).tree_list
        await user.pilot.click(tree, offset=(10, 1))
        assert tree.cursor == 1
        await user.pilot.click(tree, offset=(2, 1))
        await user.sees("v0 stable")
        await user.pilot.click(tree, offset=(2, 1))
        await user.sees_no("v0 stable")
        await user.pilot.click(tree, offset=(10, 0), times=2)
        await user.sees("v5 production")


async def test_every_menu_shows_all_its_entries(shelf: Shelf) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("9 of 9")
        await user.presses("s")
        await user.sees("n name", "d dependents")


async def test_keys_behind_a_dialog_wait_until_it_is_there(shelf: Shelf) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        in_a_bunch(user, "s", "a", "plus", "1", "tab", "9", "0", "d", "enter")
        await user.sees("age ▴", "1 newly marked.")
        assert user.app.is_running


async def test_a_narrow_screen_says_a_refusal_whole_and_the_way_out(shelf: Shelf) -> None:
    async with shelf.opened(NARROW) as user:
        await user.sees("9 of 9")
        await user.presses("space")
        await user.sees("6 marked")
        await user.presses("L")
        await user.sees("Lineage belongs to a version: expand the collection and choose one.")
        await user.presses("t")
        await user.sees("No task yet", "esc back")
