"""Watching and steering what runs, was interrupted, or has ended."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, cast

from artifact_tui import config
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.plan import Status
from artifact_tui.deletion.tasks import read_task
from artifact_tui.model import Deletion
from artifact_tui.tui.planning import report_of
from tests.tui.browse.test_filter import in_a_bunch
from tests.tui.review.world import only_task, says_yes, types_it
from tests.tui.tasks import made

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from artifact_tui.deletion.tasks import Report
    from artifact_tui.model import Outcome
    from artifact_tui.tui.screens.tasks_screen import TasksScreen
    from tests.tui.review.world import World


def free(world: World) -> list[str]:
    """Three versions that nothing keeps."""
    return world.keys()[:3]


def many(world: World) -> list[str]:
    """So many that their deletion takes several calls."""
    return world.add_all("sweep", 900)


async def test_a_paused_task_goes_on_and_its_end_is_seen(world: World) -> None:
    made.paused(world, many(world))
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("paused", "of 900", "not yet tried", " %")
        await user.presses("p")
        await user.sees("finished", "900 deleted", "deleted, verified gone", "took")
    assert not any(name.startswith("sweep:") for name in world.live())


async def test_counters_and_keys_do_not_wait_for_the_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slowly(path: Path) -> Report:
        gate.wait(60)
        return report_of(path)

    monkeypatch.setattr("artifact_tui.tui.screens.tasks_screen.report_of", slowly)
    made.paused(world, many(world))
    async with world.opened() as user:
        in_a_bunch(user, "t", "c")
        await user.sees("versions of this task are not settled yet.")
        await user.presses("n", "p")
        await user.sees("finished", "delete 900 of 900", "900  deleted, verified gone", "took")
        gate.set()


async def test_a_saved_plan_is_given_up_as_on_the_command_line(world: World) -> None:
    path = made.planned(world, free(world), confirmed=False)
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("saved", "c cancel")
        await user.presses("c")
        await user.sees("3 versions of this task are not settled yet.")
        await says_yes(user, "Cancel the rest")
        await user.sees("cancelled", "3 not tried")
    assert read_task(path).status is Status.CANCELLED


async def test_the_rest_is_cancelled_only_after_y(world: World) -> None:
    path, _ = made.paused(world, many(world))
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("paused")
        await user.presses("c")
        await user.sees("versions of this task are not settled yet.")
        await user.presses("enter", "n")
        await user.sees_no("not settled yet")
        assert read_task(path).status is Status.PAUSED
        await user.presses("c")
        await user.sees("not settled yet", "y gives up the rest")
        await says_yes(user, "Cancel the rest")
        await user.sees("cancelled", "not tried")
        settled = user.line("cancelled").split("delete ")[1].split(" of 900")[0]
        assert int(settled) < 900, "what was given up is not settled"
    assert "sweep:v899" in world.live()


async def test_a_killed_task_is_shown_as_interrupted_and_resumes(world: World) -> None:
    _, pid = made.paused(world, many(world))
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("paused")
        os.kill(pid, signal.SIGKILL)
        await user.sees("interrupted", "It can be resumed")
        await user.presses("r")
        await user.sees("finished", "900 deleted")


async def test_failed_items_are_tried_again_as_a_group(world: World) -> None:
    made.failed(world, free(world), "503 [bold]\x1b[31mbusy\x1b]52;c;AAAA\x07")
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("finished", "0 deleted · 3 failed", "3 versions failed and may be tried")
        await user.sees(r"503 [bold]\x1b[31mbusy\x1b]52;c;AAAA\x07")
        await user.presses("f")
        await user.sees("finished", "3 deleted")


async def test_every_item_of_a_task_with_its_reason(world: World) -> None:
    made.failed(world, free(world), "503 busy")
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("failed")
        await user.presses("enter")
        await user.sees("Result · delete 3 versions", "the registry failed", "503 busy")
        await user.presses("enter", "j")
        await user.sees("resnet50:v1  model", "can be retried")
        await user.presses("escape", "escape")
        await user.sees("f retry failed")


async def test_what_does_nothing_says_why(world: World) -> None:
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("No task yet.", "(p pause)", "(c cancel)", "(r resume)")
        await user.presses("p")
        await user.sees("Not possible here: there is no task.")
        made.failed(world, free(world), "")
        await user.presses("escape", "t")
        await user.sees("finished", "(p pause)", "(c cancel)", "(r resume)", "f retry failed")
        await user.presses("c")
        await user.sees("Not possible here: it has ended.")
        assert only_task().status is Status.FINISHED


async def test_a_file_that_is_no_plan_is_named_and_hurts_nothing(world: World) -> None:
    (config.plans_dir() / "junk.plan").write_bytes(b"\x1b]0;no plan at all")
    made.planned(world, free(world), name="m[latest] [/nope]\x1b[2J\u202e")
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("not begun", r"m[latest] [/nope]\x1b[2J\u{202e}", "junk.plan")
        await user.presses("j")
        await user.sees("junk.plan", "(⏎ items)")
        await user.presses("enter")
        await user.sees("Not possible here: this plan cannot be read.")


async def test_nothing_is_read_while_nothing_runs(world: World) -> None:
    made.failed(world, free(world), "")
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("finished")
        timer = cast("TasksScreen", user.app.screen)._timer
        assert timer is not None
        assert not timer._active.is_set()


async def test_what_was_deleted_is_taken_back_right_after_it_ended(world: World) -> None:
    async with world.opened() as user:
        await user.presses("space", "d")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("finished", "2 deleted", "It has ended. u undoes it")
        assert "resnet50:v0" not in world.live()
        await user.presses("u")
        await user.sees("This task deleted 2 items.", "y brings them back")
        await says_yes(user, "y brings them back")
        await user.sees("2 versions restored.")
    assert {"resnet50:v0", "resnet50:v2"} <= world.live()


async def test_an_undo_names_what_cannot_come_back(world: World) -> None:
    keys = free(world)
    made.started(world, keys)
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("finished", "  u undo")
        world.store.purge(keys[:1])
        await user.presses("u")
        await user.sees("purged since stays gone, and is named.")
        await user.presses("enter", "n")
        await user.sees_no("stays gone")
        assert "resnet50:v1" not in world.live()
        await user.presses("u")
        await user.sees("y brings them back")
        await says_yes(user, "y brings them back")
        await user.sees("2 versions restored, 1 not.", "resnet50:v0 was not restored")
    assert {"resnet50:v1", "resnet50:v2"} <= world.live()


async def test_a_purge_cannot_be_undone(world: World) -> None:
    keys = free(world)
    world.store.delete([Deletion(keys[0])])
    made.started(world, keys[:1], action=Action.PURGE)
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("purge 1 of 1", "(u undo)")
        await user.presses("u")
        await user.sees("Not possible here: what was purged is gone for good.")


async def test_a_session_that_only_reads_undoes_nothing(world: World) -> None:
    made.started(world, free(world)[2:])
    async with world.opened(read_only=True) as user:
        await user.presses("t")
        await user.sees("delete 1 of 1", "(u undo)")
        await user.presses("u")
        await user.sees("Not possible here: this session is read-only.")


async def test_nothing_is_undone_of_a_task_that_goes_on_meanwhile(world: World) -> None:
    path = made.started(world, free(world))
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("finished", "  u undo")
        await user.presses("u")
        await user.sees("y brings them back")
        with plan_file.hold_lock(path):
            await says_yes(user, "y brings them back")
            await user.sees("is applying the plan")
    assert "resnet50:v1" not in world.live()


async def test_how_an_undo_ended_is_said_beside_an_open_dialog(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = free(world)
    made.started(world, keys)
    async with world.opened() as user:
        client = user.app.services.client
        helped, restore = asyncio.Event(), client.restore

        async def slowly(keys: Sequence[str]) -> Sequence[Outcome]:
            await helped.wait()
            return await restore(keys)

        monkeypatch.setattr(client, "restore", slowly)
        await user.presses("t")
        await user.sees("finished", "  u undo")
        world.store.purge(keys[:1])
        await user.presses("u")
        await user.sees("y brings them back")
        await says_yes(user, "y brings them back")
        await user.presses("question_mark")
        await user.sees("Everywhere")
        helped.set()
        await user.sees("2 versions restored, 1 not.")


async def test_an_undo_asks_back_what_was_sent_and_never_answered(world: World) -> None:
    made.interrupted(world, free(world))
    async with world.opened() as user:
        await user.presses("t")
        await user.sees("interrupted", "  u undo")
        await user.presses("u")
        await user.sees("This task deleted 2 items. 1 more item may be deleted")
        await says_yes(user, "y brings them back")
        await user.sees("3 versions restored.")
    assert {"resnet50:v0", "resnet50:v1", "resnet50:v2"} <= world.live()
