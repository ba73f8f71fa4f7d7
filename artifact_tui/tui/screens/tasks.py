"""Tasks: plans that run, were interrupted or have ended; watch them, and steer them.

The plan files are read by a timer while something runs, and not at all otherwise.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message

from artifact_tui.deletion import tasks
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.deletion.recreate import CAVEAT
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import count, plural
from artifact_tui.tui import remaking
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.plan_items import report_of
from artifact_tui.tui.screens import tasks_keys
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.result import ResultScreen
from artifact_tui.tui.trashing import forget_deleted
from artifact_tui.tui.watching import TaskWatch
from artifact_tui.tui.widgets.ask import Ask
from artifact_tui.tui.widgets.facts_pane import FactsPane
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.row_list import RowList, Rows
from artifact_tui.tui.widgets.task_rows import task_detail, task_line
from artifact_tui.tui.working import MOVES_AND_LEAVING, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from textual.timer import Timer
    from textual.widget import Widget

    from artifact_tui.deletion.report import Report
    from artifact_tui.deletion.tasks import Task
    from artifact_tui.tui.services import Services

EVERY = 0.5
"""Seconds between two looks at what runs."""

REPORT_EVERY = 5.0
"""Seconds between two readings of what became of each item of a task that runs."""

_NOTHING = "No task yet. Mark versions in the list and review their deletion: it becomes one."


class TasksScreen(BaseScreen):
    """The list of tasks, and everything about the one under the cursor."""

    PLACE = "tasks"
    TITLE_WORD = "Tasks"
    BINDINGS = bindings_of("tasks")

    DEFAULT_CSS = """
    TasksScreen #task { height: 1fr; }
    TasksScreen #task-rule { color: $text-muted; }
    """

    def __init__(self, services: Services, show: str = "") -> None:
        super().__init__(services)
        self._show = show
        """The id of the plan that the cursor goes to first."""
        self._watch = TaskWatch()
        self._timer: Timer | None = None
        self._looking = False
        self._alive: frozenset[Path] = frozenset()
        self._report: tuple[Task, Report] | None = None
        self._report_at = 0.0
        self._reporting = False

    def compose_body(self) -> Iterable[Widget]:
        """Tasks above, the one under the cursor below."""
        yield RowList[tasks.Task](self._line, key=lambda task: task.path, id="tasks")
        yield Line(id="task-rule")
        yield FactsPane(id="task")

    @property
    def rows(self) -> RowList[Task]:
        """The tasks."""
        return self.query_one("#tasks", RowList)

    @property
    def chosen(self) -> Task | None:
        """The task under the cursor."""
        return self.rows.current

    def _line(self, task: Task, cells: int) -> Content:
        return task_line(task, cells, self.services.signs, self.services.now())

    # reading

    def on_mount(self) -> None:
        """Read everything once; a timer goes on while something runs."""
        self.rows.focus()
        self._timer = self.set_interval(EVERY, self._look, pause=True)

    def on_screen_resume(self) -> None:
        """Something may have happened meanwhile."""
        self.read_first("the tasks are being read")
        start(self, "look", partial(self._look_now, everything=True))

    def on_screen_suspend(self) -> None:
        """Behind another screen there is nothing to watch."""
        if self._timer is not None:
            self._timer.pause()

    def _look(self) -> None:
        """Read the counters of what runs, unless the last look still does."""
        if not self._looking:
            start(self, "look", self._look_now)

    async def _look_now(self, *, everything: bool = False) -> None:
        self._looking = True
        try:
            await self._show_tasks(await self._watch.read(everything=everything))
        except OSError as error:
            self.say(f"The tasks cannot be read: {error.strerror}.", error=True)
        finally:
            self._looking = False
            self.read_done()

    async def _show_tasks(self, found: tuple[Task, ...]) -> None:
        chosen = self._show or (self.chosen.id if self.chosen else "")
        places = [place for place, task in enumerate(found) if task.id == chosen]
        self._show = "" if places else self._show
        self.rows.styles.height = max(min(len(found), self.size.height // 3), 1)
        await self.rows.show(Rows(found), cursor=places[0] if places else None)
        running = frozenset(task.path for task in found if task.alive)
        if self._timer is not None:
            seen = running and self.app.screen is self
            (self._timer.resume if seen else self._timer.pause)()
        if self._alive - running:
            await forget_deleted(self.services)
        self._alive = running

    @on(RowList.Moved, "#tasks")
    def _moved(self) -> None:
        self.query_one("#task-rule", Line).show(Content(self.services.signs.line * self.size.width))
        self.show_keys()
        self._show_detail()
        if not self._reporting and self._wants_report() is not None:
            self._reporting = True
            start(self, "report", self._read_reports)

    def _show_detail(self) -> None:
        """The counters of the task, and what its last report says."""
        task = self.chosen
        if task is None:
            self.query_one("#task", FactsPane).show(Content(_NOTHING))
            return
        read = self._report
        report = read[1] if read is not None and read[0].path == task.path else None
        if report is not None and read is not None and not task.alive and read[0] != task:
            report = None  # it ended since: the numbers would not agree
        content = task_detail(task, report, self.services.signs, self.services.now())
        self.query_one("#task", FactsPane).show(content)

    def _wants_report(self) -> Task | None:
        """The task under the cursor, if its report was not read, or long ago while it runs."""
        task, read = self.chosen, self._report
        if task is None or task.error:
            return None
        if read is None or read[0].path != task.path or read[0].alive != task.alive:
            return task
        old = Message().time - self._report_at > REPORT_EVERY
        return task if read[0] != task and (old or not task.alive) else None

    async def _read_reports(self) -> None:
        """Read reports beside the screen, one at a time: each takes as long as its plan is."""
        try:
            while (task := self._wants_report()) is not None:
                self._report = (task, await report_of(task.path))
                self._report_at = Message().time
                self._show_detail()
        except ArtifactTuiError as error:
            self.fail(error)
        finally:
            self._reporting = False

    # steering

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing for the task under the cursor."""
        why = tasks_keys.why_not(row_id, self.chosen)
        if row_id == "tasks.again" and not why and self.chosen is not None:
            return remaking.task_why_not(self.services, self.chosen)
        return why

    async def action_back(self) -> None:
        """Leave; what runs goes on."""
        await forget_deleted(self.services)
        self.dismiss()

    def action_open(self) -> None:
        """Every item of the task."""
        if not self.refused("tasks.open") and self.chosen is not None:
            self.app.push_screen(ResultScreen(self.services, self.chosen.path))

    def action_pause(self) -> None:
        """Pause, or go on."""
        task = self.chosen
        if self.refused("tasks.pause") or task is None:
            return
        if task.status is Status.PAUSED or task.wants is Want.PAUSE:
            self._steer(tasks.resume, task, "It goes on.")
        else:
            self._steer(tasks.pause, task, "It pauses after the call in flight.")

    def action_resume(self) -> None:
        """Go on with an interrupted task."""
        if not self.refused("tasks.resume") and self.chosen is not None:
            self._steer(tasks.resume, self.chosen, "It goes on.")

    def action_retry(self) -> None:
        """Try again what failed."""
        if not self.refused("tasks.retry") and self.chosen is not None:
            again = plural(self.chosen.retryable, "version")
            self._steer(tasks.retry_failed, self.chosen, f"{again} that failed: trying again.")

    def action_cancel(self) -> None:
        """Ask, then give up the rest."""
        task = self.chosen
        if self.refused("tasks.cancel") or task is None:
            return
        left = task.total - task.settled
        question = (
            f"{plural(left, 'version')} of this task {'is' if left == 1 else 'are'} not settled "
            f"yet. Give up all that is not sent? What is {task.action}d stays so: "
            f"{count(task.settled)} of {count(task.total)} are settled."
        )
        ask = Ask("Cancel the rest", question, yes="gives up the rest")
        self.open_dialog(ask, lambda yes: self._cancel(task, yes=bool(yes)))

    def _cancel(self, task: Task, *, yes: bool) -> None:
        if yes:
            self._steer(tasks.cancel, task, "The rest is given up.")

    def action_again(self) -> None:
        """Ask, then make again what the task deleted."""
        task = self.chosen
        if self.refused("tasks.again") or task is None:
            return
        gone = sum(task.states.get(state, 0) for state in (ItemState.VERIFIED, ItemState.DELETED))
        question = (
            f"This task deleted {plural(gone, 'item')}. Make the entries again, each from the "
            f"source address it had? {CAVEAT} It can take minutes: the registry fetches and rates "
            "each of them. What was made again already is left as it is."
        )
        ask = Ask("Make again", question, yes="makes them again")
        self.open_dialog(ask, lambda yes: self._make_again(task, yes=bool(yes)))

    def _make_again(self, task: Task, *, yes: bool) -> None:
        if yes:
            self.say("Making them again" + self.services.signs.ellipsis)
            self.host.tell_when_done(remaking.make_again(self.services, task.path))

    def _steer(self, work: Callable[[Path], object], task: Task, done: str) -> None:
        """Ask something of a task, in a thread that outlives this screen; later keys wait."""
        words = "what was asked of the task is being carried out"
        self.carry_out(words, self._steer_now(work, task, done), lets=MOVES_AND_LEAVING)

    async def _steer_now(self, work: Callable[[Path], object], task: Task, done: str) -> None:
        try:
            await asyncio.to_thread(work, task.path)
        except ArtifactTuiError as error:
            done = f"{error} {error.hint}"
        if self.is_attached:
            self.say(done)
            await self._look_now(everything=True)
