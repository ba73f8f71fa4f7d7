"""The words and bars of a task, and items of a plan by windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Status
from artifact_tui.deletion.tasks import Task
from artifact_tui.tui.planning import report_of, result_items
from artifact_tui.tui.screens.tasks_screen import task_detail, task_line
from artifact_tui.tui.terminal import ASCII, UNICODE
from artifact_tui.tui.widgets.item_rows import bar, percent
from tests.tui.tasks import made

if TYPE_CHECKING:
    from tests.tui.review.world import World

SECOND = 1_000_000
TASK = Task(path=Path("a.plan"), status=Status.APPLYING, alive=True, total=1000, settled=250)


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


def test_an_ended_task_with_failures_does_not_look_like_success() -> None:
    ended = replace(TASK, status=Status.FINISHED, alive=False, states={ItemState.FAILED: 1})
    assert "1 failed" in task_line(ended, 100, UNICODE, 0).plain
    assert UNICODE.yes not in task_line(ended, 100, UNICODE, 0).plain


def test_the_rate_of_a_slow_task_is_told_by_the_minute() -> None:
    assert "2/s" in task_line(replace(TASK, rate=1.6), 100, UNICODE, 0).plain
    slow = replace(TASK, rate=0.5, left_us=1500 * SECOND)
    assert "30.0/min, 25 min left" in task_line(slow, 100, UNICODE, 0).plain


async def test_any_window_of_a_group_can_be_read(world: World) -> None:
    keys = world.add_all("sweep", 3000)
    path = made.failed(world, keys, "503")
    (group,) = report_of(path).results
    items = result_items(path, group)
    assert items.count == 3000
    last = await items.read(2944, 128)
    assert [item.seq for item in last] == list(range(2945, 3001))
    first = await items.read(0, 128)
    assert [item.seq for item in first] == list(range(1, 129))
    middle = await items.read(1408, 128)
    assert [item.seq for item in middle] == list(range(1409, 1537))


def test_what_limits_a_task_is_said_while_it_runs() -> None:
    detail = task_detail(replace(TASK, pace="W&B asks to wait 23 s\x1b"), None, UNICODE, 0).plain
    assert r"Pace: W&B asks to wait 23 s\x1b" in detail
    assert "Pace" not in task_detail(TASK, None, UNICODE, 0).plain


def test_links_are_unlinked_and_not_called_deleted() -> None:
    states = {ItemState.UNLINKED: 3}
    task = replace(TASK, status=Status.FINISHED, alive=False, total=3, settled=3, states=states)
    assert "3 unlinked" in task_line(task, 100, UNICODE, 0).plain
    assert "0 deleted" not in task_line(task, 100, UNICODE, 0).plain
    both = replace(task, states={**states, ItemState.VERIFIED: 2}, total=5, settled=5)
    assert "2 deleted · 3 unlinked" in task_line(both, 100, UNICODE, 0).plain
