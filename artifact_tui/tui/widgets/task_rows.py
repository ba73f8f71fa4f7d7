"""One task as a line, and everything about it as sentences. Untrusted text becomes safe here."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.deletion.items import DONE, ItemState
from artifact_tui.deletion.plan import Status
from artifact_tui.text import count, listed, moment, pad, plural, safe, size
from artifact_tui.tui.widgets.progress import ago, bar, percent, rate_words, status_words, time_left

if TYPE_CHECKING:
    from artifact_tui.deletion.draft import Summary
    from artifact_tui.deletion.report import Group, Report
    from artifact_tui.deletion.tasks import Task
    from artifact_tui.tui.signs import Signs

_BAR = 16
_BROAD = 100
_ENDED = frozenset({Status.FINISHED, Status.CANCELLED})
_BAD = frozenset({ItemState.FAILED, ItemState.REFUSED})
"""States in which something is not as it was asked."""


def task_line(task: Task, cells: int, signs: Signs, now_us: int) -> Content:
    """A task in one line: where it is, how far, how fast; what came out once it has ended."""
    sign, style = _sign(task, signs)
    if task.error:
        return Content.assemble((f" {sign} ", style), (safe(task.error), style))
    far = f"{count(task.settled)} of {count(task.total)}"
    parts: list[Content | str | tuple[str, str]] = [
        (f" {sign} {pad(status_words(task), 12)}", style),
        pad(f"{task.action} {far} ", 24),
    ]
    if task.status in _ENDED:
        parts.append((_outcome(task, signs), _outcome_style(task)))
    else:
        parts += [
            (bar(task.settled, task.total, _BAR, signs), "$accent"),
            f" {pad(percent(task.settled, task.total), 5, 'right')}  {rate_words(task)}",
        ]
    line = Content.assemble(*parts)
    tail = f" {safe(task.registry)}  {ago(_since(task), now_us)} "
    if cells < _BROAD or line.cell_length + len(tail) > cells:
        return line
    gap = cells - line.cell_length - Content(tail).cell_length
    return Content.assemble(line, " " * max(gap, 0), (tail, "$text-muted"))


def _since(task: Task) -> int:
    """When the task came to be as its line says: its end, its start, or the making of its plan."""
    return task.ended_us or task.started_us or task.created_us


def _sign(task: Task, signs: Signs) -> tuple[str, str]:
    if task.error:
        return signs.no, "$text-error"
    if task.status in _ENDED and _BAD & task.states.keys():
        return "!", "bold $text-warning"
    return {
        Status.APPLYING: (signs.working, "bold $text-accent"),
        Status.PAUSED: (signs.paused, "bold $text-warning"),
        Status.INTERRUPTED: ("!", "bold $text-warning"),
        Status.FINISHED: (signs.yes, "$text-success"),
    }.get(task.status, (signs.dot, ""))


def _outcome(task: Task, signs: Signs) -> str:
    """The results of an ended task in short words."""
    done = sum(task.states.get(state, 0) for state in _DELETED)
    unlinked = task.states.get(ItemState.UNLINKED, 0)
    parts = [f"{count(done)} {task.action}d"] if done or not unlinked else []
    for state, word in _SHORT.items():
        if found := task.states.get(state, 0):
            parts.append(f"{count(found)} {word}")
    return f" {signs.dot} ".join(parts)


_DELETED = frozenset({ItemState.DELETED, ItemState.VERIFIED})
_SHORT = {
    ItemState.UNLINKED: "unlinked",
    ItemState.GONE: "already gone",
    ItemState.REFUSED: "refused",
    ItemState.FAILED: "failed",
    ItemState.NOT_TRIED: "not tried",
}


def _outcome_style(task: Task) -> str:
    return "$text-warning" if _BAD & task.states.keys() else ""


def task_detail(task: Task, report: Report | None, signs: Signs, now_us: int) -> Content:
    """Everything about a task: what, where, when, why it stopped, and the results by reason.

    While it runs, a report lags behind: the numbers are those of the task then, as in its line.
    """
    dot = f" {signs.dot} "
    if task.error:
        return Content(f"{safe(str(task.path))}\n{safe(task.error)}")
    noun = "version" if report is None else noun_of(report.summary)
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
    lines += [Content.assemble((hint, "$text-warning")) for hint in _hints(task)]
    lines.append(Content(""))
    if report is None or task.alive:
        lines += [_counted(state, task.states[state], signs) for state in _known(task)]
        bad = [] if report is None else [one for one in report.results if one.state in _BAD]
        lines += [_reason(group) for group in bad]
    else:
        lines += [_result(group, signs) for group in (*report.results, *report.left_out)]
    if report is not None and (freed := _freed(report)):
        lines += [Content(""), Content(freed)]
    lines += [Content(""), Content.assemble((f"plan file {safe(str(task.path))}", "$text-muted"))]
    return Content("\n").join(lines)


def noun_of(summary: Summary) -> str:
    """What the items of a plan are: versions, unless there is something else among them."""
    return "item" if summary.objects or summary.wholes or summary.unlinks else "version"


def _times(task: Task, now_us: int) -> list[str]:
    parts = [f"planned {moment(task.created_us)}"]
    if task.started_us is not None:
        parts.append(f"started {moment(task.started_us)} ({ago(task.started_us, now_us)})")
        if task.ended_us is not None:
            parts.append(f"took {time_left(task.ended_us - task.started_us)}")
    if task.alive and task.pid is not None:
        parts.append(f"process {task.pid}")
    return parts


def _hints(task: Task) -> list[str]:
    """What can be done next."""
    if task.status is Status.INTERRUPTED:
        return ["It can be resumed: what was sent is asked about first, nothing is sent twice."]
    if task.status is Status.DRAFT:
        line = f"artifact-tui apply {quote(str(task.path))}"
        return [f"Saved and not confirmed: apply it with {safe(line, 4096)}"]
    if task.status in _ENDED and task.retryable:
        return [f"{plural(task.retryable, 'version')} failed and may be tried again."]
    return []


def _known(task: Task) -> list[ItemState]:
    return [state for state in ItemState if task.states.get(state)]


def _counted(state: ItemState, number: int, signs: Signs) -> Content:
    """How many items are in a state."""
    sign, style = _state_sign(state, signs)
    return Content.assemble((f"{sign} {pad(count(number), 9, 'right')}  {state.words}", style))


def _reason(group: Group) -> Content:
    """Why some items were refused or have failed so far, and the first names; no number."""
    names = ", ".join(safe(name) for name in group.examples)
    return Content.assemble(f"{' ' * 13}{_words(group)}", (f"  {names}", "$text-muted"))


def _words(group: Group) -> str:
    errors = "; ".join(safe(error) for error, _ in group.errors)
    return f"{group.words} ({errors})" if errors else group.words


def _result(group: Group, signs: Signs) -> Content:
    """One kind of result: how many, why, and the first names."""
    sign, style = _state_sign(group.state, signs)
    names = ", ".join(safe(name) for name in group.examples)
    head = f"{sign} {pad(count(group.count), 9, 'right')}  {_words(group)}"
    if group.state not in {ItemState.REFUSED, ItemState.FAILED}:
        bytes_ = "" if group.size is None else f"  {size(group.size)}"
        return Content.assemble((head, style), (bytes_, "$text-muted"))
    return Content.assemble((head, style), (f"  {names}", "$text-muted"))


def _state_sign(state: ItemState | None, signs: Signs) -> tuple[str, str]:
    if state is None:
        return signs.locked, "$text-muted"
    if state in DONE:
        return signs.yes, "$text-success"
    return {
        ItemState.REFUSED: (signs.locked, "bold $text-warning"),
        ItemState.FAILED: (signs.no, "bold $text-error"),
    }.get(state, (signs.dot, ""))


def _freed(report: Report) -> str:
    """What the bytes of an ended task are, honestly."""
    summary = report.summary
    if not report.deleted_bytes:
        return ""
    deleted = listed(report.deleted_bytes)
    if not report.complete:
        return f"Deleted so far: {deleted}."
    known = report.freed
    if summary.freeing:
        verb = "charged" if summary.charged else "freed then"
        charged = f"{known} {verb}" if known else "what that frees is not known"
        return f"Deleted: {deleted}, {charged}; {safe(summary.freed_after)}."
    after = f" after {summary.freed_after}" if summary.freed_after else ""
    if not known:
        return f"Deleted: {deleted}, what that frees{after} is not known."
    verb = "would be freed" if "purge" in summary.freed_after else "freed"
    return f"Deleted: {deleted}, {known} {verb}{after}."
