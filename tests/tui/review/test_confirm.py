"""Nothing is deleted but by typing, on purpose, exactly what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.keys import key_to_character

from artifact_tui.deletion.plan import Plan, Status
from tests.tui.review.world import box_opens, plans, types_it

if TYPE_CHECKING:
    from tests.tui.review.world import World
    from tests.tui.support import User


def pressed(*keys: str) -> list[events.Key]:
    """Keys as the terminal would send them, with the time of now."""
    return [events.Key(key, key_to_character(key)) for key in keys]


def saved_in(folder: Path) -> list[Path]:
    """Plan files, whatever stands behind their name."""
    return list(folder.glob("*.plan*"))


async def sends(user: User, keys: list[events.Key]) -> None:
    """Let keys arrive all at once, without waiting for anything in between."""
    driver = user.app._driver
    assert driver is not None
    for key in keys:
        key.set_sender(user.app)
        driver.send_message(key)
    await user.pilot.pause()


async def test_keys_typed_blindly_after_d_delete_nothing(world: World) -> None:
    before = world.live()
    async with world.opened() as user:
        await user.sees("resnet50")
        await user.presses("enter", "j", "j", "j")  # the third version: it has no alias
        await sends(user, pressed("d", "y", "enter", "tab", "y", "enter", "y", "enter"))
        await user.sees("Type y to delete", "tab to type here")
        assert not plans()
        assert not user.app.screen.query_one("#confirm-box").has_focus
        await sends(user, pressed("y", "enter", "enter"))
        assert not plans()
    assert world.live() == before


async def test_keys_that_were_typed_before_the_challenge_was_drawn_are_thrown_away(
    world: World,
) -> None:
    async with world.opened() as user:
        late = pressed("tab", "y", "enter")
        user.app.open_review([world.keys()[0]])
        await user.sees("Type y to delete", "tab to type here")
        await sends(user, late)  # typed before, heard only now
        assert not user.app.screen.query_one("#confirm-box").has_focus
        await user.presses("tab")
        await sends(user, late[1:])
        await user.sees("esc back")
        assert "enter applies" not in user.screen
        assert not plans()


@pytest.mark.parametrize("typed", ["", "n", "yy", "Y", "yes", "3"])
async def test_enter_does_nothing_unless_the_text_is_exact(world: World, typed: str) -> None:
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await types_it(user, typed)
        await user.presses("enter", "enter")
        await user.sees("Nothing is typed yet" if not typed else "That is not what is asked for")
        assert not plans()
        assert "resnet50:v0" in world.live()


async def test_a_second_enter_does_not_start_it_twice(world: World) -> None:
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await types_it(user, "y")
        await sends(user, pressed("enter", "enter", "enter"))
        await user.sees("finished", "1 deleted")
        assert len(plans()) == 1


async def test_another_consent_voids_what_was_typed(world: World) -> None:
    keys = world.keys()
    async with world.opened() as user:
        user.app.open_review([keys[0], keys[1]])
        await types_it(user, "y")
        await user.presses("escape", "a")
        await user.sees("Type 2 to delete", "aliases go too", "tab to type here")
        await user.presses("tab", "enter")
        await user.sees("Nothing is typed yet")
        await user.types("2")
        await user.presses("enter")
        await user.sees("finished", "2 deleted")


async def test_what_is_typed_ahead_behind_a_consent_is_no_command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with world.opened() as user:
        user.app.open_review(world.keys()[:4])
        await box_opens(user)
        await sends(user, pressed("a", "o", "tab", *"vision", "enter"))
        await user.sees("Type vision to delete")
        await box_opens(user)
        assert "Save the plan" not in user.screen
        await user.presses("s")
        await user.sees("Save the plan")
    assert not saved_in(tmp_path)
    assert not plans()


async def test_more_than_ten_ask_for_the_count(world: World) -> None:
    keys = [world.add("sweep") for _ in range(12)]
    async with world.opened() as user:
        user.app.open_review(keys[:11])
        await user.sees("Type 11 to delete")


async def test_a_production_registry_asks_for_its_name(world: World) -> None:
    async with world.opened(production=True) as user:
        user.app.open_review([world.keys()[0]])
        await user.sees("Type vision to delete", "marked production")


async def test_read_only_shows_everything_and_opens_no_box(world: World) -> None:
    async with world.opened(read_only=True) as user:
        user.app.open_review(world.keys())
        await user.sees("Nothing can be deleted: this session is read-only.", "blocked")
        await user.presses("tab")
        await user.sees("Not possible here: Nothing can be deleted: this session is read-only.")
        await user.presses("y", "enter")
        assert not plans()


async def test_leaving_the_box_forgets_what_was_typed(world: World) -> None:
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await types_it(user, "y")
        await user.sees("enter applies the plan now")
        await user.presses("escape", "enter", "tab", "enter")
        await user.sees("Nothing is typed yet")
        assert not plans()


async def test_nothing_selected_says_so(world: World) -> None:
    async with world.opened() as user:
        user.app.open_review("marked")
        await user.sees("Nothing is selected: mark versions first")


async def test_a_pasted_confirmation_loses_what_cannot_be_seen(world: World) -> None:
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await types_it(user, "")
        user.app.post_message(events.Paste("\x1b]52;c;AAAA\x07y\u202e\ndelete everything"))
        await user.sees("]52;c;AAAAy")
        await user.presses("enter")
        await user.sees("That is not what is asked for")
        assert not plans()


async def test_saves_the_plan_without_applying_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("later.plan")
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await user.sees("Type y to delete")
        await user.presses("s")
        await user.sees("Save the plan", "no file is replaced")
        await user.presses("ctrl+u", *str(path), "enter")
        await user.sees("Saved; nothing is deleted yet")
        await user.presses("s")
        await user.presses("ctrl+u", *str(path), "enter")
        await user.sees("Not saved")
        await user.presses("s")
        await user.presses("ctrl+u", *"~nobody.of.that.name/later.plan", "enter")
        await user.sees("Not saved")
    with Plan.open(path) as plan:
        assert plan.status is Status.DRAFT
        assert plan.summary.deletes == 1


async def test_prints_the_commands_and_the_calls(world: World) -> None:
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await user.sees("Type y to delete")
        await user.presses("p")
        await user.sees("artifact-tui apply FILE --yes --expect 1", "delete resnet50:v0")
        await user.presses("q")
        await user.sees_no("Commands and calls")


async def test_a_plan_that_cannot_be_written_deletes_nothing_and_says_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.live()
    async with world.opened() as user:
        user.app.open_review([world.keys()[0]])
        await types_it(user, "y")
        (tmp_path / "file").touch()
        monkeypatch.setenv("ARTIFACT_TUI_STATE", str(tmp_path / "file" / "state"))
        await user.presses("enter")
        await user.sees("Not started: The folder", "cannot", "ARTIFACT_TUI_HOME")
    assert world.live() == before
