"""The words and bars of a task, and items of a plan by windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from artifact_tui.deletion.items import ItemState, Options, Reason, Verdict
from artifact_tui.deletion.plan import Head, Status, Summary, Want
from artifact_tui.deletion.tasks import Report, ResultGroup, Task
from artifact_tui.deletion.undo import Reingestion, reingest, wait_for_end
from artifact_tui.errors import PlanError
from artifact_tui.model import Identity
from artifact_tui.tui.planning import PlanItems, report_of
from artifact_tui.tui.screens.tasks_screen import task_detail, task_line
from artifact_tui.tui.terminal import ASCII, UNICODE
from artifact_tui.tui.widgets.item_rows import (
    ago,
    bar,
    percent,
    rate_words,
    status_words,
    time_left,
)
from tests.tui.tasks import made

if TYPE_CHECKING:
    from artifact_tui.clients.base import Client
    from tests.tui.review.world import World

SECOND = 1_000_000
TASK = Task(path=Path("a.plan"), status=Status.APPLYING, alive=True, total=1000, settled=250)


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (None, "?"),
        (0, "1 s"),
        (1, "1 s"),
        (90 * SECOND, "90 s"),
        (121 * SECOND, "3 min"),
        (7_199 * SECOND, "120 min"),
        (7_201 * SECOND, "3 h"),
    ],
)
def test_time_left_never_says_none_is_left(us: int | None, words: str) -> None:
    assert time_left(us) == words


def test_percent_is_full_only_at_the_end() -> None:
    assert percent(999, 1000) == "99 %"
    assert percent(1000, 1000) == "100 %"
    assert percent(0, 0) == "100 %"


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
def test_a_bar_fills_its_cells(signs: object) -> None:
    chosen = ASCII if signs is ASCII else UNICODE
    for done in (0, 1, 333, 999, 1000):
        assert len(bar(done, 1000, 16, chosen)) == 16
    assert bar(1000, 1000, 4, chosen) == chosen.bar[-1] * 4
    assert chosen.bar[-1] not in bar(0, 1000, 4, chosen)


def test_rate_and_time_left() -> None:
    assert rate_words(TASK) == ""
    assert rate_words(replace(TASK, rate=312.4, left_us=3 * SECOND)) == "312/s, 3 s left"
    assert rate_words(replace(TASK, rate=0.05)) == "3.0/min"


def test_a_status_tells_what_was_asked_and_is_not_done_yet() -> None:
    assert status_words(TASK) == "running"
    assert status_words(replace(TASK, wants=Want.PAUSE)) == "pausing"
    assert status_words(replace(TASK, wants=Want.CANCEL)) == "cancelling"
    assert status_words(replace(TASK, status=Status.PAUSED)) == "going on"
    assert status_words(replace(TASK, status=Status.PAUSED, wants=Want.PAUSE)) == "paused"
    assert status_words(replace(TASK, error="no plan")) == "unreadable"


def test_a_clock_that_runs_ahead_says_so() -> None:
    assert ago(5 * SECOND, 0) == "in 5 s"
    assert ago(0, 5 * SECOND) == "5 s ago"


def test_an_ended_task_with_failures_does_not_look_like_success() -> None:
    ended = replace(TASK, status=Status.FINISHED, alive=False, states={ItemState.FAILED: 1})
    assert "1 failed" in task_line(ended, 100, UNICODE, 0).plain
    assert UNICODE.yes not in task_line(ended, 100, UNICODE, 0).plain


async def test_any_window_of_a_group_can_be_read(world: World) -> None:
    keys = world.add_all("sweep", 3000)
    path = made.failed(world, keys, "503")
    (group,) = (await report_of(path)).results
    items = PlanItems(path, group)
    assert items.count == 3000
    last = await items.window(2944, 128)
    assert [item.seq for item in last] == list(range(2945, 3001))
    first = await items.window(0, 128)
    assert [item.seq for item in first] == list(range(1, 129))
    middle = await items.window(1408, 128)
    assert [item.seq for item in middle] == list(range(1409, 1537))


def test_what_limits_a_task_is_said_while_it_runs() -> None:
    detail = task_detail(replace(TASK, pace="W&B asks to wait 23 s\x1b"), None, UNICODE, 0).plain
    assert r"Pace: W&B asks to wait 23 s\x1b" in detail
    assert "Pace" not in task_detail(TASK, None, UNICODE, 0).plain


@pytest.mark.parametrize(
    ("untold", "deletes", "words"),
    [
        (0, 2, "Deleted: 2 KB listed, 1.5 KB would be freed after purge and gc."),
        (1, 2, "Deleted: 2 KB listed, at least 1.5 KB would be freed after purge and gc."),
        (0, 3, "Deleted: 2 KB listed, at most 1.5 KB would be freed after purge and gc."),
        (1, 3, "Deleted: 2 KB listed, at most 2 KB would be freed after purge and gc."),
    ],
)
def test_what_is_freed_is_told_as_far_as_it_is_known(untold: int, deletes: int, words: str) -> None:
    summary = Summary(deletes=deletes, freed=1500, freed_untold=untold, freed_after="purge and gc")
    assert words in task_detail(TASK, reported(summary), UNICODE, 0).plain


def test_what_is_freed_is_not_known_when_nobody_tells() -> None:
    later = Summary(deletes=2, freed_untold=2, freed_after="Some day", freeing=True)
    words = task_detail(TASK, reported(later), UNICODE, 0).plain
    assert "Deleted: 2 KB listed, what that frees is not known; Some day." in words
    partly = Summary(deletes=3, freed=1500, freed_untold=1, unknown_sizes=1, freed_after="gc")
    words = task_detail(TASK, reported(partly), UNICODE, 0).plain
    assert "Deleted: 2 KB listed, what that frees after gc is not known." in words


def reported(summary: Summary) -> Report:
    """A plan that deleted two versions of 2 KB together."""
    identity = Identity(uid="local:1", address="local:here", kind="local")
    head = Head("1", identity, "here", Options(), 0, 0)
    gone = ResultGroup(Verdict.DELETE, ItemState.VERIFIED, Reason.NONE, 2, 2000, 0, (), ())
    return Report(head, summary, Status.FINISHED, "", (gone,), (), 2000)


def test_links_are_unlinked_and_not_called_deleted() -> None:
    states = {ItemState.UNLINKED: 3}
    task = replace(TASK, status=Status.FINISHED, alive=False, total=3, settled=3, states=states)
    assert "3 unlinked" in task_line(task, 100, UNICODE, 0).plain
    assert "0 deleted" not in task_line(task, 100, UNICODE, 0).plain
    both = replace(task, states={**states, ItemState.VERIFIED: 2}, total=5, settled=5)
    assert "2 deleted · 3 unlinked" in task_line(both, 100, UNICODE, 0).plain


async def test_what_was_not_deleted_is_not_made_again(world: World) -> None:
    path = made.failed(world, world.keys()[:1], "503")
    assert not await wait_for_end(path)
    with pytest.raises(PlanError, match="it was not deleted"):
        await reingest(path, cast("Client", None), Reingestion("k", "net:v0", "https://x"))
