"""Tasks: plans that run, were interrupted or have ended; watch and steer them, see their results.

The plan files are read by a timer while something runs, and not at all otherwise. The result of a
task is a screen of its own: its items by what became of them and why.
"""

from __future__ import annotations

import asyncio
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message

from artifact_tui.clients.base import MakingClient
from artifact_tui.deletion import tasks
from artifact_tui.deletion.items import DELETED_HERE, Action, ItemState
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.deletion.undo import CAVEAT, undo
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import about, ago, count, listed, moment, pad, plural, safe, size
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.planning import TaskWatch, report_of
from artifact_tui.tui.typed_keys import MOVES_AND_LEAVING, start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.dialogs import Ask
from artifact_tui.tui.widgets.item_rows import bar, percent, state_sign
from artifact_tui.tui.widgets.line_widgets import FactsPane, Line
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from textual.timer import Timer
    from textual.widget import Widget

    from artifact_tui.deletion.tasks import Report, ResultGroup, Task, TaskRequest
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs


_REQUESTS: Mapping[str, TaskRequest] = MappingProxyType(
    {
        "tasks.pause": "pause",
        "tasks.cancel": "cancel",
        "tasks.resume": "resume",
        "tasks.retry": "retry",
        "tasks.again": "undo",
    }
)
"""What each key asks of a task."""

_BAR = 16
_BROAD = 100

_BAD = frozenset({ItemState.FAILED, ItemState.REFUSED})
"""States in which something is not as it was asked."""


def task_line(task: Task, cells: int, signs: Signs, now_us: int) -> Content:
    """A task in one line: where it is, how far, how fast; what came out once it has ended."""
    sign, style = _task_sign(task, signs)
    if task.error:
        return Content.assemble((f" {sign} ", style), (safe(task.error), style))
    far = f"{count(task.settled)} of {count(task.total)}"
    parts: list[Content | str | tuple[str, str]] = [
        (f" {sign} {pad(task.status_words, 12)}", style),
        pad(f"{task.action} {far} ", 24),
    ]
    if task.ended:
        style = "$text-warning" if _BAD & task.states.keys() else ""
        parts.append((f" {signs.dot} ".join(task.result_words), style))
    else:
        parts += [
            (bar(task.settled, task.total, _BAR, signs), "$accent"),
            f" {pad(percent(task.settled, task.total), 5, 'right')}  {task.rate_words}",
        ]
    line = Content.assemble(*parts)
    since = task.ended_us or task.started_us or task.created_us
    tail = f" {safe(task.registry)}  {ago(since, now_us)} "
    if cells < _BROAD or line.cell_length + len(tail) > cells:
        return line
    gap = cells - line.cell_length - Content(tail).cell_length
    return Content.assemble(line, " " * max(gap, 0), (tail, "$text-muted"))


def _task_sign(task: Task, signs: Signs) -> tuple[str, str]:
    if task.error:
        return signs.no, "$text-error"
    if task.ended and _BAD & task.states.keys():
        return "!", "bold $text-warning"
    return {
        Status.APPLYING: (signs.working, "bold $text-accent"),
        Status.PAUSED: (signs.paused, "bold $text-warning"),
        Status.INTERRUPTED: ("!", "bold $text-warning"),
        Status.FINISHED: (signs.yes, "$text-success"),
    }.get(task.status, (signs.dot, ""))


def task_detail(task: Task, report: Report | None, signs: Signs, now_us: int) -> Content:
    """Everything about a task: what, where, when, why it stopped, and the results by reason.

    While it runs, a report lags behind: the numbers are those of the task then, as in its line.
    """
    dot = f" {signs.dot} "
    if task.error:
        return Content(f"{safe(str(task.path))}\n{safe(task.error)}")
    noun = "version" if report is None else report.summary.noun
    what = f"{task.action} {plural(task.total, noun)}, {listed(task.listed)}"
    lines = [
        Content.assemble(
            (what, "bold"), f", in {safe(task.registry)}  ", (safe(task.address), "$text-muted")
        ),
        Content(dot.join(_times(task, now_us))),
    ]
    if task.pace:
        lines.append(Content.assemble((f"Pace: {safe(task.pace)}", "$text-accent")))
    if task.why:
        lines.append(Content.assemble((f"Ended early: {safe(task.why)}", "$text-warning")))
    if task.hint:
        lines.append(Content.assemble((task.hint, "$text-warning")))
    lines.append(Content(""))
    if report is None or task.alive:
        for state in (state for state in ItemState if task.states.get(state)):
            sign, style = state_sign(state, signs)
            number = pad(count(task.states[state]), 9, "right")
            lines.append(Content.assemble((f"{sign} {number}  {state.words}", style)))
        for group in () if report is None else report.results:
            if group.state in _BAD:  # why, and the first names; no number, it lags behind
                names = ", ".join(safe(name) for name in group.examples)
                why = f"{' ' * 13}{group.line}"
                lines.append(Content.assemble(why, (f"  {names}", "$text-muted")))
    else:
        lines += [_result_line(group, signs) for group in (*report.results, *report.left_out)]
    if report is not None:
        more = [Content(words) for words in (report.bytes_words, *report.notes) if words]
        lines += [Content(""), *more] if more else []
    lines += [Content(""), Content.assemble((f"plan file {safe(str(task.path))}", "$text-muted"))]
    return Content("\n").join(lines)


def _times(task: Task, now_us: int) -> list[str]:
    parts = [f"planned {moment(task.created_us)}"]
    if task.started_us is not None:
        parts.append(f"started {moment(task.started_us)} ({ago(task.started_us, now_us)})")
        if task.ended_us is not None:
            parts.append(f"took {about(task.ended_us - task.started_us)}")
    if task.alive and task.pid is not None:
        parts.append(f"process {task.pid}")
    return parts


def _result_line(group: ResultGroup, signs: Signs) -> Content:
    """One kind of result: how many, why, and the first names."""
    sign, style = state_sign(group.state, signs)
    head = f"{sign} {pad(count(group.count), 9, 'right')}  {group.line}"
    if group.state in _BAD:
        rest = f"  {', '.join(safe(name) for name in group.examples)}"
    else:
        rest = "" if group.size is None else f"  {size(group.size)}"
    return Content.assemble((head, style), (rest, "$text-muted"))


EVERY = 0.5
"""Seconds between two looks at what runs."""

REPORT_EVERY = 5.0
"""Seconds between two readings of what became of each item of a task that runs."""

_NOTHING = "No task yet. Mark versions in the list and review their deletion: it becomes one."


class TasksScreen(RegistryScreen):
    """The list of tasks, and everything about the one under the cursor."""

    PLACE = "tasks"
    TITLE_WORD = "Tasks"
    BINDINGS = bindings_of("tasks")

    DEFAULT_CSS = """
    TasksScreen #task { height: 1fr; }
    TasksScreen #task-rule { color: $text-muted; }
    """

    def __init__(self, services: Services, show: str = "", *, undo_offered: bool = True) -> None:
        super().__init__(services)
        self._show = show
        """The id of the plan that the cursor goes to first."""
        self._awaited = show
        """The id of the one that was just started, until it is seen to have ended."""
        self._undo_offered = undo_offered
        self.rows = RowList[tasks.Task](self._line, key=lambda task: task.path, id="tasks")
        self._rule = Line(id="task-rule")
        self._rule.show(lambda cells: Content(services.signs.line * cells))
        self._facts = FactsPane(id="task")
        self._watch = TaskWatch()
        self._timer: Timer | None = None
        self._looking = False
        self._alive: frozenset[Path] = frozenset()
        self._report: tuple[Task, Report] | None = None
        self._report_at = 0.0
        self._reporting = False

    def compose_body(self) -> Iterable[Widget]:
        """Tasks above, the one under the cursor below."""
        yield self.rows
        yield self._rule
        yield self._facts

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
        chosen = self._show or (self.rows.current.id if self.rows.current else "")
        places = [place for place, task in enumerate(found) if task.id == chosen]
        self._show = "" if places else self._show
        self.rows.styles.height = max(min(len(found), self.size.height // 3), 1)
        await self.rows.show(found, cursor=places[0] if places else None)
        running = frozenset(task.path for task in found if task.alive)
        for task in found:
            if task.ended and (task.path in self._alive or task.id == self._awaited):
                self._offer_undo(task)
                self._awaited = ""
        if self._timer is not None:
            seen = running and self.app.screen is self
            (self._timer.resume if seen else self._timer.pause)()
        if self._alive - running:
            await self.services.forget_deleted()
        self._alive = running

    @on(RowList.Moved, "#tasks")
    def _moved(self) -> None:
        self.show_keys()
        self._show_detail()
        if not self._reporting and self._wants_report() is not None:
            self._reporting = True
            start(self, "report", self._read_reports)

    def _show_detail(self) -> None:
        """The counters of the task, and what its last report says."""
        task = self.rows.current
        if task is None:
            self._facts.show(Content(_NOTHING))
            return
        read = self._report
        report = read[1] if read is not None and read[0].path == task.path else None
        if report is not None and read is not None and not task.alive and read[0] != task:
            report = None  # it ended since: the numbers would not agree
        content = task_detail(task, report, self.services.signs, self.services.now())
        self._facts.show(content)

    def _wants_report(self) -> Task | None:
        """The task under the cursor, if its report must be read: it has none yet, or an old one."""
        task, read = self.rows.current, self._report
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
                self._report = (task, await asyncio.to_thread(report_of, task.path))
                self._report_at = Message().time
                self._show_detail()
        except ArtifactTuiError as error:
            self.fail(error)
        finally:
            self._reporting = False

    # steering

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing for the task under the cursor."""
        task = self.rows.current
        if row_id not in {*_REQUESTS, "tasks.open"}:
            return ""
        if task is None:
            return "there is no task"
        if row_id == "tasks.open":
            return "this plan cannot be read" if task.error else ""
        if row_id == "tasks.again" and not task.error and (why := self._again_why_not(task)):
            return why
        return tasks.task_why_not(_REQUESTS[row_id], task)

    def _again_why_not(self, task: Task) -> str:
        """Why a task cannot be undone here, whatever its state; empty when it can."""
        client = self.services.client
        if task.address != self.services.client.identity.address:
            return f"it belongs to another registry, {safe(task.registry)}"
        if task.action is Action.PURGE:
            return "what was purged is gone for good"
        if not (client.can("restore") or isinstance(client, MakingClient)):
            return safe(client.freeing) or "this registry cannot restore"
        return self.services.read_only_reason

    def action_back(self) -> None:
        """Leave; what runs goes on."""

        async def leave() -> None:
            await self.services.forget_deleted()
            self.dismiss()

        self.carry_out("marks of what is deleted are taken away", leave())

    def action_open(self) -> None:
        """Every item of the task."""
        if not self.refused("tasks.open") and self.rows.current is not None:
            self.app.open_result(self.rows.current.path)

    def action_pause(self) -> None:
        """Pause, or go on."""
        task = self.rows.current
        if self.refused("tasks.pause") or task is None:
            return
        if task.status is Status.PAUSED or task.wants is Want.PAUSE:
            self._steer(tasks.resume, task, "It goes on.")
        else:
            self._steer(tasks.pause, task, "It pauses after the call in flight.")

    def action_resume(self) -> None:
        """Go on with an interrupted task."""
        if not self.refused("tasks.resume") and self.rows.current is not None:
            self._steer(tasks.resume, self.rows.current, "It goes on.")

    def action_retry(self) -> None:
        """Try again what failed."""
        if not self.refused("tasks.retry") and self.rows.current is not None:
            again = plural(self.rows.current.retryable, "version")
            self._steer(
                tasks.retry_failed, self.rows.current, f"{again} that failed: trying again."
            )

    def action_cancel(self) -> None:
        """Ask, then give up the rest."""
        task = self.rows.current
        if self.refused("tasks.cancel") or task is None:
            return
        left = task.total - task.settled
        question = (
            f"{plural(left, 'version')} of this task {'is' if left == 1 else 'are'} not settled "
            f"yet. Give up all that is not sent? What is {task.verbs[1]} stays so: "
            f"{count(task.settled)} of {count(task.total)} are settled."
        )

        def cancel(yes: bool | None) -> None:  # noqa: FBT001 - a callback
            if yes:
                self._steer(tasks.cancel, task, "The rest is given up.")

        self.open_dialog(Ask("Cancel the rest", question, yes="gives up the rest"), cancel)

    def action_again(self) -> None:
        """Ask, then bring back what the task deleted: from the trash, or by making it again."""
        task = self.rows.current
        if self.refused("tasks.again") or task is None:
            return
        number = plural(task.count_of(DELETED_HERE), "item")
        if self.services.client.can("restore"):
            sent = task.count_of({ItemState.SENT})
            asked = f" {plural(sent, 'more item')} may be deleted: sent, no answer." if sent else ""
            question = (
                f"This task deleted {number}.{asked} Bring them back from the trash, with the"
                " aliases that are still free? What was purged since stays gone, and is named."
            )
            ask = Ask("Undo the task", question, yes="brings them back")
        else:
            question = (
                f"This task deleted {number}. Make the entries"
                f" again, each from the source address it had? {CAVEAT} It can take minutes: the"
                " registry fetches and rates each of them. What was made again already is left as"
                " it is."
            )
            ask = Ask("Make again", question, yes="makes them again")

        def bring_back(yes: bool | None) -> None:  # noqa: FBT001 - a callback
            if yes:
                self.say("Bringing back what was deleted" + self.services.signs.ellipsis)
                self.app.tell_when_done(undo(task.path, self.services.client))

        self.open_dialog(ask, bring_back)

    def _offer_undo(self, task: Task) -> None:
        """Say that a task which has just ended can be undone, where it can."""
        if not self._undo_offered or self.status_line.words:
            return
        if not (self._again_why_not(task) or tasks.task_why_not("undo", task)):
            undo_key = self.key_of("tasks.again")
            self.say(f"It has ended. {undo_key} undoes it: what it deleted comes back.")

    def _steer(self, work: Callable[[Path], object], task: Task, done: str) -> None:
        """Ask something of a task, in a thread that outlives this screen; later keys wait."""

        async def steer() -> None:
            said = done
            try:
                await asyncio.to_thread(work, task.path)
            except ArtifactTuiError as error:
                said = f"{error} {error.hint}"
            if self.is_attached:
                self.say(said)
                await self._look_now(everything=True)

        words = "what was asked of the task is being carried out"
        self.carry_out(words, steer(), lets=MOVES_AND_LEAVING)
